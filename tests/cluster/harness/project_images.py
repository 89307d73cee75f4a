"""Gives the node the project's own images, from the container engine that has built them."""

from collections.abc import Sequence
import os
import subprocess

from components.shared.runtime.container_images import image
from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.harness.mounted_image import mount_image
from tools.build_images import engine


def missing_images(names: Sequence[str]) -> list[str]:
    """Of these images, those that the engine has not."""
    tool = engine()
    asked = ([tool, "image", "inspect", image(name)] for name in names)
    found = [subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in asked]
    return [image(name) for name, there in zip(names, found, strict=True) if not there]


def bring_project_images(cluster: Cluster, names: Sequence[str]) -> None:
    """Give the node images: mounted from the engine's store where it has folders, else as copies.

    Raises
    ------
    FileNotFoundError
        If the engine lacks one of them.
    ClusterError
        If the node does not take them.
    """
    if not names:
        return
    missing = missing_images(names)
    if missing:
        raise FileNotFoundError(
            f"the cluster's tests run the project's images, docker or podman must have {', '.join(missing)}: "
            "run `make images` first, or name the tag of those that are there by PLUSZERO_IMAGE_TAG"
        )
    tool = engine()
    for name in names:
        if not mount_image(cluster, tool, image(name)):
            _copy_image(cluster, tool, image(name))
    cluster.pin_images()


def _copy_image(cluster: Cluster, tool: str, tag: str) -> None:
    """Stream an image from the engine into the node: minutes, and twice its size of disk while that lasts."""
    # What an engine that is ended leaves of its own goes with the cluster.
    scratch = cluster.folder / "saving"
    scratch.mkdir(exist_ok=True)
    archive = ["--format", "docker-archive"] if tool == "podman" else []
    variables = {**os.environ, "TMPDIR": str(scratch)}
    saving = subprocess.Popen([tool, "save", *archive, tag], stdout=subprocess.PIPE, env=variables)
    # What is unpacked needs no packed copy beside it.
    importing = ["ctr", "-n", "k8s.io", "images", "import", "--local", "--discard-unpacked-layers", "-"]
    done = subprocess.run([str(cluster.enter), *importing], stdin=saving.stdout, capture_output=True, check=False)
    if saving.stdout is not None:
        saving.stdout.close()
    if saving.wait() != 0 or done.returncode != 0:
        raise ClusterError(f"the node must take the image {tag}: {done.stderr.decode(errors='replace').strip()[-800:]}")
