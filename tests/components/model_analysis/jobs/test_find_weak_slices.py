import json
import subprocess
import sys

from kfp import dsl
import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from components.model_analysis.__main__ import app
from components.model_analysis.component import find_weak_slices as face
from components.model_analysis.jobs.find_weak_slices import find_weak_slices
from components.model_analysis.slices.conditions import condition_from_json, slice_mask
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter

NUM_ROWS = 600


@pytest.fixture
def tables(tmp_path):
    """Trips of which those of the region `south` with many miles are answered wrong in half of the cases."""

    def make(*, is_planted=True, is_regression=False, sources=None, is_unsure=False):
        rng = np.random.default_rng(0)
        columns = {
            "region": pa.array(rng.choice(["north", "south", "mail@example.com"], NUM_ROWS)),
            "miles": pa.array(rng.gamma(2.0, 2.0, NUM_ROWS)),
            "sex": pa.array(rng.choice(["f", "m"], NUM_ROWS)),
            "phone": pa.array([f"{number}" for number in range(NUM_ROWS)]),
        }
        roles = {"region": ("feature", "slice"), "miles": "feature", "sex": "sensitive", "phone": ("pii", "slice")}
        planted = (np.array(columns["region"]) == "south") & (np.array(columns["miles"]) > 5.0) & is_planted
        unsure = (np.array(columns["sex"]) == "f") & ~planted & is_unsure
        wrong = rng.random(NUM_ROWS) < np.where(planted, 0.6, np.where(unsure, 0.5, 0.05))
        label = np.where(rng.random(NUM_ROWS) < 0.5, "a", "b")
        predicted = np.where(wrong, np.where(label == "a", "b", "a"), label)
        ids, split = [f"e{number}" for number in range(NUM_ROWS)], ["test", "validation"] * (NUM_ROWS // 2)
        stated = ExampleTableInfo(
            modality="tabular", class_names=() if is_regression else ("a", "b"), column_roles=roles,
            task="regression" if is_regression else "classification",
        )  # fmt: skip
        numbers = rng.random(NUM_ROWS)
        base = {
            "example_id": pa.array(ids),
            "split": pa.array(split),
            "label": pa.array(numbers if is_regression else label),
            **({} if sources is None else {"label_source": pa.array(sources)}),
        }
        extra = {name: values.type for name, values in columns.items()}
        with ExampleTableWriter(tmp_path / "examples", stated, extra_columns=extra) as writer:
            writer.write(pa.RecordBatch.from_arrays([*base.values(), *columns.values()], [*base, *columns]))
        names = ["region", "sex"] if sources is None else ["region", "sex", "label_source"]
        with PredictionsWriter(
            tmp_path / "predictions", class_names=() if is_regression else ("a", "b"),
            extra_columns={name: pa.string() for name in names}, is_regression=is_regression,
        ) as writer:  # fmt: skip
            probabilities = np.eye(2)[(predicted == "b").astype(int)]
            probabilities = np.where(unsure[:, None], 0.4 + 0.2 * probabilities, probabilities)
            writer.write(
                example_ids=ids, splits=split, labels=(numbers if is_regression else label).tolist(),
                probabilities=probabilities[:, :0] if is_regression else probabilities,
                embeddings=np.zeros((NUM_ROWS, 0)), extra={name: (base | columns)[name] for name in names},
                numbers=numbers + np.where(wrong, 3.0, rng.normal(0, 0.1, NUM_ROWS)) if is_regression else None,
            )  # fmt: skip
        return columns, planted

    return make


def run(tmp_path, **how):
    result = find_weak_slices(
        examples_path=tmp_path / "examples", predictions_path=tmp_path / "predictions",
        slices_path=tmp_path / "slices.json", report_path=tmp_path / "report.html",
        metrics_path=tmp_path / "metrics.json", **how,
    )  # fmt: skip
    return result, json.loads((tmp_path / "slices.json").read_text())


@pytest.mark.parametrize("is_regression", [False, True])
def test_a_planted_slice_is_named_and_can_be_evaluated_again(tmp_path, tables, is_regression):
    columns, planted = tables(is_regression=is_regression)
    result, written = run(tmp_path)
    first = written["slices"][0]
    rows = slice_mask([condition_from_json(item) for item in first["conditions"]], columns)
    assert (rows & planted).sum() >= 0.7 * (rows | planted).sum()
    assert {item["column"] for item in first["conditions"]} == {"region", "miles"}
    assert "region == 'south'" in first["where"]
    assert first["difference_low"] > 0
    assert result.summary.startswith("Weakest: rows with ")
    assert result.metrics["num_weak_slices"] == len(written["slices"])
    assert "slices:" in (tmp_path / "report.html").read_text()


def test_where_the_model_knows_that_it_is_unsure_it_is_said_and_comes_after_the_rest(tmp_path, tables):
    tables(is_unsure=True)
    result, written = run(tmp_path)
    first = written["slices"][0]
    assert {item["column"] for item in first["conditions"]} == {"region", "miles"}
    assert first["is_unexpected"]
    known = next(item for item in written["slices"] if not item["is_unexpected"])
    assert "sex" in {item["column"] for item in known["conditions"]}
    assert known["expected"] == pytest.approx(known["error"], abs=0.1)
    assert "expected by the model's own confidence" in result.summary
    assert "knows that it is unsure" in (tmp_path / "report.html").read_text()


def test_without_a_weak_slice_none_is_reported_and_the_named_ones_have_figures(tmp_path, tables):
    tables(is_planted=False)
    result, written = run(tmp_path)
    assert written["slices"] == []
    assert "No slice is weaker than chance explains" in result.summary
    names = [item["name"] for item in written["given"]]
    assert "sex = f" in names
    assert "region = north, sex = m" in names
    assert not [name for name in names if "phone" in name]


def test_personal_data_are_neither_searched_nor_shown(tmp_path, tables):
    tables()
    _, written = run(tmp_path)
    assert "phone" not in written["columns"]
    for file in ("slices.json", "report.html"):
        assert "mail@example.com" not in (tmp_path / file).read_text()


def test_only_labels_of_people_count(tmp_path, tables):
    tables(sources=["person", "model"] * (NUM_ROWS // 2))
    _, written = run(tmp_path)
    assert written["num_examples"] == NUM_ROWS // 2
    assert "300 examples without a label that people gave" in written["remarks"][0]


def test_of_many_examples_a_sample_is_looked_at_and_it_is_said(tmp_path, tables):
    tables()
    _, written = run(tmp_path, max_rows=200)
    assert written["num_examples"] == 200
    assert "a sample of 200 was looked at" in written["remarks"][0]


def test_nothing_to_search_is_a_result(tmp_path, tables):
    tables()
    result, written = run(tmp_path, splits=("train",))
    assert written["slices"] == []
    assert result.summary.startswith("Nothing was searched")


def test_an_unknown_error_of_numbers_is_refused(tmp_path, tables):
    tables()
    with pytest.raises(ValueError, match="error must be absolute or squared, got 'cubed'"):
        run(tmp_path, error="cubed")


def test_the_job_needs_no_torch():
    code = "import sys, components.model_analysis.jobs.find_weak_slices; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_face_writes_every_output_and_records_the_metrics(tmp_path, tables):
    tables()
    kinds = {"weak_slices": dsl.Artifact, "weak_slices_report": dsl.HTML, "weak_slices_metrics": dsl.Metrics}
    outputs = {name: kind(name=name, uri=str(tmp_path / "step" / name), metadata={}) for name, kind in kinds.items()}
    face.python_func(
        examples=dsl.Dataset(uri=str(tmp_path / "examples")),
        predictions=dsl.Dataset(uri=str(tmp_path / "predictions")),
        **outputs,
    )
    assert all((tmp_path / "step" / name).exists() for name in outputs)
    assert outputs["weak_slices_metrics"].metadata["num_weak_slices"] >= 1


def test_the_command_says_what_is_weakest(tmp_path, tables):
    tables()
    named = {"examples": "examples", "predictions": "predictions", "output": "out"}
    arguments = [part for name, folder in named.items() for part in (f"--{name}", str(tmp_path / folder))]
    result = CliRunner().invoke(app, ["weak-slices", *arguments, "--max-conditions", "2"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Weakest: rows with ")
    assert (tmp_path / "out" / "weak_slices.json").is_file()
