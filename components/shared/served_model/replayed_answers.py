"""What a served model answers to held-out examples, beside what the training side said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.shared.runtime.progress import progress
from components.shared.served_model.held_out_examples import HeldOut, inputs_of_rows
from components.shared.served_model.inference_client import (
    Answer,
    example_request,
    InferenceClient,
    InferenceClientError,
    RequestBody,
    values_of,
)
from components.shared.tables.repair_spec import Repair

# Of a probability, or of a number relative to its size (see `HeldOut.scales_N`).
MAX_DIFFERENCE = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayedAnswers:
    """Answers to N examples, each asked alone.

    Attributes
    ----------
    latencies_s
        Shape (N,), seconds from sending the request to reading the whole answer.
    differences
        Shape (N,), the largest absolute difference of an example's probabilities from the training side's, or, where
        the model answers a number, the relative difference of that.
    datatypes, is_repaired
        The inputs that were sent, and whether the requests say that repairs are done.
    bodies
        The requests.
    """

    latencies_s: np.ndarray
    differences: np.ndarray
    datatypes: Mapping[str, str]
    is_repaired: bool
    bodies: Sequence[RequestBody]


def replayed_answers(client: InferenceClient, held_out: HeldOut, repairs: Sequence[Repair] = ()) -> ReplayedAnswers:
    """Send every example alone, one after the other.

    Rows of a table are as the model reads them: where it has `repairs`, the requests say that these are done.

    Raises
    ------
    InferenceClientError
        If the examples lack what the model reads, or the server refuses one or breaks the protocol.
    OSError, http.client.HTTPException
        If it cannot be reached.
    """
    datatypes, is_repaired = inputs_of_rows(held_out, client.input_datatypes(), repairs)
    bodies = [example_request(row, datatypes, is_repaired=is_repaired) for row in held_out.rows]
    answers = [
        _served(client, body, example_id)
        for body, example_id in zip(
            progress(bodies, label="replaying", total=len(bodies)), held_out.example_ids, strict=True
        )
    ]
    count = held_out.answers_NK.shape[1]
    served_NK = np.stack([values_of(answer, output=held_out.output, count=count) for answer in answers])
    return ReplayedAnswers(
        latencies_s=np.array([answer.latency_s for answer in answers]),
        differences=np.abs(served_NK - held_out.answers_NK).max(axis=1) / held_out.scales_N,
        datatypes=datatypes,
        is_repaired=is_repaired,
        bodies=bodies,
    )


def _served(client: InferenceClient, body: RequestBody, example_id: str) -> Answer:
    answer = client.infer(body)
    if answer.status != 200:
        raise InferenceClientError(
            f"the server refused example {example_id!r} with {answer.status}: {answer.reason or 'no reason given'}"
        )
    return answer
