"""Planted faults between the splits of one table, found through the job that the pipeline runs."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from components.data_validation.jobs.validate_examples import validate_examples
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.verdict import Finding, read_verdict

NUM_TRAIN, NUM_TEST = 700, 300
SPLITS = ["train"] * NUM_TRAIN + ["test"] * NUM_TEST


def rows(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    count = NUM_TRAIN + NUM_TEST
    return {"x": rng.normal(size=count), "z": rng.normal(size=count)}


def labels(seed: int = 1) -> list[str]:
    return np.random.default_rng(seed).choice(["yes", "no"], NUM_TRAIN + NUM_TEST).tolist()


def findings(examples: Path, output: Path) -> list[Finding]:
    validate_examples(
        examples_path=examples,
        statistics_path=output / "statistics",
        schema_path=output / "schema.pbtxt",
        anomalies_path=output / "anomalies",
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
    )
    found = read_verdict(output / "verdict.json").findings
    return [finding for finding in found if finding.name != "EMPTY_SPLIT"]


def test_splits_at_random_have_no_finding(write_table, tmp_path):
    assert findings(write_table(SPLITS, labels(), rows()), tmp_path / "out") == []


def test_training_rows_repeated_in_the_test_split_block(write_table, tmp_path):
    columns = rows()
    for values in columns.values():
        values[NUM_TRAIN : NUM_TRAIN + 15] = values[:15]
    (finding,) = findings(write_table(SPLITS, labels(), columns), tmp_path / "out")
    assert (finding.kind, finding.severity, finding.name) == ("quality", "blocking", "ROWS_LEAK_BETWEEN_SPLITS")
    assert "15 of the 300 rows of test" in finding.message


def test_a_photo_that_stands_in_two_splits_blocks(tmp_path):
    rng = np.random.default_rng(0)
    photos = [rng.bytes(30) for _ in SPLITS]
    photos[NUM_TRAIN : NUM_TRAIN + 15] = photos[:15]
    info = ExampleTableInfo(modality="image", class_names=("no", "yes"), column_roles={"brightness": "derived"})
    with ExampleTableWriter(tmp_path / "examples", info, extra_columns={"brightness": pa.float64()}) as writer:
        columns = {
            "example_id": pa.array([f"e{row}" for row in range(len(SPLITS))]),
            "split": pa.array(SPLITS),
            "label": pa.array(labels()),
            "image": pa.array(photos, pa.binary()),
            "brightness": pa.array(rng.normal(size=len(SPLITS))),
        }
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    (finding,) = findings(tmp_path / "examples", tmp_path / "out")
    assert (finding.severity, finding.name) == ("blocking", "ROWS_LEAK_BETWEEN_SPLITS")


def test_a_feature_that_gives_the_label_away_blocks_and_a_derived_column_warns(write_table, tmp_path):
    answers = labels()
    told = ["printed" if answer == "yes" else "typed" for answer in answers]
    columns = {**rows(), "receipt": told, "format": told}
    found = findings(write_table(SPLITS, answers, columns, roles={"format": "derived"}), tmp_path / "out")
    assert {(finding.column, finding.severity, finding.name) for finding in found} == {
        ("receipt", "blocking", "FEATURE_GIVES_LABEL_AWAY"),
        ("format", "warning", "FEATURE_GIVES_LABEL_AWAY"),
    }


def test_a_test_split_of_other_data_is_a_warning(write_table, tmp_path):
    columns = rows()
    columns["x"][NUM_TRAIN:] += 1.0
    found = findings(write_table(SPLITS, labels(), columns), tmp_path / "out")
    assert {(finding.kind, finding.severity, finding.name) for finding in found if finding.column == "x"} == {
        ("data_skew", "warning", "SPLIT_MISMATCH")
    }
    assert all(finding.severity != "blocking" for finding in found)
