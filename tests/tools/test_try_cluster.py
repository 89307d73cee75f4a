"""What tries a cluster is given parameters that the pipeline has, and counts what a predictor knows."""

import base64
from http.server import BaseHTTPRequestHandler, HTTPServer
import json
import re
import shlex
import threading

import pytest
from typer.testing import CliRunner
import yaml

from components.data_ingestion.known_datasets import digits_listing, DigitsReader
from pipelines.compiling import compile_pipeline
from pipelines.submission.package import read_package
from tools.try_cluster import app


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return compile_pipeline("training-cpu", tmp_path_factory.mktemp("compiled"))


def test_the_workflow_gives_arguments_that_the_pipeline_has(package, repository):
    workflow = yaml.safe_load((repository / ".github" / "workflows" / "cluster.yaml").read_text(encoding="utf-8"))
    steps = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    (line,) = re.findall(r"tools\.try_cluster train build/training-cpu\.yaml (.+)", "\n".join(steps))
    assert read_package(package).arguments(shlex.split(line))["model_data"] == "digits"


@pytest.fixture
def predictor():
    """A server that answers each digit as a model does that mistakes some; its address."""
    labels = {
        base64.b64encode(DigitsReader().read(entry.location)).decode(): entry.label
        for entry in digits_listing().entries[::500]
    }
    mistaken: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/models/digits:predict"
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
            known = [labels[each["image"]["b64"]] for each in asked]
            answer = {"predictions": [{"label": "none" if label in mistaken else label} for label in known]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format, *args):  # noqa: A002
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", mistaken
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_predictor_that_knows_the_digits_passes(predictor):
    url, mistaken = predictor
    mistaken |= {"3", "7"}
    result = CliRunner().invoke(app, ["ask", url, "digits"], catch_exceptions=False)
    assert (result.exit_code, result.output) == (0, "8 of 10 digits are right\n")


def test_a_predictor_that_does_not_know_them_fails(predictor):
    url, mistaken = predictor
    mistaken |= {"3", "7", "9"}
    assert CliRunner().invoke(app, ["ask", url, "digits"], catch_exceptions=False).exit_code == 1
