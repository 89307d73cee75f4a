from google.protobuf import text_format
import numpy as np
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.mock_data.column_statistics import column_statistics


def statistics_of(feature: str):
    content = f'num_examples: 100 features {{ path {{ step: "x" }} {feature} }}'
    return column_statistics(text_format.Parse(content, statistics_pb2.DatasetFeatureStatistics()))["x"]


def test_numbers_follow_the_bounds_of_all_histograms():
    found = statistics_of(
        """
        type: INT num_stats {
          common_stats { num_non_missing: 80 num_missing: 20 } mean: 3 min: 0 max: 10 num_zeros: 20
          histograms { type: STANDARD buckets { low_value: 0 high_value: 5 sample_count: 60 }
                       buckets { low_value: 5 high_value: 10 sample_count: 20 } }
          histograms { type: QUANTILES buckets { low_value: 0 high_value: 1 sample_count: 40 }
                       buckets { low_value: 1 high_value: 10 sample_count: 40 } }
        }
        """
    )
    assert found.missing_share == pytest.approx(0.2)
    assert found.num_present == 80
    assert found.mean == 3
    assert found.is_whole
    # A quarter are zeros, half lie up to 1, three quarters up to 5.
    assert np.interp(0.25 - 1e-9, found.shares, found.points) == 0
    assert np.interp([0.5, 0.75, 1.0], found.shares, found.points) == pytest.approx([1, 5, 10])
    assert (np.diff(found.shares) >= 0).all()


def test_numbers_are_whole_only_where_all_that_occur_are():
    numbers = "num_stats {{ common_stats {{ num_non_missing: 9 }} min: 1 max: {} histograms {{ type: QUANTILES {} }} }}"
    bucket = "buckets {{ low_value: 1 high_value: {} sample_count: 9 }}"
    assert statistics_of(numbers.format(4, bucket.format(2))).is_whole
    assert not statistics_of(numbers.format(4, bucket.format(2.5))).is_whole
    assert not statistics_of(numbers.format(3.5, bucket.format(2))).is_whole


def test_a_column_without_any_number_has_no_distribution():
    found = statistics_of("num_stats { common_stats { num_missing: 100 } }")
    assert found.missing_share == 1.0
    assert not len(found.points)
    assert np.isnan(found.mean)


def test_texts_are_counted_and_measured():
    found = statistics_of(
        """
        type: STRING string_stats {
          common_stats { num_non_missing: 100 } unique: 5 avg_length: 3.5
          rank_histogram { buckets { label: "cat" sample_count: 60 } buckets { label: "dog" sample_count: 30 } }
        }
        """
    )
    assert found.counts == {"cat": 60, "dog": 30}
    assert (found.num_distinct, found.mean_length, found.is_masked) == (5, 3.5, False)


def test_masked_values_are_no_values():
    found = statistics_of(
        """
        type: STRING string_stats {
          common_stats { num_non_missing: 100 } unique: 1 avg_length: 8
          rank_histogram { buckets { label: "<masked>" sample_count: 100 } }
        }
        """
    )
    assert found.is_masked
    assert (found.counts, found.num_distinct, found.mean_length) == ({}, 0, 0.0)
