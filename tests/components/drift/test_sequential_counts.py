import math

import numpy as np
import pytest
from scipy.stats import binomtest, hypergeom, nchypergeom_fisher

from components.drift.sequential_counts import BlockCounts, MoreOnCanary, OtherShares

LEVEL = math.log(1 / 0.04)


def blocks(seed, *, canary, stable, num_blocks=100, num_requests=50, share=0.2):
    """Blocks of requests of which a share goes to the canary, and errors of two rates."""
    rng = np.random.default_rng(seed)
    for _ in range(num_blocks):
        num_canary = int(rng.binomial(num_requests, share))
        num_stable = num_requests - num_canary
        yield BlockCounts(
            num_canary, num_stable, int(rng.binomial(num_canary, canary)), int(rng.binomial(num_stable, stable))
        )


def first_alarm(test, every_block):
    for number, block in enumerate(every_block, start=1):
        test.add(block)
        if test.log_evidence >= LEVEL:
            return number
    return None


def expected_evidence(law, *, num_canary, num_stable, total, tolerated):
    """Mean evidence of one block whose canary count follows a law."""
    mean = 0.0
    for count in range(max(0, total - num_stable), min(total, num_canary) + 1):
        test = MoreOnCanary(tolerated=tolerated)
        test.add(BlockCounts(num_canary, num_stable, count, total - count))
        mean += law.pmf(count) * math.exp(test.log_evidence)
    return mean


@pytest.mark.parametrize(("num_canary", "num_stable", "total"), [(10, 40, 5), (40, 10, 30), (3, 3, 6), (25, 25, 25)])
def test_evidence_of_alike_sides_is_one_on_average(num_canary, num_stable, total):
    law = hypergeom(num_canary + num_stable, num_canary, total)
    found = expected_evidence(law, num_canary=num_canary, num_stable=num_stable, total=total, tolerated=1.0)
    assert found == pytest.approx(1.0)


@pytest.mark.parametrize(("ratio", "bound"), [(2.0, 1.0), (1.3, 1.0), (0.5, 1.0)])
def test_evidence_is_at_most_one_on_average_up_to_what_is_tolerated(ratio, bound):
    law = nchypergeom_fisher(60, 20, 12, ratio)
    found = expected_evidence(law, num_canary=20, num_stable=40, total=12, tolerated=2.0)
    assert found <= bound + 1e-9
    if ratio == 2.0:
        assert found == pytest.approx(1.0)


def test_alike_sides_that_are_looked_at_after_every_block_seldom_alarm():
    alarms = sum(
        first_alarm(MoreOnCanary(), blocks(seed, canary=0.03, stable=0.03, num_blocks=60)) is not None
        for seed in range(100)
    )
    assert binomtest(alarms, 100).proportion_ci().low <= 0.04


def test_more_errors_on_the_canary_are_found_and_fewer_are_none():
    found = [first_alarm(MoreOnCanary(), blocks(seed, canary=0.10, stable=0.02)) for seed in range(20)]
    assert all(number is not None for number in found)
    assert np.median([number or 0 for number in found]) * 50 <= 550
    assert first_alarm(MoreOnCanary(), blocks(0, canary=0.02, stable=0.10)) is None


def test_errors_that_both_sides_have_in_a_bad_hour_are_no_evidence():
    test = MoreOnCanary()
    every = [*blocks(0, canary=0.01, stable=0.01), *blocks(1, canary=0.6, stable=0.6)]
    assert first_alarm(test, every) is None


def test_shares_of_classes_that_differ_are_found_and_named():
    test, alike = (OtherShares(["cat", "dog", "none"]) for _ in range(2))
    rng = np.random.default_rng(0)
    for _ in range(20):
        stable, same, other = (
            dict(zip(("cat", "dog", "none"), map(int, rng.multinomial(20, shares)), strict=True))
            for shares in ([0.5, 0.4, 0.1], [0.5, 0.4, 0.1], [0.2, 0.7, 0.1])
        )
        test.add(other, stable)
        alike.add(same, stable)
    assert test.log_evidence > LEVEL
    assert test.strongest in ("cat", "dog")
    assert alike.log_evidence < LEVEL


def test_a_test_goes_on_from_its_state():
    whole, first, second = MoreOnCanary(), MoreOnCanary(), MoreOnCanary()
    every = list(blocks(3, canary=0.05, stable=0.03, num_blocks=10))
    for block in every:
        whole.add(block)
    for block in every[:6]:
        first.add(block)
    second.restore(first.state())
    for block in every[6:]:
        second.add(block)
    assert second.log_evidence == whole.log_evidence
    shares, again = OtherShares(["a", "b"]), OtherShares(["a", "b"])
    shares.add({"a": 3, "b": 1}, {"a": 1, "b": 9})
    again.restore(shares.state())
    assert again.log_evidence == shares.log_evidence != 0.0


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match="canary must count 0 to 3 of its 3 requests, got 4"):
        BlockCounts(3, 5, 4, 0)
    with pytest.raises(ValueError, match=r"tolerated must be an odds ratio from 1 to 24, got 0\.5"):
        MoreOnCanary(tolerated=0.5)
    with pytest.raises(ValueError, match="kinds must be two names or more"):
        OtherShares(["a"])
    with pytest.raises(ValueError, match="kinds must be a, b; got 'c'"):
        OtherShares(["a", "b"]).add({"c": 1}, {})
    with pytest.raises(ValueError, match="the state must be 16 finite numbers, got 1"):
        MoreOnCanary().restore([0.0])
    with pytest.raises(ValueError, match="the state must be of the kinds a, b, got a"):
        OtherShares(["a", "b"]).restore({"a": []})
