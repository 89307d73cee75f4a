"""Errors with planted causes are explained rightly; what is written is safe to open and to show."""

import csv
import json

import pyarrow as pa
import pytest

from components.model_analysis.jobs.analyse_errors import analyse_errors
from components.shared.contracts.example_table import ExampleTable, ExampleTableWriter
from tests.components.model_analysis.error_causes.planted_sets import planted_set, right_cause, scored
from tests.components.model_analysis.small_models import comment, trips, write_example_table

FAMILIES = ("wrong_label", "broken", "blurred", "alien")


def analysed(folder, examples, model, predictions, **how):
    folder.mkdir(parents=True, exist_ok=True)
    result = analyse_errors(
        examples_path=examples,
        model_path=model,
        predictions_path=predictions,
        analysis_path=folder / "errors.json",
        list_path=folder / "errors.csv",
        report_path=folder / "report.html",
        metrics_path=folder / "metrics.json",
        device="cpu",
        **how,
    )
    return result, json.loads((folder / "errors.json").read_text())


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    found = planted_set(folder, "digits", 0, num_train=300, num_test=240)
    return found, *analysed(folder / "errors", found.examples, found.model, found.predictions), folder / "errors"


def test_planted_causes_come_first_in_most_errors(digits):
    planted, _, found, _ = digits
    outcomes = [
        error["causes"][0]["cause"] == right_cause(planted.plants[error["example_id"]])
        for error in found["errors"]
        if planted.plants[error["example_id"]]
    ]
    assert len(outcomes) > 30
    assert sum(outcomes) / len(outcomes) >= 0.75


def test_errors_without_a_plant_are_not_put_down_to_the_input(digits):
    planted, _, found, _ = digits
    causes = [error["causes"][0]["cause"] for error in found["errors"] if not planted.plants[error["example_id"]]]
    assert sum(cause in ("broken_processing", "poor_input", "out_of_distribution") for cause in causes) <= 2


def test_the_summary_counts_what_was_found_and_metrics_are_the_shares(digits):
    _, result, found, folder = digits
    assert result.summary == found["summary"]
    assert result.summary.startswith(f"of {found['num_analysed']} errors, about ")
    shares = {cause["cause"]: cause["share"] for cause in found["causes"]}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert all(cause["low"] <= cause["share"] <= cause["high"] for cause in found["causes"])
    assert json.loads((folder / "metrics.json").read_text())["share_wrong_label"] == shares["wrong_label"]
    page = (folder / "report.html").read_text()
    assert page.count("<img") == min(40, found["num_analysed"])


def test_the_list_has_a_row_an_error_with_its_nearest_training_examples(digits):
    _, _, found, folder = digits
    with open(folder / "errors.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["example_id"] for row in rows] == [error["example_id"] for error in found["errors"]]
    assert all(row["nearest_training"].count("train-") == 3 and row["label_source"] == "person" for row in rows)


def test_answers_that_differ_from_the_recorded_ones_mean_broken_processing(tmp_path, digits):
    """Photos changed after they were scored: what is stored is not what the model answered."""
    planted = digits[0]
    other = planted_set(tmp_path / "other", "digits", 5, num_train=300, num_test=240)
    changed = tmp_path / "changed"
    table, source = ExampleTable(planted.examples), ExampleTable(other.examples).read(["image"], splits=["test"])
    whole = table.read()
    images = [*whole.column("image").to_pylist()[:-240], *source.column("image").to_pylist()]
    with ExampleTableWriter(changed, table.info, extra_columns={"camera": pa.string()}) as writer:
        place = whole.schema.get_field_index("image")
        for batch in whole.set_column(place, "image", pa.array(images, pa.binary())).to_batches():
            writer.write(batch)
    _, again = analysed(tmp_path / "errors", changed, planted.model, planted.predictions)
    causes = [error["causes"][0] for error in again["errors"]]
    assert sum(cause["cause"] == "broken_processing" for cause in causes) / len(causes) > 0.9


def test_texts_with_a_formula_are_guarded_and_personal_data_masked(tmp_path, text_model_dir):
    texts = [comment("good" if place % 2 else "bad", 500 + place) for place in range(60)]
    texts[0], texts[1] = "최고예요 최고예요 kim@example.com", "지루해요 지루해요 010-1234-5678"
    labels = ["good" if place % 2 else "bad" for place in range(60)]
    examples = write_example_table(
        tmp_path / "examples", labels, {"text": pa.array(texts)}, modality="text", class_names=("bad", "good"), roles={}
    )
    predictions = scored(examples, text_model_dir, tmp_path / "predictions")
    _, found = analysed(tmp_path / "errors", examples, text_model_dir, predictions)
    assert found["num_errors"] >= 2
    written = (tmp_path / "errors" / "report.html").read_text() + json.dumps(found, ensure_ascii=False)
    assert "example.com" not in written
    assert "1234-5678" not in written


def test_rows_of_a_table_name_the_column_that_is_wrong(tmp_path, trip_model_dir):
    labels = ["false", "true"] * 40
    columns = trips(labels)
    miles = columns["miles"].to_pylist()
    miles[1] = miles[1] * -100
    parts = {**columns, "miles": pa.array(miles)}
    examples = write_example_table(
        tmp_path / "examples", labels, parts, modality="tabular", class_names=("false", "true"),
        roles=dict.fromkeys(parts, "feature"),
    )  # fmt: skip
    predictions = scored(examples, trip_model_dir, tmp_path / "predictions")
    result, found = analysed(tmp_path / "errors", examples, trip_model_dir, predictions)
    assert found["num_errors"] == len(found["errors"])
    assert result.metrics["num_errors"] == found["num_errors"]


def test_predictions_of_another_model_are_refused(tmp_path, digits, model_dir):
    planted = digits[0]
    with pytest.raises(ValueError, match="predictions table must be this model's"):
        analysed(tmp_path, planted.examples, model_dir, planted.predictions)
