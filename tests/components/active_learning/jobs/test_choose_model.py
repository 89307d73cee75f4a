"""The first candidate goes on unless another is better on people's validation labels by more than chance."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.active_learning.jobs.choose_model import Candidate, choose_model, ChosenModel
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter

CLASSES = ("bad", "good")
NUM_ROWS = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table whose first 150 validation labels are people's, the others a model's, and four candidates' answers."""
    path = tmp_path_factory.mktemp("choice")
    ids = [str(row) for row in range(NUM_ROWS)]
    columns = {
        "example_id": pa.array(ids),
        "split": pa.array(["validation"] * 150 + ["train"] * 50),
        "label": pa.array(["good"] * NUM_ROWS),
        "label_source": pa.array(["person"] * 150 + ["model"] * 50),
        "text": pa.array(["fine"] * NUM_ROWS),
    }
    info = ExampleTableInfo(modality="text", class_names=CLASSES, column_roles={})
    with ExampleTableWriter(path / "examples", info, extra_columns={}) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    # The flattered one is right wherever a model labelled, and no better than the first where people did.
    rights = {"first": (100, 0), "alike": (104, 0), "better": (125, 0), "best": (140, 0), "flattered": (101, 50)}
    for name, (by_people, by_model) in rights.items():
        right = np.array([row < by_people or 150 <= row < 150 + by_model for row in range(NUM_ROWS)])
        with PredictionsWriter(path / name, class_names=CLASSES, extra_columns={}) as table:
            table.write(
                example_ids=ids,
                splits=columns["split"].to_pylist(),
                labels=["good"] * NUM_ROWS,
                probabilities=np.eye(2)[right.astype(int)],
                embeddings=np.zeros((NUM_ROWS, 0)),
                extra={},
            )
        (path / f"{name}-model").mkdir()
        (path / f"{name}-model" / "config.json").write_text(name)
    return path


def _choose(folder: Path, output: Path, *names: str, copied: bool = False) -> ChosenModel:
    return choose_model(
        examples_path=folder / "examples",
        candidates=[
            Candidate(name=name, predictions_path=folder / name, model_path=folder / f"{name}-model") for name in names
        ],
        choice_path=output / "choice.json",
        report_path=output / "report.html",
        metrics_path=output / "metrics.json",
        chosen_model_path=output / "model" if copied else None,
        chosen_predictions_path=output / "predictions" if copied else None,
    )


def test_the_first_goes_on_where_no_difference_is_shown(folder: Path, tmp_path: Path) -> None:
    choice = _choose(folder, tmp_path, "first", "alike").choice

    assert choice.name == "first"
    assert choice.num_examples == 150
    assert choice.candidates[1].against_first.difference == pytest.approx(4 / 150)
    assert "would mostly have been found" in choice.reason


def test_one_that_is_better_goes_on_with_its_bundle_and_predictions(folder: Path, tmp_path: Path) -> None:
    choice = _choose(folder, tmp_path, "first", "better", copied=True).choice

    assert choice.name == "better"
    assert (tmp_path / "model" / "config.json").read_text() == "better"
    assert [path.name for path in (tmp_path / "predictions").iterdir()] == ["shard-00000.parquet"]
    figures = json.loads((tmp_path / "choice.json").read_text())
    assert (figures["chosen"], figures["reason"]) == ("better", choice.reason)
    assert choice.reason[1:] in (tmp_path / "report.html").read_text()


def test_of_several_that_are_better_the_best_goes_on(folder: Path, tmp_path: Path) -> None:
    assert _choose(folder, tmp_path, "first", "better", "best", "alike").choice.name == "best"


def test_labels_by_models_judge_nothing(folder: Path, tmp_path: Path) -> None:
    assert _choose(folder, tmp_path, "first", "flattered").choice.name == "first"


def test_a_candidate_without_rival_or_name_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two or more, each with a name of its own"):
        _choose(folder, tmp_path, "first", "first")
