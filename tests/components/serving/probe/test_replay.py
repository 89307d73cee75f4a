import json
import shutil

from kfp import dsl
import numpy as np
import pyarrow as pa
import pytest

from components.modeling.predictor import load_predictor
from components.serving.component import probe_server as face
from components.serving.jobs import probe_server
from components.serving.probe.replay import judge_replay, Refusal, Replay, replay_examples
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.verdict import read_verdict
from components.shared.runtime.errors import ContractError
from components.shared.served_model.child_server import MODEL_NAME
from components.shared.served_model.held_out_examples import held_out_examples
from components.shared.served_model.inference_client import InferenceClient
from tests.components.serving.replays import MODALITIES, write_columns, write_examples, write_predictions

GOOD = (Refusal(request="nonsense", status=400, reason="no", next_status=200),)


@pytest.fixture
def tables(tmp_path, images, predictor):
    probabilities = predictor.predict(predictor.prepare({"image": pa.array(images, pa.binary())})).probabilities_BK
    names = predictor.class_names
    return (
        write_examples(tmp_path / "examples", images, names),
        write_predictions(tmp_path / "predictions", probabilities, names),
        probabilities,
    )


def run_job(model, examples, predictions, output, **settings):
    result = probe_server(
        model_path=model,
        examples_path=examples,
        predictions_path=predictions,
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
        metrics_path=output / "metrics.json",
        **settings,
    )
    return result, read_verdict(output / "verdict.json"), (output / "report.html").read_text()


@pytest.mark.slow
def test_a_server_that_answers_like_the_training_side_passes(bundle, tables, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    outputs = {
        "serving_report": dsl.HTML(uri=str(tmp_path / "report.html")),
        "serving_verdict": dsl.Artifact(uri=str(tmp_path / "verdict.json")),
        "serving_metrics": dsl.Metrics(uri=str(tmp_path / "metrics.json")),
    }

    face.python_func(
        model=dsl.Model(uri=str(bundle)),
        examples=dsl.Dataset(uri=str(tables[0])),
        predictions=dsl.Dataset(uri=str(tables[1])),
        **outputs,
    )

    verdict = read_verdict(tmp_path / "verdict.json")
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert verdict.passed, verdict.reason
    assert verdict.check == "serving"
    assert metrics == outputs["serving_metrics"].metadata
    assert set(metrics) == {"cold_start_s", "p50_ms", "p99_ms", "max_abs_difference", "num_requests"}
    assert metrics["num_requests"] == 6
    assert metrics["max_abs_difference"] <= 1e-5
    assert 0 < metrics["p50_ms"] <= metrics["p99_ms"]
    report = (tmp_path / "report.html").read_text()
    assert "a text file for an image" in report
    assert "Server log" not in report


@pytest.mark.slow
def test_examples_without_a_column_that_the_model_reads_are_a_failed_verdict(bundle, predictor, tmp_path):
    names = predictor.class_names
    examples = write_columns(tmp_path / "examples", "text", MODALITIES["text"], names)
    predictions = write_predictions(tmp_path / "predictions", np.full((4, 3), 1 / 3), names)

    result, verdict, _ = run_job(bundle, examples, predictions, tmp_path / "out")

    assert not result.passed
    assert "must have the columns that the served model reads, but lack image" in verdict.reason


def test_a_missing_bundle_is_a_failed_verdict_with_the_servers_own_words(tables, tmp_path):
    result, verdict, report = run_job(tmp_path / "gone", tables[0], tables[1], tmp_path / "out")

    assert not result.passed
    assert not verdict.passed
    assert "ended with status 2 before it was ready: error: a model bundle must be a folder" in verdict.reason
    assert "Server log" in report
    assert "a model bundle must be a folder" in report
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == {"num_requests": 0.0}


def test_predictions_of_another_model_are_a_failed_verdict(server, tables, tmp_path):
    tampered = tables[2][:, ::-1].copy()
    predictions = write_predictions(tmp_path / "tampered", tampered, PredictionsTable(tables[1]).class_names)
    held_out = held_out_examples(ExampleTable(tables[0]), PredictionsTable(predictions), at_most=3)

    with InferenceClient(server.http_port, model_name=MODEL_NAME) as client:
        replay = replay_examples(client, held_out)

    verdict = judge_replay(replay)
    assert not verdict.passed
    assert "must equal the training side's within 0.0001" in verdict.reason
    assert verdict.findings[0].kind == "data_skew"
    assert replay.metrics()["max_abs_difference"] > 1e-4
    assert replay.metrics()["num_requests"] == 3


@pytest.mark.slow
def test_the_job_reports_a_replay_that_differs(table_bundle, tmp_path):
    names = load_predictor(table_bundle, device="cpu").class_names
    examples = write_columns(tmp_path / "examples", "tabular", MODALITIES["tabular"], names)
    predictions = write_predictions(tmp_path / "predictions", np.full((4, len(names)), 1 / len(names)), names)

    result, verdict, report = run_job(table_bundle, examples, predictions, tmp_path / "out")

    assert not result.passed
    assert "must equal the training side's within 0.0001" in verdict.reason
    assert result.metrics["num_requests"] == 4
    assert "serving probe from" in report


def test_other_classes_are_a_failed_replay(server, tables, tmp_path):
    predictions = write_predictions(
        tmp_path / "two", tables[2][:, :2] / tables[2][:, :2].sum(1, keepdims=True), ("a", "b")
    )
    held_out = held_out_examples(ExampleTable(tables[0]), PredictionsTable(predictions), at_most=2)

    with (
        InferenceClient(server.http_port, model_name=MODEL_NAME) as client,
        pytest.raises(RuntimeError, match="must answer 2 probabilities, got 3"),
    ):
        replay_examples(client, held_out)


def test_an_image_that_the_server_refuses_is_named(server, predictor, tmp_path):
    names = predictor.class_names
    examples = write_examples(tmp_path / "examples", [b"no image"], names)
    predictions = write_predictions(tmp_path / "predictions", np.full((1, 3), 1 / 3), names)
    held_out = held_out_examples(ExampleTable(examples), PredictionsTable(predictions), at_most=64)

    with (
        InferenceClient(server.http_port, model_name=MODEL_NAME) as client,
        pytest.raises(RuntimeError, match=r"refused example 'image-0' with 400: .*no image of a known format"),
    ):
        replay_examples(client, held_out)


def test_a_difference_just_over_the_bound_fails_and_just_under_it_passes():
    def verdict(difference: float):
        return judge_replay(
            Replay(
                example_ids=("a", "b"),
                latencies_s=np.array([0.01, 0.03]),
                differences=np.array([0.0, difference]),
                refusals=GOOD,
            )
        )

    assert verdict(1e-4).passed
    assert not verdict(1.01e-4).passed
    assert "(example 'b')" in verdict(0.5).reason
    assert not verdict(float("nan")).passed


def test_latency_figures_are_percentiles_in_milliseconds():
    replay = Replay(
        example_ids=tuple("abcde"),
        latencies_s=np.array([0.05, 0.01, 0.03, 0.02, 0.04]),
        differences=np.zeros(5),
        refusals=GOOD,
    )

    metrics = replay.metrics()

    assert metrics["p50_ms"] == pytest.approx(30.0)
    assert metrics["p99_ms"] == pytest.approx(49.6)


@pytest.mark.parametrize("changes", [{"status": 500}, {"status": 200}, {"reason": ""}, {"next_status": 503}])
def test_a_mistake_that_is_not_told_or_does_harm_fails(changes):
    refusal = Refusal(**{"request": "an empty body", "status": 400, "reason": "no", "next_status": 200, **changes})
    replay = Replay(example_ids=("a",), latencies_s=np.array([0.1]), differences=np.zeros(1), refusals=(refusal,))

    verdict = judge_replay(replay)

    assert not verdict.passed
    assert "an empty body must be answered with 400" in verdict.reason


def test_held_out_examples_are_spread_and_matched_by_identifier(tables, images):
    held_out = held_out_examples(ExampleTable(tables[0]), PredictionsTable(tables[1]), at_most=3)

    assert held_out.split == "test"
    assert held_out.example_ids == ("image-0", "image-2", "image-5")
    assert [row["image"] for row in held_out.rows] == [images[0], images[2], images[5]]
    assert np.allclose(held_out.answers_NK, tables[2][[0, 2, 5]])


def test_validation_examples_are_taken_where_nothing_of_test_was_scored(images, predictor, tmp_path):
    names = predictor.class_names
    examples = write_examples(tmp_path / "examples", images, names, split="validation")
    predictions = write_predictions(tmp_path / "predictions", np.full((6, 3), 1 / 3), names, split="validation")

    assert held_out_examples(ExampleTable(examples), PredictionsTable(predictions), at_most=2).split == "validation"


def test_tables_that_cannot_be_replayed_are_bad_input(tables, images, predictor, tmp_path):
    names = predictor.class_names
    train_only = write_predictions(tmp_path / "train", np.full((2, 3), 1 / 3), names, split="train")
    strangers = write_predictions(tmp_path / "strangers", np.full((2, 3), 1 / 3), names, first_id=5)

    with pytest.raises(ValueError, match="test or validation"):
        held_out_examples(ExampleTable(tables[0]), PredictionsTable(train_only), at_most=2)
    with pytest.raises(ContractError, match="1 of 2 are not, 'image-6' first"):
        held_out_examples(ExampleTable(tables[0]), PredictionsTable(strangers), at_most=2)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        held_out_examples(ExampleTable(tables[0]), PredictionsTable(tables[1]), at_most=0)
    shutil.rmtree(tables[0])
    with pytest.raises(FileNotFoundError):
        run_job(tmp_path / "gone", tables[0], tables[1], tmp_path / "out")
