"""The node works: pods run, find one another by name, reach the node's programs, and nothing outside."""

import pytest

from tests.cluster.configuration import HOME
from tests.cluster.conftest import toolbox_pod

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
    fetch = f"for i in $(seq 30); do wget -T 2 -q -O - http://web.{namespace}.svc && exit; sleep 1; done; exit 1"
    assert run_pod(namespace, "fetches", fetch) == "hello\n"


def test_a_pod_reaches_an_object_store_on_the_node(cluster, run_pod, namespace):
    files = cluster.folder / "objects"
    files.mkdir()
    keys = ["--access", "user", "--secret", "password"]
    where = ["--port", ":7070", "--region", "minio"]
    cluster.start_program("versitygw", ["versitygw", *keys, *where, "posix", f"{HOME}/{files.name}"])
    cluster.publish_program(namespace, "object-store", port=9000, target_port=7070)
    address = f"http://object-store.{namespace}.svc:9000/"
    ask = f"for i in $(seq 30); do wget -T 2 -S {address} 2>&1 | grep '403 Forbidden' && exit; sleep 1; done"
    assert "403 Forbidden" in run_pod(namespace, "asks", ask)


def test_nothing_outside_can_be_reached(run_pod, namespace):
    outside = "for host in 192.0.2.1 example.com; do wget -T 2 -q -O - http://$host && echo reached; done; true"
    assert "reached" not in run_pod(namespace, "tries", outside)
