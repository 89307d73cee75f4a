"""Traffic of a rehearsal: held-out examples asked over and over, and what the two sides made of them."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
import http.client
from itertools import cycle, islice
import math

import numpy as np

from components.deployment.canary.side_counts import SideCounts
from components.deployment.canary.splitting_proxy import Side, SIDE_HEADER
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

# Upper bounds in seconds, as the server's own histogram has them.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, math.inf)
_NUM_RANGES = 8


@dataclass
class _Tally:
    """Counts of one side while a block runs."""

    requests: int = 0
    errors: int = 0
    seconds: Counter[float] = field(default_factory=Counter)
    predictions: Counter[str] = field(default_factory=Counter)
    labelled: int = 0
    wrong: int = 0

    def counts(self) -> SideCounts:
        return SideCounts(
            requests=self.requests,
            errors=self.errors,
            seconds=dict(self.seconds),
            predictions=dict(self.predictions),
            labelled=self.labelled,
            wrong=self.wrong,
        )


class ReplayedTraffic:
    """Asks a server on loopback about held-out examples, in turn, from several clients at once.

    Parameters
    ----------
    held_out
        The examples.
    labels
        Their true classes, None where one is not known; one an example.
    port, model_name
        Where to ask, and for what.
    repairs
        What the models do to columns: the rows are as after it.
    clients
        How many ask at once.

    Raises
    ------
    InferenceClientError
        If the examples lack what the model reads.
    """

    def __init__(
        self,
        held_out: HeldOut,
        labels: Sequence[str | None],
        *,
        port: int,
        model_name: str,
        repairs: Sequence[Repair] = (),
        clients: int = 4,
    ) -> None:
        self._held_out, self._port, self._model_name, self._clients = held_out, port, model_name, clients
        with InferenceClient(port, model_name=model_name) as client:
            datatypes, is_repaired = inputs_of_rows(held_out, client.input_datatypes(), repairs)
        bodies = [example_request(row, datatypes, is_repaired=is_repaired) for row in held_out.rows]
        self._examples = cycle(list(zip(bodies, labels, strict=True)))
        # A number's ranges hold as many of the training side's answers each.
        quantiles = np.linspace(0, 1, _NUM_RANGES + 1)[1:-1]
        self._cuts = np.unique(np.quantile(held_out.answers_NK, quantiles)) if held_out.is_regression else None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The classes that answers can be of, or the ranges of a number."""
        if self._cuts is None:
            return self._held_out.class_names
        return tuple(self._range_name(number) for number in range(len(self._cuts) + 1))

    def block(self, num_requests: int) -> dict[Side, SideCounts]:
        """Ask as often, and count by the side that answered."""
        tallies: dict[Side, _Tally] = {"canary": _Tally(), "stable": _Tally()}
        asked = list(islice(self._examples, num_requests))
        shares = [asked[number :: self._clients] for number in range(self._clients)]
        with ThreadPoolExecutor(self._clients) as pool:
            for answers in pool.map(self._answers, shares):
                for answer, label in answers:
                    self._count(tallies, answer, label)
        return {side: tally.counts() for side, tally in tallies.items()}

    def _answers(self, share: Sequence[tuple[RequestBody, str | None]]) -> list[tuple[Answer | None, str | None]]:
        found: list[tuple[Answer | None, str | None]] = []
        with InferenceClient(self._port, model_name=self._model_name) as client:
            for body, label in share:
                try:
                    found.append((client.infer(body), label))
                except (OSError, http.client.HTTPException):
                    found.append((None, label))
        return found

    def _count(self, tallies: dict[Side, _Tally], answer: Answer | None, label: str | None) -> None:
        if answer is None:
            raise InferenceClientError("the splitting proxy must answer every request, but did not")
        side: Side = "canary" if answer.headers.get(SIDE_HEADER) == "canary" else "stable"
        tally = tallies[side]
        tally.requests += 1
        kind = self._kind(answer)
        if kind is None:
            tally.errors += 1
            return
        tally.seconds[next(bound for bound in BUCKETS_S if answer.latency_s <= bound)] += 1
        tally.predictions[kind] += 1
        if label is not None and self._cuts is None:
            tally.labelled += 1
            tally.wrong += kind != label

    def _kind(self, answer: Answer) -> str | None:
        """The class or range that was answered; None for an error."""
        if not 200 <= answer.status < 300:
            return None
        if self._cuts is not None:
            number = values_of(answer, output="prediction", count=1)[0]
            return self._range_name(int(np.searchsorted(self._cuts, number)))
        try:
            outputs = {output["name"]: output["data"] for output in answer.content["outputs"]}
            return str(outputs["label"][0])
        except (KeyError, TypeError, IndexError) as error:
            raise InferenceClientError(f"the server's answer must hold a label, but: {error!r}") from error

    def _range_name(self, number: int) -> str:
        assert self._cuts is not None
        if number == 0:
            return f"up to {self._cuts[0]:.4g}"
        above = f"above {self._cuts[number - 1]:.4g}"
        return above if number == len(self._cuts) else f"{above}, up to {self._cuts[number]:.4g}"
