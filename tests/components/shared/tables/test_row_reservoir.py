"""A uniform sample of a stream's rows."""

import numpy as np
import pytest

from components.shared.tables.row_reservoir import RowReservoir


def sample(values, *, batch_rows, max_rows=100):
    reservoir = RowReservoir(max_rows, row_shape=values.shape[1:])
    for start in range(0, len(values), batch_rows):
        reservoir.add(values[start : start + batch_rows])
    return reservoir.rows


def test_everything_is_kept_while_there_is_room():
    values = np.arange(60.0).reshape(30, 2)
    np.testing.assert_array_equal(np.sort(sample(values, batch_rows=7), axis=0), values)


def test_the_sample_does_not_depend_on_the_batches():
    values = np.arange(4000.0).reshape(2000, 2)
    small, large = (sample(values, batch_rows=rows) for rows in (13, 2000))
    assert small.shape == (100, 2)
    np.testing.assert_array_equal(small, large)
    assert (np.diff(small[:, 0]) > 0).all()


def test_early_and_late_rows_are_as_likely():
    kept = sample(np.arange(20_000.0)[:, None], batch_rows=500, max_rows=2000)
    assert abs((kept < 10_000).mean() - 0.5) < 0.04


def test_rows_stay_together():
    numbers = np.arange(5000.0)
    kept = sample(np.stack([numbers, -numbers], axis=1), batch_rows=100)
    np.testing.assert_array_equal(kept[:, 0], -kept[:, 1])


def test_a_sample_of_no_rows_is_refused():
    with pytest.raises(ValueError, match="max_rows must be at least 1, got 0"):
        RowReservoir(0)


def test_rows_without_columns_are_taken():
    assert sample(np.empty((10, 0)), batch_rows=5).shape[1] == 0
