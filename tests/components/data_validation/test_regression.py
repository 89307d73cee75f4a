"""Labels and predictions that are numbers: statistics, drift, leakage and sufficiency treat them as numbers."""

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from components.data_validation.jobs.assess_sufficiency import assess_sufficiency
from components.data_validation.jobs.compare_tables import compare_tables, ComparisonPaths
from components.data_validation.jobs.validate_examples import validate_examples
from components.data_validation.quality.target_leakage import target_leakage_findings
from components.data_validation.tables.column_roles import recognised_roles
from components.data_validation.tables.label_quarters import label_quarters
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.problem import parse_problem
from components.shared.contracts.verdict import read_verdict

NUM_ROWS = 600


def houses(seed, *, shift=0.0):
    rng = np.random.default_rng(seed)
    area = rng.uniform(20.0, 200.0, NUM_ROWS)
    garden = rng.choice(["yes", "no"], NUM_ROWS)
    price = 3.0 * area + 50.0 * (garden == "yes") + rng.normal(0.0, 40.0, NUM_ROWS) + shift
    return {"area": area, "garden": garden, "price": price, "predicted": 3.0 * area + 25.0 + shift}


def test_quarters_hold_about_as_many_labels_each():
    ranges, codes = label_quarters(np.array([4.0, 1.0, np.nan, 2.0, 3.0]))
    assert ranges == ("1 to 1.75", "1.75 to 2.5", "2.5 to 3.25", "3.25 to 4")
    assert codes.tolist() == [3, 0, -1, 1, 2]
    assert label_quarters(np.array([np.nan]))[0] == ()
    large = label_quarters(1e6 + np.arange(8.0))[0]
    assert len(set(large)) == 4


@pytest.mark.parametrize(("noise", "severity"), [(0.0, "blocking"), (0.005, "blocking"), (0.1, "note"), (0.5, None)])
def test_a_column_that_gives_a_number_away_is_found(noise, severity):
    rng = np.random.default_rng(0)
    label = rng.gamma(2.0, 50.0, 4000)
    copy = 7.0 * label * (1.0 + noise * rng.normal(size=4000))
    found = target_leakage_findings(pa.table({"copy": copy}), pa.array(label), columns=["copy"])
    assert [finding.severity for finding in found] == ([] if severity is None else [severity])
    if severity == "blocking":
        assert "alone predicts which quarter of the labels a row is in" in found[0].message


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        ("label: {column: price}", "float"),
        ("label: {column: price}\ntask: classification", "category"),
        ("label: {expression: price / area}", "float"),
        ("label: {expression: price > 100}", "category"),
    ],
)
def test_the_label_is_examined_as_ingestion_reads_it(problem, kind):
    roles = recognised_roles([pa.table(houses(0))], parse_problem(problem))
    label = next(column for column in roles.columns if column.role == "label")
    assert label.kind == kind
    assert roles.label_is_number is (kind == "float")
    assert any("taken for a number" in remark for remark in roles.remarks) is (problem == "label: {column: price}")


def test_label_and_prediction_drift_as_numbers(tmp_path):
    for name, columns in (("then.csv", houses(0)), ("now.csv", houses(1, shift=150.0))):
        pa_csv.write_csv(pa.table(columns), tmp_path / name)
    compare_tables(
        reference_uri=str(tmp_path / "then.csv"),
        current_uri=str(tmp_path / "now.csv"),
        paths=ComparisonPaths.under(tmp_path / "out"),
        problem=parse_problem("label: {column: price}"),
        num_processes=1,
    )
    verdict = read_verdict(tmp_path / "out" / "verdict.json")
    found = {finding.column: finding for finding in verdict.findings if finding.kind == "data_drift"}
    assert (found["price"].name, found["price"].subtype) == ("LABEL_DRIFT", "label")
    assert (found["predicted"].name, found["predicted"].subtype) == ("PREDICTION_DRIFT", "prediction")
    assert found["price"].significant
    assert "area" not in found


def example_table(path, *, num_rows=NUM_ROWS):
    """The first rows of the houses as an example table."""
    columns = {name: pa.array(houses(0)[name][:num_rows]) for name in ("area", "garden")}
    info = ExampleTableInfo(
        modality="tabular", class_names=(), column_roles=dict.fromkeys(columns, "feature"), task="regression"
    )
    arrays = {
        "example_id": pa.array([str(number) for number in range(num_rows)]),
        "split": pa.array((["train"] * 14 + ["validation"] * 3 + ["test"] * 3) * (num_rows // 20)),
        "label": pa.array(houses(0)["price"][:num_rows]),
        **columns,
    }
    types = {name: column.type for name, column in columns.items()}
    with ExampleTableWriter(path, info, extra_columns=types) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)))
    return path


def test_an_example_table_of_numbers_is_validated(tmp_path):
    result = validate_examples(
        examples_path=example_table(tmp_path / "examples"),
        statistics_path=tmp_path / "statistics",
        schema_path=tmp_path / "schema.pbtxt",
        anomalies_path=tmp_path / "anomalies",
        report_path=tmp_path / "report.html",
        verdict_path=tmp_path / "verdict.json",
    )
    assert result.passed, result.reason
    schema = (tmp_path / "schema.pbtxt").read_text()
    label = schema[schema.index('name: "label"') :]
    assert label[: label.index("}")].count("type: FLOAT") == 1


@pytest.mark.parametrize(
    ("num_rows", "outcome"), [(40, "insufficient_sample"), pytest.param(NUM_ROWS, "passed", marks=pytest.mark.slow)]
)
def test_what_is_judged_of_numbers_is_their_quarters(tmp_path, num_rows, outcome):
    result = assess_sufficiency(
        examples_path=example_table(tmp_path / "examples", num_rows=num_rows),
        target='{"metric": "rmse", "maximum": 50}',
        report_path=tmp_path / "sufficiency.html",
        verdict_path=tmp_path / "sufficiency.json",
    )
    assert result.outcome == outcome, result.reason
    verdict = read_verdict(tmp_path / "sufficiency.json")
    (remark, *_) = verdict.remarks
    assert remark == (
        "the label is a number: what is judged is which quarter of the labels a row is in, so the target rmse 50 is "
        "not extrapolated to"
    )


@pytest.mark.slow
def test_noise_is_not_predictable(tmp_path):
    columns = houses(0)
    rng = np.random.default_rng(0)
    pa_csv.write_csv(
        pa.table({"area": columns["area"], "garden": columns["garden"], "price": rng.permutation(columns["price"])}),
        tmp_path / "noise.csv",
    )
    result = assess_sufficiency(
        examples_path=tmp_path / "noise.csv",
        problem=parse_problem("label: {column: price}"),
        report_path=tmp_path / "sufficiency.html",
        verdict_path=tmp_path / "sufficiency.json",
    )
    assert not result.passed
    assert "no relation" in result.reason
