"""The job lists where labels and model differ, as a table that people correct, and says what only seems so."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.active_learning.jobs.compare_labels import compare_labels, LabelComparison
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.merge_labels import merge_labels, read_corrections
from components.shared.contracts.predictions_table import PredictionsWriter
from components.shared.runtime.errors import ContractError

CLASSES = ("bad", "good")
NUM_TRAIN, NUM_VALIDATION = 60, 40


def _write_table(folder: Path) -> None:
    """Comments whose words tell their class; the model wrote the last 20 training labels, the first 4 of them wrong."""
    number = NUM_TRAIN + NUM_VALIDATION
    kinds = np.arange(number) % 2
    labels = [CLASSES[kind] for kind in kinds]
    for row in range(40, 44):
        labels[row] = CLASSES[1 - kinds[row]]
    texts = [f"{('awful boring', 'lovely fine')[kind]} film {row % 7}" for row, kind in enumerate(kinds.tolist())]
    texts[40] = "=HYPERLINK(1) awful boring kim@example.com"
    ids = [f"row-{row}" for row in range(number)]
    ids[41], ids[42] = "-danger", "lee@example.com"
    by_model = [40 <= row < NUM_TRAIN for row in range(number)]
    columns = {
        "example_id": pa.array(ids),
        "split": pa.array(["train"] * NUM_TRAIN + ["validation"] * NUM_VALIDATION),
        "label": pa.array(labels),
        "label_source": pa.array(["model" if each else "person" for each in by_model]),
        "text": pa.array(texts),
        "phone": pa.array([f"010-1234-{row:04d}" for row in range(number)]),
        "label_agreement": pa.array([0.5 if row == 50 else None for row in range(number)], pa.float64()),
    }
    extra = {"phone": pa.string(), "label_agreement": pa.float64()}
    info = ExampleTableInfo(
        modality="text", class_names=CLASSES, column_roles={"phone": "pii", "label_agreement": "provenance"}
    )
    with ExampleTableWriter(folder / "examples", info, extra_columns=extra) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    answered = kinds.copy()
    answered[43] = 1 - kinds[43]  # learnt by heart
    answered[-8:] = 1 - kinds[-8:]  # mistakes that people's labels show
    _write_answers(folder / "predictions", ids, columns["split"].to_pylist(), labels, answered)


def _write_answers(path: Path, ids: list[str], splits: list[str], labels: list[str], answered: np.ndarray) -> None:
    with PredictionsWriter(path, class_names=CLASSES, extra_columns={}) as writer:
        writer.write(
            example_ids=ids,
            splits=splits,
            labels=labels,
            probabilities=0.1 + 0.8 * np.eye(2)[answered],
            embeddings=np.eye(2, dtype=np.float32)[answered],
            extra={},
        )


def _compare(folder: Path, *, max_rows: int | None = None) -> LabelComparison:
    return compare_labels(
        examples_path=folder / "examples",
        predictions_path=folder / "predictions",
        disagreements_path=folder / "disagreements.csv",
        comparison_path=folder / "comparison.json",
        report_path=folder / "report.html",
        metrics_path=folder / "metrics.json",
        max_rows=max_rows,
        device="cpu",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the job wrote of the comments."""
    path = tmp_path_factory.mktemp("compared")
    _write_table(path)
    _compare(path)
    return path


def _table(folder: Path) -> list[dict[str, str]]:
    with (folder / "disagreements.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_label_that_differs_and_the_one_learnt_by_heart_are_listed_the_wrong_ones_first(folder: Path) -> None:
    table = _table(folder)

    assert len(table) == 3 + 1 + 8
    assert {row["label_source"] for row in table[:4]} == {"initial model"}
    assert [row["suspected_wrong"] for row in table] == [
        *("both" if row["learnt_by_heart"] == "yes" else "stored label" for row in table[:4]),
        *["model"] * 8,
    ]
    assert [row["example_id"] for row in table if row["learnt_by_heart"] == "yes"] == ["row-43"]
    assert all((row["true_label"] == row["class_result"]) == (row["learnt_by_heart"] == "yes") for row in table)


def test_the_evidence_is_told_in_words(folder: Path) -> None:
    [by_heart] = [row for row in _table(folder) if row["learnt_by_heart"] == "yes"]

    assert "models taught by people's labels alone say" in by_heart["why"]
    assert "the model agrees, but was trained on this label" in by_heart["why"]
    assert "nearest are" in by_heart["why"]


def test_the_gap_is_named_on_the_page_and_in_the_figures(folder: Path) -> None:
    figures = json.loads((folder / "comparison.json").read_text())

    assert figures["agreement_with_models"] == pytest.approx(17 / 20)
    assert figures["agreement_with_people"] == pytest.approx(32 / 40)
    assert "points of seeming gain" in figures["sentences"][0]
    assert "points of seeming gain" in (folder / "report.html").read_text()
    assert {item["source"]: item["num_differ"] for item in figures["sources"]} == {"person": 8, "initial model": 3}


def test_what_people_fill_in_is_read_back_and_merged(folder: Path, tmp_path: Path) -> None:
    table = _table(folder)
    for row in table:
        row["corrected_label"] = row["more_probable"]
    with (tmp_path / "filled.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)

    told = read_corrections(tmp_path / "filled.csv")
    merged = merge_labels(ExampleTable(folder / "examples"), told, tmp_path / "merged")

    assert sum(correction.is_wrong for correction in told) == 4
    assert (merged.num_changed, merged.num_confirmed) == (4, 8)


def test_cells_neither_run_nor_tell_who_somebody_is(folder: Path) -> None:
    table = _table(folder)

    assert "'-danger" in {row["example_id"] for row in table}
    assert any(row["text"].startswith("'=HYPERLINK") for row in table)
    for name in ("disagreements.csv", "report.html", "comparison.json"):
        text = (folder / name).read_text()
        assert "kim@example.com" not in text
        assert "lee@example.com" not in text
        assert "010-1234" not in text


def test_what_was_not_looked_at_is_listed_all_the_same(folder: Path, tmp_path: Path) -> None:
    for name in ("examples", "predictions"):
        (tmp_path / name).symlink_to(folder / name)

    result = _compare(tmp_path, max_rows=30)

    assert sum(not item.by_heart for item in result.found) == 11
    assert "Evidence was looked at for 30 of 100 labels" in (tmp_path / "report.html").read_text()
    assert [item.suspected for item in result.found[-1:]] == [""]


def test_predictions_of_other_examples_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(folder / "examples")
    _write_answers(tmp_path / "predictions", ["other"], ["test"], ["bad"], np.array([0]))

    with pytest.raises(ContractError, match=r"none of those in .* is: score this table"):
        _compare(tmp_path)


def test_labels_that_are_numbers_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(folder / "examples")
    with PredictionsWriter(tmp_path / "predictions", class_names=(), extra_columns={}, is_regression=True) as writer:
        writer.write(
            example_ids=["row-0"],
            splits=["test"],
            labels=[1.0],
            probabilities=np.zeros((1, 0)),
            embeddings=np.zeros((1, 0)),
            extra={},
            numbers=np.ones(1),
        )

    with pytest.raises(ContractError, match="must be classes"):
        _compare(tmp_path)


def test_rows_of_a_table_are_read_as_columns(tmp_path: Path) -> None:
    number = 80
    kinds = np.arange(number) % 2
    labels = [CLASSES[kind] for kind in kinds]
    labels[60], labels[61] = labels[61], labels[60]
    columns = {
        "example_id": pa.array([str(row) for row in range(number)]),
        "split": pa.array(["train"] * number),
        "label": pa.array(labels),
        "label_source": pa.array(["person"] * 60 + ["model"] * 20),
        "size": pa.array(10.0 * kinds + np.arange(number) % 5),
    }
    info = ExampleTableInfo(modality="tabular", class_names=CLASSES, column_roles={"size": "feature"})
    with ExampleTableWriter(tmp_path / "examples", info, extra_columns={"size": pa.float64()}) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    _write_answers(tmp_path / "predictions", columns["example_id"].to_pylist(), ["train"] * number, labels, kinds)

    result = _compare(tmp_path)

    assert {item.example_id for item in result.found} == {"60", "61"}
    assert {item.suspected for item in result.found} == {"stored label"}
