"""Train jobs on this machine, through the local processes of Kubeflow Trainer's SDK."""

from collections.abc import Mapping
import contextlib
from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
import shutil
import sys
import tempfile
import time
from typing import Any

from components.training.kubeflow_job.train_job import JobState, LogLine, Phase, TrainJob

_CODE_ROOT = Path(__file__).resolve().parents[3]
_RUNTIME = "torch-distributed"
_PHASES: Mapping[str, Phase] = {
    "Created": "starting",
    "Running": "running",
    "Complete": "complete",
    "Failed": "failed",
}
_FINAL = ("Complete", "Failed")
_POLL_S = 0.05
_STOP_S = 90.0

_OF_A_NODE = re.compile(r"(node \d+): (.*)")
_END = re.compile(r"ended with exit code -?\d+")
_SET_UP = "set-up"
_SDK_FOLDER = re.compile(r"Operating inside (/.+)")


@dataclass(kw_only=True, slots=True)
class _Job:
    """What the SDK does not know of a job."""

    folder: Path
    num_read: int = 0

    @property
    def stop_file(self) -> Path:
        return self.folder / "stop"


def become(parameters: dict[str, list[str]]) -> None:
    """Replace the SDK's process by the one that runs the nodes; the SDK copies this function's text into a file."""
    import os

    os.execv(parameters["command"][0], parameters["command"])  # noqa: S606 - no shell is what is wanted


class LocalBackend:
    """Jobs as processes of this machine: each node one torchrun, all of them one local process of the SDK.

    The SDK runs one function in one process and an environment that has no packages. Here that function becomes this
    interpreter, which starts the nodes. Image, resources, claim and queue of a job mean nothing here.
    """

    def __init__(self) -> None:
        # It takes seconds to import, and only a launcher needs it.
        from kubeflow.trainer import LocalProcessBackendConfig, TrainerClient

        self._client: Any = TrainerClient(LocalProcessBackendConfig())
        self._jobs: dict[str, _Job] = {}

    def state(self, name: str) -> JobState | None:
        """How far the job has come; None where this backend has started no such job."""
        if name not in self._jobs:
            return None
        status = self._status(name)
        if status in _FINAL:
            self._remove_folders(name)
        return self._failure(name) if status == "Failed" else JobState(phase=_PHASES[status])

    def submit(self, job: TrainJob) -> None:
        """Start the nodes."""
        from kubeflow.trainer import CustomTrainer
        from kubeflow.trainer.options import Name

        if job.name in self._jobs:
            raise FileExistsError(f"the train job {job.name} is there already")
        folder = Path(tempfile.mkdtemp(prefix=f"{job.name}-"))
        self._jobs[job.name] = started = _Job(folder=folder)
        plan = {
            "command": list(job.command),
            "num_nodes": job.num_nodes,
            "processes_per_node": job.processes_per_node,
            "launcher": os.getpid(),
            "stop_file": str(started.stop_file),
        }
        (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        command = [sys.executable, "-m", "components.training.kubeflow_job.local_nodes", str(folder / "plan.json")]
        paths = [str(_CODE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, **job.environment, "PYTHONPATH": os.pathsep.join(paths)}
        runtime = self._client.get_runtime(_RUNTIME)
        # For torch the SDK would call torchrun itself, of an environment where there is none.
        runtime.trainer.framework = "python"
        trainer = CustomTrainer(func=become, func_args={"command": command}, env=environment)
        here = Path.cwd()
        self._client.train(runtime=runtime, trainer=trainer, options=[Name(name=job.name)])
        # The SDK changes this process's working directory to start its own, and does not change it back.
        while self._status(job.name) == "Created":
            time.sleep(_POLL_S)
        os.chdir(here)

    def new_lines(self, name: str) -> list[LogLine]:
        """What the nodes, and the SDK before them, have logged since the last call."""
        job = self._jobs.get(name)
        if job is None:
            return []
        lines = self._lines(name)
        job.num_read, fresh = len(lines), lines[job.num_read :]
        return [_parsed(line) for line in fresh]

    def delete(self, name: str) -> None:
        """Stop the nodes, wait for their end, and remove what the SDK left; nothing where there is no such job."""
        job = self._jobs.get(name)
        if job is None:
            return
        deadline = time.monotonic() + _STOP_S
        while self._status(name) not in _FINAL:
            job.stop_file.touch()
            if time.monotonic() > deadline:
                raise RuntimeError(f"the nodes of {name} must have ended {_STOP_S:g} s after they were stopped")
            time.sleep(_POLL_S)
        self._remove_folders(name)
        with contextlib.suppress(ValueError):
            self._client.delete_job(name)
        del self._jobs[name]

    def _status(self, name: str) -> str:
        """The SDK's status; a job that it does not know, because its start was interrupted, has failed."""
        try:
            return str(self._client.get_job(name).status)
        except ValueError:
            return "Failed"

    def _remove_folders(self, name: str) -> None:
        """Remove the plan, and the environment that the SDK leaves where the nodes failed."""
        shutil.rmtree(self._jobs[name].folder, ignore_errors=True)
        for line in self._lines(name):
            found = _SDK_FOLDER.fullmatch(line)
            if found and Path(found[1]).name.startswith(name):
                shutil.rmtree(found[1], ignore_errors=True)

    def _lines(self, name: str) -> list[str]:
        try:
            return list(self._client.get_job_logs(name))
        except ValueError:
            return []

    def _failure(self, name: str) -> JobState:
        for line in map(_parsed, self._lines(name)):
            if _END.fullmatch(line.text):
                return JobState(phase="failed", reason=f"{line.node} {line.text}", node=line.node)
        return JobState(phase="failed", reason="its nodes did not start", node=_SET_UP)


def _parsed(line: str) -> LogLine:
    found = _OF_A_NODE.fullmatch(line)
    return LogLine(node=found[1], text=found[2]) if found else LogLine(node=_SET_UP, text=line)
