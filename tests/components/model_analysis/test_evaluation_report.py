import re

import numpy as np

from components.model_analysis.errors.hardest_examples import ScoredExample
from components.model_analysis.evaluation_report import evaluation_report, ReportContent
from components.model_analysis.gate.target_gate import judge, LeftOut
from components.model_analysis.metrics.evaluation import evaluate_predictions
from components.model_analysis.metrics.operating_point import figures_at, OperatingPoint
from components.shared.contracts.target_spec import TargetSpec


def _report(labels, probabilities, class_names, *, left_out=None, **content):
    test = evaluate_predictions(np.array(labels, int), np.array(probabilities, float), class_names)
    validation = evaluate_predictions(np.empty(0, int), np.empty((0, len(class_names))), class_names)
    verdict = judge(test, TargetSpec(minimum=0.5), left_out=left_out or LeftOut())
    parts = {"mistakes": (), "least_sure": (), "modality": "image", **content}
    return evaluation_report(ReportContent(verdict=verdict, test=test, validation=validation, **parts)).html()


def _example(photo, **values):
    image = {"image": photo("cat")}
    content = {"example_id": "a.jpg", "label": "cat", "predicted": "dog", "probability": 0.987, "values": image}
    return ScoredExample(**{**content, **values})


def test_the_verdict_comes_first() -> None:
    html = _report([0, 1], np.eye(2), ["cat", "dog"])
    assert "Passed</strong> accuracy 1.000 on 2 test examples" in html
    assert html.index("Passed</strong>") < html.index("<dl") < html.index("<table")


def test_every_section_is_there(photo) -> None:
    html = _report([0, 1], np.eye(2), ["cat", "dog"], mistakes=[_example(photo)], least_sure=[_example(photo)])
    for heading in (
        "Classes",
        "Confusion",
        "ROC",
        "Precision and recall",
        "Calibration",
        "Worst mistakes",
        "Least sure",
    ):
        assert f"<h2>{heading}</h2>" in html


def test_every_metric_stands_beside_its_interval() -> None:
    scores = np.linspace(0, 1, 40)
    html = _report(np.arange(40) % 2, np.column_stack([1 - scores, scores]), ["cat", "dog"])
    for name in ("accuracy", "macro F1", "ROC AUC", "log loss", "Brier score", "calibration error"):
        assert re.search(rf"<td[^>]*>{name}</td>\s*<td[^>]*>[\d.]+</td>\s*<td[^>]*>[\d.]+ to [\d.]+</td>", html), name


def test_the_threshold_that_was_asked_for_is_shown_with_what_the_test_split_says_of_it() -> None:
    figures = figures_at(np.arange(40) % 2 == 1, np.linspace(0, 1, 40), 0.5)
    point = OperatingPoint(positive="dog", threshold=0.5, why_none="", validation=figures, test=figures)
    html = _report([0, 1], np.eye(2), ["cat", "dog"], point=point)
    assert "is answered from the probability 0.5 on" in html
    none = OperatingPoint(positive="dog", threshold=0.5, why_none="no threshold does", validation=None, test=None)
    assert "no threshold does" in _report([0, 1], np.eye(2), ["cat", "dog"], point=none)


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
    assert re.search(r"<td[^>]*>ROC AUC</td>\s*<td[^>]*>–</td>\s*<td[^>]*>–</td>", html)


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
    pictures = [_example(photo, values={"image": photo("cat", seed, size=(400, 300))}) for seed in range(24)]
    labels = generator.integers(0, num_classes, num_examples)
    html = _report(labels, probabilities, names, mistakes=pictures, least_sure=pictures[:12])
    assert len(html) < 1_500_000
    assert "150 better ones are in evaluation.json" in html


def _row_of(values, **known):
    content = {"example_id": "e-1", "label": "cat", "predicted": "dog", "probability": 0.9871, "values": values}
    return ScoredExample(**{**content, **known})


def test_texts_are_shown_shortened(photo) -> None:
    text = "고양이는 " + "아주 " * 200
    html = _report([0, 1], np.eye(2), ["cat", "dog"], modality="text", mistakes=[_row_of({"text": text})])
    assert text[:200] in html
    assert text[:300] not in html
    assert "<td>e-1</td><td>cat</td><td>dog</td><td>0.987</td>" in html
    assert "<img" not in html


def test_rows_of_a_table_show_the_columns_with_most_influence(photo) -> None:
    names = [f"column_{number}" for number in range(12)]
    influence = {name: 0.5 - number / 100 for number, name in enumerate(names)}
    mistake = _row_of({name: number + 0.25 for number, name in enumerate(names)})
    shown = {"modality": "tabular", "influence": influence, "shown_columns": names, "mistakes": [mistake]}
    html = _report([0, 1], np.eye(2), ["cat", "dog"], **shown)
    mistakes = html[html.index("Worst mistakes") :]
    assert "column_5" in mistakes
    assert "<td>5.25</td>" in mistakes
    assert "column_6" not in mistakes
    assert "column_6" in html
    assert "<h2>Columns</h2>" in html


def test_only_the_named_columns_show_their_values() -> None:
    mistake = _row_of({"name": "Kim Min-su", "fare": 2013})
    html = _report(
        [0, 1], np.eye(2), ["cat", "dog"], modality="tabular", influence={"name": 0.4, "fare": 0.1},
        shown_columns=["fare"], mistakes=[mistake], least_sure=[mistake],
    )  # fmt: skip
    assert "Kim" not in html
    assert "<td>2013</td>" in html


def test_missing_values_and_long_words_fit_their_cells() -> None:
    values = {"fare": None, "rate": float("nan"), "company": "x" * 500, "paid": True}
    html = _report(
        [0, 1], np.eye(2), ["cat", "dog"], modality="tabular", shown_columns=list(values), mistakes=[_row_of(values)]
    )
    assert "nan" not in html
    assert "x" * 39 + "…" in html
    assert "x" * 40 not in html
