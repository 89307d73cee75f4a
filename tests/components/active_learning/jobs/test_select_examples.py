"""The job asks about rows of a scored pool that nobody labelled yet, each once, and says why."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.active_learning.component import select_examples as face
from components.active_learning.jobs.select_examples import select_examples, SelectionResult
from components.active_learning.label_requests import LabelRequest, read_label_requests
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter
from components.shared.runtime.atomic_files import read_json
from tests.components.active_learning.planted_pools import PlantedPool, spammed

NAMES = ("bad", "good")


def write_predictions(path: Path, pool: PlantedPool, *, told: np.ndarray | None = None, first: int = 0) -> Path:
    extra = {} if told is None else {"mutual_information": pa.float32()}
    with PredictionsWriter(path, class_names=NAMES, extra_columns=extra) as writer:
        writer.write(
            example_ids=pool.example_ids[first:],
            splits=[None] * len(pool.kinds[first:]),
            labels=[None] * len(pool.kinds[first:]),
            probabilities=pool.probabilities[first:],
            embeddings=pool.embeddings[first:],
            extra={} if told is None else {"mutual_information": pa.array(told[first:], pa.float32())},
        )
    return path


def write_examples(path: Path, ids: list[str], contents: list[int], labels: list[str | None], *, pool: bool) -> Path:
    info = ExampleTableInfo(modality="text", class_names=() if pool else NAMES, column_roles={}, is_pool=pool)
    columns = {
        "example_id": pa.array(ids),
        "split": pa.array([None if pool else "train"] * len(ids), pa.string()),
        "label": pa.array(labels, pa.string()),
        "content_id": pa.array(contents, pa.uint64()),
        "text": pa.array([f"comment {name}" for name in ids]),
    }
    with ExampleTableWriter(path, info, extra_columns={}) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return path


def select(folder: Path, predictions: list[Path], **settings) -> tuple[SelectionResult, list[LabelRequest]]:
    result = select_examples(
        predictions_paths=predictions,
        label_requests_path=folder / "requests",
        report_path=folder / "report.html",
        metrics_path=folder / "metrics.json",
        **settings,
    )
    return result, list(read_label_requests(folder / "requests").requests)


def test_requests_say_what_chose_them_and_why(tmp_path: Path) -> None:
    predictions = write_predictions(tmp_path / "predictions", spammed(0, planted=True))
    result, asked = select(tmp_path, [predictions], budget=20, round_number=2, model_version="7")
    assert result.num_requests == len(asked) == len({one.example_id for one in asked}) == 20
    assert [one.strategy for one in asked] == ["random"] * 4 + ["margin"] * 16
    assert {(one.model_version, one.round_number) for one in asked} == {("7", 2)}
    assert all(one.why.endswith(".") and one.predicted in NAMES for one in asked)
    assert read_json(tmp_path / "metrics.json", what="metrics") == result.metrics
    assert result.metrics["num_margin"] == 16
    page = (tmp_path / "report.html").read_text()
    assert "What is labelled so far was not given" in page
    assert asked[0].example_id in page


def test_parts_of_a_pool_are_the_pool_and_what_was_asked_is_not_asked_again(tmp_path: Path) -> None:
    pool = spammed(0, planted=False)
    whole = write_predictions(tmp_path / "whole", pool)
    _, first = select(tmp_path / "a", [whole], budget=20)
    parts = [write_predictions(tmp_path / "part", pool, first=150), whole]  # rows that stand in both count once
    _, again = select(tmp_path / "b", parts, budget=20)
    assert again == first
    _, second = select(tmp_path / "c", [whole], budget=20, asked_paths=[tmp_path / "a" / "requests"])
    assert not {one.example_id for one in first} & {one.example_id for one in second}


def test_labelled_rows_and_copies_of_them_are_left_out(tmp_path: Path) -> None:
    pool = spammed(0, planted=False)
    predictions = write_predictions(tmp_path / "predictions", pool)
    contents = list(range(1, len(pool.kinds) + 1))
    contents[200:300] = [50] * 100  # copies of a labelled row
    pooled = write_examples(tmp_path / "pool", pool.example_ids, contents, [None] * len(contents), pool=True)
    examples = write_examples(
        tmp_path / "examples", pool.example_ids[:100], contents[:100], ["bad", "good"] * 50, pool=False
    )
    result, asked = select(tmp_path, [predictions], budget=400, examples_path=examples, pool_path=pooled)
    assert result.metrics["num_left_out"] == 100
    assert {one.example_id for one in asked} <= set(pool.example_ids[100:200] + pool.example_ids[300:])
    assert len(asked) == 200
    assert "fewer than the budget" in (tmp_path / "report.html").read_text()


def test_few_labels_are_spent_by_diversity_through_the_face(tmp_path: Path) -> None:
    from kfp import dsl

    pool = spammed(0, planted=False)
    predictions = write_predictions(tmp_path / "predictions", pool)
    labels: list[str | None] = ["bad", "good", None] * 10
    examples = write_examples(tmp_path / "examples", [f"old-{n}" for n in range(30)], [0] * 30, labels, pool=False)
    pooled = write_examples(tmp_path / "pool", pool.example_ids, [0] * 400, [None] * 400, pool=True)
    metrics = dsl.Metrics(uri=str(tmp_path / "metrics.json"))
    face.python_func(
        predictions=dsl.Dataset(uri=str(predictions)), pool=dsl.Dataset(uri=str(pooled)),
        examples=dsl.Dataset(uri=str(examples)), budget=10, strategies="", seed=0, round_number=1, model_version="",
        label_requests=dsl.Dataset(uri=str(tmp_path / "requests")),
        selection_report=dsl.HTML(uri=str(tmp_path / "report.html")), selection_metrics=metrics,
    )  # fmt: skip
    assert metrics.metadata["num_diversity"] == 8
    assert "There are 20 labels, fewer than 20 a class" in (tmp_path / "report.html").read_text()


def test_mutual_information_is_read_where_it_is_and_else_refused(tmp_path: Path) -> None:
    pool = spammed(0, planted=False)
    told = np.zeros(len(pool.kinds), np.float32)
    told[5:400:20] = np.linspace(0.5, 0.6, 20)
    with_it = write_predictions(tmp_path / "with", pool, told=told)
    _, asked = select(tmp_path, [with_it], budget=2, strategies="mutual_information")
    assert {one.example_id for one in asked} <= set(pool.example_ids[5:400:20])
    without = write_predictions(tmp_path / "without", pool)
    with pytest.raises(ValueError, match="score the pool with dropout passes"):
        select(tmp_path, [without], budget=3, strategies="mutual_information")


def test_numbers_are_refused(tmp_path: Path) -> None:
    with PredictionsWriter(tmp_path / "numbers", class_names=(), extra_columns={}, is_regression=True) as writer:
        writer.write(
            example_ids=["a"], splits=[None], labels=[None], probabilities=np.zeros((1, 0)),
            embeddings=np.zeros((1, 0)), extra={}, numbers=np.ones(1),
        )  # fmt: skip
    with pytest.raises(ValueError, match="the label must be a class"):
        select(tmp_path, [tmp_path / "numbers"], budget=3)
