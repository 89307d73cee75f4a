"""How many labels are wrong is what people said of rows drawn at random, or unknown."""

import math

import numpy as np
import pytest

from components.active_learning.pseudo_labels.noise_rate import AuditedRows, noise_rates


def test_only_rows_as_sure_as_the_labels_count() -> None:
    audited = AuditedRows(
        labels=np.array([0, 0, 1, 1, 1, 0]),
        predicted=np.array([0, 0, 0, 1, 1, 1]),
        sureness=np.array([0.9, 0.95, 0.9, 0.8, 0.4, 0.3]),
    )
    everything, first, second = noise_rates(audited, np.array([0.85, 0.5]), ["a", "b"])

    assert (everything.num_audited, everything.num_wrong) == (4, 1)
    assert (first.name, first.num_audited, first.num_wrong) == ("a", 3, 1)
    assert (second.num_audited, second.num_wrong, second.low) == (1, 0, pytest.approx(0.0))
    assert everything.low < 0.25 < everything.high


def test_without_an_audit_it_is_unknown_and_never_zero() -> None:
    nothing = AuditedRows(labels=np.zeros(0, np.int64), predicted=np.zeros(0, np.int64), sureness=np.zeros(0))
    [everything, only] = noise_rates(nothing, np.array([0.5]), ["a"])

    assert not everything.is_known
    assert math.isnan(everything.share)
    assert math.isnan(only.high)
