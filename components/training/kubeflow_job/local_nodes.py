"""The nodes of a train job as processes of this machine: `python -m components.training.kubeflow_job.local_nodes PLAN`.

Every node runs the job's command with the environment that Trainer's torch runtime gives it on a cluster, so that what
runs here with two nodes runs there with two machines.
"""

from collections.abc import Mapping
import contextlib
import json
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import IO

_LOOPBACK = "127.0.0.1"
_POLL_S = 0.1
# torchrun gives its own processes half a minute, for a training that is stopped saves what it has.
_STOP_S = 45.0
_STOPPED = 128 + signal.SIGTERM


def run_nodes(
    command: list[str], *, num_nodes: int, processes_per_node: int, launcher: int, stop_file: Path, output: IO[str]
) -> int:
    """Run a command once a node, until all have ended, one has failed, `stop_file` appears, or the launcher is gone.

    Every line goes to `output` as `node RANK: LINE`. Returns 0 where every node ended well, else the exit code of the
    first that did not; 143 where they were stopped.
    """
    common = _environment(num_nodes, processes_per_node)
    parent = os.getppid()
    nodes: list[subprocess.Popen[str]] = []
    readers: list[threading.Thread] = []
    try:
        for rank in range(num_nodes):
            nodes.append(_started(command, {**common, "PET_NODE_RANK": str(rank)}))
            readers.append(threading.Thread(target=_pass_on, args=(nodes[rank], rank, output), daemon=True))
            readers[rank].start()
        while not stop_file.exists() and os.getppid() == parent and _is_alive(launcher):
            codes = [node.poll() for node in nodes]
            for rank, code in enumerate(codes):
                if code:
                    _say(output, f"node {rank}: ended with exit code {code}")
                    return _as_status(code)
            if all(code == 0 for code in codes):
                return 0
            time.sleep(_POLL_S)
        return _STOPPED
    finally:
        _stop(nodes)
        for reader in readers:
            reader.join(_STOP_S)


def main() -> int:
    """Read the plan, run it, and end with the nodes' status."""
    # SIGTERM to this process stops the nodes.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(_STOPPED))
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    plan["stop_file"] = Path(plan["stop_file"])
    return run_nodes(**plan, output=sys.stdout)


def _environment(num_nodes: int, processes_per_node: int) -> dict[str, str]:
    # The SDK's scratch environment has put its own Python first.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    with socket.socket() as free:
        free.bind((_LOOPBACK, 0))
        port = free.getsockname()[1]
    return {
        **os.environ,
        "PATH": path,
        "PYTHONUNBUFFERED": "1",
        "PET_NNODES": str(num_nodes),
        "PET_NPROC_PER_NODE": str(processes_per_node),
        "PET_MASTER_ADDR": _LOOPBACK,
        "PET_MASTER_PORT": str(port),
    }


def _started(command: list[str], environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # A group of its own, so that its workers can be stopped with it.
        start_new_session=True,
    )


def _pass_on(node: "subprocess.Popen[str]", rank: int, output: IO[str]) -> None:
    assert node.stdout is not None
    with node.stdout:
        for line in node.stdout:
            _say(output, f"node {rank}: {line.rstrip()}")


def _say(output: IO[str], line: str) -> None:
    # The reader may be gone; `run_nodes` then stops the nodes.
    with contextlib.suppress(BrokenPipeError):
        output.write(f"{line}\n")
        output.flush()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _as_status(code: int) -> int:
    """Exit code as a shell reports it: 128 and the number of the signal that ended the process."""
    return code if code > 0 else 128 - code


def _stop(nodes: list["subprocess.Popen[str]"]) -> None:
    """End every node and its workers: torchrun ends its own when asked, and what is left is killed."""
    for node in nodes:
        _signal(node, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_S
    for node in nodes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            node.wait(max(0.0, deadline - time.monotonic()))
        _signal(node, signal.SIGKILL)
        node.wait()


def _signal(node: "subprocess.Popen[str]", number: signal.Signals) -> None:
    # The group outlives its leader while a worker is left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(node.pid, number)


if __name__ == "__main__":
    sys.exit(main())
