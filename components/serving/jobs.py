"""Jobs of serving: publish a release, and probe a server."""

from collections.abc import Mapping
from dataclasses import dataclass
import http.client
import logging
from pathlib import Path
import shutil

import numpy as np

from components.modeling.onnx_predictor import has_network
from components.serving.probe.replay import failed_verdict, judge_replay, Replay, replay_examples
from components.serving.probe.report import probe_report
from components.serving.release.model_card import model_card
from components.serving.release.network_graph import network_graph
from components.serving.release.store import publish, Release
from components.shared.contracts.analysis_summary import read_analysis_summary
from components.shared.contracts.bundle import add_files, NETWORK_FILE, read_config
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.inference_service import inference_service_yaml
from components.shared.contracts.operating_threshold import EVALUATION_FILE
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.verdict import read_verdict, Verdict, write_verdict
from components.shared.lineage.announcements import announce_release
from components.shared.lineage.released_model import ReleasedModel
from components.shared.runtime.atomic_files import read_json, write_json, write_text
from components.shared.runtime.container_images import image_pull_secrets
from components.shared.runtime.model_name import check_model_name
from components.shared.runtime.step_record import keep_results, this_step
from components.shared.served_model.child_server import (
    log_end,
    MODEL_NAME,
    running_server,
    RunningServer,
    ServerStartError,
)
from components.shared.served_model.held_out_examples import held_out_examples, HeldOut
from components.shared.served_model.inference_client import InferenceClient, InferenceClientError

logger = logging.getLogger(__name__)

MODEL_CARD_FILE = "model_card.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A model that asks to be published: its bundle, its evaluation (JSON), and the verdict of its analysis.

    `summary` is what the analysis found, in words (JSON), for the model card; None where nobody summarised it. On
    held-out rows of `examples`, an example table, what ONNX Runtime computes is compared with the model; None compares
    on made-up rows alone.
    """

    model: str | Path
    evaluation: str | Path
    verdict: str | Path
    summary: str | Path | None = None
    examples: str | Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishResult:
    """A published release.

    Attributes
    ----------
    storage_uri
        What KServe's storage initialiser reads: `file://`, `s3://`, `pvc://` and the like.
    release_uri
        The bundle's folder: an absolute path, or a URI.
    artifact_uri
        Where a KFP artifact of the release points.
    is_new
        Whether it was not there before.
    """

    version: str
    storage_uri: str
    release_uri: str
    artifact_uri: str
    is_new: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResult:
    """What a probe found.

    Attributes
    ----------
    passed
        Whether the server may go on to production.
    reason
        One sentence.
    metrics
        What was measured: `cold_start_s`, `p50_ms`, `p99_ms`, `max_abs_difference` (of a number
        `max_relative_difference`), `num_requests`.
    """

    passed: bool
    reason: str
    metrics: Mapping[str, float]


def publish_model(
    candidate: Candidate,
    *,
    model_name: str,
    model_root: str,
    inference_service_path: str | Path,
    artifact: tuple[str, str | Path] | None = None,
    registry: str = "",
) -> PublishResult:
    """Publish a bundle as an immutable release, with its evaluation, a model card and an InferenceService.

    Where ONNX Runtime computes the network alike, the release holds its graph, too; see `network_graph`.

    Parameters
    ----------
    candidate
        The bundle with its evaluation and verdict.
    model_name
        The model's name; see `check_model_name`.
    model_root
        A folder, an fsspec URI, or `pvc://CLAIM/PATH` where the claim is mounted.
    inference_service_path
        Where the InferenceService is written, beside the copy that lies with the release.
    artifact
        URI and path of the KFP artifact that stands for the release; None outside of a pipeline.
    registry
        The address of the Kubeflow Model Registry that is told of the release; empty for none.

    Returns
    -------
    PublishResult
        Where it is; publishing the same again changes nothing.

    Raises
    ------
    ValueError
        If the name or root cannot be used, the verdict did not pass, the bundle is damaged, or the version exists
        with other contents.
    FileNotFoundError
        If an input does not exist.
    """
    check_model_name(model_name)
    verdict = read_verdict(candidate.verdict)
    if not verdict.passed:
        raise ValueError(f"a model must pass its {verdict.check} before it is published, but: {verdict.reason}")
    files = _release_files(candidate, model_name)
    graph = network_graph(candidate.model, examples=candidate.examples)
    if graph is not None:
        files[NETWORK_FILE] = graph
    runs_without_torch = graph is not None or has_network(candidate.model)
    release = publish(
        candidate.model,
        model_root=model_root,
        model_name=model_name,
        files=files,
        inference_service=lambda version, storage_uri: inference_service_yaml(
            model_name=model_name,
            version=version,
            storage_uri=storage_uri,
            pull_secrets=image_pull_secrets(),
            runs_without_torch=runs_without_torch,
        ),
    )
    write_text(inference_service_path, release.inference_service)
    keep_results(this_step(), facts={"storage_uri": release.storage_uri, "version": release.version})
    announce_release(
        ReleasedModel(
            model_name=model_name,
            version=release.version,
            storage_uri=release.storage_uri,
            card=files[MODEL_CARD_FILE].decode(),
        ),
        registry=registry,
    )
    return PublishResult(
        version=release.version,
        storage_uri=release.storage_uri,
        release_uri=release.uri,
        artifact_uri=_artifact_uri(release, artifact, candidate.model, files),
        is_new=release.is_new,
    )


def probe_server(
    *,
    model_path: str | Path,
    examples_path: str | Path,
    predictions_path: str | Path,
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path,
    num_examples: int = 64,
    ready_timeout_s: float = 180.0,
) -> ProbeResult:
    """Start the server on loopback, replay held-out examples over V2, and compare with the training side.

    A server that does not start, refuses an example or computes something else is a failed verdict, not an error.

    Parameters
    ----------
    model_path
        The bundle to serve.
    examples_path, predictions_path
        The example table and the training side's predictions.
    report_path, verdict_path, metrics_path
        Files to write: HTML and twice JSON.
    num_examples
        How many examples to replay at most, 1 or more.
    ready_timeout_s
        How long the server may take to become ready, seconds.

    Returns
    -------
    ProbeResult
        Verdict and metrics.

    Raises
    ------
    ValueError
        If the tables cannot be used, or hold no held-out example.
    FileNotFoundError
        If a table does not exist.
    """
    held_out = held_out_examples(ExampleTable(examples_path), PredictionsTable(predictions_path), at_most=num_examples)
    outcome = _probed(model_path, held_out, ready_timeout_s=ready_timeout_s)
    write_verdict(verdict_path, outcome.verdict)
    write_json(metrics_path, outcome.metrics)
    probe_report(outcome.verdict, outcome.metrics, outcome.replay, log=outcome.log).write(report_path)
    logger.info("%s: %s", "passed" if outcome.verdict.passed else "failed", outcome.verdict.reason)
    return ProbeResult(passed=outcome.verdict.passed, reason=outcome.verdict.reason, metrics=outcome.metrics)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Outcome:
    verdict: Verdict
    metrics: dict[str, float]
    replay: Replay | None = None
    log: str = ""


def _probed(model_path: str | Path, held_out: HeldOut, *, ready_timeout_s: float) -> _Outcome:
    try:
        with running_server(model_path, ready_timeout_s=ready_timeout_s) as server:
            return _replayed(model_path, held_out, server)
    except ServerStartError as error:
        return _Outcome(verdict=failed_verdict(str(error)), metrics={"num_requests": 0.0}, log=error.log_end)


def _replayed(model_path: str | Path, held_out: HeldOut, server: RunningServer) -> _Outcome:
    metrics = {"cold_start_s": server.cold_start_s, "num_requests": 0.0}
    served = read_config(model_path)
    served_names = served.class_names
    if served.is_regression != held_out.is_regression:
        kinds = ("a number", "a class") if held_out.is_regression else ("a class", "a number")
        reason = f"the bundle must answer {kinds[0]}, as the predictions are, but answers {kinds[1]}"
        return _Outcome(verdict=failed_verdict(reason, kind="data_skew"), metrics=metrics, log=log_end(server.log))
    if served_names != held_out.class_names:
        reason = (
            f"the bundle must have the classes of the predictions, {', '.join(held_out.class_names)}, "
            f"got {', '.join(served_names)}"
        )
        return _Outcome(verdict=failed_verdict(reason, kind="data_skew"), metrics=metrics, log=log_end(server.log))
    try:
        with InferenceClient(server.http_port, model_name=MODEL_NAME) as client:
            replay = replay_examples(client, held_out, served.repairs)
    except (InferenceClientError, OSError, http.client.HTTPException) as error:
        reason = str(error) or f"the server stopped answering: {type(error).__name__}"
        return _Outcome(verdict=failed_verdict(reason), metrics=metrics, log=log_end(server.log))
    metrics.update({name: value for name, value in replay.metrics().items() if np.isfinite(value)})
    return _Outcome(verdict=judge_replay(replay), metrics=metrics, replay=replay, log=log_end(server.log))


def _release_files(candidate: Candidate, model_name: str) -> dict[str, bytes]:
    config = read_config(candidate.model)
    evaluation = read_json(candidate.evaluation, what="the evaluation")
    if not isinstance(evaluation, dict):
        raise ValueError(
            f"the evaluation at {candidate.evaluation} must be a JSON object, got {type(evaluation).__name__}"
        )
    summary = None if candidate.summary is None else read_analysis_summary(candidate.summary)
    card = model_card(model_name=model_name, config=config, evaluation=evaluation, summary=summary)
    return {EVALUATION_FILE: Path(candidate.evaluation).read_bytes(), MODEL_CARD_FILE: card.encode()}


def _artifact_uri(
    release: Release, artifact: tuple[str, str | Path] | None, model_path: str | Path, files: Mapping[str, bytes]
) -> str:
    if artifact is None:
        return release.uri
    uri, path = artifact
    if release.is_local and "://" not in uri:
        shutil.rmtree(path, ignore_errors=True)
        return release.uri
    # KFP's launcher fails a step whose artifact points outside the pipeline's own bucket: it gets a copy of its own.
    add_files(model_path, path, files)
    return uri
