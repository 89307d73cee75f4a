"""Train jobs through the SDK's local processes: two nodes that really train together, fail, and are stopped."""

import logging
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from components.training.kubeflow_job.launch import launch_train_job
from components.training.kubeflow_job.local import LocalBackend
from components.training.kubeflow_job.train_job import TrainJob, TrainJobError
from tests.components.training.kubeflow_job.held_files import HOLDS_A_FILE, is_held

SUM_OF_RANKS = """
import os
import torch
import torch.distributed as distributed

distributed.init_process_group("gloo")
total = torch.tensor([float(os.environ["RANK"]) + 1])
distributed.all_reduce(total)
print("sum", total.item(), "of", distributed.get_world_size(), os.environ["GREETING"], flush=True)
distributed.destroy_process_group()
"""

FAILS_ON_NODE_1 = """
import os
import time

if os.environ["PET_NODE_RANK"] == "1":
    raise ValueError("the loss must be finite, got nan")
time.sleep(120)
"""

LAUNCH = """
import sys
from components.training.kubeflow_job.train_job import TrainJob
from components.training.kubeflow_job.launch import launch_train_job
from components.training.kubeflow_job.local import LocalBackend

job = TrainJob(
    name=sys.argv[1],
    command=("python", sys.argv[2] + "/train.py"),
    image="unused",
    timeout_s=120,
    num_nodes=2,
    gpus_per_node=0,
    environment={"FOLDER": sys.argv[2]},
)
launch_train_job(job, LocalBackend(), poll_s=0.1)
"""


def job(name, code, folder, *, program="torchrun"):
    (folder / "train.py").write_text(code, encoding="utf-8")
    return TrainJob(
        name=name,
        command=(program, str(folder / "train.py")),
        image="unused",
        timeout_s=240,
        num_nodes=2,
        gpus_per_node=0,
        environment={"GREETING": "hello"},
    )


@pytest.fixture
def name():
    """A job's name that no test run beside this one has."""
    return f"train-{os.getpid()}"


def left_behind(name):
    return list(Path(tempfile.gettempdir()).glob(f"{name}*"))


@pytest.mark.slow
def test_two_nodes_compute_together(name, tmp_path, caplog):
    here, together, backend = Path.cwd(), job(name, SUM_OF_RANKS, tmp_path), LocalBackend()
    backend.submit(together)
    with pytest.raises(FileExistsError, match=f"{name} is there already"):
        backend.submit(together)
    with caplog.at_level(logging.INFO, logger="components.training"):
        launch_train_job(together, backend, poll_s=0.2)
    assert f"train job {name} is there already, running: following it" in caplog.messages
    assert "node 0 | sum 3.0 of 2 hello" in caplog.messages
    assert "node 1 | sum 3.0 of 2 hello" in caplog.messages
    assert backend.state(name) is None
    assert Path.cwd() == here
    assert left_behind(name) == []


def test_a_node_that_fails_is_named_with_its_error_and_nothing_is_left(name, tmp_path):
    with pytest.raises(TrainJobError) as raised:
        launch_train_job(job(name, FAILS_ON_NODE_1, tmp_path, program="python"), LocalBackend(), poll_s=0.2)
    assert str(raised.value) == (
        f"train job {name} failed: node 1 ended with exit code 1; "
        "it logged: ValueError: the loss must be finite, got nan"
    )
    assert left_behind(name) == []


@pytest.mark.slow
def test_a_launch_that_is_terminated_takes_its_processes_along(name, tmp_path, repository):
    (tmp_path / "train.py").write_text(HOLDS_A_FILE, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    command = [sys.executable, "-W", "ignore", "-c", LAUNCH, name, str(tmp_path)]
    ranks = [tmp_path / "0", tmp_path / "1"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as child:
        try:
            deadline = time.monotonic() + 120
            while not all(is_held(rank) for rank in ranks):
                assert child.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            child.send_signal(signal.SIGTERM)
            assert child.wait(90) == 143
        finally:
            child.kill()
    assert not any(is_held(rank) for rank in ranks)
    assert left_behind(name) == []


def test_a_job_that_was_never_started_has_no_state_and_no_log(name):
    backend = LocalBackend()
    assert backend.state(name) is None
    assert backend.new_lines(name) == []
    backend.delete(name)
