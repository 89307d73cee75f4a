import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.comparison.dataset_profile import DatasetProfile
from components.data_validation.comparison.watched_slices import with_watched_slices
from components.data_validation.tables.arrow_lists import ExaminedColumn
from components.shared.contracts.pinned_slices import PinnedSlice

DARK = PinnedSlice(name="dark photos", where="brightness < 0.2 and camera != 'x'")
COLUMNS = (
    ExaminedColumn(name="brightness", role="derived", kind="float"),
    ExaminedColumn(name="camera", role="slice", kind="category"),
)


def profile(rows, *, name="train", columns=COLUMNS, pinned=()):
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    sample = pa.table(rows)
    return DatasetProfile(
        name=name,
        columns=columns,
        statistics=statistics,
        sample=sample,
        num_rows=sample.num_rows,
        pinned_slices=pinned,
    )


def test_each_side_tells_its_examples_in_the_slice_and_unknown_ones_are_outside():
    rows = {"brightness": [0.1, 0.1, 0.9, None, 0.1], "camera": ["a", "x", "a", "a", None]}
    sides = with_watched_slices(profile(rows, pinned=(DARK,)), profile(rows, name="served"))
    assert sides[2] == ()
    for side in sides[:2]:
        assert side.sample["slice: dark photos"].to_pylist() == ["dark photos", *["all others"] * 4]
        assert side.columns[-1].is_balanced
        assert side.columns[-1].role == "metadata"


def test_nothing_is_added_where_nothing_is_pinned():
    one, other = profile({"brightness": [0.1]}), profile({"brightness": [0.2]})
    assert with_watched_slices(one, other) == (one, other, ())


@pytest.mark.parametrize(
    ("columns", "rows", "why"),
    [
        (COLUMNS[:1], {"brightness": [0.1]}, "the log has no column 'camera' that is examined"),
        (
            (COLUMNS[0], ExaminedColumn(name="camera", role="feature", kind="integer")),
            {"brightness": [0.1], "camera": [3]},
            "mixes texts and numbers",
        ),
        (
            (COLUMNS[0], ExaminedColumn(name="camera", role="pii", kind="masked")),
            {"brightness": [0.1], "camera": ["a"]},
            "column 'camera' is personal data",
        ),
    ],
)
def test_a_slice_that_one_side_cannot_tell_is_said_and_on_neither(columns, rows, why):
    reference = profile({"brightness": [0.1], "camera": ["a"]}, pinned=(DARK,))
    one, other, (remark,) = with_watched_slices(reference, profile(rows, name="the log", columns=columns))
    assert remark.startswith("the pinned slice 'dark photos' is not watched: ")
    assert why in remark
    assert one is reference
    assert "slice: dark photos" not in other.sample.column_names
