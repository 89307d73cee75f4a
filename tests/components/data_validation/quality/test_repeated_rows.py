import numpy as np
import pyarrow as pa
import pytest

from components.data_validation.quality.repeated_rows import duplicate_findings, leakage, leakage_findings
from components.data_validation.quality.row_hashes import row_hashes


def hashes_of(columns: np.ndarray) -> np.ndarray:
    table = pa.table({str(index): column for index, column in enumerate(columns.T)})
    return row_hashes(table, table.column_names)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_five_percent_of_training_rows_in_a_small_test_split_block(generator):
    train, test = np.split(hashes_of(generator.normal(size=(1000, 3))), [800])
    test[:10] = train[100:110]
    (finding,) = leakage_findings(train, test)
    assert (finding.kind, finding.name, finding.severity) == ("quality", "ROWS_LEAK_BETWEEN_SPLITS", "blocking")
    assert finding.value == pytest.approx(0.05)
    assert (finding.significant, finding.material) == (True, True)
    assert "10 of the 200 rows of test also stand in train" in finding.message


def test_rows_of_continuous_columns_that_do_not_repeat_have_no_finding(generator):
    train, test = np.split(hashes_of(generator.normal(size=(1000, 3))), [800])
    assert leakage_findings(train, test) == []


@pytest.mark.parametrize(
    "draw",
    [
        lambda generator, rows: generator.integers(0, 2, (rows, 5)),
        lambda generator, rows: generator.integers(0, 2, (rows, 10)),
        lambda generator, rows: generator.integers(0, 3, (rows, 8)),
        lambda generator, rows: generator.geometric(0.3, (rows, 4)),
    ],
)
@pytest.mark.parametrize("sizes", [(200, 50), (800, 200), (800, 2400)])
def test_few_valued_tables_raise_no_alarm_though_rows_stand_on_both_sides(generator, draw, sizes):
    num_on_both_sides = 0
    for _ in range(30):
        train, test = np.split(hashes_of(draw(generator, sum(sizes))), [sizes[0]])
        num_on_both_sides += np.isin(test, train).sum()
        assert leakage_findings(train, test) == []
    assert num_on_both_sides > 30


def test_a_shift_towards_common_rows_is_no_leak(generator):
    def mixed(rows: int, common_share: float) -> np.ndarray:
        rare = generator.random(rows) >= common_share
        return hashes_of(np.column_stack([np.where(rare, generator.random(rows), 0.0), generator.integers(0, 3, rows)]))

    train, test = mixed(2000, 0.1), mixed(1000, 0.9)
    assert np.isin(test, train).mean() > 0.8
    assert leakage_findings(train, test) == []


def test_a_leak_is_found_beside_natural_repetition(generator):
    train, test = np.split(hashes_of(generator.geometric(0.08, (6000, 3))), [5000])
    natural = leakage(train, test)
    test[:150] = generator.choice(train, 150, replace=False)
    (finding,) = leakage_findings(train, test)
    assert finding.severity == "blocking"
    assert natural.num_leaked > 0
    assert natural.natural_share == pytest.approx(natural.num_leaked / 1000, abs=0.02)


def test_a_significant_leak_of_less_than_one_percent_warns(generator):
    train, test = np.split(hashes_of(generator.normal(size=(60_000, 2))), [50_000])
    test[:50] = train[:50]
    (finding,) = leakage_findings(train, test)
    assert (finding.severity, finding.material) == ("warning", False)


def test_good_s_estimate_by_hand():
    # Of ten rows two values come twice: a further draw meets a value seen once with a chance of about 2 x 2 / 10.
    reference = np.array([1, 1, 2, 2, 3, 4, 5, 6, 7, 8], np.uint64)
    found = leakage(reference, np.array([1, 3, 3, 9, 9], np.uint64))
    assert (found.natural_share, found.num_leaked) == (0.4, 1)


def test_empty_sides_have_no_leak():
    empty, rows = np.array([], np.uint64), np.arange(50, dtype=np.uint64)
    assert leakage_findings(empty, rows) == leakage_findings(rows, empty) == duplicate_findings(empty) == []


def test_copied_rows_warn_from_one_percent_on(generator):
    def findings(copies: int) -> list:
        rows = hashes_of(generator.normal(size=(1000, 2)))
        return duplicate_findings(np.concatenate([rows, rows[:copies]]), table="train")

    assert findings(0) == []
    (few,), (many,) = findings(5), findings(50)
    assert (few.severity, many.severity) == ("note", "warning")
    assert (many.name, many.kind) == ("DUPLICATE_ROWS", "quality")
    assert many.message == "50 of the 1,050 rows of train repeat an earlier row"


def test_a_table_that_is_there_twice_warns_and_one_of_few_values_is_a_note(generator):
    rows = hashes_of(generator.normal(size=(500, 2)))
    (doubled,) = duplicate_findings(np.tile(rows, 2))
    (tripled,) = duplicate_findings(np.tile(rows, 3))
    assert (doubled.severity, doubled.value) == ("warning", 0.5)
    assert tripled.severity == "warning"
    (discrete,) = duplicate_findings(hashes_of(generator.integers(0, 2, (1000, 5))))
    assert discrete.severity == "note"
    assert "few discrete columns" in discrete.message


def test_equally_frequent_values_of_one_column_are_no_copies():
    (balanced,) = duplicate_findings(hashes_of(np.tile([[0], [1]], (250, 1))))
    (constant,) = duplicate_findings(hashes_of(np.zeros((500, 1))))
    assert (balanced.severity, constant.severity) == ("note", "note")


def test_a_leak_is_found_at_a_rate_below_a_thousandth_too(generator):
    train, test = np.split(hashes_of(generator.normal(size=(1000, 3))), [800])
    assert leakage_findings(train, test, false_alarm_rate=1e-4) == []
    test[:20] = train[100:120]
    (finding,) = leakage_findings(train, test, false_alarm_rate=1e-4)
    assert finding.p_value == pytest.approx(1e-5, rel=0.1)
