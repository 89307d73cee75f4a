import numpy as np
import pyarrow as pa
import pytest

from components.data_validation.statistics.feature_summaries import feature_summaries
from components.data_validation.statistics.streaming_statistics import (
    rows_per_batch,
    StatisticsAccumulator,
)
from components.data_validation.tables.arrow_lists import as_value_lists, ExaminedColumn

COLUMNS = (
    ExaminedColumn(name="price", role="feature", kind="float"),
    ExaminedColumn(name="shop", role="feature", kind="category"),
)


def batch_of(prices, shops, splits=None) -> pa.RecordBatch:
    arrays = [pa.array(prices, pa.float64()), pa.array(shops, pa.string())]
    names = ["price", "shop"]
    if splits is not None:
        arrays, names = [*arrays, pa.array(splits, pa.string())], [*names, "split"]
    return pa.RecordBatch.from_arrays(arrays, names)


def summaries_of(*batches: pa.RecordBatch):
    accumulator = StatisticsAccumulator()
    for batch in batches:
        accumulator.add(as_value_lists(batch, COLUMNS))
    return feature_summaries(accumulator.statistics(name="train"))


def test_statistics_have_the_known_values():
    summaries = summaries_of(batch_of([1.0, 2.0, 3.0, None], ["a", "b", "a", "a"]))
    price, shop = summaries["price"], summaries["shop"]
    assert (price.num_examples, price.num_missing, price.missing_share) == (4, 1, 0.25)
    assert (price.mean, price.minimum, price.median, price.maximum) == (2.0, 1.0, 2.0, 3.0)
    assert price.std == pytest.approx(np.std([1, 2, 3]))
    assert sum(bucket.count for bucket in price.histogram) == pytest.approx(3, abs=0.1)
    assert (shop.value_counts, shop.num_unique, shop.num_missing) == ({"a": 3, "b": 1}, 2, 0)


def test_many_small_batches_and_merged_accumulators_give_the_statistics_of_one_big_batch():
    rng = np.random.default_rng(0)
    prices, shops = rng.normal(size=600), rng.choice(["a", "b", "c"], 600).tolist()
    whole = summaries_of(batch_of(prices, shops))
    parts = [batch_of(prices[start : start + 100], shops[start : start + 100]) for start in range(0, 600, 100)]
    left, right = StatisticsAccumulator(), StatisticsAccumulator()
    for number, part in enumerate(parts):
        (left if number % 2 else right).add(as_value_lists(part, COLUMNS))
    left.merge(right)
    merged = feature_summaries(left.statistics(name="train"))
    for summaries in (summaries_of(*parts), merged):
        assert summaries["shop"].value_counts == whole["shop"].value_counts
        assert summaries["price"].num_examples == 600
        assert summaries["price"].mean == pytest.approx(whole["price"].mean)
        assert summaries["price"].std == pytest.approx(whole["price"].std)
        assert summaries["price"].minimum == whole["price"].minimum


def test_statistics_agree_with_tfdvs_own_function_over_the_whole_table():
    from components.data_validation.statistics.quiet_tfdv import tfdv

    frame_batch = batch_of([1.0, 2.0, 3.0, None], ["a", "b", "a", "a"])
    theirs = tfdv.generate_statistics_from_dataframe(
        frame_batch.to_pandas(), stats_options=tfdv.StatsOptions(num_histogram_buckets=100), n_jobs=1
    )
    ours = summaries_of(frame_batch)
    for name, summary in feature_summaries(theirs).items():
        assert ours[name].num_missing == summary.num_missing
        assert ours[name].value_counts == summary.value_counts
    assert feature_summaries(theirs)["price"].mean == ours["price"].mean


def test_infinities_leave_mean_and_deviation_undefined():
    summary = summaries_of(batch_of([1.0, float("inf")], ["a", "a"]))["price"]
    assert np.isnan(summary.mean)
    assert np.isnan(summary.std)
    assert summary.has_infinity


def test_a_column_without_values_has_undefined_statistics():
    summary = summaries_of(batch_of([None, None], ["a", "a"]))["price"]
    assert summary.num_missing == 2
    assert np.isnan([summary.mean, summary.minimum, summary.maximum]).all()
    assert not summary.is_constant


def test_a_batch_of_a_wide_table_has_fewer_rows():
    assert rows_per_batch(10) == 65536
    assert rows_per_batch(10_000) == 419
    assert rows_per_batch(10**9) == 256
