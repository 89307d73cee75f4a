import numpy as np

from components.model_analysis.evaluation import evaluate_predictions
from components.model_analysis.gate import judge, LeftOut
from components.model_analysis.hardest_examples import ScoredExample
from components.model_analysis.report import evaluation_report, ReportContent
from components.shared.problem import TargetSpec


def _report(labels, probabilities, class_names, *, mistakes=(), least_sure=(), left_out=None):
    test = evaluate_predictions(np.array(labels, int), np.array(probabilities, float), class_names)
    validation = evaluate_predictions(np.empty(0, int), np.empty((0, len(class_names))), class_names)
    verdict = judge(test, TargetSpec(minimum=0.5), left_out=left_out or LeftOut())
    content = ReportContent(verdict=verdict, test=test, validation=validation, mistakes=mistakes, least_sure=least_sure)
    return evaluation_report(content).html()


def _example(photo, **values):
    content = {"example_id": "a.jpg", "label": "cat", "predicted": "dog", "probability": 0.987, "image": photo("cat")}
    return ScoredExample(**{**content, **values})


def test_the_verdict_comes_first() -> None:
    html = _report([0, 1], np.eye(2), ["cat", "dog"])
    assert "Passed</strong> accuracy 1.000 on 2 test examples" in html
    assert html.index("Passed</strong>") < html.index("<dl") < html.index("<table")


def test_every_section_is_there(photo) -> None:
    html = _report([0, 1], np.eye(2), ["cat", "dog"], mistakes=[_example(photo)], least_sure=[_example(photo)])
    for heading in ("Classes", "Confusion", "ROC", "Calibration", "Worst mistakes", "Least sure"):
        assert f"<h2>{heading}</h2>" in html


def test_a_mistake_shows_label_prediction_and_probability(photo) -> None:
    html = _report([0, 1], np.eye(2), ["cat", "dog"], mistakes=[_example(photo)])
    assert "cat → dog 0.987 · a.jpg" in html
    assert 'alt="example a.jpg labelled cat, predicted dog"' in html
    assert "data:image/jpeg;base64," in html


def test_a_faultless_model_has_no_gallery_of_mistakes() -> None:
    assert "The model made no mistake on the test split." in _report([0, 1], np.eye(2), ["cat", "dog"])


def test_undefined_figures_are_dashes() -> None:
    html = _report([0], [[0.9, 0.1]], ["cat", "dog"])
    assert "nan" not in html
    assert "<dt>ROC AUC</dt><dd>–</dd>" in html


def test_nothing_to_judge_still_has_a_report() -> None:
    html = _report([], np.empty((0, 2)), ["cat", "dog"], left_out=LeftOut(num_unlabelled=7))
    assert "Failed</strong> nothing to judge" in html
    assert "7 test examples have no label" in html
    assert "<h2>" not in html


def test_names_of_classes_and_examples_are_escaped(photo) -> None:
    hostile = "<script>alert(1)</script>"
    example = _example(photo, example_id=hostile, label=hostile)
    html = _report([0, 1], [[0.1, 0.9], [0.1, 0.9]], [hostile, "dog"], mistakes=[example])
    assert "<script" not in html


def test_a_full_report_of_many_classes_stays_small(photo) -> None:
    generator = np.random.default_rng(0)
    num_classes, num_examples = 200, 2000
    names = [f"class number {number}" for number in range(num_classes)]
    probabilities = generator.dirichlet(np.ones(num_classes), num_examples)
    pictures = [_example(photo, image=photo("cat", seed, size=(400, 300))) for seed in range(24)]
    labels = generator.integers(0, num_classes, num_examples)
    html = _report(labels, probabilities, names, mistakes=pictures, least_sure=pictures[:12])
    assert len(html) < 1_500_000
    assert "150 better ones are in evaluation.json" in html
