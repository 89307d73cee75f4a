import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_validation.statistics.feature_summaries import feature_summaries
from components.data_validation.statistics.profile import profile_table
from components.data_validation.statistics.quiet_tfdv import tfdv
from components.data_validation.tables.arrow_lists import as_value_lists, column_kind, ExaminedColumn, MASKED
from components.data_validation.tables.source_opening import open_table

NUM_ROWS = 5000


def examined(source, *, masked=()) -> list[ExaminedColumn]:
    return [
        ExaminedColumn(
            name=field.name,
            role="pii" if field.name in masked else "feature",
            kind="masked" if field.name in masked else column_kind(field.type),
        )
        for field in source.schema
    ]


class RowSums:
    """Adds up a column, and remembers how many batches it saw."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.total = 0
        self.texts: set[str] = set()

    def add(self, batch: pa.RecordBatch) -> None:
        self.total += sum(batch.column(batch.schema.get_field_index(self.column)).to_pylist())
        if "phone" in batch.schema.names:
            self.texts |= set(batch.column(batch.schema.get_field_index("phone")).to_pylist())

    def merge(self, other: "RowSums") -> None:
        self.total += other.total
        self.texts |= other.texts


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    content = pa.table(
        {
            "row": np.arange(NUM_ROWS),
            "price": pa.array(np.where(rng.random(NUM_ROWS) < 0.1, np.nan, rng.lognormal(size=NUM_ROWS))),
            "city": rng.choice(["Seoul", "Busan", "Daegu"], NUM_ROWS, p=[0.6, 0.3, 0.1]),
            "phone": [f"010-{number:08d}" for number in range(NUM_ROWS)],
        }
    )
    pq.write_table(content, tmp_path / "t.parquet", row_group_size=300)
    return str(tmp_path / "t.parquet")


def test_any_number_of_processes_finds_the_same(table):
    source = open_table(table)
    columns = examined(source, masked=["phone"])
    one, three = (
        profile_table(source, columns, sample_rows=400, slices=["city"], num_processes=number) for number in (1, 3)
    )
    assert one.num_rows == three.num_rows == NUM_ROWS
    assert one.sample.equals(three.sample)
    assert 200 <= one.sample.num_rows <= 400
    assert one.row_numbers.tolist() == three.row_numbers.tolist() == one.sample["row"].to_pylist()
    mine, theirs = feature_summaries(one.statistics), feature_summaries(three.statistics)
    assert mine.keys() == theirs.keys()
    assert mine["city"].value_counts == theirs["city"].value_counts
    assert theirs["price"].mean == pytest.approx(mine["price"].mean, rel=1e-12)
    assert theirs["price"].num_missing == mine["price"].num_missing
    sizes = [{part.name: part.num_examples for part in found.statistics.datasets} for found in (one, three)]
    assert sizes[0] == sizes[1]


def test_personal_data_are_masked_in_statistics_and_sample(table):
    source = open_table(table)
    found = profile_table(source, examined(source, masked=["phone"]))
    assert set(found.sample["phone"].to_pylist()) == {MASKED}
    assert b"010-" not in found.statistics.SerializeToString()


def test_collectors_see_every_row_once_and_unmasked(table):
    source = open_table(table)
    columns = [column for column in examined(source, masked=["phone"]) if column.name != "row"]
    for number in (1, 2):
        collector = RowSums("row")
        profile_table(source, columns, extra_columns=["row"], collectors=[collector], num_processes=number)
        assert collector.total == sum(range(NUM_ROWS))
        assert len(collector.texts) == NUM_ROWS


def test_extra_columns_stand_in_the_sample_where_that_is_asked(table):
    source = open_table(table)
    columns = [column for column in examined(source) if column.name == "price"]
    assert profile_table(source, columns, extra_columns=["row"]).sample.schema.names == ["price", "row"]
    found = profile_table(source, columns, extra_columns=["row", "city"], sampled_columns=["city"])
    assert found.sample.schema.names == ["price", "city"]
    assert found.sample["price"].null_count == feature_summaries(found.statistics)["price"].num_missing > 0


def test_slices_have_the_statistics_that_tfdvs_own_slicing_gives(table):
    source = open_table(table)
    columns = [column for column in examined(source) if column.name in ("price", "city")]
    found = profile_table(source, columns, slices=["city"]).statistics
    rows = as_value_lists(next(source.iter_batches(["price", "city"])), columns)
    slicer = tfdv.experimental_get_feature_value_slicer({"city": None})
    for key, batch in slicer(rows):
        ours = next(dataset for dataset in found.datasets if dataset.name == key)
        plain = tfdv.generate_statistics_from_dataframe(
            pa.Table.from_batches([batch])
            .to_pandas()
            .apply(lambda column: column.map(lambda value: None if value is None else value[0])),
            stats_options=tfdv.StatsOptions(num_histogram_buckets=100),
            n_jobs=1,
        )
        assert ours.num_examples == plain.datasets[0].num_examples == batch.num_rows
        mine = {feature.path.step[0]: feature for feature in ours.features}
        for feature in plain.datasets[0].features:
            own = mine[feature.path.step[0]]
            assert own.num_stats.mean == pytest.approx(feature.num_stats.mean)
            assert own.string_stats.unique == feature.string_stats.unique
    assert [dataset.name for dataset in found.datasets] == [*("All Examples", "city_Seoul", "city_Busan", "city_Daegu")]


def test_small_slices_and_columns_of_too_many_values_are_left_out_and_that_is_said(tmp_path):
    content = pa.table(
        {
            "kind": ["rare"] * 9 + ["common"] * 1991,
            "many": [str(row % 80) for row in range(2000)],
            "each": [str(row) for row in range(2000)],
        }
    )
    pq.write_table(content, tmp_path / "t.parquet")
    source = open_table(str(tmp_path / "t.parquet"))
    columns = examined(source)
    found = profile_table(source, columns, slices=["kind"])
    assert [dataset.name for dataset in found.statistics.datasets] == ["All Examples", "kind_common"]
    assert found.remarks == ("1 slices by kind have fewer than 10 rows and no statistics",)
    found = profile_table(source, columns, slices=["many"])
    assert len(found.statistics.datasets) == 51
    assert found.remarks == ("only 50 slices by many have statistics of their own; there are more",)
    found = profile_table(source, columns, slices=["each"])
    assert len(found.statistics.datasets) == 1
    assert found.remarks == ("'each' has too many values to slice by",)


def test_splits_are_told_apart(write_table):
    path = write_table(["train", "test"] * 50, ["a"] * 100, {"price": list(range(100))})
    source = open_table(str(path))
    columns = [ExaminedColumn(name="price", role="feature", kind="integer")]
    found = profile_table(source, columns, splits=["test"])
    assert found.num_rows == 50
    assert found.sample["price"].to_pylist() == list(range(1, 100, 2))
    assert found.row_numbers.tolist() == list(range(1, 100, 2))
    assert feature_summaries(found.statistics)["price"].minimum == 1


def test_a_text_file_whose_types_turn_out_otherwise_is_seen_once_all_the_same(tmp_path):
    (tmp_path / "t.csv").write_text("n,x\n" + "1,2\n" * 400_000 + "1,two\n")
    source = open_table(str(tmp_path / "t.csv"))
    columns = examined(source)
    assert [column.kind for column in columns] == ["integer", "integer"]
    collector = RowSums("n")
    found = profile_table(source, columns, collectors=[collector])
    assert [column.kind for column in found.columns] == ["integer", "category"]
    assert found.num_rows == collector.total == 400_001
    assert feature_summaries(found.statistics)["x"].value_counts == {"2": 400_000, "two": 1}
    assert found.sample.schema.types == [pa.int64(), pa.string()]


def test_ragged_rows_are_in_the_remarks_and_in_no_statistic(tmp_path):
    (tmp_path / "t.csv").write_text("n\n" + "1\n" * 20 + "1,2\n")
    source = open_table(str(tmp_path / "t.csv"))
    found = profile_table(source, examined(source))
    assert found.num_rows == 20
    assert "1 lines of t.csv with too few or too many values are left out" in found.remarks


@pytest.mark.slow
def test_ten_thousand_columns_and_columns_without_values_are_profiled(tmp_path):
    names = [f"c{number}" for number in range(10_000)]
    (tmp_path / "t.csv").write_text("\n".join([",".join(names), *[",".join(["1"] * 9_999 + [""])] * 20]))
    source = open_table(str(tmp_path / "t.csv"))
    summaries = feature_summaries(profile_table(source, examined(source)).statistics)
    assert len(summaries) == 10_000
    assert summaries["c0"].mean == 1.0
    assert summaries["c9999"].num_missing == 20


def test_a_table_without_rows_has_a_profile(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n")
    source = open_table(str(tmp_path / "t.csv"))
    for number in (None, 2):
        found = profile_table(source, examined(source), num_processes=number)
        assert (found.num_rows, found.sample.num_rows) == (0, 0)
        assert found.sample.schema.names == ["a", "b"]
        assert found.statistics.datasets[0].num_examples == 0


def test_what_cannot_be_sliced_by_is_refused(table):
    source = open_table(table)
    for name in ("phone", "nowhere"):
        with pytest.raises(ValueError, match=f"not one of personal data, got '{name}'"):
            profile_table(source, examined(source, masked=["phone"]), slices=[name])
    with pytest.raises(ValueError, match="num_processes must be at least 1, got 0"):
        profile_table(source, examined(source), num_processes=0)


def test_a_file_that_is_damaged_further_on_is_an_error_from_any_process(table):
    with open(table, "r+b") as file:
        file.seek(40_000)
        file.write(b"\xff" * 4000)
    source = open_table(table)
    for number in (1, 2):
        with pytest.raises(ValueError, match=r"t\.parquet cannot be read as a table"):
            profile_table(source, examined(source), num_processes=number)
