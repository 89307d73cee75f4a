"""One server of many bundles: a process of its own for each would import torch again."""

from collections.abc import Callable, Iterator
import json
import os
from pathlib import Path
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from tests.components.serving.server.image_settings import allow_own_code, write_bundles

SERVER = """
import json, sys
from components.modeling.predictor import load_predictor
from components.serving.server.bundle_model import BundleModel
from components.serving.server.model_server import BundleServer
from components.serving.server.config import ServerConfig

port, grpc_port, folders = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
config = ServerConfig(model_dir="", model_name="all", host="127.0.0.1", http_port=port, grpc_port=grpc_port)
models = [BundleModel(name, load_predictor(folder, device="cpu"), version="1") for name, folder in folders.items()]
BundleServer(config).start(models)
"""


@pytest.fixture(scope="session")
def image_bundles(
    tmp_path_factory: pytest.TempPathFactory, write_random_bundle: Callable[..., Path]
) -> dict[str, Path]:
    """Bundles of images by the name of their settings."""
    return write_bundles(tmp_path_factory.mktemp("settings"), write_random_bundle)


@pytest.fixture(scope="session")
def server_of_many(
    image_bundles: dict[str, Path],
    text_bundle: Path,
    table_bundle: Path,
    friedman_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SimpleNamespace]:
    """A running server (its ports) of those bundles, and of one each of texts, of rows and of numbers."""
    folders = {**image_bundles, "text": text_bundle, "table": table_bundle, "number": friedman_model}
    with socket.socket() as first, socket.socket() as second:
        for opened in (first, second):
            opened.bind(("127.0.0.1", 0))
        ports = [opened.getsockname()[1] for opened in (first, second)]
    named = json.dumps({name: str(folder) for name, folder in folders.items()})
    log = tmp_path_factory.mktemp("server") / "server.log"
    with pytest.MonkeyPatch.context() as patch, open(log, "wb") as output:
        patch.setenv("PYTHONPATH", str(Path.cwd()), prepend=os.pathsep)
        allow_own_code(patch, image_bundles["own"].parent)
        process = subprocess.Popen([sys.executable, "-c", SERVER, *map(str, ports), named], stderr=output)
    with process:
        try:
            _wait_until_it_listens(ports[0], process, log)
            yield SimpleNamespace(http_port=ports[0], grpc_port=ports[1], pid=process.pid)
        finally:
            process.kill()


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not listen")
