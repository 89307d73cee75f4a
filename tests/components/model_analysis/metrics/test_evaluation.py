import json
import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score, roc_auc_score

from components.model_analysis.metrics.evaluation import evaluate_predictions


def _random_case(num_examples=300, num_classes=4):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, num_classes, num_examples)
    scores = generator.random((num_examples, num_classes)) + np.eye(num_classes)[labels] * 0.5
    return labels, scores / scores.sum(axis=1, keepdims=True)


def test_figures_of_a_small_case_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]], dtype=np.float32)
    evaluation = evaluate_predictions(np.array([0, 1, 1, 1]), probabilities, ["cat", "dog"])
    cat, dog = evaluation.per_class
    assert evaluation.metrics["accuracy"] == 0.75
    assert (cat.support, cat.precision, cat.recall) == (1, 0.5, 1.0)
    assert (dog.support, dog.precision, dog.recall) == (3, 1.0, pytest.approx(2 / 3))
    assert cat.f1 == pytest.approx(2 / 3)
    assert dog.f1 == pytest.approx(0.8)
    assert evaluation.metrics["macro_f1"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert evaluation.metrics["roc_auc"] == 1.0
    assert evaluation.confusion.tolist() == [[1, 0], [1, 2]]


def test_metrics_agree_with_scikit_learn() -> None:
    labels, probabilities = _random_case()
    predicted = probabilities.argmax(axis=1)
    metrics = evaluate_predictions(labels, probabilities, list("abcd")).metrics
    assert metrics["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert metrics["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert metrics["macro_precision"] == pytest.approx(precision_score(labels, predicted, average="macro"))
    assert metrics["macro_recall"] == pytest.approx(recall_score(labels, predicted, average="macro"))
    assert metrics["log_loss"] == pytest.approx(log_loss(labels, probabilities))
    assert metrics["roc_auc"] == pytest.approx(roc_auc_score(labels, probabilities, multi_class="ovr"))


def test_an_absent_class_is_undefined_and_does_not_count() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    evaluation = evaluate_predictions(np.array([0, 1]), probabilities, ["a", "b", "absent"])
    absent = evaluation.per_class[2]
    assert absent.support == 0
    assert all(math.isnan(value) for value in (absent.precision, absent.recall, absent.f1, absent.roc_auc))
    assert evaluation.metrics["macro_f1"] == 1.0
    assert evaluation.metrics["roc_auc"] == 1.0


def test_a_class_that_is_never_predicted_lowers_macro_precision() -> None:
    evaluation = evaluate_predictions(np.array([0, 0, 1]), np.array([[0.9, 0.1]] * 3), ["a", "b"])
    assert math.isnan(evaluation.per_class[1].precision)
    assert evaluation.per_class[1].f1 == 0.0
    assert evaluation.metrics["macro_precision"] == pytest.approx((2 / 3 + 0) / 2)


def test_one_label_alone_has_no_roc() -> None:
    evaluation = evaluate_predictions(np.array([1, 1]), np.array([[0.2, 0.8], [0.6, 0.4]]), ["a", "b"])
    assert math.isnan(evaluation.metrics["roc_auc"])
    assert evaluation.roc.thresholds == ()
    assert evaluation.class_rocs == {}
    assert "roc_auc" not in evaluation.defined_metrics()


def test_without_examples_every_metric_is_undefined() -> None:
    evaluation = evaluate_predictions(np.empty(0, int), np.empty((0, 3), np.float32), ["a", "b", "c"])
    assert all(math.isnan(value) for value in evaluation.metrics.values())
    assert evaluation.confusion.tolist() == [[0] * 3] * 3
    assert evaluation.defined_metrics() == {}


def test_undefined_figures_are_null_in_json() -> None:
    evaluation = evaluate_predictions(np.empty(0, int), np.empty((0, 2)), ["a", "b"])
    content = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert content["metrics"]["accuracy"] is None
    first = content["per_class"][0]
    assert (first.pop("class_name"), first.pop("support")) == ("a", 0)
    assert set(first.values()) == {None}
    assert {"precision", "recall_low", "f1_high", "roc_auc"} <= set(first)


def test_probabilities_rounded_by_float16_do_not_disturb_the_log_loss() -> None:
    labels, probabilities = _random_case()
    rounded = probabilities.astype(np.float16)
    metrics = evaluate_predictions(labels, rounded, list("abcd")).metrics
    assert metrics["log_loss"] == pytest.approx(log_loss(labels, probabilities), abs=1e-2)


def test_only_the_weakest_curves_are_kept() -> None:
    labels, probabilities = _random_case(num_classes=9)
    evaluation = evaluate_predictions(labels, probabilities, list("abcdefghi"))
    areas = {figures.class_name: figures.roc_auc for figures in evaluation.per_class}
    assert list(evaluation.class_rocs) == sorted(areas, key=areas.__getitem__)[:6]


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 3\), got \(2, 2\)"):
        evaluate_predictions(np.array([0, 1]), np.eye(2), ["a", "b", "c"])
