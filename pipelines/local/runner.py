"""Runs a compiled pipeline on this machine through `kfp.local`, each step in its image or its image's environment.

kfp's runner starts every step with its own interpreter, keys its cache on the image's name and forgets times, cache
hits and the outputs of a run that failed. So this module replaces kfp's two task handlers while a run lasts, and wraps
kfp's function that executes one task. Nothing else of kfp is touched.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import contextlib
import logging
import os
from pathlib import Path
import re
import subprocess
import sys
import threading
import time
from typing import Any, TextIO
import warnings

from kfp import components, dsl, local
from kfp.local import docker_task_handler, executor_input_utils, subprocess_task_handler
from kfp.local.orchestrator import task_executor
from kfp.local.status import Status

from components.reporting.run_pages.step import Step, Watcher
from components.shared.runtime.redaction import masked
from components.shared.tables.personal_key import KEY_VARIABLE, personal_key
from pipelines.local.containers import built_image, Confinement, container_engine, lines_of, remove_leftovers
from pipelines.local.environments import interpreter_of
from pipelines.local.image_source import REPOSITORY

_GUARD = Path(__file__).with_name("step_guard.py")
_PROGRESS = re.compile(r"\d+%\|")
_ERROR = re.compile(r"^(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Interrupt)): (.+)$")
# Errors whose message is a whole sentence; any other is shown with its type.
_MEANT_FOR_PEOPLE = ("ContractError", "FileNotFoundError", "QualityGateError", "TypeError", "ValueError")
_QUIET = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "PYTHONUNBUFFERED": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

# kfp runs the rounds of a loop side by side, a thread each.
_running = threading.local()
_starting = threading.Lock()


def run_pipeline(
    package: str,
    arguments: Mapping[str, Any],
    *,
    run_dir: Path,
    watcher: Watcher,
    steps: list[Step],
    confinement: Confinement | None = None,
) -> None:
    """Run a compiled pipeline (YAML); artifacts, cache and logs go to `run_dir`.

    Steps are appended to `steps` as they start, so that an interrupted run leaves them; the last one failed where the
    run failed. Steps run in containers where a confinement is given, else in the environments of their images.
    """
    (run_dir / "logs").mkdir(parents=True, exist_ok=True)
    if confinement is not None:
        confinement.hand_over()
        # Once, and not before each step: rounds of a loop run side by side.
        with container_engine() as client:
            remove_leftovers(client, confinement.run)
    local.init(
        runner=confinement.runner() if confinement else local.SubprocessRunner(use_venv=False),
        pipeline_root=str(run_dir / "artifacts"),
        workspace_root=str(run_dir / "workspace"),
        raise_on_error=False,
        enable_caching=True,
        cache_root=str(run_dir / "cache"),
    )
    log = run_dir / "logs" / "runner.log"
    with open(log, "w", encoding="utf-8") as stream, _into(stream):
        pipeline = components.load_component_from_text(package)
        with _handlers(watcher, confinement), _watched_tasks(steps, run_dir / "logs", watcher):
            pipeline(**arguments)
    if not steps:
        raise RuntimeError(
            "kfp ran the pipeline past _watched_tasks: its local runner has changed (pipelines/local/runner.py)"
        )


@contextlib.contextmanager
def _into(stream: TextIO) -> Iterator[None]:
    """Send what kfp prints and logs into a file: people hear of the run from the watcher."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    root.handlers[:] = [logging.StreamHandler(stream)]
    try:
        with contextlib.redirect_stdout(stream), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.handlers[:] = handlers


@contextlib.contextmanager
def _handlers(watcher: Watcher, confinement: Confinement | None) -> Iterator[None]:
    """Replace kfp's two task handlers: one runs steps in environments, the other in containers."""
    subprocess_handler, docker_handler = (
        subprocess_task_handler.SubprocessTaskHandler,
        docker_task_handler.DockerTaskHandler,
    )

    class InEnvironment(subprocess_handler):  # type: ignore[misc, valid-type]
        """Runs a step with its image's interpreter, under guard, and keeps its log."""

        def validate_image(self, image: str) -> None:
            """Accept every image: its environment is looked up by name."""

        def run(self) -> Status:
            """Run the step."""
            step = _running.step
            step.cached = False
            interpreter = str(interpreter_of(self.image))
            command = subprocess_task_handler.replace_python_executable(self.full_command, interpreter)
            environment = {**os.environ, **_QUIET, **self.env_vars, KEY_VARIABLE: personal_key()}
            status = _run_guarded(command, step, environment, watcher)
            return Status.SUCCESS if status == 0 else Status.FAILURE

    class InContainer(docker_handler):  # type: ignore[misc, valid-type]
        """Runs a step in its image, as confined as the run is, and keeps its log."""

        def run(self) -> Status:
            """Run the step."""
            assert confinement is not None
            step = _running.step
            step.cached = False
            ended: list[int] = []
            with container_engine() as client:
                chunks = lines_of(
                    client,
                    built_image(client, self.image),
                    self.full_command,
                    volumes={**self.get_volumes_to_mount(client), **confinement.volumes()},
                    environment={**self.env_vars, KEY_VARIABLE: personal_key()},
                    settings=self.runner.container_run_args,
                    ended=ended,
                )
                with contextlib.closing(chunks):
                    _keep_log(step, _lines(chunks), watcher)
            _explain(step, ended[0])
            return Status.SUCCESS if ended == [0] else Status.FAILURE

    subprocess_task_handler.SubprocessTaskHandler = InEnvironment
    docker_task_handler.DockerTaskHandler = InContainer
    try:
        yield
    finally:
        subprocess_task_handler.SubprocessTaskHandler = subprocess_handler
        docker_task_handler.DockerTaskHandler = docker_handler


@contextlib.contextmanager
def _watched_tasks(steps: list[Step], logs: Path, watcher: Watcher) -> Iterator[None]:
    execute = task_executor.execute_single_task

    def execute_watched(**task: Any) -> tuple[dict[str, Any], Status]:
        with _starting:
            step = _next_step(task["task_spec"].task_info.name or task["task_name"], steps, logs)
            steps.append(step)
        _running.step = step
        watcher.started(step)
        started = time.monotonic()
        step.cached = True
        try:
            outputs, status = execute(**task)
        except BaseException as error:
            step.status, step.cached, step.error = "failed", False, masked(str(error)) or "interrupted"
            raise
        step.duration_s = round(time.monotonic() - started, 2)
        step.status = "succeeded" if status == Status.SUCCESS else "failed"
        step.outputs = {key: _plain(value) for key, value in outputs.items()} or _left_on_disk(task)
        watcher.ended(step)
        return outputs, status

    task_executor.execute_single_task = execute_watched
    try:
        yield
    finally:
        task_executor.execute_single_task = execute


def _next_step(name: str, steps: Sequence[Step], logs: Path) -> Step:
    """A step of that name; the second of the same name is called `<name> 2`."""
    rounds = sum(step.name == name or step.name.startswith(f"{name} ") for step in steps)
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower())
    return Step(name=f"{name} {rounds + 1}" if rounds else name, log=logs / f"{len(steps):02d}-{plain}.log")


def _plain(value: Any) -> Any:
    return value.path if isinstance(value, dsl.Artifact) else value


def _left_on_disk(task: dict[str, Any]) -> dict[str, str]:
    """Artifacts that a failed step had written before it failed."""
    component = task["task_spec"].component_ref.name
    root = executor_input_utils.construct_local_task_root(
        pipeline_root=task["pipeline_root"],
        pipeline_resource_name=task["pipeline_resource_name"],
        task_resource_name=executor_input_utils.get_local_task_resource_name(component),
    )
    names = task["components"][component].output_definitions.artifacts
    return {name: str(Path(root) / name) for name in names if (Path(root) / name).exists()}


def _run_guarded(command: list[str], step: Step, environment: Mapping[str, str], watcher: Watcher) -> int:
    paths = [str(REPOSITORY), environment.get("PYTHONPATH", "")]
    guarded = subprocess.Popen(
        [sys.executable, "-I", "-S", str(_GUARD), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**environment, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    assert guarded.stdout is not None
    with guarded:
        descriptor = guarded.stdout.fileno()
        _keep_log(step, _lines(iter(lambda: os.read(descriptor, 65536), b"")), watcher)
    _explain(step, guarded.returncode)
    return guarded.returncode


def _keep_log(step: Step, lines: Iterable[str], watcher: Watcher) -> None:
    """Write a step's lines to its log, masked; progress goes to the watcher, the last error becomes the step's."""
    with open(step.log, "w", encoding="utf-8") as log:
        for line in lines:
            line = masked(line)
            if _PROGRESS.search(line):
                watcher.progressed(step, line.strip())
                continue
            log.write(line + "\n")
            log.flush()
            if found := _ERROR.match(line):
                step.error = found[2] if found[1] in _MEANT_FOR_PEOPLE else f"{found[1]}: {found[2]}"


def _explain(step: Step, status: int) -> None:
    """Say why a step failed where it did not say so itself."""
    if status == 0:
        step.error = ""
    elif status > 128 and not step.error:
        step.error = f"the step was stopped by signal {status - 128}; run the same command again to go on"
    elif not step.error:
        step.error = f"the step ended with status {status}; its log is {step.log}"


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines as they come; a progress bar's returns to the line's start end a line too."""
    rest = b""
    for chunk in chunks:
        *whole, rest = re.split(rb"[\r\n]", rest + chunk)
        for line in whole:
            if line.strip():
                yield line.decode("utf-8", errors="replace")
    if rest.strip():
        yield rest.decode("utf-8", errors="replace")
