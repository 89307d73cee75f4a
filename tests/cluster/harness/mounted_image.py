"""Gives the node an image of the machine's container engine without a copy: the engine's layers are mounted.

Both stores keep a layer as a folder for overlayfs, whiteouts included. Mounted read-only where the node looks for it, a
layer takes no disk and no minutes, and the mount ends with the cluster.
"""

from collections.abc import Sequence
import hashlib
import io
import json
from pathlib import Path
import re
import subprocess
import tarfile
from typing import Any

from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.configuration import HOME
from tests.cluster.programs import go_architecture

_SNAPSHOTS = ["ctr", "-n", "k8s.io", "snapshots", "--snapshotter", "overlayfs"]
_OCI = "application/vnd.oci.image"


def mount_image(cluster: Cluster, tool: str, tag: str) -> bool:
    """Mount an image's layers into the node's store and name it there.

    False where `tool`, docker or podman, keeps layers in another way than as folders.
    """
    (found,) = json.loads(subprocess.run([tool, "image", "inspect", tag], capture_output=True, check=True).stdout)
    folders = _layer_folders(found)
    digests = found["RootFS"]["Layers"]
    if len(folders) != len(digests):
        return False
    chain = ""
    for folder, digest in zip(folders, digests, strict=True):
        parent, chain = chain, _chain(chain, digest)
        if not _has_snapshot(cluster, chain):
            _mount_layer(cluster, folder, chain, parent)
    # Layers themselves are not there: as after an import that has discarded them.
    archive = _layout(tag, found, digests)
    cluster.run(["ctr", "-n", "k8s.io", "images", "import", "--local", "--no-unpack", "-"], stdin=archive)
    return True


def _layer_folders(image: dict[str, Any]) -> list[Path]:
    """Folders of an image's layers, the lowest first; none where the engine keeps them in another way."""
    driver = image.get("GraphDriver", {})
    if driver.get("Name") not in ("overlay", "overlay2"):
        return []
    below = [folder for folder in driver["Data"].get("LowerDir", "").split(":") if folder]
    return [Path(folder) for folder in [*reversed(below), driver["Data"]["UpperDir"]]]


def _chain(parent: str, digest: str) -> str:
    """The name of a layer upon others, as OCI's image specification has it."""
    return digest if not parent else "sha256:" + hashlib.sha256(f"{parent} {digest}".encode()).hexdigest()


def _has_snapshot(cluster: Cluster, chain: str) -> bool:
    try:
        cluster.run([*_SNAPSHOTS, "info", chain])
    except ClusterError:
        return False
    return True


def _mount_layer(cluster: Cluster, folder: Path, chain: str, parent: str) -> None:
    working = f"mounting-{chain}"
    cluster.run([*_SNAPSHOTS, "prepare", working, *([parent] if parent else [])])
    mount = cluster.run([*_SNAPSHOTS, "mounts", "/mnt", working])
    written = re.search(rf"(?:upperdir=|bind )({HOME}/[^\s,]+)", mount)
    if written is None:
        raise ClusterError(f"a snapshot must be a folder below {HOME}, got {mount}")
    cluster.run(["mount", "--bind", "-o", "ro", str(folder), written[1]])
    cluster.run([*_SNAPSHOTS, "commit", chain, working])
    cluster.run([*_SNAPSHOTS, "label", chain, "containerd.io/gc.root=mounted"])


def _layout(tag: str, image: dict[str, Any], digests: Sequence[str]) -> bytes:
    """An image's names and settings as an archive in OCI's layout, without its layers."""
    settings = {key: value for key, value in image["Config"].items() if value is not None}
    rootfs = {"type": "layers", "diff_ids": list(digests)}
    config = {"architecture": go_architecture(), "os": "linux", "config": settings, "rootfs": rootfs}
    blobs = [json.dumps(config).encode()]
    layers = [{"mediaType": f"{_OCI}.layer.v1.tar", "digest": digest, "size": 0} for digest in digests]
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.manifest.v1+json",
        "config": _descriptor(f"{_OCI}.config.v1+json", blobs[0]),
        "layers": layers,
    }
    blobs.append(json.dumps(manifest).encode())
    named = {"annotations": {"io.containerd.image.name": tag}}
    index = {"schemaVersion": 2, "manifests": [_descriptor(f"{_OCI}.manifest.v1+json", blobs[1]) | named]}
    files = {f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}": blob for blob in blobs}
    files |= {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps(index).encode()}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def _descriptor(kind: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": "sha256:" + hashlib.sha256(blob).hexdigest(), "size": len(blob)}
