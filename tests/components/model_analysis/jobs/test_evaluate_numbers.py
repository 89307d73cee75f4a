"""Evaluating and scoring with a model that answers a number."""

import json

import numpy as np
import pyarrow.csv as pa_csv
import pytest

from components.model_analysis.jobs.evaluate_model import evaluate_model
from components.model_analysis.jobs.score_examples import score_examples
from components.model_analysis.scoring.table_columns import TableHints
from components.modeling.predictor import load_predictor
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.problem import parse_problem


@pytest.fixture
def evaluate(friedman_table, friedman_model, tmp_path):
    def run(target="", examples=friedman_table):
        return evaluate_model(
            examples_path=examples,
            model_path=friedman_model,
            target=target,
            predictions_path=tmp_path / "predictions",
            evaluation_path=tmp_path / "evaluation.json",
            report_path=tmp_path / "report.html",
            verdict_path=tmp_path / "verdict.json",
            metrics_path=tmp_path / "metrics.json",
            classification_metrics_path=tmp_path / "classification_metrics.json",
            device="cpu",
        )

    return run


def test_a_model_of_numbers_is_judged_by_its_error(evaluate, friedman_table, friedman_model, tmp_path):
    result = evaluate()
    assert result.passed
    assert "is better than always answering their mean" in result.reason
    table = PredictionsTable(tmp_path / "predictions")
    labels, predicted = table.numbers("label", splits=["test"]), table.numbers("predicted", splits=["test"])
    assert result.metrics["rmse"] == pytest.approx(np.sqrt(np.mean((predicted - labels) ** 2)))
    assert result.metrics["r2"] > 0.5
    written = json.loads((tmp_path / "evaluation.json").read_text())
    assert written["metrics"]["mae"] == result.metrics["mae"]
    assert (written["num_labelled"], written["target"]["metric"]) == (60, "rmse")
    assert (result.class_names, result.confusion) == ([], [])
    examples = ExampleTable(friedman_table)
    predictor = load_predictor(friedman_model, device="cpu")
    rows = examples.read(list(predictor.features.columns), splits=["test"]).combine_chunks().to_batches()[0]
    again = predictor.predict(predictor.prepare({name: rows.column(name) for name in rows.schema.names}))
    np.testing.assert_allclose(predicted, again.numbers_B, rtol=1e-6)


def test_the_report_shows_errors_residuals_and_the_worst_mistakes(evaluate, tmp_path):
    evaluate('{"metric": "rmse", "maximum": 1}')
    report = (tmp_path / "report.html").read_text()
    for words in ("above the maximum 1", "95 % interval", "Residuals by size", "Worst mistakes", "standard deviations"):
        assert words in report
    assert "Confusion" not in report
    table = PredictionsTable(tmp_path / "predictions")
    errors = np.abs(table.numbers("predicted", splits=["test"]) - table.numbers("label", splits=["test"]))
    worst = table.read(["example_id"], splits=["test"]).column(0).to_pylist()[int(errors.argmax())]
    assert report.index(worst) > report.index("Worst mistakes")


def test_a_table_or_a_target_of_classes_is_refused_in_one_sentence(evaluate, stripes_table):
    with pytest.raises(ValueError, match=r"target\.metric must be one of rmse, mae, r2 where the label is a number"):
        evaluate('{"metric": "accuracy", "minimum": 0.5}')
    with pytest.raises(ValueError, match="label must be a number, as the model answers, got a class"):
        evaluate(examples=stripes_table)


def test_a_raw_table_is_scored_and_its_labels_read_as_numbers(friedman_table, friedman_model, tmp_path):
    table = ExampleTable(friedman_table).read(["label", *(f"x{number}" for number in range(6))], splits=["test"])
    pa_csv.write_csv(table, tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    lines[1] = "unknown" + lines[1][lines[1].index(",") :]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    result = score_examples(
        source=str(tmp_path / "rows.csv"),
        model_path=friedman_model,
        output_path=tmp_path / "scored",
        hints=TableHints(problem=parse_problem("label: {column: label}")),
        device="cpu",
    )
    assert (result.num_examples, result.num_labelled, result.main_metric) == (60, 59, "rmse")
    assert json.loads((tmp_path / "scored" / "metrics.json").read_text())["rmse"] == result.metrics["rmse"]
    assert result.metrics["r2"] > 0.5
