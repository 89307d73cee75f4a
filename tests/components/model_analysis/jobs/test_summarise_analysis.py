"""The page on which an analysis comes together."""

import json

import pytest

from components.model_analysis.jobs.summarise_analysis import summarise_analysis
from components.shared.contracts.analysis_summary import read_analysis_summary
from components.shared.contracts.verdict import read_verdict, Verdict, write_verdict

EVALUATION = {
    "num_labelled": 2250,
    "metrics": {"accuracy": 0.9, "accuracy_low": 0.88, "accuracy_high": 0.92, "roc_auc": None, "log_loss": 0.3},
    "baseline": {"cheap_model": {"name": "boosted trees", "is_beaten": True}},
}
GROUP = {"name": "f", "num_examples": 812, "value": 0.91, "low": 0.89, "high": None, "is_judged": True}
FAIRNESS = {
    "comparisons": [
        {"columns": ["sex"], "measure": "true_positive_rate", "positive": "yes", "groups": [GROUP]},
        {"columns": ["sex", "age"], "measure": "accuracy", "positive": None, "groups": [GROUP]},
        {"columns": ["age"], "measure": "accuracy", "positive": None, "groups": [{**GROUP, "is_judged": False}]},
    ],
    "cannot_see": "People whom no column names.",
}
FOUND = {
    "fairness": FAIRNESS,
    "slices": {"slices": [{"sentence": "dark photos: 41 % wrong of 112, elsewhere 9 %."}]},
    "labels": {"num_suspected": 12, "num_ranked": 1000},
    "errors": {"num_errors": 40, "summary": "of 40 errors, about 12 look wrongly labelled; fix the data first"},
}


@pytest.fixture
def summarised(tmp_path):
    def run(*, champion=True, **changed):
        content = {"evaluation": EVALUATION, **FOUND, **changed}
        for name, value in content.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
        write_verdict(tmp_path / "target.json", Verdict(check="analysis", passed=True, reason="accuracy 0.9 is enough"))
        refused = Verdict(check="champion", passed=champion, reason="the champion is better by 0.02: train again")
        write_verdict(tmp_path / "champion.json", refused)
        result = summarise_analysis(
            evaluation_path=tmp_path / "evaluation.json",
            verdict_paths={name: tmp_path / f"{name}.json" for name in ("target", "champion")},
            fairness_path=tmp_path / "fairness.json",
            slices_path=tmp_path / "slices.json",
            labels_path=tmp_path / "labels.json",
            errors_path=tmp_path / "errors.json",
            summary_path=tmp_path / "out" / "summary.json",
            report_path=tmp_path / "out" / "report.html",
            verdict_path=tmp_path / "out" / "verdict.json",
            metrics_path=tmp_path / "out" / "metrics.json",
        )
        return result, tmp_path / "out"

    return run


def test_the_page_says_the_verdict_why_and_the_three_worst_things(summarised):
    result, out = summarised(champion=False)
    assert (result.passed, result.metrics["num_refused"]) == (False, 1)
    assert read_verdict(out / "verdict.json").reason == "the champion is better by 0.02: train again"
    page = (out / "report.html").read_text(encoding="utf-8")
    worst = page.index("The three worst things")
    assert (
        worst
        < page.index("about 12 look wrongly labelled")
        < page.index("fix the data first")
        < page.index("What was asked")
    )
    assert page.index("What else was found") < page.index("12 of 1,000 labels that were looked at")
    for words in (
        "May this model ship?",
        "a cheap model is",
        "true positive rate of yes",
        "People whom no column",
    ):
        assert words in page


def test_the_summary_holds_what_the_model_card_tells(summarised):
    result, out = summarised()
    summary = read_analysis_summary(out / "summary.json")
    assert result.passed
    assert summary.passed
    assert [check.name for check in summary.checks] == ["target", "champion"]
    assert [item.sentence for item in summary.weaknesses] == [
        "of 40 errors, about 12 look wrongly labelled",
        "dark photos: 41 % wrong of 112, elsewhere 9 %",
        "12 of 1,000 labels that were looked at are more probably wrong than right",
    ]
    (group,) = summary.groups
    assert (group.column, group.group, group.num_examples, group.high) == ("sex", "f", 812, None)
    assert summary.cannot_see == ("People whom no column names.",)


def test_where_nothing_was_found_nothing_is_said(summarised):
    result, out = summarised(
        fairness={"comparisons": [], "cannot_see": "-"},
        slices={"slices": []},
        labels={"num_suspected": 0, "num_ranked": 9},
        errors={"num_errors": 0, "summary": "nothing to explain"},
    )
    assert result.metrics["num_weaknesses"] == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Nothing was found that speaks against it." in page
    assert "What this cannot see" not in page


def test_what_is_no_object_is_named(summarised):
    with pytest.raises(ValueError, match=r"the weak slices at .* must be a JSON object, got list"):
        summarised(slices=[])
