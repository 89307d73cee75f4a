"""The probe: replays held-out examples at a running server and judges what comes back.

Shapes: N examples, K classes, or 1 for a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Literal

import numpy as np

from components.serving.probe.malformed_requests import malformed_requests, MalformedRequest
from components.shared.contracts.verdict import Finding, Verdict
from components.shared.served_model.held_out_examples import HeldOut
from components.shared.served_model.inference_client import InferenceClient, RequestBody
from components.shared.served_model.replayed_answers import MAX_DIFFERENCE, replayed_answers
from components.shared.tables.repair_spec import Repair

CHECK = "serving"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """How the server answered a malformed request and the good one after it; statuses 400 and 200 are right."""

    request: str
    status: int
    reason: str
    next_status: int

    @property
    def is_right(self) -> bool:
        """Whether the mistake was told and did no harm."""
        return self.status == 400 and bool(self.reason) and self.next_status == 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """What a replay of N examples measured.

    `latencies_s` has the shape (N,), seconds from sending the request to reading the whole answer; `differences` (N,)
    is the largest absolute difference of an example's probabilities from the training side's, or, where the model
    answers a number, the relative difference of that.
    """

    example_ids: tuple[str, ...]
    latencies_s: np.ndarray
    differences: np.ndarray
    refusals: tuple[Refusal, ...]
    is_regression: bool = False

    @property
    def what(self) -> str:
        """What is compared."""
        return "numbers, relative to their size," if self.is_regression else "probabilities"

    @property
    def difference_name(self) -> str:
        """Name of the largest difference among the metrics."""
        return "max_relative_difference" if self.is_regression else "max_abs_difference"

    def metrics(self) -> dict[str, float]:
        """p50 and p99 in milliseconds, the largest difference, and the number of examples replayed."""
        p50_s, p99_s = np.percentile(self.latencies_s, [50, 99])
        return {
            "p50_ms": float(p50_s * 1000),
            "p99_ms": float(p99_s * 1000),
            self.difference_name: float(self.differences.max()),
            "num_requests": float(len(self.example_ids)),
        }


def replay_examples(client: InferenceClient, held_out: HeldOut, repairs: Sequence[Repair] = ()) -> Replay:
    """Send every example alone, one after the other, then malformed requests.

    Rows of a table are as the model reads them: where it has `repairs`, the requests say that these are done.
    `InferenceClientError` where the examples lack what the model reads, or the server refuses one or breaks the
    protocol; OSError or `http.client.HTTPException` where it cannot be reached.
    """
    told = replayed_answers(client, held_out, repairs)
    malformed = malformed_requests(held_out.modality, held_out.rows[0], told.datatypes, is_repaired=told.is_repaired)
    return Replay(
        example_ids=held_out.example_ids,
        latencies_s=told.latencies_s,
        differences=told.differences,
        refusals=_refusals(client, malformed, told.bodies[0]),
        is_regression=held_out.is_regression,
    )


def judge_replay(replay: Replay) -> Verdict:
    """Verdict on a replay: served answers equal the training side's, and malformed requests do no harm."""
    findings = [*_difference_findings(replay), *_refusal_findings(replay.refusals)]
    metrics = replay.metrics()
    reason = (
        f"{len(replay.example_ids)} held-out examples over V2: {replay.what} differ by at most "
        f"{metrics[replay.difference_name]:.1e}, p50 {metrics['p50_ms']:.1f} ms, p99 {metrics['p99_ms']:.1f} ms"
    )
    if findings:
        reason = findings[0].message
    return Verdict(check=CHECK, passed=not findings, reason=reason, findings=tuple(findings))


def failed_verdict(reason: str, *, kind: Literal["quality", "data_skew"] = "quality") -> Verdict:
    """Verdict of a probe that could not be completed."""
    return Verdict(
        check=CHECK,
        passed=False,
        reason=reason,
        findings=(Finding(kind=kind, severity="blocking", message=reason),),
    )


def _refusals(client: InferenceClient, malformed: Sequence[MalformedRequest], good: RequestBody) -> tuple[Refusal, ...]:
    refusals = []
    for request in malformed:
        answer = client.infer(request.body)
        refusals.append(
            Refusal(
                request=request.mistake,
                status=answer.status,
                reason=answer.reason,
                next_status=client.infer(good).status,
            )
        )
    return tuple(refusals)


def _difference_findings(replay: Replay) -> list[Finding]:
    largest = float(replay.differences.max())
    if largest <= MAX_DIFFERENCE:
        return []
    worst = replay.example_ids[int(replay.differences.argmax())]
    too_far = int((~(replay.differences <= MAX_DIFFERENCE)).sum())
    return [
        Finding(
            kind="data_skew",
            severity="blocking",
            message=(
                f"served {replay.what} must equal the training side's within {MAX_DIFFERENCE:g}, but {too_far} of "
                f"{len(replay.example_ids)} examples differ, by up to {largest:.3g} (example {worst!r})"
            ),
            statistic=f"largest {'relative' if replay.is_regression else 'absolute'} difference of a "
            f"{'number' if replay.is_regression else 'probability'}",
            value=largest if math.isfinite(largest) else None,
            threshold=MAX_DIFFERENCE,
            remedy="Score the examples again with the very bundle that is served.",
        )
    ]


def _refusal_findings(refusals: Sequence[Refusal]) -> list[Finding]:
    return [
        Finding(
            kind="quality",
            severity="blocking",
            message=(
                f"{refusal.request} must be answered with 400 and a reason, and the next good request with 200, "
                f"got {refusal.status} and {refusal.next_status}"
            ),
        )
        for refusal in refusals
        if not refusal.is_right
    ]
