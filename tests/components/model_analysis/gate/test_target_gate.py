from dataclasses import replace

import numpy as np
import pytest

from components.model_analysis.gate.target_gate import judge, LeftOut, majority_baseline
from components.model_analysis.metrics.evaluation import evaluate_predictions
from components.model_analysis.metrics.operating_point import figures_at, OperatingPoint
from components.shared.contracts.target_spec import CLASS_METRICS, OperatingPointSpec, TargetSpec

NOTHING_LEFT_OUT = LeftOut()


def _evaluation(labels, predicted, class_names=("cat", "dog")):
    probabilities = np.full((len(predicted), len(class_names)), 0.1 / (len(class_names) - 1))
    probabilities[np.arange(len(predicted)), predicted] = 0.9
    return evaluate_predictions(np.array(labels, int), probabilities, class_names)


NINE_OF_TEN = _evaluation([0] * 5 + [1] * 5, [0] * 5 + [1] * 4 + [0])


def test_a_model_that_reaches_its_minimum_passes() -> None:
    verdict = judge(NINE_OF_TEN, TargetSpec(minimum=0.9), left_out=NOTHING_LEFT_OUT)
    assert verdict.passed
    assert verdict.check == "analysis"
    assert verdict.reason == "accuracy 0.900 on 10 test examples is at least the minimum 0.9"
    assert verdict.findings == ()


def test_a_model_below_its_minimum_fails_with_a_blocking_finding() -> None:
    verdict = judge(NINE_OF_TEN, TargetSpec(minimum=0.95), left_out=NOTHING_LEFT_OUT)
    assert not verdict.passed
    assert verdict.reason == "accuracy 0.900 on 10 test examples is below the minimum 0.95"
    (finding,) = verdict.findings
    assert (finding.severity, finding.statistic, finding.value, finding.threshold) == (
        "blocking",
        "accuracy",
        0.9,
        0.95,
    )


def test_a_near_miss_does_not_read_as_a_hit() -> None:
    evaluation = _evaluation([0] * 5000 + [1] * 5000, [0] * 5000 + [1] * 4699 + [0] * 301)
    verdict = judge(evaluation, TargetSpec(minimum=0.97), left_out=NOTHING_LEFT_OUT)
    assert not verdict.passed
    assert "accuracy 0.9699 " in verdict.reason


def test_another_metric_is_judged_where_the_target_names_it() -> None:
    evaluation = _evaluation([0] * 9 + [1], [0] * 10)
    assert judge(evaluation, TargetSpec(minimum=0.85), left_out=NOTHING_LEFT_OUT).passed
    verdict = judge(evaluation, TargetSpec(metric="macro_recall", minimum=0.85), left_out=NOTHING_LEFT_OUT)
    assert verdict.reason == "macro_recall 0.500 on 10 test examples is below the minimum 0.85"


def test_without_a_minimum_a_useful_model_passes() -> None:
    verdict = judge(NINE_OF_TEN, TargetSpec(), left_out=NOTHING_LEFT_OUT)
    assert verdict.passed
    assert verdict.reason.startswith("no minimum was set: accuracy 0.900 on 10 test examples is better")


@pytest.mark.parametrize("metric", CLASS_METRICS)
def test_without_a_minimum_a_model_that_always_answers_one_label_fails(metric) -> None:
    evaluation = _evaluation([0] * 8 + [1] * 2, [0] * 10)
    assert evaluation.metrics[metric] == pytest.approx(majority_baseline(evaluation, metric))
    verdict = judge(evaluation, TargetSpec(metric=metric), left_out=NOTHING_LEFT_OUT)
    assert not verdict.passed
    assert "no better than always answering 'cat'" in verdict.reason


def test_a_minimum_that_the_most_frequent_label_reaches_draws_a_warning() -> None:
    evaluation = _evaluation([0] * 8 + [1] * 2, [0] * 10)
    verdict = judge(evaluation, TargetSpec(minimum=0.7), left_out=NOTHING_LEFT_OUT)
    assert verdict.passed
    assert [finding.name for finding in verdict.findings] == ["no_better_than_majority"]


def test_an_empty_split_is_nothing_to_judge() -> None:
    verdict = judge(_evaluation([], []), TargetSpec(minimum=0.1), left_out=LeftOut(num_unlabelled=3))
    assert not verdict.passed
    assert verdict.reason.startswith("nothing to judge: the test split holds no labelled example")
    assert [finding.severity for finding in verdict.findings] == ["blocking", "note"]


def test_one_label_alone_is_nothing_to_judge_without_a_minimum() -> None:
    verdict = judge(_evaluation([1, 1], [1, 1]), TargetSpec(), left_out=NOTHING_LEFT_OUT)
    assert not verdict.passed
    assert verdict.reason == "nothing to judge: all 2 test examples are labelled 'dog'"


def test_an_undefined_metric_fails() -> None:
    verdict = judge(_evaluation([1, 1], [1, 1]), TargetSpec(metric="roc_auc", minimum=0.5), left_out=NOTHING_LEFT_OUT)
    assert not verdict.passed
    assert "roc_auc is undefined" in verdict.reason


def test_what_was_not_judged_is_found() -> None:
    evaluation = _evaluation([0, 1, 0, 1], [0, 1, 0, 1], ("cat", "dog", "fox"))
    left_out = LeftOut(num_unlabelled=1, num_unknown_label=2, num_unreadable=3)
    verdict = judge(evaluation, TargetSpec(), left_out=left_out)
    assert verdict.passed
    assert [(finding.kind, finding.severity, finding.name) for finding in verdict.findings] == [
        ("data_skew", "warning", "classes_not_judged"),
        ("schema_drift", "warning", "unknown_label"),
        ("quality", "warning", "unreadable_image"),
        ("quality", "note", "unlabelled"),
    ]
    assert "fox" in verdict.findings[0].message


def test_strict_holds_the_intervals_lower_end_against_the_minimum() -> None:
    few = _evaluation([0] * 50 + [1] * 50, [0] * 50 + [1] * 45 + [0] * 5)
    many = _evaluation([0] * 5000 + [1] * 5000, [0] * 5000 + [1] * 4500 + [0] * 500)
    target = TargetSpec(minimum=0.9, strict=True)
    verdict = judge(few, target, left_out=NOTHING_LEFT_OUT)
    assert not verdict.passed
    assert verdict.reason == (
        "the worse end 0.888 of the 95 % interval of accuracy 0.950 on 100 test examples is below the minimum 0.9"
    )
    assert judge(few, TargetSpec(minimum=0.9), left_out=NOTHING_LEFT_OUT).passed
    assert judge(many, target, left_out=NOTHING_LEFT_OUT).passed


def test_strict_without_a_minimum_must_beat_the_most_frequent_label_for_sure() -> None:
    lucky = _evaluation([0] * 6 + [1] * 4, [0] * 6 + [1] * 2 + [0] * 2)
    assert judge(lucky, TargetSpec(), left_out=NOTHING_LEFT_OUT).passed
    assert not judge(lucky, TargetSpec(strict=True), left_out=NOTHING_LEFT_OUT).passed


def test_one_group_is_too_little_to_be_strict() -> None:
    probabilities = np.tile([[0.9, 0.1], [0.1, 0.9]], (5, 1))
    evaluation = evaluate_predictions(np.arange(10) % 2, probabilities, "ab", groups=np.zeros(10, int))
    verdict = judge(evaluation, TargetSpec(minimum=0.5, strict=True), left_out=NOTHING_LEFT_OUT)
    assert verdict.reason == "nothing to judge: accuracy has no interval, for all test examples are of one group"


def test_a_point_that_the_test_split_clearly_misses_draws_a_warning() -> None:
    scores, positive = np.array([0.9] * 100 + [0.1] * 100), np.array([1] * 40 + [0] * 160, bool)
    point = OperatingPoint(
        positive="dog", threshold=0.5, why_none="", validation=None, test=figures_at(positive, scores, 0.5)
    )
    target = TargetSpec(metric="recall", minimum=0.9, at=OperatingPointSpec(precision=0.8))
    evaluation = replace(NINE_OF_TEN, metrics=NINE_OF_TEN.metrics | {"recall": 1.0, "recall_low": 0.9})
    verdict = judge(evaluation, target, left_out=NOTHING_LEFT_OUT, point=point)
    assert verdict.passed
    assert [finding.message for finding in verdict.findings] == [
        "precision 0.400 on the test split at the threshold 0.5 is below the 0.8 that the validation split showed"
    ]


def test_an_unknown_metric_has_no_baseline() -> None:
    with pytest.raises(ValueError, match="got 'beauty'"):
        majority_baseline(NINE_OF_TEN, "beauty")
