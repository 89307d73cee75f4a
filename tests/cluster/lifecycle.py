"""Clusters start and end; what a killed one has left is removed."""

from collections.abc import Callable, Iterator
import contextlib
from pathlib import Path
import shutil
import time

from components.shared.runtime.folder_lock import folder_lock
from tests.cluster.cgroups import remove_cgroup
from tests.cluster.cluster import all_clusters, Cluster, clusters_folder
from tests.cluster.configuration import kubernetes_version
from tests.cluster.node import bring_up, made_folders
from tests.cluster.prerequisites import check_prerequisites
from tests.cluster.programs import programs


@contextlib.contextmanager
def running_cluster(name: str) -> Iterator[Cluster]:
    """A cluster for the time of a `with` block; it ends with this process, however that ends."""
    cluster = Cluster(name)
    start_cluster(cluster, end_with_caller=True)
    try:
        yield cluster
    finally:
        stop_cluster(cluster)


def start_cluster(cluster: Cluster, *, end_with_caller: bool = False, say: Callable[[str], None] = print) -> None:
    """Start a cluster; what a start that was cut short has left is removed first.

    Parameters
    ----------
    cluster
        The one to start.
    end_with_caller
        Whether it ends with this process, however that ends: for tests.
    say
        Gets the lines of progress.

    Raises
    ------
    MissingPrerequisitesError
        If this machine lacks what a cluster needs.
    BuildError
        If a program could not be built.
    ClusterError
        If a program does not become ready.
    """
    check_prerequisites()
    folders = programs(say)
    with folder_lock(clusters_folder()):
        _remove(cluster)
        _remove_dead()
        begun = time.monotonic()
        try:
            bring_up(cluster, folders, end_with_caller=end_with_caller)
        except BaseException:
            _remove(cluster)
            raise
    say(f"Kubernetes {kubernetes_version()} is ready after {time.monotonic() - begun:.1f} s")


def stop_cluster(cluster: Cluster) -> bool:
    """End a cluster, and remove all that it made; whether there was anything to end."""
    if not cluster.folder.exists():
        return False
    with folder_lock(clusters_folder()):
        _remove(cluster)
    return True


def _remove(cluster: Cluster) -> None:
    namespaces = cluster.namespaces
    if namespaces is not None:
        namespaces.end()
    remove_cgroup(cluster.cgroup)
    if cluster.folder.exists():
        shutil.rmtree(cluster.folder)
    if not all_clusters():
        _remove_made_folders()


def _remove_dead() -> None:
    """Remove what clusters have left whose process was killed before it could."""
    for cluster in all_clusters():
        if cluster.namespaces is None:
            _remove(cluster)


def _remove_made_folders() -> None:
    if made_folders().exists():
        for folder in made_folders().read_text(encoding="utf-8").split():
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        made_folders().unlink()
