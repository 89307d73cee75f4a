"""The node works: pods run, find one another by name, reach the node's programs, and nothing outside."""

import pytest

from tests.cluster.conftest import http_get, toolbox_pod

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def namespace(new_namespace):
    return new_namespace("node")


def test_a_pod_runs_and_finds_services_by_name(run_pod, namespace):
    assert "10.96.0.1" in run_pod(namespace, "resolves", "nslookup kubernetes.default.svc.cluster.local")


def test_a_pod_reaches_another_through_a_service(cluster, apply, run_pod, namespace):
    serve = "echo hello > /tmp/index.html && exec httpd -f -p 8080 -h /tmp"
    apply(toolbox_pod("web", serve), options=("-n", namespace))
    cluster.kubectl("wait", "--for=condition=Ready", "--timeout=120s", "-n", namespace, "pod/web")
    cluster.kubectl("expose", "-n", namespace, "pod/web", "--port=80", "--target-port=8080")
    # The rules of a new service take a moment to reach the node.
    fetch = f"for i in $(seq 30); do {http_get(f'web.{namespace}.svc', 80)} && exit; sleep 1; done; exit 1"
    assert run_pod(namespace, "fetches", fetch).endswith("\n\nhello\n")


def test_a_pod_reaches_an_object_store_on_the_node(object_store, run_pod, namespace):
    host, _, port = object_store.address.partition(":")
    ask = f"for i in $(seq 30); do {http_get(host, int(port))} && exit; sleep 1; done; exit 1"
    assert "403 Forbidden" in run_pod(namespace, "asks", ask)


def test_nothing_outside_can_be_reached(run_pod, namespace):
    tried = "; ".join(f"{http_get(host, 80)} && echo reached" for host in ("192.0.2.1", "example.com"))
    said = run_pod(namespace, "tries", f"{tried}; {http_get('kubernetes.default.svc', 443)} && echo inside")
    assert "reached" not in said
    assert said.endswith("inside\n")
