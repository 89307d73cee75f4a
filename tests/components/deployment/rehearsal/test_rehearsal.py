from dataclasses import replace
import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from typer.testing import CliRunner

from components.deployment.__main__ import app
from components.deployment.jobs.rehearse_release import rehearse_release, REHEARSED
from components.deployment.rehearsal.mislabelled_twin import write_mislabelled_twin
from components.deployment.rehearsal.published_run import published_run
from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.predictor import load_predictor, weights_of
from components.modeling.text.char_ngrams import TextFeatures
from components.shared.contracts.bundle import BundleConfig, read_config, read_weights, write_bundle
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter
from components.shared.contracts.verdict import read_verdict

CLASSES = ("bad", "good", "mixed")
TEXTS = [f"comment {number} {'좋다' * (number % 5)}" for number in range(60)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    torch.manual_seed(0)
    features, backbone = TextFeatures(), BackboneConfig(name="char_ngrams")
    classifier = build_classifier(backbone, features, num_classes=3, load_pretrained=False)
    with torch.no_grad():
        for parameter in classifier.parameters():
            parameter.add_(torch.randn_like(parameter))
    config = BundleConfig(
        task="text_classification",
        class_names=CLASSES,
        backbone=backbone.to_dict(),
        preprocessing=features.to_dict(),
        training={},
    )
    path = tmp_path_factory.mktemp("bundle") / "model"
    write_bundle(path, config, weights_of(classifier))
    return path


@pytest.fixture(scope="module")
def run_folder(bundle, tmp_path_factory):
    """What a run leaves: labels are what the model answers, so that it is never wrong."""
    folder = tmp_path_factory.mktemp("run")
    predictor = load_predictor(bundle, device="cpu")
    answers = predictor.predict(predictor.prepare({"text": pa.array(TEXTS)}))
    labels = [CLASSES[place] for place in answers.probabilities_BK.argmax(axis=1)]
    ids = [f"comment-{number}" for number in range(len(TEXTS))]
    info = ExampleTableInfo(modality="text", class_names=CLASSES, column_roles={})
    examples = folder / "artifacts" / "first" / "ingest-examples" / "examples"
    with ExampleTableWriter(examples, info, extra_columns={}) as writer:
        columns = {"example_id": ids, "split": ["test"] * len(ids), "label": labels, "text": TEXTS}
        writer.write(pa.RecordBatch.from_arrays([pa.array(values) for values in columns.values()], list(columns)))
    predictions = folder / "artifacts" / "first" / "evaluate-model" / "predictions"
    with PredictionsWriter(predictions, class_names=CLASSES, extra_columns={}) as writer:
        writer.write(
            example_ids=ids,
            splits=["test"] * len(ids),
            labels=labels,
            probabilities=answers.probabilities_BK,
            embeddings=np.empty((len(ids), 0)),
            extra={},
        )
    (folder / "summary.json").write_text(json.dumps({"model_dir": str(bundle)}))
    return folder


def test_the_twin_answers_the_next_class_with_the_same_weights(bundle, tmp_path):
    write_mislabelled_twin(bundle, tmp_path / "twin")
    assert read_config(tmp_path / "twin").class_names == ("good", "mixed", "bad")
    text = {"text": pa.array(TEXTS[:4])}
    one, other = (load_predictor(path, device="cpu") for path in (bundle, tmp_path / "twin"))
    answers = [model.predict(model.prepare(text)).probabilities_BK for model in (one, other)]
    assert np.array_equal(*answers)


def test_what_a_run_left_is_found_and_what_is_missing_is_said(bundle, run_folder, tmp_path):
    found = published_run(run_folder)
    assert (found.release, found.examples.parent.name) == (bundle, "ingest-examples")
    with pytest.raises(FileNotFoundError, match=r"must hold a run, but has no summary\.json: `make run` first"):
        published_run(tmp_path)
    (tmp_path / "summary.json").write_text('{"model_dir": null}')
    with pytest.raises(ValueError, match="must have published a release, but names none"):
        published_run(tmp_path)
    (tmp_path / "summary.json").write_text('{"model_dir": "m"}')
    with pytest.raises(FileNotFoundError, match=r"must hold artifacts/.*/examples, but does not"):
        published_run(tmp_path)


@pytest.mark.slow
def test_a_candidate_that_does_not_start_is_rolled_back_with_its_log(bundle, run_folder, tmp_path):
    config = replace(read_config(bundle), backbone={"name": "mlp"})  # of a table
    write_bundle(tmp_path / "broken", config, read_weights(bundle))
    found = published_run(run_folder)
    result = rehearse_release(
        stable_path=found.release,
        candidate_path=tmp_path / "broken",
        examples_path=found.examples,
        predictions_path=found.predictions,
        output_path=tmp_path / "out",
    )
    assert (result.promoted, result.requests) == (False, 0)
    verdict = read_verdict(tmp_path / "out" / "verdict.json")
    assert verdict.reason.startswith("rolled back: it cannot be watched: the server ended with status")
    assert "Server log" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.slow
def test_an_equal_release_is_promoted_and_one_that_answers_wrong_is_rolled_back(run_folder):
    done = CliRunner().invoke(app, ["rehearse-run", str(run_folder)])
    assert done.exit_code == 0, done.output
    first, _, second, _ = done.output.splitlines()
    assert first.startswith("promoted after ")
    assert second.startswith("rolled back after ")
    good, bad = (read_verdict(run_folder / "rehearsal" / name / "verdict.json") for name in ("good", "bad"))
    assert (good.passed, bad.passed) == (True, False)
    seen = json.loads((run_folder / "rehearsal" / "good" / "judge.json").read_text())["seen"]
    assert seen["canary"]["requests"] >= len(REHEARSED.steps) * REHEARSED.requests_a_step
    assert (seen["canary"]["errors"], seen["canary"]["wrong"]) == (0, 0)
    assert "Evidence against the candidate" in (run_folder / "rehearsal" / "bad" / "report.html").read_text()


def test_tables_that_do_not_fit_are_refused_before_a_server_starts(run_folder, tmp_path):
    with pytest.raises(FileNotFoundError):
        rehearse_release(
            stable_path=tmp_path,
            candidate_path=tmp_path,
            examples_path=tmp_path / "none",
            predictions_path=published_run(run_folder).predictions,
            output_path=tmp_path / "out",
        )
