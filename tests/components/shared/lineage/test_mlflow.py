"""What MLflow is told, by a real tracking server."""

import json
from pathlib import Path
import socket
import subprocess
import sys
import time

import pytest

from components.reporting.page import Report
from components.reporting.run_pages.run_report import write_run
from components.reporting.run_pages.step import Step
from components.reporting.run_pages.tracking import track_run
from components.reporting.run_pages.training_run_summary import TrainingRunSummary
from components.run_page.jobs import write_run_page
from components.shared.lineage.announcements import announce_champion, announce_release
from components.shared.lineage.mlflow_client import tracking_client
from components.shared.lineage.released_model import ChampionMove, ReleasedModel
from components.shared.lineage.run_tracking import own_run
from components.shared.runtime.step_record import keep_step
from tests.mlflow_server import mlflow_server

CURVES = [
    {"epoch": 1.0, "val_loss": 0.9, "val_accuracy": 0.5},
    {"epoch": 2.0, "val_loss": 0.4, "val_accuracy": None},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


@pytest.fixture
def client(server, monkeypatch):
    """The environment names the server; its client."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    return tracking_client()


@pytest.fixture
def unreachable(monkeypatch):
    """The environment names a server that does not exist."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")


@pytest.fixture
def silent(monkeypatch):
    """The environment names a server that takes connections and never answers; one try of a request takes a second."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield


def trained(folder: Path) -> list[Step]:
    """A training step on a desk that left its report, its metrics and its curves."""
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "curves.json").write_text(json.dumps(CURVES))
    report = Report("Training")
    report.paragraph("the report of the training")
    report.write(folder / "report.html")
    (folder / "metrics.json").write_text('{"val_loss": 0.4}')
    outputs = {"train_report": "report.html", "train_metrics": "metrics.json", "logs": "logs"}
    places = {name: str(folder / place) for name, place in outputs.items()}
    return [Step(name="train model", log=folder / "log", status="succeeded", outputs=places)]


def written(folder: Path, steps: list[Step], **asked):
    return write_run(
        steps, run_dir=folder, run_summary=TrainingRunSummary(source="digits"), error="", identity={"seed": 3, **asked}
    )


def artifacts(client, run_id: str) -> dict[str, str]:
    """The text of every artifact of a run, by its path."""
    paths = [file.path for file in client.list_artifacts(run_id) if not file.is_dir]
    paths += [
        file.path for folder in client.list_artifacts(run_id) for file in client.list_artifacts(run_id, folder.path)
    ]
    return {path: Path(client.download_artifacts(run_id, path)).read_text() for path in paths}


def points(client, run_id: str, metric: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in client.get_metric_history(run_id, metric)]


def release(version: str, place: str = "s3://bucket/models") -> ReleasedModel:
    return ReleasedModel(model_name="pets", version=version, storage_uri=f"{place}/pets/{version}", card="# Pets")


def move(to: ReleasedModel, former: str | None) -> ChampionMove:
    return ChampionMove(
        release=to,
        former_version=former,
        promoted_by="kim",
        promoted_at="2026-05-08T10:00:00+00:00",
        reason="better for kim@example.com",
    )


def test_a_desk_run_is_a_run_with_reports_curves_metrics_and_parameters(client, tmp_path):
    with own_run("Training run: digits") as run_id:
        steps = trained(tmp_path / "made")
        track_run(steps, written(tmp_path, steps, problem="a long text"), own_run_id=run_id)

    run = client.get_run(run_id)
    assert (run.info.run_name, run.info.status) == ("Training run: digits", "FINISHED")
    assert client.get_experiment(run.info.experiment_id).name == "pluszero-mlops"
    assert run.data.params == {"seed": "3"}
    assert run.data.metrics["training_val_loss"] == 0.4
    assert points(client, run_id, "train model/val_loss") == [(1, 0.9), (2, 0.4)]
    assert points(client, run_id, "train model/val_accuracy") == [(1, 0.5)]
    stored = artifacts(client, run_id)
    assert set(stored) == {"run.html", "reports/train model.html"}
    assert "the report of the training" in stored["reports/train model.html"]
    assert stored["run.html"] == (tmp_path / "report.html").read_text()


def test_a_run_on_a_cluster_adds_to_the_run_of_its_pipeline(client, tmp_path, monkeypatch):
    experiment = client.create_experiment("what KFP has made")
    pipeline = client.create_run(experiment).info.run_id
    task = client.create_run(experiment, tags={"mlflow.parentRunId": pipeline}).info.run_id
    steps = trained(tmp_path / "made")
    monkeypatch.setenv("MLFLOW_RUN_ID", task)
    monkeypatch.setenv("PLUSZERO_RUN_ID", "7d0c")
    monkeypatch.setenv("PLUSZERO_RUNS_DIR", str(tmp_path / "runs"))
    files = {"report": steps[0].outputs["train_report"], "curves": tmp_path / "made" / "logs" / "curves.json"}
    keep_step(tmp_path / "runs" / "7d0c", "train model", files=files)

    write_run_page(
        kind="training", steps=["train model"], version="v1", images={}, page_path=tmp_path / "page" / "page.html"
    )

    assert set(artifacts(client, pipeline)) == {"run.html", "reports/train model.html"}
    assert points(client, pipeline, "train model/val_loss") == [(1, 0.9), (2, 0.4)]
    assert artifacts(client, task) == {}
    # KFP itself has told the rest, and ends its own runs.
    assert client.get_run(pipeline).data.params == {}
    assert client.get_run(pipeline).info.status == "RUNNING"


def test_a_release_is_a_version_once_and_the_champion_an_alias_that_moves(client):
    first, second = release("1f"), release("2e")
    announce_release(first)
    announce_release(first)
    announce_champion(move(first, None))
    announce_champion(move(second, "1f"))

    versions = {version.tags["pluszero.version"]: version for version in client.search_model_versions("name = 'pets'")}
    assert sorted(versions) == ["1f", "2e"]
    assert len(client.search_model_versions("name = 'pets'")) == 2
    assert versions["1f"].source == "s3://bucket/models/pets/1f"
    champion = client.get_model_version_by_alias("pets", "champion")
    assert champion.version == versions["2e"].version
    said = {name.removeprefix("pluszero."): value for name, value in champion.tags.items()}
    assert said["former_version"] == "1f"
    assert said["promoted_by"] == "kim"
    assert said["reason"] == "better for <e-mail>"


def test_a_release_on_a_desk_points_at_its_run(client):
    with own_run("a run") as run_id:
        announce_release(release("3d", place="file:///home/kim/models"))
    (version,) = client.search_model_versions("name = 'pets' and tag.`pluszero.version` = '3d'")
    assert (version.run_id, version.source) == (run_id, f"runs:/{run_id}/release")
    assert version.tags["pluszero.storage_uri"] == "file:///home/kim/models/pets/3d"
    assert artifacts(client, run_id) == {"release/model_card.md": "# Pets"}


def test_a_champion_on_a_desk_that_nobody_registered_gets_a_run_of_its_own(client):
    announce_champion(move(release("4c", place="file:///home/kim/models"), "3d"))
    champion = client.get_model_version_by_alias("pets", "champion")
    assert champion.tags["pluszero.version"] == "4c"
    assert client.get_run(champion.run_id).info.status == "FINISHED"


def test_a_server_out_of_reach_costs_one_warning_a_telling(unreachable, caplog):
    announce_release(release("1f"))
    (warning,) = [record for record in caplog.records if record.name.startswith("components.")]
    assert warning.levelname == "WARNING"
    assert warning.message.startswith(
        "MLflow was not told of the release 1f of pets, and all else goes on: API request"
    )


def test_a_desk_run_whose_server_is_out_of_reach_goes_on_without_it(unreachable, caplog, tmp_path):
    with own_run("Training run: digits") as run_id:
        announce_release(release("1f"))
        steps = trained(tmp_path / "made")
        track_run(steps, written(tmp_path, steps), own_run_id=run_id)
    (warning,) = [record for record in caplog.records if record.name.startswith("components.")]
    assert warning.message.startswith("MLflow was not told of the run Training run: digits, and all else goes on")


def test_a_server_that_never_answers_is_waited_for_in_seconds(silent, caplog):
    begun = time.monotonic()
    announce_release(release("1f"))
    assert time.monotonic() - begun < 15
    (warning,) = [record for record in caplog.records if record.name.startswith("components.")]
    assert "timed out" in warning.message


def test_without_a_server_mlflow_is_not_even_imported():
    program = """
import sys
from components.shared.lineage.announcements import announce_release
from components.shared.lineage.released_model import ReleasedModel
from components.shared.lineage.run_tracking import own_run
with own_run("a run") as run_id:
    announce_release(ReleasedModel(model_name="pets", version="1f", storage_uri="s3://bucket/pets/1f"))
print(run_id, "mlflow" in sys.modules, "requests" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PATH": ""})
    assert done.stdout.split() == ["None", "False", "False"]
