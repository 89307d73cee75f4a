"""MLflow's own tracking server for tests, on loopback, with SQLite and a folder of artifacts.

`mlflow server` starts three processes that import the same; this is its application in one.
"""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import socket
import subprocess
import sys
import time
import urllib.request

_START_AT_MOST_S = 240.0
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
_PROGRAM = """
import os
import sys

from mlflow.server import (
    app,
    ARTIFACT_ROOT_ENV_VAR,
    ARTIFACTS_DESTINATION_ENV_VAR,
    BACKEND_STORE_URI_ENV_VAR,
    SERVE_ARTIFACTS_ENV_VAR,
)
from sqlalchemy import event
from sqlalchemy.engine import Engine
from werkzeug.serving import run_simple

folder, port = sys.argv[1:]
# Its tables are made in hundreds of commits, which need not outlive the power.
event.listen(Engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
os.environ |= {
    BACKEND_STORE_URI_ENV_VAR: f"sqlite:///{folder}/mlflow.db",
    ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
    ARTIFACTS_DESTINATION_ENV_VAR: f"{folder}/artifacts",
    SERVE_ARTIFACTS_ENV_VAR: "true",
}
run_simple("127.0.0.1", int(port), app, threaded=True)
"""


@contextlib.contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """The address of a server that lasts as long as the block; what it stores and logs lies in `folder`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(folder), str(port)],
            env={**os.environ, **_QUIET},
            cwd=folder,
            stdout=output,
            stderr=output,
        )
        try:
            _wait(server, f"http://127.0.0.1:{port}", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def _wait(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    """Wait until the server answers from its tables, which it makes at the first request."""
    url = f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"
    until = time.monotonic() + _START_AT_MOST_S
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=_START_AT_MOST_S) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"MLflow's server must answer at {address}; its log: {log.read_text(errors='replace')[-2000:]}")
