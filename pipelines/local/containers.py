"""Runs a step in its image: kfp's docker runner, confined as a cluster confines a pod.

A step gets no network (except where the run's data are remote), a read-only root, a memory limit, no capability, a user
that is not root, and of the file system only the run's folders and the data. kfp's own handler reports a container that
ends before its first look as a success; here its status is waited for, and it is removed whatever happens.
"""

from collections.abc import Generator, Iterator, Mapping
import contextlib
from dataclasses import dataclass
import logging
import os
from pathlib import Path
import re
import shutil
import socket
import subprocess
import tempfile
import time
from typing import Any

from docker.client import DockerClient
from docker.errors import DockerException, ImageNotFound
from kfp import local

from components.shared.runtime.container_images import image
from components.shared.runtime.gpu_placement import IMAGE_USER
from pipelines.local.image_source import image_source, SOURCE_LABEL

logger = logging.getLogger(__name__)

_RUN_LABEL = "pluszero-mlops.run"
_IMAGE = re.compile(r"pluszero-mlops-(\w+)(?::|@|$)")
_MEMORY = "8g"
_SHARED_MEMORY = "1g"
_SERVICE_WAIT_S = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Confinement:
    """What steps in containers may reach: files and folders of this machine, at the same path, and perhaps the network.

    `run` names the run; containers that a killed runner has left are found by it.
    """

    run: str
    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    network: bool = False

    @property
    def user(self) -> str:
        """User and group of the steps: this process's, or the image's own where this process is root."""
        return f"{os.getuid()}:{os.getgid()}" if os.getuid() else f"{IMAGE_USER}:{IMAGE_USER}"

    def hand_over(self) -> None:
        """Make the writable folders, and give them to the steps' user."""
        uid, gid = map(int, self.user.split(":"))
        for folder in self.writable:
            folder.mkdir(parents=True, exist_ok=True)
            if os.getuid() == 0:
                for path in (folder, *folder.rglob("*")):
                    os.chown(path, uid, gid, follow_symlinks=False)

    def runner(self) -> local.DockerRunner:
        """The runner of kfp with these limits."""
        return local.DockerRunner(
            network_mode="bridge" if self.network else "none",
            read_only=True,
            user=self.user,
            mem_limit=_MEMORY,
            shm_size=_SHARED_MEMORY,
            tmpfs={"/tmp": ""},  # noqa: S108 - the container's own
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            labels={_RUN_LABEL: self.run},
        )

    def volumes(self) -> dict[str, dict[str, str]]:
        """Folders and files as docker mounts them."""
        return {
            **{str(path): {"bind": str(path), "mode": "ro"} for path in self.readable},
            **{str(path): {"bind": str(path), "mode": "rw"} for path in self.writable},
        }


@contextlib.contextmanager
def container_engine() -> Iterator[DockerClient]:
    """A client of docker, or of podman, whose service is started for as long as it is needed."""
    client = _answering(None)
    if client is not None:
        with contextlib.closing(client):
            yield client
        return
    if shutil.which("podman") is None:
        raise FileNotFoundError(
            "steps in containers must have docker or podman, but no engine answers: start docker, install podman, "
            "or on Debian run tools/prepare_container_machine as root"
        )
    with tempfile.TemporaryDirectory(prefix="pluszero-engine-") as folder:
        address = f"unix://{folder}/engine.sock"
        with subprocess.Popen(
            ["podman", "system", "service", "--time", "0", address],
            # The engine leaves a file where it works when a container runs out of memory.
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as service:
            try:
                client = _started(address)
                with contextlib.closing(client):
                    yield client
            finally:
                service.terminate()


def _answering(address: str | None) -> DockerClient | None:
    if not _listens(address or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"):
        return None
    client = None
    try:
        client = DockerClient(base_url=address, timeout=120) if address else DockerClient.from_env(timeout=120)
        client.ping()
        return client
    except DockerException:
        if client is not None:
            client.close()
        return None


def _listens(address: str) -> bool:
    """Whether anyone is at a socket of this machine; the docker SDK leaks its own where nobody is."""
    if not address.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(address.removeprefix("unix://"))
        except OSError:
            return False
    return True


def _started(address: str) -> DockerClient:
    deadline = time.monotonic() + _SERVICE_WAIT_S
    while time.monotonic() < deadline:
        client = _answering(address)
        if client is not None:
            return client
        time.sleep(0.1)
    raise TimeoutError(f"podman's service must answer within {_SERVICE_WAIT_S:.0f} s, but did not: try podman info")


def remove_leftovers(client: DockerClient, run: str) -> None:
    """Stop containers that an earlier, killed run of this name has left."""
    for container in client.containers.list(all=True, filters={"label": f"{_RUN_LABEL}={run}"}):
        logger.warning("removing the container %s that an earlier run has left", container.name)
        container.remove(force=True)


def built_image(client: DockerClient, name_in_pipeline: str) -> str:
    """The image on this machine for one that a compiled pipeline names; it must be built, and from this code."""
    found = _IMAGE.search(name_in_pipeline)
    if found is None:
        raise ValueError(f"a step's image must be one of the project's, got {name_in_pipeline!r}")
    short, wanted = found[1], image(found[1])
    try:
        built = client.images.get(wanted)
    except ImageNotFound:
        raise FileNotFoundError(f"the image {wanted} must be there, but is not: run make images") from None
    if built.labels.get(SOURCE_LABEL) != image_source(short):
        raise FileNotFoundError(f"the image {wanted} must be of this code, but is of other code: run make images")
    return wanted


def lines_of(
    client: DockerClient,
    name: str,
    command: list[str],
    *,
    volumes: Mapping[str, Any],
    environment: Mapping[str, str],
    settings: Mapping[str, Any],
    ended: list[int],
) -> Generator[bytes, None, None]:
    """Run a command in a container and give what it prints, chunk by chunk; its status is appended to `ended`."""
    container = client.containers.create(
        image=name, command=command, volumes=dict(volumes), environment=dict(environment), **settings
    )
    try:
        container.start()
        with contextlib.closing(container.logs(stream=True, follow=True)) as stream:
            yield from stream
        ended.append(int(container.wait()["StatusCode"]))
    finally:
        container.remove(force=True)
