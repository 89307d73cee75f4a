"""TFDV's statistics over a stream of Arrow batches, in process and with flat memory.

TFDV computes statistics with combiners: an accumulator takes batches, and accumulators can be merged. Beam drives
them on a cluster; here they are driven directly. This is the only module that touches TFDV's private `stats_impl`.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.statistics.quiet_tfdv import tfdv

# TFDV's own modules must come after the one that keeps their import quiet.
# isort: split
from tensorflow_data_validation.statistics import stats_impl

NUM_HISTOGRAM_BUCKETS = 100
FEW_HISTOGRAM_BUCKETS = 10
NUM_TOP_VALUES = 20
MAX_COUNTED_VALUES = 1000
_MANY_COLUMNS = 500
_MAX_BATCH_ROWS = 65536
_MIN_BATCH_ROWS = 256
_BATCH_VALUES = 1 << 22


class StatisticsAccumulator:
    """Statistics of the rows seen so far; two of them can be merged, so that several may work side by side.

    Where columns are many, most of the time goes into the buckets of histograms.
    """

    def __init__(self, *, num_histogram_buckets: int = NUM_HISTOGRAM_BUCKETS) -> None:
        self._num_histogram_buckets = num_histogram_buckets
        self._generators = stats_impl.get_generators(statistics_options(num_histogram_buckets), in_memory=True)
        self._partial: list[Any] = [generator.create_accumulator() for generator in self._generators]
        self.num_rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows in the form that `as_value_lists` gives; a batch without rows changes nothing."""
        if not batch.num_rows:
            return
        pairs = zip(self._generators, self._partial, strict=True)
        # Infinite and huge values have no finite mean or variance: both come out as nan or inf, which is right.
        with np.errstate(invalid="ignore", over="ignore"):
            self._partial = [generator.add_input(partial, batch) for generator, partial in pairs]
        self.num_rows += batch.num_rows

    def __getstate__(self) -> tuple[list[Any], int, int]:
        # The generators hold nothing but the options, and Beam objects that need not travel.
        return self._partial, self.num_rows, self._num_histogram_buckets

    def __setstate__(self, state: tuple[list[Any], int, int]) -> None:
        self._partial, self.num_rows, self._num_histogram_buckets = state
        self._generators = stats_impl.get_generators(statistics_options(self._num_histogram_buckets), in_memory=True)

    def merge(self, other: "StatisticsAccumulator") -> None:
        """Take what another accumulator has seen; `other` must not be used afterwards."""
        triples = zip(self._generators, self._partial, other._partial, strict=True)
        with np.errstate(invalid="ignore", over="ignore"):
            self._partial = [generator.merge_accumulators([mine, theirs]) for generator, mine, theirs in triples]
        self.num_rows += other.num_rows

    def statistics(self, *, name: str) -> statistics_pb2.DatasetFeatureStatisticsList:
        """Statistics of all rows taken: one data set called `name`, without features where there were no rows."""
        if not self.num_rows:
            dataset = statistics_pb2.DatasetFeatureStatistics(name=name, num_examples=0)
            return statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset])
        with np.errstate(invalid="ignore", over="ignore"):
            result = stats_impl.extract_statistics_output(self._partial, self._generators)
        result.datasets[0].name = name
        return result


def histogram_buckets(num_columns: int) -> int:
    """Buckets of a histogram for tables of so many columns: few for a wide one, which has few rows for its columns."""
    return NUM_HISTOGRAM_BUCKETS if num_columns <= _MANY_COLUMNS else FEW_HISTOGRAM_BUCKETS


def statistics_options(num_histogram_buckets: int = NUM_HISTOGRAM_BUCKETS) -> tfdv.StatsOptions:
    """What is computed, the same in process and on Beam: sketches, so that memory does not grow with the rows."""
    # TFDV estimates a hundred quantiles a bucket of the quantiles' histogram, and takes its whole time over it.
    return tfdv.StatsOptions(
        num_quantiles_histogram_buckets=max(1, num_histogram_buckets // FEW_HISTOGRAM_BUCKETS),
        num_top_values=NUM_TOP_VALUES,
        num_rank_histogram_buckets=MAX_COUNTED_VALUES,
        num_histogram_buckets=num_histogram_buckets,
        use_sketch_based_topk_uniques=True,
    )


def rows_per_batch(num_columns: int) -> int:
    """Rows a batch such that a batch of a wide table takes no more memory than one of a narrow table."""
    return max(_MIN_BATCH_ROWS, min(_MAX_BATCH_ROWS, _BATCH_VALUES // max(num_columns, 1)))
