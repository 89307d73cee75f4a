import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data_validation.statistics.beam_statistics import beam_statistics
from components.data_validation.statistics.feature_summaries import feature_summaries
from components.data_validation.statistics.profile import profile_table
from components.data_validation.tables.arrow_lists import column_kind, ExaminedColumn
from components.data_validation.tables.source_opening import open_table

NUM_ROWS = 3000


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(2):
        table = pa.table(
            {
                "price": pa.array(rng.lognormal(size=NUM_ROWS), mask=rng.random(NUM_ROWS) < 0.1),
                "count": rng.integers(0, 50, NUM_ROWS),
                "city": rng.choice(["서울", "Busan", "Daegu"], NUM_ROWS),
            }
        )
        pq.write_table(table, tmp_path / f"part-{number}.parquet", row_group_size=500)
    return str(tmp_path)


def examined(source) -> list[ExaminedColumn]:
    return [ExaminedColumn(name=field.name, role="feature", kind=column_kind(field.type)) for field in source.schema]


TWO_THREADS = ["--runner=DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_threading"]


@pytest.mark.parametrize("options", [[], pytest.param(TWO_THREADS, marks=pytest.mark.slow)])
def test_beam_computes_the_statistics_that_are_computed_in_process_and_writes_them(folder, options, tmp_path_factory):
    output = tmp_path_factory.mktemp("statistics")
    source = open_table(folder)
    columns = examined(source)
    ours = feature_summaries(profile_table(source, columns).statistics)
    computed = beam_statistics(source, columns, beam_options=options, output_uri=str(output))
    assert computed.datasets[0].num_examples == 2 * NUM_ROWS
    assert (output / "statistics.pb").is_file()
    theirs = feature_summaries(computed)
    assert theirs.keys() == ours.keys() == {"price", "count", "city"}
    for name, mine in ours.items():
        their = theirs[name]
        assert (their.num_examples, their.num_missing) == (mine.num_examples, mine.num_missing)
        assert (their.value_counts, their.num_unique) == (mine.value_counts, mine.num_unique)
    for name in ("price", "count"):
        mine, their = ours[name], theirs[name]
        assert their.mean == pytest.approx(mine.mean, rel=1e-9)
        assert their.std == pytest.approx(mine.std, rel=1e-9)
        assert (their.minimum, their.maximum) == (mine.minimum, mine.maximum)
        assert their.median == pytest.approx(mine.median, rel=0.02)
