"""What the manifests say of the runtime, held against the real server."""

from contextlib import closing
import http.client

import pytest
import yaml


@pytest.fixture(scope="module")
def runtime(repository):
    """What the manifests say of the runtime that the service asks for."""
    return yaml.safe_load((repository / "manifests" / "base" / "serving-runtime.yaml").read_text())["spec"]


def test_the_runtimes_probes_and_metrics_are_answered_by_the_real_server(runtime, server):
    (container,) = runtime["containers"]
    probes = [container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert {probe["port"] for probe in probes} == {container["ports"][0]["containerPort"]} == {8080}
    assert runtime["annotations"]["prometheus.io/port"] == "8080"

    for path in {probe["path"] for probe in probes} | {runtime["annotations"]["prometheus.io/path"]}:
        with closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=60)) as connection:
            connection.request("GET", path)
            assert connection.getresponse().status == 200, path
