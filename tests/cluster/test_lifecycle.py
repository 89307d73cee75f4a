"""A person's cluster: started twice, killed half-way, ended twice; nothing is left."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster


def command(repository, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster", *arguments], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def name(cluster, repository):
    name = f"person-{os.getpid()}"
    yield name
    command(repository, "down", "--name", name)


def test_a_cluster_is_started_once_mended_when_it_broke_and_ended(repository, name):
    person = Cluster(name)
    assert "is ready after" in command(repository, "up", "--name", name)
    again = command(repository, "up", "--name", name)
    assert again.startswith("The cluster is running already")
    assert str(person.kubeconfig) in again
    first = person.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    os.kill(json.loads((person.folder / "namespaces.json").read_text())["pid"], signal.SIGKILL)
    give_up = time.monotonic() + 60
    while person.namespaces is not None:  # Linux ends all other processes before it
        assert time.monotonic() < give_up
        time.sleep(0.1)
    assert "is ready after" in command(repository, "up", "--name", name)
    assert person.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}") != first
    assert command(repository, "down", "--name", name) == "The cluster has ended\n"
    assert command(repository, "down", "--name", name) == "There is no cluster to end\n"
