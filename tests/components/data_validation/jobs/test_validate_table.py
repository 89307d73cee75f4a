from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.jobs.compute_statistics import compute_statistics
from components.data_validation.jobs.evolve_schema import evolve_schema
from components.data_validation.jobs.infer_table_schema import infer_table_schema
from components.data_validation.jobs.validate_table import validate_table
from components.data_validation.schemas.schema_files import read_schema
from components.data_validation.statistics.feature_summaries import feature_summaries
from components.shared.contracts.problem import parse_problem
from components.shared.contracts.verdict import read_verdict

PROBLEM = parse_problem("{label: {expression: tips > 1}, pii: [phone]}")


def table(**changes: object) -> pa.Table:
    rng = np.random.default_rng(0)
    columns = {
        "fare": rng.uniform(1, 50, 400),
        "tips": rng.exponential(size=400),
        "shop": rng.choice(["north", "south"], 400),
        "phone": ["010-1234-5678"] * 400,
        **changes,
    }
    return pa.table({name: values for name, values in columns.items() if values is not None})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    pq.write_table(table(), tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def statistics_of(file: Path) -> statistics_pb2.DatasetFeatureStatisticsList:
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    statistics.ParseFromString(file.read_bytes())
    return statistics


def test_statistics_hold_the_computed_label_and_slices_and_no_personal_value(source, tmp_path):
    result = compute_statistics(table_uri=str(source), output_path=tmp_path / "out", problem=PROBLEM, slices=["shop"])
    assert (result.num_rows, result.num_columns, result.num_slices) == (400, 5, 2)
    found = statistics_of(result.statistics_file)
    assert {dataset.name for dataset in found.datasets[1:]} == {"shop_north", "shop_south"}
    assert set(feature_summaries(found)["label"].value_counts) == {"true", "false"}
    for file in (result.statistics_file, result.report_file):
        assert b"010-1234" not in file.read_bytes()


def test_a_beam_runner_gives_the_same_counts_and_means(source, tmp_path):
    here = compute_statistics(table_uri=str(source), output_path=tmp_path / "here", problem=PROBLEM)
    beam = compute_statistics(
        table_uri=str(source), output_path=tmp_path / "beam", problem=PROBLEM, beam_options=["--runner=DirectRunner"]
    )
    assert (beam.num_rows, beam.num_columns) == (here.num_rows, here.num_columns)
    ours, theirs = (feature_summaries(statistics_of(result.statistics_file)) for result in (here, beam))
    assert theirs["fare"].mean == pytest.approx(ours["fare"].mean, rel=1e-9)
    assert theirs["label"].value_counts == ours["label"].value_counts


def test_slices_are_not_asked_of_beam(source, tmp_path):
    with pytest.raises(ValueError, match="slices must not be asked for where Beam does the work"):
        compute_statistics(table_uri=str(source), output_path=tmp_path, slices=["shop"], beam_options=[])


def test_a_schema_is_inferred_reviewed_and_held_against_later_tables(source, tmp_path):
    schema = tmp_path / "schema.pbtxt"
    assert infer_table_schema(table_uri=str(source), output_path=schema, problem=PROBLEM) == 5
    assert "010-1234" not in schema.read_text("utf-8")
    label = next(feature for feature in read_schema(schema).feature if feature.name == "label")
    assert list(label.not_in_environment) == ["SERVING"]
    empty = tmp_path / "empty.parquet"
    pq.write_table(table().slice(0, 0), empty)
    with pytest.raises(ValueError, match="at least one row and column"):
        infer_table_schema(table_uri=str(empty), output_path=tmp_path / "none.pbtxt")
    passed = validate_table(table_uri=str(source), schema_path=schema, output_path=tmp_path / "a", problem=PROBLEM)
    assert passed.passed
    pq.write_table(table(shop=["west"] * 400, fare=None), tmp_path / "later.parquet")
    verdict = validate_table(
        table_uri=str(tmp_path / "later.parquet"), schema_path=schema, output_path=tmp_path / "b", problem=PROBLEM
    )
    assert read_verdict(tmp_path / "b" / "verdict.json") == verdict
    assert {finding.column for finding in verdict.findings if finding.severity == "blocking"} == {"shop", "fare"}
    assert (tmp_path / "b" / "anomalies.pbtxt").is_file()


def test_a_schema_evolves_into_a_proposal_that_the_newer_table_fits(source, tmp_path):
    schema, proposal = tmp_path / "schema.pbtxt", tmp_path / "proposal.pbtxt"
    infer_table_schema(table_uri=str(source), output_path=schema, problem=PROBLEM)
    pq.write_table(table(shop=["west"] * 400), tmp_path / "later.parquet")
    later = str(tmp_path / "later.parquet")
    result = evolve_schema(schema_path=schema, table_uri=later, output_path=proposal, problem=PROBLEM)
    assert {item.column for item in result.differences} == {"shop"}
    verdict = validate_table(table_uri=later, schema_path=proposal, output_path=tmp_path / "out", problem=PROBLEM)
    assert verdict.passed


def test_a_table_without_its_label_fits_when_serving_alone(source, tmp_path):
    schema = tmp_path / "schema.pbtxt"
    infer_table_schema(table_uri=str(source), output_path=schema, problem=PROBLEM)
    pq.write_table(table(tips=None), tmp_path / "served.parquet")
    arguments = {"table_uri": str(tmp_path / "served.parquet"), "schema_path": schema}
    verdict = validate_table(**arguments, environment="SERVING", output_path=tmp_path / "serving")
    assert {finding.column for finding in verdict.findings if finding.severity == "blocking"} == {"tips"}
    verdict = validate_table(**arguments, environment="TRAINING", output_path=tmp_path / "training")
    assert {finding.column for finding in verdict.findings if finding.severity == "blocking"} == {"tips", "label"}


def test_a_users_own_check_blocks_with_their_words(source, tmp_path):
    schema, checks = tmp_path / "schema.pbtxt", tmp_path / "checks.yaml"
    infer_table_schema(table_uri=str(source), output_path=schema, problem=PROBLEM)
    checks.write_text(
        "validations:\n"
        "- {feature: fare, expression: num_stats.max < 10, severity: error, description: a fare of 10 is too much}"
    )
    verdict = validate_table(
        table_uri=str(source), schema_path=schema, checks_path=checks, output_path=tmp_path / "out", problem=PROBLEM
    )
    assert not verdict.passed
    assert "a fare of 10 is too much" in verdict.reason


def test_blanks_are_no_values_and_what_looks_missing_is_a_warning(tmp_path):
    lines = [f"{number % 7},{(' north', 'south ', '?')[number % 3]}" for number in range(300)]
    (tmp_path / "clean.csv").write_text("fare,shop\n" + "\n".join(lines).replace(" ", "").replace("?", "north") + "\n")
    (tmp_path / "later.csv").write_text("fare,shop\n" + "\n".join(lines) + "\n")
    schema = tmp_path / "schema.pbtxt"
    infer_table_schema(table_uri=str(tmp_path / "clean.csv"), output_path=schema)

    def messages(problem: str) -> list[tuple[str, str]]:
        verdict = validate_table(
            table_uri=str(tmp_path / "later.csv"),
            schema_path=schema,
            output_path=tmp_path / "out",
            problem=parse_problem(problem),
        )
        return [(finding.name, finding.severity) for finding in verdict.findings if finding.column == "shop"]

    # Blanks at the ends of values are no new categories, and a question mark is one unless it is said to be missing.
    assert ("LOOKS_MISSING", "warning") in messages("")
    assert all(name != "LOOKS_MISSING" for name, _ in messages('table: {missing: ["?"]}'))
    statistics_file = tmp_path / "out" / "statistics.pb"
    assert set(feature_summaries(statistics_of(statistics_file))["shop"].value_counts) == {"north", "south"}
