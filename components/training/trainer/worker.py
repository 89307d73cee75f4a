"""One process of a training: what torchrun starts on every GPU, as `-m components.training.trainer.worker`."""

import ctypes
from dataclasses import dataclass
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
from types import FrameType
from typing import Annotated, Any

import fsspec
import torch
import typer

from components.modeling.gpu.devices import choose_device
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.command_line import run
from components.shared.runtime.cores import available_cores
from components.training.trainer.callbacks import TrainingInterruptedError
from components.training.trainer.checkpoints import CheckpointFolder
from components.training.trainer.fit import train
from components.training.trainer.processes import process_group
from components.training.trainer.sigterm import handling_sigterm
from components.training.training_config import training_config_from, TrainingConfig

INTERRUPTED = 143  # what a shell reports of a process that SIGTERM has ended
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_REQUEST = "request.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingRequest:
    """What every process of a training is told; the feature store lies on a volume that all nodes mount."""

    features_path: str
    config: TrainingConfig
    seed: int
    device: str
    checkpoints_uri: str

    def write(self) -> str:
        """Write the request into the checkpoint folder, and return its URI."""
        uri = f"{self.checkpoints_uri.rstrip('/')}/{_REQUEST}"
        content: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__ if name != "config"}
        with fsspec.open(uri, "w", encoding="utf-8", auto_mkdir=True) as file:
            json.dump({**content, "config": self.config.to_dict()}, file)
        return uri


def read_request(uri: str) -> TrainingRequest:
    """Read a request."""
    with fsspec.open(uri, "r", encoding="utf-8") as file:
        content = json.load(file)
    return TrainingRequest(**{**content, "config": training_config_from(content["config"])})


def work(request: TrainingRequest) -> None:
    """Train as one of torchrun's processes, to the end; see `fit.train`."""
    device = choose_device(request.device)
    if device.type == "cuda":
        torch.cuda.set_device(process_group().local_rank)
    train(
        FeatureStore(request.features_path),
        request.config,
        seed=request.seed,
        device=device,
        checkpoints=CheckpointFolder(uri=request.checkpoints_uri),
    )


def worker_command(request_uri: str) -> list[str]:
    """What every process runs, after torchrun's own arguments."""
    return ["-m", "components.training.trainer.worker", request_uri]


def train_in_processes(request: TrainingRequest, *, num_processes: int, lock: int | None) -> None:
    """Train with several processes on this node, and wait for them; a failed one's output is in the log.

    They inherit the descriptor of the checkpoint folder's lock, should this process be killed before them.
    """
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={num_processes}"]
    paths = [str(Path(__file__).resolve().parents[3]), os.environ.get("PYTHONPATH", "")]
    threads = str(max(available_cores() // num_processes, 1))
    child = subprocess.Popen(
        [sys.executable, *torchrun, *worker_command(request.write())],
        env={"OMP_NUM_THREADS": threads, **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        pass_fds=[] if lock is None else [lock],
        preexec_fn=_told_when_the_parent_dies,
    )
    told: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        told.append(number)
        child.send_signal(number)

    with handling_sigterm(pass_on):
        code = child.wait()
    if told:
        raise TrainingInterruptedError("training was told to stop, and its state is saved: the same run again goes on")
    if code:
        raise RuntimeError(f"all {num_processes} training processes must end well, but they exited with {code}")


def _told_when_the_parent_dies() -> None:
    """Ask Linux for SIGTERM when the process that started this one is gone: it then saves and stops."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main(request: Annotated[str, typer.Argument(help="The training request, a file or URI.")]) -> None:
    """Train as one of several processes. Exits 143 when told to stop."""
    try:
        work(read_request(request))
    except TrainingInterruptedError as error:
        raise typer.Exit(INTERRUPTED) from error


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command()(main)
    run(app)
