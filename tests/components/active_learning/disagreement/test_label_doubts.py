"""Labels that an initial model wrote are doubted where they are wrong, and left alone where they are right."""

from dataclasses import replace
from pathlib import Path

from cleanlab.rank import get_label_quality_scores
import numpy as np
import pyarrow as pa
import pytest
from sklearn.model_selection import StratifiedKFold
import torch

from components.active_learning.disagreement.compared_rows import answers_of, compared_rows, ComparedRows
from components.active_learning.disagreement.label_doubts import label_doubts, LabelDoubts
from components.active_learning.disagreement.payload_views import payload_view, View
from components.modeling.cheap_models.fitting import fitted_linear, Question
from components.modeling.cheap_models.text_reading import TextReading
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from tests.components.active_learning.disagreement.planted_comments import (
    HELD_OUT_SEEDS,
    planted_scene,
    Scene,
    write_scene,
)

FIRST = 60


def _read(scene: Scene, folder: Path) -> tuple[ComparedRows, View, np.ndarray]:
    write_scene(scene, folder)
    examples = ExampleTable(folder / "examples")
    rows = compared_rows(examples, PredictionsTable(folder / "predictions"))
    initial = answers_of(rows, PredictionsTable(folder / "initial"))
    view = payload_view(examples, rows.example_ids, num_classes=len(rows.class_names), device=torch.device("cpu"))
    assert view is not None
    return rows, view, initial


def _doubted(scene: Scene, folder: Path) -> LabelDoubts:
    rows, view, initial = _read(scene, folder)
    return label_doubts(rows, [view], initial)


def _first(scores: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return np.argsort(-np.where(chosen, scores, -1.0), kind="stable")[:FIRST]


def _by_cleanlab(scene: Scene) -> np.ndarray:
    """Self-confidence of cross-validated probabilities of the same features, as a suspicion, shape (N,)."""
    rows = np.flatnonzero(scene.by_model)
    texts, labels = pa.array([scene.texts[row] for row in rows.tolist()]), scene.labels[rows]
    features, question = TextReading(texts, num_classes=2).rows(texts), Question(num_classes=2, metric="accuracy")
    probabilities = np.zeros((len(rows), 2))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(probabilities, labels):
        probabilities[test] = fitted_linear(features[train], labels[train], question)(features[test])
    scores = np.zeros(len(scene.labels))
    scores[rows] = 1.0 - get_label_quality_scores(labels, probabilities)
    return scores


@pytest.mark.parametrize("seed", [1, HELD_OUT_SEEDS[1]])
def test_what_an_initial_model_labelled_wrong_comes_first_and_more_often_than_by_cleanlab(
    seed: int, tmp_path: Path
) -> None:
    scene = planted_scene(seed)

    doubts = _doubted(scene, tmp_path)

    precision = scene.wrong[_first(doubts.scores, scene.by_model)].mean()
    plain = scene.wrong[_first(_by_cleanlab(scene), scene.by_model)].mean()
    assert precision > 0.6
    assert precision >= plain + 0.1
    assert doubts.by_people
    assert abs(doubts.scores[scene.by_model].mean() - scene.wrong[scene.by_model].mean()) < 0.15


def test_labels_that_are_right_are_suspected_less_than_half_as_often_as_wrong_ones(tmp_path: Path) -> None:
    twin = planted_scene(2, num_people=200, writer="truth")
    scene = planted_scene(2, num_people=200)

    healthy, sick = (_doubted(each, tmp_path / name) for name, each in (("healthy", twin), ("sick", scene)))

    suspected = healthy.scores[twin.by_model] > 0.5
    found = sick.scores[scene.by_model & scene.wrong] > 0.5
    assert suspected.mean() < 0.15
    assert found.mean() > 2 * suspected.mean()


def test_labels_by_people_are_believed_until_much_speaks_against_them(tmp_path: Path) -> None:
    scene = planted_scene(3, num_people=200, flipped=0.1)
    people = ~scene.by_model & (np.array(scene.splits) == "train")

    doubts = _doubted(scene, tmp_path)

    first = np.argsort(-np.where(people, doubts.scores, -1.0))[:20]
    assert scene.wrong[first].mean() > 0.4
    assert (doubts.scores[people & ~scene.wrong] > 0.5).mean() < 0.02


def test_a_label_on_which_annotators_did_not_agree_is_doubted_more(tmp_path: Path) -> None:
    rows, view, initial = _read(planted_scene(4), tmp_path)
    people = np.flatnonzero(rows.by_people)
    split = np.full(len(rows), np.nan)
    split[people[:10]] = 0.6

    agreed = label_doubts(rows, [view], initial).scores
    argued = label_doubts(replace(rows, agreements=split), [view], initial).scores

    assert (argued[people[:10]] > agreed[people[:10]]).all()


def test_without_peoples_training_labels_labels_are_doubted_by_one_another(tmp_path: Path) -> None:
    scene = planted_scene(5)
    rows, view, _ = _read(scene, tmp_path)
    alone = rows.taken(np.flatnonzero(scene.by_model))
    own = View(rows=np.arange(len(alone)), axes=view.axes[scene.by_model])

    doubts = label_doubts(alone, [own])

    assert not doubts.by_people
    assert scene.wrong[scene.by_model][np.argsort(-doubts.scores)[:FIRST]].mean() > scene.wrong[scene.by_model].mean()


def test_where_nothing_can_be_read_only_the_writer_speaks(tmp_path: Path) -> None:
    rows, _, _ = _read(planted_scene(5), tmp_path)

    doubts = label_doubts(rows, [])

    assert doubts.opinions.shape == (len(rows), 0)
    assert np.isfinite(doubts.scores).all()
