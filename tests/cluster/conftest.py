"""One cluster for all tests of this folder, gone without a trace when they have run."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import itertools
import json
import os
from pathlib import Path
import shutil
import subprocess
import time
from typing import Any

import pytest

from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.harness.ended_pod import ended_phase
from tests.cluster.harness.object_store import ObjectStore, start_object_store
from tests.cluster.harness.project_images import bring_project_images
from tests.cluster.image_archive import image_archive
from tests.cluster.leftovers import MachineState
from tests.cluster.lifecycle import running_cluster
from tests.cluster.prerequisites import MissingPrerequisitesError
from tests.cluster.programs import BuildError
from tests.custom_resources import CRDS

TOOLBOX = "localhost/toolbox:1"
# Without wget: a static one crashes where it looks a name up.
_APPLETS = ("cat", "echo", "grep", "httpd", "id", "nc", "nslookup", "printf", "seq", "sh", "sleep", "touch")


@pytest.fixture(scope="session")
def machine_before() -> MachineState:
    """The machine before any test started a cluster."""
    return MachineState.now()


@pytest.fixture(scope="session")
def bare_cluster(machine_before: MachineState) -> Iterator[Cluster]:
    """A running cluster. What it leaves on the machine when it has ended is an error."""
    with traceless_cluster(f"tests-{os.getpid()}", machine_before) as started:
        yield started


@contextlib.contextmanager
def traceless_cluster(name: str, before: MachineState) -> Iterator[Cluster]:
    """A cluster for the time of a `with` block; where it cannot start, or leaves something, the test fails."""
    try:
        with running_cluster(name) as started:
            yield started
    except (MissingPrerequisitesError, BuildError) as error:
        pytest.fail(str(error))
    left = before.left_since()
    assert left == [], f"a cluster must leave nothing behind, it left {left}"


@pytest.fixture(scope="session")
def cluster(bare_cluster: Cluster) -> Cluster:
    """The cluster with an image for pods, and the custom kinds that the project writes."""
    bring_toolbox(bare_cluster)
    define_kinds(bare_cluster, CRDS)
    return bare_cluster


@pytest.fixture(scope="module")
def own_cluster(machine_before: MachineState) -> Iterator[Cluster]:
    """A cluster of the module's own, with an image for pods: for controllers that would meddle with others' tests."""
    with traceless_cluster(f"own-{os.getpid()}", machine_before) as started:
        bring_toolbox(started)
        yield started


def bring_toolbox(cluster: Cluster) -> None:
    """Give the node an image with a shell."""
    busybox = shutil.which("busybox")
    assert busybox is not None
    links = {f"bin/{applet}": "busybox" for applet in _APPLETS}
    files = {"bin/busybox": Path(busybox)}
    cluster.import_image(image_archive(TOOLBOX, files, links=links, entrypoint=["/bin/sh", "-c"]))


@pytest.fixture(scope="session")
def object_store(cluster: Cluster) -> ObjectStore:
    """An S3 server on the node, which pods reach at `object-store.storage.svc:9000`."""
    cluster.kubectl("create", "namespace", "storage")
    return start_object_store(cluster, "storage")


@pytest.fixture(scope="session")
def project_images(cluster: Cluster) -> Callable[..., None]:
    """Gives the node images of the project, each once; images that nobody has built are an error."""
    there: set[str] = set()

    def brought(*names: str) -> None:
        bring_project_images(cluster, [name for name in names if name not in there])
        there.update(names)

    return brought


@pytest.fixture
def background(cluster: Cluster) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts commands on the node, with pipes for their input and output; those that run on are ended."""
    started = []

    def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        started.append(subprocess.Popen([str(cluster.enter), *command], **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def define_kinds(cluster: Cluster, definitions: Path) -> None:
    """Give the cluster custom kinds, from a file or a folder of files, and wait until it takes objects of them."""
    # One definition is too large for the annotation that an ordinary apply writes.
    cluster.kubectl("apply", "--server-side", "-f", str(definitions))
    give_up = time.monotonic() + 120
    while True:
        try:
            cluster.kubectl("wait", "--for=condition=Established", "--timeout=120s", "-f", str(definitions))
        except ClusterError:
            # A definition that the API server has not looked at yet has no conditions, at which kubectl fails.
            if time.monotonic() > give_up:
                raise
            time.sleep(0.5)
        else:
            return


@pytest.fixture
def apply(cluster: Cluster) -> Callable[..., str]:
    """Applies objects strictly: unknown and doubled fields are errors."""

    def applied(*objects: dict[str, Any], options: tuple[str, ...] = ()) -> str:
        text = "\n---\n".join(json.dumps(each) for each in objects)
        return cluster.kubectl("apply", "--validate=strict", *options, "-f", "-", stdin=text)

    return applied


@pytest.fixture(scope="session")
def new_namespace(cluster: Cluster) -> Callable[..., str]:
    """Makes namespaces, each ready for pods."""
    numbers = itertools.count()

    def made(name: str = "test", **labels: str) -> str:
        namespace = f"{name}-{next(numbers)}"
        cluster.kubectl("create", "namespace", namespace)
        if labels:
            cluster.kubectl("label", "namespace", namespace, *(f"{key}={value}" for key, value in labels.items()))
        cluster.kubectl("wait", "--for=create", "--timeout=120s", "-n", namespace, "serviceaccount/default")
        return namespace

    return made


@pytest.fixture(scope="session")
def overlay(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """The folder of an overlay, put into another namespace than its own."""
    copy = tmp_path_factory.mktemp("manifests")
    shutil.copytree(repository / "manifests", copy, dirs_exist_ok=True)
    numbers = itertools.count()

    def placed(name: str, namespace: str) -> str:
        folder = copy / f"placed-{next(numbers)}"
        folder.mkdir()
        kustomization = {"namespace": namespace, "resources": [f"../overlays/{name}"]}
        (folder / "kustomization.yaml").write_text(json.dumps(kustomization), encoding="utf-8")
        return str(folder)

    return placed


def http_get(host: str, port: int) -> str:
    """A script that gets a page of a server, in a toolbox."""
    return f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 {host} {port}"


def toolbox_pod(name: str, script: str, **spec: Any) -> dict[str, Any]:
    """A pod that runs a script once; `container` adds to its container, the rest to its spec."""
    container = {"name": "main", "image": TOOLBOX, "imagePullPolicy": "Never", "args": [script]}
    container |= spec.pop("container", {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container], **spec},
    }


@pytest.fixture
def run_pod(cluster: Cluster, apply: Callable[..., str]) -> Callable[..., str]:
    """What a pod has said when it has ended well."""

    def ran(namespace: str, name: str, script: str, **spec: Any) -> str:
        apply(toolbox_pod(name, script, **spec), options=("-n", namespace))
        phase = ended_phase(cluster, namespace, name)
        logs = cluster.kubectl("logs", "-n", namespace, name, "--ignore-errors")
        described = cluster.kubectl("describe", "-n", namespace, f"pod/{name}")
        assert phase == "Succeeded", f"the pod {name} must end well, it is {phase}:\n{logs}\n{described}"
        return logs

    return ran
