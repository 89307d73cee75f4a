import numpy as np
import pytest

from components.drift.binned import binned_category, binned_number
from components.drift.blocks import block_counts, exchangeable_blocks, longest_memory, ordered_blocks, rows_of_blocks


def rng():
    return np.random.default_rng(0)


def test_few_rows_are_a_block_each():
    blocks = exchangeable_blocks(1200, 800, rng=rng())
    assert (blocks.num_reference, blocks.num_current, blocks.block_rows) == (1200, 800, 1)
    assert sorted([*blocks.reference, *blocks.current]) == list(range(2000))


def test_many_rows_are_put_into_500_blocks_of_the_smaller_side_at_random():
    blocks = exchangeable_blocks(5003, 20_000, rng=rng())
    assert (blocks.num_reference, blocks.num_current, blocks.block_rows) == (500, 2000, 10)
    sizes = np.bincount(np.concatenate([blocks.reference, blocks.current]))
    assert set(sizes) == {10, 11}
    assert np.abs(np.corrcoef(np.arange(5003), blocks.reference)[0, 1]) < 0.1


def test_a_much_larger_side_takes_part_with_twenty_times_the_blocks():
    blocks = exchangeable_blocks(1000, 100_000, rng=rng())
    assert (blocks.num_reference, blocks.num_current, blocks.block_rows) == (500, 10_000, 2)
    kept = blocks.current[blocks.current >= 0]
    assert np.bincount(kept)[500:].tolist() == [2] * 10_000


def test_rows_in_time_lie_in_runs_of_neighbours():
    blocks = ordered_blocks(10_000, 2500, memory_rows=2.0, rng=rng())
    assert (blocks.block_rows, blocks.num_current, blocks.num_reference) == (50, 50, 200)
    assert np.all(np.diff(blocks.reference) >= 0)
    assert np.all(np.diff(blocks.current) >= 0)
    assert not blocks.may_be_dependent


def test_runs_are_five_times_the_longest_memory_and_leave_eight_a_side():
    assert ordered_blocks(10_000, 10_000, memory_rows=40.0, rng=rng()).block_rows == 200
    capped = ordered_blocks(10_000, 800, memory_rows=40.0, rng=rng())
    assert (capped.block_rows, capped.num_current) == (100, 8)
    assert capped.may_be_dependent


def test_rows_that_fill_no_run_are_spread_so_that_none_is_lost():
    blocks = ordered_blocks(1019, 400, memory_rows=1.0, rng=rng())
    sizes = np.bincount(blocks.reference)
    assert sizes.sum() == 1019
    assert set(sizes) <= {20, 21}


def test_block_counts_add_up_to_the_rows_of_every_bin():
    number = binned_number("x", np.arange(3000.0), np.arange(2000.0), max_bins=5)
    category = binned_category("c", np.arange(3000) % 4 - 1, np.arange(2000) % 3, ["a", "b", "c"])
    blocks = exchangeable_blocks(3000, 2000, rng=rng())
    counts = block_counts([number, category], blocks)
    assert counts.shape == (blocks.num_blocks, 6 + 4)
    np.testing.assert_array_equal(counts[: blocks.num_reference, 6:].sum(axis=0), np.bincount(category.reference))
    np.testing.assert_array_equal(
        counts[blocks.num_reference :, :6].sum(axis=0), np.bincount(number.current, minlength=6)
    )
    assert np.unique(counts[:, :6].sum(axis=1)).tolist() == [4.0]


def test_rows_without_a_block_are_not_counted():
    feature = binned_category("c", np.zeros(100, int), np.zeros(10_000, int), ["a"])
    blocks = exchangeable_blocks(100, 10_000, rng=rng())
    assert block_counts([feature], blocks).sum() == 100 + 2000


def test_the_first_rows_of_every_block_come_block_by_block():
    assert rows_of_blocks(np.array([1, 0, -1, 1, 0, 0, 2]), 2).tolist() == [1, 4, 0, 3, 6]


def test_the_longest_memory_is_found_on_either_side_and_in_joint_columns():
    fast, slow = rng().normal(size=2000), np.sin(np.arange(2000) / 50)
    feature = binned_number("x", fast, slow)
    assert longest_memory([binned_number("x", fast, fast)]) == pytest.approx(1.0, abs=0.4)
    assert longest_memory([feature]) > 20
    assert longest_memory([], (fast[:, None], slow[:, None])) > 20
