"""Start and end a cluster for a person: `make cluster`, `make cluster-down`.

`build` builds its programs beforehand, `images` gives a running one the project's images.
"""

import argparse
import logging
import signal
import sys
from types import FrameType

from components.shared.runtime.container_images import image, IMAGE_NAMES
from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.harness.project_images import bring_project_images
from tests.cluster.lifecycle import start_cluster, stop_cluster
from tests.cluster.prerequisites import check_prerequisites, MissingPrerequisitesError
from tests.cluster.programs import BuildError, programs

_HELP = """\
kubeconfig      {kubeconfig} (its address answers inside only)
a command       {enter} kubectl get pods --all-namespaces
a shell         {enter}
our images      PLUSZERO_IMAGE_TAG=TAG .venv/bin/python -m tests.cluster images --name {name}
another image   {enter} ctr -n k8s.io images import FILE
logs            {folder}/logs
end             make cluster-down"""


def main() -> int:
    """Do what was asked; 2 where the machine lacks something, 1 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("action", choices=("up", "down", "build", "images"))
    parser.add_argument("--name", default="cluster", help="several clusters can run beside one another")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # What is interrupted cleans up, by whatever signal.
    signal.signal(signal.SIGTERM, _stop)
    try:
        {"up": _up, "down": _down, "build": _build, "images": _images}[given.action](Cluster(given.name))
    except MissingPrerequisitesError as error:
        for sentence in str(error).splitlines():
            print(f"error: {sentence}", file=sys.stderr)
        return 2
    except (BuildError, ClusterError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; nothing is left running", file=sys.stderr)
        return 130
    return 0


def _up(cluster: Cluster) -> None:
    if cluster.is_ready():
        print("The cluster is running already")
    else:
        start_cluster(cluster, say=_say)
    print(_HELP.format(name=cluster.name, kubeconfig=cluster.kubeconfig, enter=cluster.enter, folder=cluster.folder))


def _down(cluster: Cluster) -> None:
    print("The cluster has ended" if stop_cluster(cluster) else "There is no cluster to end")


def _build(_: Cluster) -> None:
    check_prerequisites()
    programs(_say)


def _images(cluster: Cluster) -> None:
    if not cluster.is_ready():
        raise ClusterError(f"images go to a running cluster, {cluster.name} does not run: run `make cluster` first")
    bring_project_images(cluster, IMAGE_NAMES)
    print("The node has " + ", ".join(map(image, IMAGE_NAMES)))


def _say(line: str) -> None:
    print(line, flush=True)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
