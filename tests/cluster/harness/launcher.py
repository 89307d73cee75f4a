"""Our launcher of train jobs, as a program on the node that acts as the account of a pipeline's steps."""

from collections.abc import Callable, Iterator
import contextlib
from dataclasses import dataclass, field
import json
from pathlib import Path
import subprocess
import sys
import time
from typing import Any, TypeVar

from tests.cluster.cluster import Cluster, ClusterError

Found = TypeVar("Found")

_LAUNCH = """
import json, logging, os, sys
from components.shared.contracts.cluster_spec import StepSize
from components.training.kubeflow_job.cluster import ClusterBackend
from components.training.kubeflow_job.launch import launch_train_job
from components.training.kubeflow_job.train_job import TrainJob

logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
print(os.getpid(), flush=True)
settings = json.loads(sys.argv[3])
job = TrainJob(**{**settings, "command": tuple(settings["command"]), "size": StepSize(**settings["size"])})
try:
    launch_train_job(job, ClusterBackend(sys.argv[1], kubeconfig=sys.argv[2]), poll_s=0.5)
except Exception as error:
    print(f"{type(error).__name__}: {error}")
"""


def train_job_settings(name: str, script: str, *, image: str, **changes: Any) -> dict[str, Any]:
    """A `TrainJob` of two small nodes without GPUs, each of which runs a script."""
    small = {"size": {"cpu": "50m", "memory": "32Mi"}, "scratch": "1Gi", "gpus_per_node": 0, "num_nodes": 2}
    given = {"name": name, "command": ["/bin/sh", "-c", script], "image": image, "timeout_s": 600}
    return {**given, **small, **changes}


def launch_command(namespace: str, kubeconfig: Path, job: dict[str, Any], **variables: str) -> list[str]:
    """The command line that launches a job; it says its own number first, and last how it ended."""
    given = [f"{name}={value}" for name, value in variables.items()]
    return ["env", *given, sys.executable, "-c", _LAUNCH, namespace, str(kubeconfig), json.dumps(job)]


@dataclass(frozen=True, slots=True)
class Launcher:
    """A launcher that runs, by its number inside the cluster."""

    cluster: Cluster
    process: "subprocess.Popen[str]"
    pid: str
    heard: list[str] = field(default_factory=list)

    def hear(self, words: str) -> None:
        """Wait until it says something: what happens next happens after it has seen what was before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.heard.append(line)
            if words in line:
                return
        raise AssertionError(f"the launcher must say {words!r}, but ended with {''.join(self.heard)}")

    def end(self, signal: str) -> str:
        """End it by a signal; what it has said."""
        with contextlib.suppress(ClusterError):
            self.cluster.run(["kill", f"-{signal}", self.pid])
        return self.said()

    def said(self) -> str:
        """What it has said when it has ended."""
        return "".join(self.heard) + self.process.communicate(timeout=300)[0]


@contextlib.contextmanager
def launched(cluster: Cluster, command: list[str]) -> Iterator[Launcher]:
    """A launcher that runs; at the end of the block it is told to stop, and takes its job with it."""
    process = subprocess.Popen([str(cluster.enter), *command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    launcher = Launcher(cluster, process, process.stdout.readline().strip())
    try:
        yield launcher
    finally:
        if process.poll() is None:
            launcher.end("TERM")


def wait_until(holds: Callable[[], Found], patience_s: float = 600) -> Found:
    """Look until something holds; what it is then."""
    give_up = time.monotonic() + patience_s
    while not (found := holds()):
        assert time.monotonic() < give_up, f"it must hold within {patience_s:g} s"
        time.sleep(1)
    return found
