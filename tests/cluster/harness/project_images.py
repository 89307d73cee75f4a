"""Gives the node the project's own images, from the container engine that has built them."""

from collections.abc import Sequence
import subprocess

from components.shared.runtime.container_images import image
from tests.cluster.cluster import Cluster, ClusterError
from tools.build_images import engine


def missing_images(names: Sequence[str]) -> list[str]:
    """Of these images, those that the engine has not."""
    tool = engine()
    asked = ([tool, "image", "inspect", image(name)] for name in names)
    found = [subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in asked]
    return [image(name) for name, there in zip(names, found, strict=True) if not there]


def import_project_images(cluster: Cluster, names: Sequence[str]) -> None:
    """Stream images from the engine into the node; layers that they share travel once.

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
    many = ["--format", "docker-archive", "--multi-image-archive"] if tool == "podman" else []
    saving = subprocess.Popen([tool, "save", *many, *map(image, names)], stdout=subprocess.PIPE)
    # What is unpacked needs no packed copy beside it: the images take half the disk.
    importing = ["ctr", "-n", "k8s.io", "images", "import", "--discard-unpacked-layers", "-"]
    done = subprocess.run([str(cluster.enter), *importing], stdin=saving.stdout, capture_output=True, check=False)
    if saving.stdout is not None:
        saving.stdout.close()
    if saving.wait() != 0 or done.returncode != 0:
        raise ClusterError(
            f"the images must be taken by the node: {done.stderr.decode(errors='replace').strip()[-800:]}"
        )
    cluster.pin_images()
