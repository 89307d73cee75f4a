"""Controllers that people install beside Kubernetes: their own programs and manifests, as pods on the node.

What is applied is what their modules say, with three changes: images have the version that is pinned (manifests of a
development branch name its newest), are not pulled, for no registry is there, and pods ask for no size, for the node is
small.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import json
from pathlib import Path
import shutil
import time
from typing import Any

import yaml

from tests.cluster.cluster import Cluster
from tests.cluster.configuration import HOME
from tests.cluster.go_modules import KUEUE as KUEUE_MODULE
from tests.cluster.go_modules import pinned_version
from tests.cluster.image_archive import image_archive
from tests.cluster.programs import module_folders, programs

_PATIENCE_S = 180.0
_KINDS = "CustomResourceDefinition"


@dataclass(frozen=True, kw_only=True, slots=True)
class Controller:
    """A controller that runs as one Deployment.

    Attributes
    ----------
    module
        The Go module that it is built by (`tests.cluster.go_modules`).
    dependency
        The module that it is a program of, by whose version its image is tagged.
    program
        Its path in what the module is built into.
    deployment
        The end of its Deployment's name in the manifests.
    """

    module: str
    dependency: str
    program: str
    deployment: str

    @property
    def version(self) -> str:
        """As it is pinned."""
        return pinned_version(self.module, self.dependency)


KUEUE = Controller(
    module="kueue", dependency="sigs.k8s.io/kueue", program="kueue", deployment="kueue-controller-manager"
)
JOBSET = Controller(
    module="trainer", dependency="sigs.k8s.io/jobset", program="jobset", deployment="jobset-controller-manager"
)
TRAINER = Controller(
    module="trainer",
    dependency="github.com/kubeflow/trainer/v2",
    program="trainer-controller-manager",
    deployment="trainer-controller-manager",
)


def install_kueue(cluster: Cluster) -> None:
    """Build Kueue where it is not kept yet, and install it as its repository's `config/default` does."""
    programs(modules=[KUEUE_MODULE])
    manifests = _copy(cluster, "kueue", "kueue-manifests")
    _install(cluster, _rendered(cluster, manifests / "default"), [KUEUE])


def install_trainer(cluster: Cluster) -> None:
    """Install Kubeflow Trainer with JobSet and its runtime for torch, as its overlays do."""
    manifests = _copy(cluster, "trainer", "trainer-manifests")
    jobset = _copy(cluster, "trainer", "jobset-manifests")
    # It names JobSet's release by its address; the same objects lie beside.
    place = manifests / "third-party" / "jobset" / "kustomization.yaml"
    named = yaml.safe_load(place.read_text(encoding="utf-8"))
    named["resources"] = [f"../../../{jobset.name}/default"]
    place.write_text(json.dumps(named), encoding="utf-8")
    _install(cluster, _rendered(cluster, manifests / "overlays" / "manager"), [TRAINER, JOBSET])
    runtimes = _rendered(cluster, manifests / "overlays" / "runtimes")
    _apply(cluster, [each for each in runtimes if each["metadata"]["name"] == "torch-distributed"])


def _copy(cluster: Cluster, module: str, kept: str) -> Path:
    """A copy in the cluster's own folder, where they refer to each other by relative paths."""
    copy = cluster.folder / kept
    shutil.copytree(module_folders()[module] / kept, copy)
    return copy


def _rendered(cluster: Cluster, folder: Path) -> list[dict[str, Any]]:
    inside = f"{HOME}/{folder.relative_to(cluster.folder)}"
    return list(yaml.safe_load_all(cluster.kubectl("kustomize", inside)))


def _install(cluster: Cluster, objects: Sequence[dict[str, Any]], controllers: Sequence[Controller]) -> None:
    deployments = [each for each in objects if each["kind"] == "Deployment"]
    for controller in controllers:
        (deployment,) = [each for each in deployments if each["metadata"]["name"].endswith(controller.deployment)]
        _bring_image(cluster, controller, deployment)
    kinds = [each for each in objects if each["kind"] == _KINDS]
    _apply(cluster, kinds)
    names = [f"crd/{each['metadata']['name']}" for each in kinds]
    cluster.kubectl("wait", "--for=create", "--timeout=60s", *names)
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
    namespaces = [each for each in objects if each["kind"] == "Namespace"]
    _apply(cluster, namespaces)
    _apply(cluster, [each for each in objects if each["kind"] not in (_KINDS, "Namespace")])
    for deployment in deployments:
        _wait_until_ready(cluster, deployment)


def _apply(cluster: Cluster, objects: Sequence[dict[str, Any]]) -> None:
    text = "\n---\n".join(map(json.dumps, objects))
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=text)


def _bring_image(cluster: Cluster, controller: Controller, deployment: dict[str, Any]) -> None:
    """Give the node an image of the program, by the name that the Deployment has for it with the pinned version."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["image"] = f"{container['image'].rpartition(':')[0] or container['image']}:{controller.version}"
    container["imagePullPolicy"] = "Never"
    container.pop("resources", None)
    program = module_folders()[controller.module] / controller.program
    cluster.import_image(image_archive(container["image"], {"manager": program}, entrypoint=["/manager"]))


def _wait_until_ready(cluster: Cluster, deployment: dict[str, Any]) -> None:
    """Wait until it answers webhooks: it makes its own certificate, which its pod sees when the kubelet looks again."""
    where = ("-n", deployment["metadata"]["namespace"])
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    (secret,) = [each["secret"]["secretName"] for each in volumes if "secret" in each]
    give_up = time.monotonic() + _PATIENCE_S
    asked = ("get", "secret", secret, *where, "-o", "jsonpath={.data.tls\\.crt}")
    while not cluster.kubectl(*asked) and time.monotonic() < give_up:
        time.sleep(0.5)
    # A change of the pod makes it look now, and not within a minute.
    cluster.kubectl("annotate", "pods", "--all", "--overwrite", f"looked-at={time.monotonic():.0f}", *where)
    name = f"deployment/{deployment['metadata']['name']}"
    cluster.kubectl("wait", "--for=condition=Available", f"--timeout={_PATIENCE_S:.0f}s", name, *where)
