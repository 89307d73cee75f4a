"""Nodes as processes: what each finds in its environment, and that none outlives what it was started for."""

import io
import os
import subprocess
import sys
import threading
import time

import pytest

from components.training.kubeflow_job.local_nodes import run_nodes
from tests.components.training.kubeflow_job.held_files import HOLDS_A_FILE, is_held


@pytest.fixture(autouse=True)
def folder_of_held_files(tmp_path, monkeypatch):
    monkeypatch.setenv("FOLDER", str(tmp_path))


def run(code, tmp_path, *, num_nodes=2, launcher=None):
    output = io.StringIO()
    status = run_nodes(
        ["python", "-c", code],
        num_nodes=num_nodes,
        processes_per_node=3,
        launcher=os.getpid() if launcher is None else launcher,
        stop_file=tmp_path / "stop",
        output=output,
    )
    return status, sorted(output.getvalue().splitlines())


def test_every_node_finds_torchruns_settings_and_this_interpreter(tmp_path):
    names = ("NNODES", "NPROC_PER_NODE", "NODE_RANK", "MASTER_ADDR")
    code = f"import os, sys; print(*(os.environ['PET_' + name] for name in {names}), sys.prefix)"
    status, lines = run(code, tmp_path)
    assert status == 0
    assert lines == [f"node {rank}: 2 3 {rank} 127.0.0.1 {sys.prefix}" for rank in (0, 1)]


def test_nodes_agree_on_a_port(tmp_path):
    _, lines = run("import os; print(os.environ['PET_MASTER_PORT'])", tmp_path)
    assert len({line.partition(": ")[2] for line in lines}) == 1


def test_a_node_that_fails_ends_the_others(tmp_path):
    code = f"import os, sys\nif os.environ['PET_NODE_RANK'] == '1': sys.exit(3)\n{HOLDS_A_FILE}"
    began = time.monotonic()
    status, lines = run(code, tmp_path)
    assert status == 3
    assert lines == ["node 1: ended with exit code 3"]
    assert time.monotonic() - began < 30


def test_a_node_that_a_signal_killed_has_the_shells_status(tmp_path):
    status, lines = run("import os; os.kill(os.getpid(), 9)", tmp_path, num_nodes=1)
    assert status == 137
    assert lines == ["node 0: ended with exit code -9"]


def test_nodes_and_what_they_started_end_when_the_stop_file_appears(tmp_path):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDS_A_FILE!r}])"

    def stop():
        while not all(is_held(tmp_path / rank) for rank in "01"):
            time.sleep(0.02)
        (tmp_path / "stop").touch()

    thread = threading.Thread(target=stop)
    thread.start()
    status, _ = run(code, tmp_path)
    thread.join()
    assert status == 143
    assert not any(is_held(tmp_path / rank) for rank in "01")


def test_nodes_whose_launcher_is_gone_end(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    status, _ = run(HOLDS_A_FILE, tmp_path, launcher=gone.pid)
    assert status == 143
