"""The images for real: what they hold, a whole run in them, a server on its bundle, and what a step may not do."""

import json
from pathlib import Path
import re
import shutil
import socket
import subprocess
import time
import urllib.request

from kfp import dsl
from kfp.compiler import Compiler
from PIL import Image
import pytest
from typer.testing import CliRunner
import yaml

from components.reporting.run_pages.step import Watcher
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.runtime.container_images import ALL_IMAGE_NAMES, image
from pipelines.__main__ import app
from pipelines.local.containers import Confinement, container_engine
from pipelines.local.image_source import image_source, REPOSITORY, SOURCE_LABEL
from pipelines.local.runner import run_pipeline
from tools.build_images import base_image, build_command, engine, run_build

pytestmark = pytest.mark.containers

NUM_PER_CLASS = 200
SILENT = Watcher(started=lambda step: None, progressed=lambda step, line: None, ended=lambda step: None)
CONFINED = {
    "network_mode": "none",
    "read_only": True,
    "tmpfs": {"/tmp": ""},
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}


@pytest.fixture(scope="module")
def client():
    with container_engine() as client:
        yield client


def output_of(client, name, code):
    container = client.containers.create(image(name), ["python", "-c", code], **CONFINED)
    try:
        container.start()
        status = container.wait()["StatusCode"]
        text = container.logs().decode()
    finally:
        container.remove(force=True)
    assert status == 0, text
    return text.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, stripes):
    folder = tmp_path_factory.mktemp("pictures")
    for label, name in enumerate(("across", "down")):
        (folder / name).mkdir()
        for seed in range(NUM_PER_CLASS):
            Image.fromarray(stripes(label, seed)).save(folder / name / f"{seed:03d}.png")
    return folder


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory):
    # The user of the steps must reach the folders, and pytest makes its own for one user alone.
    for path in (pictures, *pictures.parents):
        if path.name.startswith("pytest-"):
            path.chmod(0o755)
    pictures.chmod(0o755)
    run_dir = tmp_path_factory.mktemp("run")
    run_dir.chmod(0o755)
    result = CliRunner().invoke(
        app, ["run", "--dataset", str(pictures), "--run-dir", str(run_dir), "--runner", "docker"]
    )
    assert result.exit_code == 0, result.output
    return run_dir


@pytest.fixture(scope="module")
def summary(finished):
    return json.loads((finished / "summary.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ALL_IMAGE_NAMES)
def test_an_image_runs_as_the_fixed_user_and_says_what_it_is(client, name):
    built = client.images.get(image(name))
    assert built.attrs["Config"]["User"] == "10001:10001"
    assert built.labels[SOURCE_LABEL] == image_source(name)
    assert built.labels["org.opencontainers.image.revision"]
    assert output_of(client, name, "import os; print(os.getuid(), os.environ['HOME'])") == "10001 /tmp"


@pytest.mark.parametrize("name", ALL_IMAGE_NAMES)
def test_no_build_tool_is_left(client, name):
    tools = ["gcc", "g++", "cc", "make", "uv", "debootstrap"]
    assert output_of(client, name, f"import shutil; print([t for t in {tools} if shutil.which(t)])") == "[]"
    assert output_of(client, name, "import importlib.util as u; print(u.find_spec('uv'), u.find_spec('pip'))") == (
        "None None"
    )


@pytest.mark.parametrize("name", ALL_IMAGE_NAMES)
def test_telemetry_is_off(client, name):
    code = "import os; print(os.environ['DO_NOT_TRACK'], os.environ['NO_ALBUMENTATIONS_UPDATE'])"
    assert output_of(client, name, code) == "1 1"


def test_the_validation_image_holds_the_current_tfdv(client):
    code = "import importlib.metadata as m; print(m.version('tensorflow-data-validation'))"
    assert output_of(client, "validation", code).startswith("1.21.")


def test_a_whole_run_passes_in_the_images(summary):
    assert summary["passed"], summary["error"]
    assert {step["status"] for step in summary["steps"]} == {"succeeded"}
    assert not any(step["cached"] for step in summary["steps"])


def test_an_unchanged_run_takes_every_step_from_the_cache(summary, finished, pictures):
    arguments = ["run", "--dataset", str(pictures), "--run-dir", str(finished), "--runner", "docker"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    again = json.loads((finished / "summary.json").read_text(encoding="utf-8"))
    assert all(step["cached"] for step in again["steps"])


def probe_paths():
    """What KServe's runtime asks a server on a cluster."""
    runtime = yaml.safe_load((REPOSITORY / "manifests" / "base" / "serving-runtime.yaml").read_text(encoding="utf-8"))
    (container,) = runtime["spec"]["containers"]
    return {container[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}


def test_the_image_without_torch_is_small_and_computes_without_it(client):
    assert client.images.get(image("serving-cpu")).attrs["Size"] < 1_500_000_000
    code = "import importlib.util as u; print(*[u.find_spec(name) for name in ('torch', 'triton', 'nvidia', 'kfp')])"
    assert output_of(client, "serving-cpu", code) == "None None None None"


@pytest.mark.parametrize("name", ["serving", "serving-cpu"])
def test_a_serving_image_answers_as_training_did(client, summary, finished, name):
    from components.serving.probe.replay import judge_replay, replay_examples
    from components.shared.served_model.held_out_examples import held_out_examples
    from components.shared.served_model.inference_client import InferenceClient

    artifacts = finished / "artifacts"
    examples = ExampleTable(next(artifacts.glob("*/ingest-examples/examples")))
    predictions = PredictionsTable(next(artifacts.glob("*/evaluate-model/predictions")))
    golden = held_out_examples(examples, predictions, at_most=20)
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, grpc_port = one.getsockname()[1], other.getsockname()[1]
    command = ["python", "-m", "components.serving", "--host=127.0.0.1", f"--http-port={port}"]
    command += ["--model-dir=/mnt/models", "--model-name=stripes", f"--grpc-port={grpc_port}"]
    settings = {**CONFINED, "network_mode": "host"}
    mounts = {summary["model_dir"]: {"bind": "/mnt/models", "mode": "ro"}}
    container = client.containers.create(image(name), command, volumes=mounts, **settings)
    try:
        container.start()
        with InferenceClient(port, model_name="stripes") as server:
            deadline = time.monotonic() + 120
            while not server.is_ready():
                container.reload()
                assert container.status != "exited", container.logs().decode()
                assert time.monotonic() < deadline, container.logs().decode()
                time.sleep(0.5)
            verdict = judge_replay(replay_examples(server, golden))
        answers = {path: urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").status for path in probe_paths()}
        said = container.logs().decode()
    finally:
        container.remove(force=True)
    assert verdict.passed, verdict.reason
    assert name == "serving" or "computes with onnxruntime" in said
    assert answers == {"/v2/health/ready": 200, "/v2/health/live": 200}


@dsl.component(base_image=image("training"), install_kfp_package=False)
def writes_outside(path: str):
    """Write where no output is."""
    with open(path, "w") as file:
        file.write("lost")


@dsl.component(base_image=image("training"), install_kfp_package=False)
def reaches_the_network(host: str):
    """Open a connection."""
    import socket

    socket.create_connection((host, 53), timeout=5)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def takes_memory(gigabytes: int):
    """Hold memory."""
    assert bytearray(gigabytes << 30)


@dsl.component(base_image=image("training"), install_kfp_package=False)
def does_nothing(text: str):
    """Do what is allowed."""
    assert text


@dsl.component(base_image=image("training"), install_kfp_package=False)
def waits(seconds: int):
    """Be there for a while."""
    import time

    time.sleep(seconds)


def steps_of(face, arguments, folder):
    @dsl.pipeline(name="planted")
    def planted():
        face(**arguments)

    return steps_of_pipeline(planted, folder)


def steps_of_pipeline(planted, folder):
    package = folder / "planted.yaml"
    Compiler().compile(planted, str(package))
    for path in (folder, folder.parent):
        path.chmod(0o755)
    steps = []
    confinement = Confinement(run="planted", writable=(folder / "artifacts", folder / "workspace"))
    run_pipeline(package.read_text(), {}, run_dir=folder, watcher=SILENT, steps=steps, confinement=confinement)
    return steps


def test_a_step_that_does_what_is_allowed_succeeds(tmp_path):
    assert [step.status for step in steps_of(does_nothing, {"text": "fine"}, tmp_path)] == ["succeeded"]


def test_rounds_of_a_loop_run_side_by_side_and_leave_each_other_alone(tmp_path):
    @dsl.pipeline(name="planted")
    def planted():
        with dsl.ParallelFor([4, 5, 1]) as seconds:
            waits(seconds=seconds)

    steps = steps_of_pipeline(planted, tmp_path)
    assert [step.status for step in steps] == ["succeeded"] * 3, [step.error for step in steps]


@pytest.mark.parametrize(
    ("face", "arguments", "reason"),
    [
        (writes_outside, {"path": "/opt/pluszero/lost"}, "Read-only file system"),
        (writes_outside, {"path": "/root/lost"}, "Permission denied"),
        (reaches_the_network, {"host": "192.0.2.1"}, "unreachable"),
        (takes_memory, {"gigabytes": 12}, "signal 9"),
    ],
)
def test_a_step_that_does_what_it_may_not_fails(tmp_path, face, arguments, reason):
    (step,) = steps_of(face, arguments, tmp_path)
    assert step.status == "failed"
    assert reason in step.error
    assert not Path("/opt/pluszero/lost").exists()


def entry_of(lock, name):
    return next(entry for entry in re.split(r"\n(?=\S)", lock) if entry.startswith(f"{name}=="))


@pytest.mark.parametrize("wrong", [False, True])
def test_one_wrong_hash_stops_the_build(tmp_path, repository, wrong):
    for name in (".dockerignore", "LICENSE"):
        shutil.copy(repository / name, tmp_path)
    for name in ("components", "docker"):
        shutil.copytree(repository / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    # One small package is enough: the first bad one stops everything.
    lock = entry_of((repository / "docker" / "validation.txt").read_text(), "docstring-parser")
    if wrong:
        lock = re.sub(r"sha256:[0-9a-f]{8}", "sha256:00000000", lock)
    (tmp_path / "docker" / "validation.txt").write_text(f"{lock}\n")
    tool = engine()
    command = build_command(tool, "validation", cuda="cu13", base=base_image(tool))
    command[command.index("--tag") + 1] = "localhost/pluszero-mlops-planted:hash"
    log = tmp_path / "build.log"
    status = run_build(command, folder=tmp_path, log=log)
    subprocess.run([tool, "rmi", "--force", "localhost/pluszero-mlops-planted:hash"], capture_output=True, check=False)
    said = log.read_text().lower()
    assert (status != 0) == wrong, said
    assert ("hash mismatch" in said) == wrong, said
