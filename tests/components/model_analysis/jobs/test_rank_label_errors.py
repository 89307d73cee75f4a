"""The job ranks labels that are set, writes what people fill in, and estimates a share from an audit only."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.model_analysis.jobs.evaluate_model import evaluate_model
from components.model_analysis.jobs.merge_labels import merge_corrected_labels
from components.model_analysis.jobs.rank_label_errors import LabelErrorsResult, rank_label_errors
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter
from tests.components.model_analysis.small_models import comment

WRONG = {"train": range(5), "validation": range(2), "test": range(4)}
SIZES = {"train": 80, "validation": 30, "test": 50}


@pytest.fixture(scope="module")
def comments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Comments of two kinds; the first labels of each split are changed, one is missing, one is by a model."""
    rows = []
    for split, size in SIZES.items():
        for number in range(size):
            kind = ("bad", "good")[number % 2]
            label = kind if number not in WRONG[split] else ("good", "bad")[number % 2]
            rows.append((f"{split}-{number}", split, label, comment(kind, len(rows)), "person"))
    rows[20] = (*rows[20][:4], "model")
    rows[21] = (*rows[21][:2], None, rows[21][3], None)
    rows[-1] = ("=danger", *rows[-1][1:3], "=HYPERLINK(1) 최고예요 kim@example.com", "person")
    names = ["example_id", "split", "label", "text", "label_source"]
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    phone = pa.array([f"010-1234-{number:04d}" for number in range(len(rows))])
    info = ExampleTableInfo(modality="text", class_names=("bad", "good"), column_roles={"phone": "pii"})
    path = tmp_path_factory.mktemp("comments") / "examples"
    with ExampleTableWriter(path, info, extra_columns={"phone": pa.string()}) as writer:
        writer.write(pa.RecordBatch.from_arrays([*columns, phone], [*names, "phone"]))
    return path


@pytest.fixture(scope="module")
def ranked(comments: Path, text_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the job wrote of the comments, beside the evaluation."""
    folder = tmp_path_factory.mktemp("ranked")
    evaluate_model(
        examples_path=comments,
        model_path=text_model_dir,
        target="",
        predictions_path=folder / "predictions",
        evaluation_path=folder / "evaluation.json",
        report_path=folder / "evaluation.html",
        verdict_path=folder / "verdict.json",
        metrics_path=folder / "evaluation_metrics.json",
        classification_metrics_path=folder / "classification.json",
        device="cpu",
    )
    _rank(comments, text_model_dir, folder)
    return folder


def _rank(examples: Path, model: Path, folder: Path, *, audit: str = "") -> LabelErrorsResult:
    return rank_label_errors(
        examples_path=examples,
        predictions_path=folder / "predictions",
        model_path=model,
        label_errors_path=folder / "label_errors.json",
        queue_path=folder / "corrections.csv",
        audit_sample_path=folder / "audit.csv",
        report_path=folder / "report.html",
        metrics_path=folder / "metrics.json",
        audit=audit,
        device="cpu",
    )


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_changed_labels_come_first_with_the_right_one_suggested(ranked: Path) -> None:
    queue = _read(ranked / "corrections.csv")
    changed = {f"{split}-{number}" for split, numbers in WRONG.items() for number in numbers}

    assert {row["example_id"] for row in queue[: len(changed)]} == changed
    assert all(row["given_label"] != row["suggested_label"] for row in queue)
    assert [row["suspected"] for row in queue[: len(changed)]] == ["yes"] * len(changed)
    assert {row["verdict"] + row["corrected_label"] for row in queue} == {""}


def test_only_labels_that_are_set_are_ranked_and_their_source_is_kept(ranked: Path) -> None:
    found = json.loads((ranked / "label_errors.json").read_text())
    queue = {row["example_id"]: row for row in _read(ranked / "corrections.csv")}

    assert found["num_ranked"] == sum(SIZES.values()) - 1
    assert "train-21" not in queue
    assert queue["train-20"]["label_source"] == "model"
    assert found["ranked_by_source"] == {"person": found["num_ranked"] - 1, "model": 1}


def test_cells_neither_run_nor_tell_who_somebody_is(ranked: Path) -> None:
    [row] = [row for row in _read(ranked / "corrections.csv") if row["example_id"] == "'=danger"]

    assert row["text"].startswith("'=HYPERLINK")
    for name in ("corrections.csv", "audit.csv", "report.html"):
        text = (ranked / name).read_text()
        assert "kim@example.com" not in text
        assert "010-1234" not in text


def test_without_an_audit_no_share_is_claimed(ranked: Path) -> None:
    assert json.loads((ranked / "label_errors.json").read_text())["wrong_labels"] is None
    assert "wrong_share" not in json.loads((ranked / "metrics.json").read_text())
    assert "needs an audit" in (ranked / "report.html").read_text()
    assert set(_read(ranked / "audit.csv")[0]) == {"example_id", "given_label", "verdict", "corrected_label", "text"}


def test_a_filled_in_audit_gives_the_share_with_its_interval(
    ranked: Path, comments: Path, text_model_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "predictions").symlink_to(ranked / "predictions")
    changed = {f"{split}-{number}" for split, numbers in WRONG.items() for number in numbers}
    _fill(ranked / "audit.csv", tmp_path / "filled.csv", changed, 60)

    share = _rank(comments, text_model_dir, tmp_path, audit=str(tmp_path / "filled.csv")).share

    assert share is not None
    assert share.num_audited == 60
    assert share.low <= len(changed) / (sum(SIZES.values()) - 1) <= share.high
    assert share.high - share.low < share.plain_high - share.plain_low
    assert f"{share.share:.1%}" in (tmp_path / "report.html").read_text()


def test_a_queue_is_no_audit(ranked: Path, comments: Path, text_model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "predictions").symlink_to(ranked / "predictions")
    (tmp_path / "filled.csv").write_text(
        "example_id,verdict\n" + "".join(f"other-{number},wrong\n" for number in range(30))
    )

    with pytest.raises(ValueError, match="fill in the audit's sample, not the correction queue"):
        _rank(comments, text_model_dir, tmp_path, audit=str(tmp_path / "filled.csv"))


def test_merged_corrections_give_the_accuracy_before_and_after(ranked: Path, comments: Path, tmp_path: Path) -> None:
    changed = {f"test-{number}" for number in WRONG["test"]}
    rows = _read(ranked / "corrections.csv")
    filled = [{**row, "corrected_label": row["suggested_label"]} for row in rows if row["example_id"] in changed]
    _write(tmp_path / "filled.csv", filled)

    result = merge_corrected_labels(
        examples_path=comments,
        corrections=tmp_path / "filled.csv",
        output_path=tmp_path / "corrected",
        predictions_path=ranked / "predictions",
    )

    assert result.merged.num_changed == 4
    assert result.accuracy is not None
    assert result.accuracy.difference == pytest.approx(4 / 50)
    assert result.accuracy.low < 4 / 50 < result.accuracy.high
    before, after = (ExampleTable(path).read(["label"], splits=["test"]).column(0) for path in
                     (comments, tmp_path / "corrected"))  # fmt: skip
    assert sum(old != new for old, new in zip(before.to_pylist(), after.to_pylist(), strict=True)) == 4


def test_numbers_are_not_ranked_and_every_output_is_written(trip_model_dir: Path, tmp_path: Path) -> None:
    info = ExampleTableInfo(modality="tabular", class_names=(), column_roles={"miles": "feature"}, task="regression")
    with ExampleTableWriter(tmp_path / "trips", info, extra_columns={"miles": pa.float64()}) as writer:
        columns = {
            "example_id": pa.array(["a"]),
            "split": pa.array(["test"]),
            "label": pa.array([2.0]),
            "miles": pa.array([3.0]),
        }
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    with PredictionsWriter(tmp_path / "predictions", class_names=(), extra_columns={}, is_regression=True) as table:
        table.write(
            example_ids=["a"], splits=["test"], labels=[2.0], probabilities=np.empty((1, 0)),
            embeddings=np.empty((1, 0)), extra={}, numbers=np.array([2.5]),
        )  # fmt: skip

    result = _rank(tmp_path / "trips", trip_model_dir, tmp_path)

    assert result.num_ranked == 0
    assert "The label is a number" in (tmp_path / "report.html").read_text()
    assert _read(tmp_path / "corrections.csv") == _read(tmp_path / "audit.csv") == []


def _fill(sample: Path, path: Path, changed: set[str], num_rows: int) -> None:
    rows = _read(sample)
    for row in rows[:num_rows]:
        row["verdict"] = "wrong" if row["example_id"] in changed else "right"
    _write(path, rows)


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
