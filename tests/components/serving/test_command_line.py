import contextlib
import os
from pathlib import Path
import shutil
import socket
import subprocess
import sys
import time

import pytest

from components.serving.server.compute_threads import usable_cores
from components.shared.contracts.bundle import CONFIG_FILE
from components.shared.served_model.child_server import running_server

ROOT = Path(__file__).resolve().parents[3]


def serve(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "components.serving", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def is_alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the latter where it goes while it is read
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


@pytest.mark.slow
def test_a_bundle_that_was_tampered_with_is_refused_in_one_sentence(bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "model")
    config = tmp_path / "model" / CONFIG_FILE
    config.write_text(config.read_text().replace('"small_cnn"', '"large_cnn"'))

    ended = serve("--model-dir", tmp_path / "model", "--http-port", free_port(), "--grpc-port", free_port())

    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"error: the bundle at {tmp_path / 'model'} cannot be used: "
        "backbone must be one of small_cnn, efficientnet_lite0, char_ngrams, subwords, mlp, timm:<name>, hf:<name>, "
        "<package.module>:<function>, got 'large_cnn'"
    ]


def test_a_port_in_use_is_told_in_one_sentence(bundle):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = serve("--model-dir", bundle, "--http-port", free_port(), "--grpc-port", port)

    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"error: --grpc-port {port} must be free on 127.0.0.1, but it cannot be used: Address already in use"
    ]


def test_no_bundle_at_all_is_told_in_one_sentence():
    ended = serve()

    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "error: --model-dir must name the model bundle to serve; --help shows the other commands"
    ]


@pytest.mark.slow
def test_the_server_stops_when_its_parent_is_killed(bundle):
    script = (
        "import sys, time\n"
        "from components.shared.served_model.child_server import running_server\n"
        "with running_server(sys.argv[1], ready_timeout_s=120) as server:\n"
        "    print(server.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(bundle)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with parent:
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()

    assert ends_within(pid, 30)


@pytest.mark.slow
def test_the_server_is_stopped_also_when_the_block_raises(bundle):
    pids = []

    def fail():
        with running_server(bundle, ready_timeout_s=120) as server:
            pids.append(server.pid)
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        fail()

    assert not is_alive(pids[0])


def test_usable_cores_keep_to_the_control_groups_limit(tmp_path):
    cores = len(os.sched_getaffinity(0))
    limit = tmp_path / "cpu.max"

    limit.write_text("100000 100000\n")
    assert usable_cores(tmp_path) == 1
    limit.write_text("50000 100000\n")
    assert usable_cores(tmp_path) == 1
    limit.write_text("max 100000\n")
    assert usable_cores(tmp_path) == cores
    assert usable_cores(tmp_path / "absent") == cores


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ends_within(pid: int, limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not is_alive(pid)
