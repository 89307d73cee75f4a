"""The audit's interval holds the share of wrong labels, and the suspicion makes it narrower."""

import numpy as np
import pytest

from components.model_analysis.label_errors.audit import wrong_label_share


def _labels(rate: float, strength: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Suspicion (3,000,) and which labels are wrong (3,000,); the stronger, the further apart."""
    rng = np.random.default_rng(seed)
    is_wrong = rng.random(3000) < rate
    return 1.0 / (1.0 + np.exp(3.0 - 2.0 * (rng.normal(size=3000) + strength * is_wrong))), is_wrong


@pytest.mark.parametrize(("rate", "strength", "narrower"), [(0.01, 0.0, 1.05), (0.15, 2.5, 0.7), (0.4, 6.0, 0.4)])
def test_the_interval_covers_and_is_as_narrow_as_the_suspicion_is_right(
    rate: float, strength: float, narrower: float
) -> None:
    suspicion, is_wrong = _labels(rate, strength, seed=1)
    rng, covered, widths = np.random.default_rng(2), [], []
    for _ in range(300):
        audited = rng.choice(3000, 300, replace=False)
        found = wrong_label_share(suspicion, audited, is_wrong[audited])
        covered.append(found.low <= is_wrong.mean() <= found.high)
        widths.append((found.high - found.low) / (found.plain_high - found.plain_low))

    assert np.mean(covered) >= 0.92
    assert np.mean(widths) < narrower


def test_without_suspicion_the_share_is_that_of_the_audit() -> None:
    audited, is_wrong = np.arange(100), np.arange(100) < 10

    found = wrong_label_share(np.full(1000, 0.3), audited, is_wrong)

    assert found.share == pytest.approx(0.1)
    assert (found.num_audited, found.num_wrong, found.num_labels) == (100, 10, 1000)
    # Wilson's interval of 10 of 100, a tenth of the labels known: 0.0552 to 0.1744 without either correction
    assert found.plain_low == pytest.approx(0.0566, abs=0.001)
    assert found.plain_high == pytest.approx(0.1706, abs=0.001)


def test_an_audit_that_finds_nothing_does_not_say_that_there_is_nothing() -> None:
    suspicion, _ = _labels(0.1, 1.0, seed=3)

    found = wrong_label_share(suspicion, np.arange(300), np.zeros(300, bool))

    assert (found.share, found.low) == (0.0, 0.0)
    assert 0.008 < found.high < 0.02


def test_an_audit_of_all_labels_leaves_no_doubt() -> None:
    suspicion, is_wrong = _labels(0.2, 2.0, seed=4)

    found = wrong_label_share(suspicion, np.arange(3000), is_wrong)

    assert found.share == pytest.approx(is_wrong.mean())
    assert found.high - found.low == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("audited", "verdicts", "message"),
    [
        (np.arange(19), np.zeros(19, bool), "at least 20 labels must be audited, got 19"),
        (np.arange(30), np.zeros(29, bool), "must have one verdict"),
        (np.zeros(30, int), np.zeros(30, bool), "audited once"),
    ],
)
def test_what_is_no_audit_is_refused(audited: np.ndarray, verdicts: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong_label_share(np.full(100, 0.5), audited, verdicts)
