import numpy as np
import pytest

from components.mock_data.apportionment import apportioned


@pytest.mark.parametrize(("start", "counts"), [([0, 3, 6], [1, 3, 6]), ([1, 4, 7], [1, 3, 6])])
def test_counts_move_where_they_are_farthest_from_the_exact_ones(start, counts):
    bounds = {"least": np.zeros(3, int), "most": np.full(3, 10)}
    assert apportioned(np.array([0.9, 3.0, 6.1]), np.array(start), total=10, **bounds).tolist() == counts


def test_counts_stay_within_their_bounds():
    bounds = {"least": np.array([2, 0]), "most": np.array([10, 5])}
    assert apportioned(np.array([0.0, 8.0]), np.array([2, 5]), total=8, **bounds).tolist() == [3, 5]
