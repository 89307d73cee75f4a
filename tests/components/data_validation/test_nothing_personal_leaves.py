"""Tables with personal data, validated, compared and monitored: no file that validation writes holds a value."""

from datetime import datetime, timedelta, UTC
import json

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from components.data_ingestion.table_scan import scanned_table
from components.data_ingestion.tables.ingestion import ingest_tables
from components.data_validation.jobs.compare_tables import compare_tables, ComparisonPaths
from components.data_validation.jobs.compute_statistics import compute_statistics
from components.data_validation.jobs.detect_drift import detect_drift, DriftOutputs, ServedTraffic
from components.data_validation.jobs.evolve_schema import evolve_schema
from components.data_validation.jobs.infer_table_schema import infer_table_schema
from components.data_validation.jobs.validate_examples import validate_examples
from components.data_validation.jobs.validate_table import validate_table
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.problem import parse_problem
from components.shared.serving_log.log_writer import ServingLogWriter
from components.shared.tables.table_recognition import table_file
from tests.planted_personal_data import (
    EMAILS,
    exempt,
    feature_table,
    NUM_ROWS,
    PHONES,
    SEARCH,
    TABLE_PROBLEM,
    TEXT_PROBLEM,
    text_table,
)

KEPT = TABLE_PROBLEM.replace("pii: [phone]", "pii: {phone: keep, agent: keep, mobile: keep}")


def validated(source, problem_text, folder):
    """The example table of a source, and what its validation leaves beside it."""
    problem = parse_problem(problem_text)
    ingest_tables(
        [scanned_table(table_file(str(source), problem.table))], problem=problem, examples_path=folder / "examples"
    )
    validate_examples(
        examples_path=folder / "examples",
        statistics_path=folder / "statistics",
        schema_path=folder / "schema.pbtxt",
        anomalies_path=folder / "anomalies",
        report_path=folder / "report.html",
        verdict_path=folder / "verdict.json",
        metrics_path=folder / "metrics.json",
    )
    return folder


def published(folder):
    """A bundle with the baseline."""
    config = BundleConfig(
        task="tabular_classification", class_names=("high", "low"), backbone={}, preprocessing={"columns": []}
    )
    files = {f"statistics/{file.name}": file.read_bytes() for file in (folder / "statistics").iterdir()}
    files["schema.pbtxt"] = (folder / "schema.pbtxt").read_bytes()
    write_bundle(folder / "model", config, {"weight": np.zeros(3, np.float32)}, files=files)
    return folder / "model"


def served(folder, *, kept=()):
    """A serving log of the rows of the example table, with raw values in every column."""
    table = ExampleTable(folder / "examples")
    raw = pa_csv.read_csv(next(folder.parent.glob("*.csv")))
    times = [datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=row) for row in range(NUM_ROWS)]
    columns = {
        "request_id": pa.array([f"{EMAILS[row % 4]}/{row}" for row in range(NUM_ROWS)]),
        "event_time": pa.array(times, pa.timestamp("us", tz="UTC")),
        "model_name": pa.array(["customers"] * NUM_ROWS),
        "model_revision": pa.array(["a1"] * NUM_ROWS),
        "predicted": pa.array(["high", "low"] * (NUM_ROWS // 2)),
        **{name: raw.column(name).combine_chunks() for name in raw.column_names if name != "label"},
    }
    writer = ServingLogWriter(folder / "log", table.info, kept=kept)
    writer.append(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return folder / "log"


def drift(folder, model, log):
    outputs = DriftOutputs(
        statistics=folder / "drift",
        anomalies=folder / "drift-anomalies",
        report=folder / "drift.html",
        verdict=folder / "drift.json",
    )
    traffic = ServedTraffic(log_uri=str(log), window_start="", window_end="")
    return detect_drift(model_uri=str(model), traffic=traffic, settings="", outputs=outputs)


def test_no_file_of_validation_baseline_and_monitoring_of_a_table_holds_a_value(tmp_path):
    folder = validated(feature_table(tmp_path), TABLE_PROBLEM, tmp_path / "run")
    drift(folder, published(folder), served(folder))
    assert SEARCH.folder(folder, exempt=exempt) == []
    assert SEARCH.folder(folder / "examples"), "the payload holds values, or nothing could be found"
    sample = pq.read_table(folder / "statistics" / "sample.parquet")
    assert set(sample.column("contact").to_pylist()) == {"<e-mail>", "<resident number>"}
    assert set(sample.column("mobile").to_pylist()) == {"<masked>"}


def test_the_log_has_the_hashes_of_the_example_table(tmp_path):
    folder = validated(feature_table(tmp_path), TABLE_PROBLEM, tmp_path / "run")
    log = pa.concat_tables([pq.read_table(part) for part in served(folder).rglob("*.parquet")])
    for name in ("phone", "mobile", "household"):
        trained = ExampleTable(folder / "examples").read([name]).column(0).to_pylist()
        assert set(log.column(name).to_pylist()) == set(trained)
    assert set(log.column("contact").to_pylist()) == {"<e-mail>", "<resident number>"}


def test_no_file_of_the_validation_of_texts_holds_a_value(tmp_path):
    folder = validated(text_table(tmp_path), TEXT_PROBLEM, tmp_path / "run")
    assert SEARCH.folder(folder, exempt=exempt) == []


def test_no_file_of_the_commands_on_raw_tables_holds_a_value(tmp_path):
    source, folder, problem = str(feature_table(tmp_path)), tmp_path / "run", parse_problem(TABLE_PROBLEM)
    other = tmp_path / "other.csv"
    other.write_text((tmp_path / "customers.csv").read_text().replace(PHONES[0], "010-5555-7777"), encoding="utf-8")
    (folder / "schema").mkdir(parents=True)
    infer_table_schema(table_uri=source, output_path=folder / "schema" / "schema.pbtxt", problem=problem)
    schema = folder / "schema" / "schema.pbtxt"
    validate_table(table_uri=str(other), schema_path=schema, output_path=folder / "table", problem=problem)
    compute_statistics(table_uri=source, output_path=folder / "statistics", problem=problem, slices=["agent"])
    evolve_schema(schema_path=schema, table_uri=str(other), output_path=folder / "new.pbtxt", problem=problem)
    compare_tables(
        reference_uri=source, current_uri=str(other), paths=ComparisonPaths.under(folder / "drift"), problem=problem
    )
    assert SEARCH.folder(folder) == []


def test_what_the_problem_file_keeps_is_examined_as_it_is_and_compared_with_itself(tmp_path):
    folder = validated(feature_table(tmp_path), KEPT, tmp_path / "run")
    sample = pq.read_table(folder / "statistics" / "sample.parquet")
    assert set(sample.column("agent").to_pylist()) == set(EMAILS)
    assert sample.column("mobile").type == pa.int64()
    assert EMAILS[0] in (folder / "schema.pbtxt").read_text(encoding="utf-8")
    result = drift(folder, published(folder), served(folder, kept=("phone", "agent", "mobile")))
    assert [finding.column for finding in result.findings if finding.column in ("agent", "phone", "mobile")] == []
    found = {hit.value for hit in SEARCH.folder(folder / "statistics")}
    assert found <= {*EMAILS, *PHONES}


def test_a_finding_never_quotes_a_value_that_is_kept(tmp_path):
    folder = validated(feature_table(tmp_path), KEPT, tmp_path / "run")
    assert not SEARCH.folder(folder, exempt=lambda file: file.suffix not in (".json", ".html"))
    assert json.loads((folder / "verdict.json").read_text(encoding="utf-8"))["check"] == "validation"


@pytest.mark.parametrize("column", ["phone", "agent"])
def test_raw_tables_are_kept_as_the_problem_file_says(column, tmp_path):
    source = str(feature_table(tmp_path))
    compute_statistics(table_uri=source, output_path=tmp_path / "run", problem=parse_problem(KEPT))
    found = {hit.value for hit in SEARCH.folder(tmp_path / "run", exempt=lambda file: file.suffix != ".pb")}
    assert found & set(PHONES if column == "phone" else EMAILS)
