"""How often the judge of a canary rolls an equal one back, and after how many requests a bad one.

    python -m benchmarks.canary_judge
    python -m benchmarks.canary_judge --only equal --canaries 2000 --requests 20000

It looks after every block. A made-up service answers requests of which a share goes to the canary: errors, latencies
(log-normal, counted in the server's buckets), classes; labels come for one answer in ten. Asked: of equal canaries at
most 5% are ever rolled back (the 95% interval of the observed rate, Clopper-Pearson, holds 5% or lies below); errors of
6% for 2% end it within 1,400 requests in the median, of 10% within 550.
"""

from dataclasses import dataclass
from statistics import median
from typing import Annotated

import numpy as np
from scipy.stats import binomtest
import typer

from components.deployment.canary.judge import CanaryJudge
from components.deployment.canary.replayed_traffic import BUCKETS_S
from components.deployment.canary.side_counts import SideCounts
from components.shared.contracts.canary_settings import CanarySettings

CLASSES = ("cat", "dog", "neither")
LABELLED_SHARE = 0.1

app = typer.Typer()


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """What a made-up release does with a request."""

    error_rate: float = 0.02
    seconds: float = 0.02  # median latency
    shares: tuple[float, ...] = (0.5, 0.4, 0.1)
    wrong_rate: float = 0.1


STABLE = Release()
CANARIES = {
    "equal": STABLE,
    "errors 2% -> 6%": Release(error_rate=0.06),
    "errors 2% -> 10%": Release(error_rate=0.10),
    "triple latency": Release(seconds=0.06),
    "predictions 50% -> 70% cat": Release(shares=(0.7, 0.2, 0.1)),
    "wrong 10% -> 30%": Release(wrong_rate=0.30),
}


def counts(release: Release, num_requests: int, rng: np.random.Generator) -> SideCounts:
    """What a release does with requests."""
    errors = int(rng.binomial(num_requests, release.error_rate))
    answered = num_requests - errors
    seconds = release.seconds * rng.lognormal(0.0, 0.4, answered)
    bucket, in_bucket = np.unique(np.searchsorted(BUCKETS_S, seconds), return_counts=True)
    labelled = int(rng.binomial(answered, LABELLED_SHARE))
    return SideCounts(
        requests=num_requests,
        errors=errors,
        seconds={BUCKETS_S[number]: int(count) for number, count in zip(bucket, in_bucket, strict=True)},
        predictions=dict(zip(CLASSES, map(int, rng.multinomial(answered, release.shares)), strict=True)),
        labelled=labelled,
        wrong=int(rng.binomial(labelled, release.wrong_rate)),
    )


def requests_until_rollback(
    canary: Release, rng: np.random.Generator, *, requests: int, percent: int, block: int
) -> int | None:
    """Requests of both sides after which the canary is rolled back; None where it never is."""
    judge = CanaryJudge(CanarySettings(steps=(percent,), requests_a_step=requests), CLASSES)
    for done in range(block, requests + 1, block):
        num_canary = int(rng.binomial(block, percent / 100))
        decision = judge.judge(counts(canary, num_canary, rng), counts(STABLE, block - num_canary, rng))
        if decision.action == "roll back":
            return done
    return None


@app.command()
def main(
    canaries: Annotated[int, typer.Option(help="Equal canaries.")] = 2000,
    bad: Annotated[int, typer.Option(help="Canaries of each bad kind.")] = 200,
    requests: Annotated[int, typer.Option(help="Requests of both sides that each is watched for.")] = 10_000,
    percent: Annotated[int, typer.Option(help="Of the traffic that the canary gets.")] = 20,
    block: Annotated[int, typer.Option(help="Requests between two looks.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the requests.")] = 0,
    only: Annotated[str, typer.Option(help="Only canaries whose name says this.")] = "",
) -> None:
    """Print a line for each kind of canary."""
    for number, (name, canary) in enumerate(CANARIES.items()):
        if only not in name:
            continue
        repeats = canaries if canary == STABLE else bad
        rngs = np.random.default_rng([seed, number]).spawn(repeats)
        found = [requests_until_rollback(canary, rng, requests=requests, percent=percent, block=block) for rng in rngs]
        stopped = [done for done in found if done is not None]
        interval = binomtest(len(stopped), repeats).proportion_ci()
        until = f", median {median(done or requests + 1 for done in found):,.0f} requests" if stopped else ""
        print(
            f"{name}: rolled back {len(stopped):,} of {repeats:,} ({interval.low:.1%} to {interval.high:.1%}) within "
            f"{requests:,} requests{until if canary != STABLE else ''}"
        )


if __name__ == "__main__":
    app()
