"""The server as a child process on loopback: started, waited for, and always stopped."""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import os
from pathlib import Path
import socket
import subprocess
import sys
import tempfile
import time

from components.shared.served_model.inference_client import InferenceClient, LOOPBACK

MODEL_NAME = "probe"
_POLL_S = 0.05
_STOP_S = 15.0
_LOG_END_BYTES = 6000
_CODE_ROOT = Path(__file__).resolve().parents[3]


class ServerStartError(RuntimeError):
    """The server did not become ready; `log_end` is the end of its log."""

    def __init__(self, message: str, *, log_end: str) -> None:
        super().__init__(message)
        self.log_end = log_end


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningServer:
    """A server that is ready on loopback.

    `cold_start_s` runs from starting the process to the first ready answer; `log` is gone when the server is stopped.
    """

    http_port: int
    grpc_port: int
    cold_start_s: float
    log: Path
    pid: int


@contextlib.contextmanager
def running_server(model_dir: str | Path, *, ready_timeout_s: float) -> Iterator[RunningServer]:
    """Run `python -m components.serving` for a bundle while the block lasts.

    The child holds a pipe to this process and stops when it closes, so it stops also when this process is killed.
    `ServerStartError`, with the end of its log, where it ends or is not ready within `ready_timeout_s`.
    """
    with tempfile.TemporaryDirectory(prefix="server-") as scratch:
        log = Path(scratch) / "server.log"
        http_port, grpc_port = _free_ports()
        started = time.perf_counter()
        child = _started(model_dir, http_port, grpc_port, log)
        try:
            _wait_until_ready(child, http_port, log, ready_timeout_s=ready_timeout_s)
            cold_start_s = time.perf_counter() - started
            yield RunningServer(
                http_port=http_port, grpc_port=grpc_port, cold_start_s=cold_start_s, log=log, pid=child.pid
            )
        finally:
            _stop(child)


def log_end(log: Path) -> str:
    """The last lines of a log, at most 6,000 bytes."""
    if not log.is_file():
        return ""
    return log.read_bytes()[-_LOG_END_BYTES:].decode("utf-8", errors="replace").strip()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind((LOOPBACK, 0))
        second.bind((LOOPBACK, 0))
        return first.getsockname()[1], second.getsockname()[1]


def _started(model_dir: str | Path, http_port: int, grpc_port: int, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "components.serving", "--model-dir", str(model_dir), "--model-name", MODEL_NAME]
    command += ["--host", LOOPBACK, "--http-port", str(http_port), "--grpc-port", str(grpc_port)]
    paths = [str(_CODE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with open(log, "wb") as output:
        return subprocess.Popen(
            [*command, "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )


def _wait_until_ready(child: subprocess.Popen[bytes], http_port: int, log: Path, *, ready_timeout_s: float) -> None:
    deadline = time.perf_counter() + ready_timeout_s
    with InferenceClient(http_port, model_name=MODEL_NAME, timeout_s=5.0) as client:
        while not client.is_ready():
            if child.poll() is not None:
                end = log_end(log)
                last_line = end.splitlines()[-1] if end else "it logged nothing"
                raise ServerStartError(
                    f"the server ended with status {child.returncode} before it was ready: {last_line}", log_end=end
                )
            if time.perf_counter() > deadline:
                raise ServerStartError(f"the server was not ready within {ready_timeout_s:g} s", log_end=log_end(log))
            time.sleep(_POLL_S)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    if child.stdin is not None:
        child.stdin.close()
    try:
        child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
