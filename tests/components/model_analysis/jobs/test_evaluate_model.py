from dataclasses import asdict
import json

import numpy as np
import pyarrow as pa
import pytest

from components.model_analysis.jobs.evaluate_model import evaluate_model
from components.modeling.predictor import load_predictor
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.run_record import kept_steps
from components.shared.contracts.target_spec import OperatingPointSpec, TargetSpec
from components.shared.contracts.verdict import read_verdict

GOOD_ROWS = [(split, kind, kind) for split in ("train", "validation", "test") for kind in ("cat", "dog") * 5]


@pytest.fixture
def evaluate(model_dir, tmp_path):
    def run(examples_path, *, target=None, out="out"):
        return evaluate_model(
            examples_path=examples_path,
            model_path=model_dir,
            target=target or TargetSpec(),
            predictions_path=tmp_path / out / "predictions",
            evaluation_path=tmp_path / out / "evaluation.json",
            report_path=tmp_path / out / "report.html",
            verdict_path=tmp_path / out / "verdict.json",
            metrics_path=tmp_path / out / "metrics.json",
            classification_metrics_path=tmp_path / out / "classification_metrics.json",
            device="cpu",
        )

    return run


def _json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_good_model_passes_and_leaves_every_file(evaluate, make_table, tmp_path) -> None:
    result = evaluate(make_table(GOOD_ROWS), target=TargetSpec(minimum=0.9))
    assert result.passed
    assert result.metrics["accuracy"] == 1.0
    assert result.confusion == [[5, 0], [0, 5]]
    assert result.class_names == ["cat", "dog"]
    assert len(result.roc[0]) == len(result.roc[1]) == len(result.roc[2]) > 1
    assert read_verdict(tmp_path / "out" / "verdict.json").passed
    assert _json(tmp_path / "out" / "metrics.json") == result.metrics
    assert _json(tmp_path / "out" / "classification_metrics.json")["confusion"] == result.confusion
    assert "Passed" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_on_a_cluster_it_leaves_itself_what_no_gate_behind_it_would(evaluate, make_table, tmp_path, monkeypatch):
    for name, value in (("RUN_ID", "7d0c"), ("RUNS_DIR", str(tmp_path / "runs")), ("STEP", "evaluate trained anew")):
        monkeypatch.setenv(f"PLUSZERO_{name}", value)
    evaluate(make_table(GOOD_ROWS))
    (kept,) = kept_steps(tmp_path / "runs" / "7d0c")
    assert (kept.step, kept.error) == ("evaluate trained anew", "")
    # A verdict is a gate's on the page.
    assert set(kept.files) == {"metrics", "report"}


def test_predictions_hold_the_held_out_splits_with_embeddings_and_slices(
    evaluate, make_table, model_dir, tmp_path, photo
) -> None:
    evaluate(make_table(GOOD_ROWS))
    table = PredictionsTable(tmp_path / "out" / "predictions")
    rows = table.read(["example_id", "split", "label", "predicted", "embedding", "camera"]).to_pylist()
    assert [row["split"] for row in rows] == ["validation"] * 10 + ["test"] * 10
    assert rows[0]["example_id"] == "example-10"
    assert table.slice_columns == ("camera",)
    assert all(row["label"] == row["predicted"] for row in rows)
    predictor = load_predictor(model_dir, device="cpu")
    expected = predictor.predict(predictor.prepare({"image": pa.array([photo("cat", 10)])}))
    np.testing.assert_allclose(table.probabilities()[0], expected.probabilities_BK[0], atol=1e-5)
    np.testing.assert_allclose(rows[0]["embedding"], expected.embeddings_BD[0], rtol=1e-3, atol=1e-4)


def test_a_missed_target_is_a_result(evaluate, make_table, tmp_path) -> None:
    rows = [("test", "cat", "cat"), ("test", "cat", "dog"), ("test", "dog", "dog"), ("test", "dog", "cat")]
    result = evaluate(make_table(rows), target=TargetSpec(minimum=0.9))
    assert not result.passed
    assert "accuracy 0.500 on 4 test examples is below the minimum 0.9" in result.reason
    assert not read_verdict(tmp_path / "out" / "verdict.json").passed
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "cat → dog" in html
    assert "dog → cat" in html


def test_what_a_model_or_a_rule_labelled_is_not_judged_on_and_shown_apart(evaluate, make_table, tmp_path) -> None:
    wrong = [("test", "cat", "dog"), ("test", "dog", "cat"), ("validation", "cat", "cat"), ("test", "bird", "cat")]
    sources = ["person"] * len(GOOD_ROWS) + ["model", "rule", "model", "rule"]
    table = make_table([*GOOD_ROWS, *wrong], class_names=("bird", "cat", "dog"), sources=sources)
    result = evaluate(table, target=TargetSpec(minimum=0.9))
    assert (result.passed, result.metrics["accuracy"]) == (True, 1.0)
    evaluation = _json(tmp_path / "out" / "evaluation.json")
    assert (evaluation["num_labelled"], evaluation["num_unknown_label"]) == (10, 0)
    assert evaluation["not_labelled_by_people"]["num_labelled"] == 3
    assert evaluation["not_labelled_by_people"]["metrics"]["accuracy"] == pytest.approx(1 / 3)
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "3 examples of the validation and test splits were labelled by a model or a rule" in html
    assert "cat → dog" not in html


def test_unlabelled_unknown_and_unreadable_examples_are_left_out_and_counted(evaluate, make_table, tmp_path) -> None:
    rows = [("test", kind, kind) for kind in ("cat", "dog")]
    rows += [("test", None, "cat"), ("test", "bird", "bird"), ("test", "cat", "damaged"), ("validation", None, "dog")]
    result = evaluate(make_table(rows, class_names=("bird", "cat", "dog")))
    evaluation = _json(tmp_path / "out" / "evaluation.json")
    assert result.metrics["accuracy"] == 1.0
    counts = [evaluation[name] for name in ("num_labelled", "num_unlabelled", "num_unknown_label", "num_unreadable")]
    assert counts == [2, 1, 1, 1]
    assert PredictionsTable(tmp_path / "out" / "predictions").num_rows == 5


def test_an_empty_test_split_is_nothing_to_judge(evaluate, make_table, tmp_path) -> None:
    result = evaluate(make_table([("train", "cat", "cat"), ("validation", "dog", "dog")]))
    assert not result.passed
    assert "nothing to judge" in result.reason
    assert result.metrics == {}
    assert result.roc == ([], [], [])
    assert _json(tmp_path / "out" / "evaluation.json")["metrics"]["accuracy"] is None
    assert (tmp_path / "out" / "report.html").is_file()


def test_a_test_split_of_one_class_is_evaluated(evaluate, make_table, tmp_path) -> None:
    result = evaluate(make_table([("test", "dog", "dog")] * 3), target=TargetSpec(minimum=0.9))
    assert result.passed
    assert "roc_auc" not in result.metrics
    assert result.roc == ([], [], [])


def test_one_run_gives_the_same_files_as_another(evaluate, make_table, tmp_path) -> None:
    table = make_table(GOOD_ROWS)
    evaluate(table, out="first")
    evaluate(table, out="second")
    for name in ("evaluation.json", "report.html", "verdict.json", "metrics.json"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_the_target_and_the_validation_split_are_in_the_evaluation(evaluate, make_table, tmp_path) -> None:
    evaluate(make_table(GOOD_ROWS), target=TargetSpec(metric="macro_f1", minimum=0.5))
    evaluation = _json(tmp_path / "out" / "evaluation.json")
    assert evaluation["format_version"] == 1
    assert evaluation["target"] == asdict(TargetSpec(metric="macro_f1", minimum=0.5))
    assert evaluation["validation"]["num_labelled"] == 10
    assert evaluation["validation"]["metrics"]["accuracy"] == 1.0


RECALL = TargetSpec(metric="recall", minimum=0.3, at=OperatingPointSpec(precision=0.9))


def test_a_threshold_is_chosen_on_validation_reported_on_test_and_kept(evaluate, make_table, tmp_path) -> None:
    rows = [*GOOD_ROWS, ("test", "dog", "cat")]
    result = evaluate(make_table(rows), target=RECALL)
    assert result.passed
    assert result.reason.startswith("recall 0.833 on 11 test examples is at least the minimum 0.3")
    point = _json(tmp_path / "out" / "evaluation.json")["operating_point"]
    assert (point["positive"], point["why_none"]) == ("dog", "")
    assert 0.0 < point["threshold"] < 1.0
    assert (point["validation"]["recall"], point["test"]["recall"]) == (1.0, pytest.approx(5 / 6))
    assert point["test"]["recall_low"] < 5 / 6 < point["test"]["recall_high"]


def test_without_a_validation_split_there_is_no_threshold_to_judge_at(evaluate, make_table, tmp_path) -> None:
    result = evaluate(make_table([("test", kind, kind) for kind in ("cat", "dog") * 3]), target=RECALL)
    assert not result.passed
    assert result.reason == (
        "nothing to judge: the validation split must hold examples of 'dog' and of the other class, but none is of it"
    )
    assert _json(tmp_path / "out" / "evaluation.json")["operating_point"]["threshold"] is None


def test_a_class_that_the_model_does_not_know_cannot_be_looked_for(evaluate, make_table) -> None:
    at = OperatingPointSpec(precision=0.9, positive="bird")
    with pytest.raises(ValueError, match=r"target\.at\.positive must be one of cat, dog, got 'bird'"):
        evaluate(make_table(GOOD_ROWS), target=TargetSpec(metric="recall", minimum=0.3, at=at))


def test_a_table_of_texts_is_refused(evaluate, tmp_path) -> None:
    info = ExampleTableInfo(modality="text", class_names=("a", "b"), column_roles={})
    with ExampleTableWriter(tmp_path / "texts", info, extra_columns={}) as writer:
        names = ["example_id", "split", "label", "text"]
        writer.write(pa.RecordBatch.from_arrays([pa.array([value]) for value in ("1", "test", "a", "hello")], names))
    with pytest.raises(ValueError, match="must hold image examples, as the model takes, got the modality text"):
        evaluate(tmp_path / "texts")


def test_a_missing_table_is_said(evaluate, tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="example_table must be a folder"):
        evaluate(tmp_path / "absent")


def test_a_cheap_model_is_trained_on_the_same_rows_and_stands_in_every_file(evaluate, make_table, tmp_path) -> None:
    result = evaluate(make_table(GOOD_ROWS), target=TargetSpec(beat_baseline=True))
    baseline = _json(tmp_path / "out" / "evaluation.json")["baseline"]
    cheap, constant = baseline["cheap_model"], baseline["constant"]
    assert (baseline["num_train"], baseline["metric"], cheap["num_examples"]) == (10, "accuracy", 10)
    assert cheap["name"] == "logistic regression on frozen ImageNet features of the photos at 112 px"
    assert (constant["name"], constant["baseline"]) == ("always 'cat'", 0.5)
    assert result.metrics["baseline_difference"] == cheap["difference"] == 1.0 - cheap["baseline"]
    # Both are right everywhere, or nearly: ten photos cannot show that the model is better.
    assert not result.passed
    assert "no better by more than chance" in result.reason
    assert read_verdict(tmp_path / "out" / "verdict.json").outcome == "insufficient_sample"
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert html.index("Beside a cheap model") < html.index("Metrics") < html.index("Confusion")


def test_without_training_rows_there_is_no_cheap_model_and_the_verdict_says_so(evaluate, make_table, tmp_path) -> None:
    result = evaluate(make_table([row for row in GOOD_ROWS if row[0] != "train"]))
    assert result.passed
    assert "the example table holds no training row that people labelled" in str(
        read_verdict(tmp_path / "out" / "verdict.json").remarks
    )
    assert _json(tmp_path / "out" / "evaluation.json")["baseline"]["cheap_model"] is None
    assert "baseline_difference" not in result.metrics
