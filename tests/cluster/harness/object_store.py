"""An S3 server on the node, for pods and for programs of the node."""

from dataclasses import dataclass
import sys
import time
from typing import Any

from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.configuration import HOME, NODE_ADDRESS

_PORT = 7070
_KEYS = {"AWS_ACCESS_KEY_ID": "user", "AWS_SECRET_ACCESS_KEY": "password", "AWS_DEFAULT_REGION": "minio"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectStore:
    """A running server, by its address for pods."""

    cluster: Cluster
    address: str

    @property
    def variables_on_the_node(self) -> dict[str, str]:
        """What a client on the node needs to reach it."""
        return {**_KEYS, "AWS_ENDPOINT_URL": f"http://{NODE_ADDRESS}:{_PORT}"}

    def secret(self, name: str) -> dict[str, Any]:
        """The secret by which pods reach it, as the manifests' README has people make it."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": {**_KEYS, "AWS_ENDPOINT_URL": f"http://{self.address}"},
        }

    def make_bucket(self, name: str) -> None:
        """Make an empty bucket."""
        self.run_python("import s3fs, sys; s3fs.S3FileSystem().mkdir(sys.argv[1])", name)

    def run_python(self, script: str, *arguments: str) -> str:
        """What a script says that runs on the node with the variables by which it reaches the server."""
        variables = [f"{name}={value}" for name, value in self.variables_on_the_node.items()]
        return self.cluster.run(["env", *variables, sys.executable, "-c", script, *arguments])


def start_object_store(cluster: Cluster, namespace: str) -> ObjectStore:
    """Start the server, with a Service `object-store` for it in a namespace."""
    folder = cluster.folder / "objects"
    folder.mkdir()
    keys = ["--access", _KEYS["AWS_ACCESS_KEY_ID"], "--secret", _KEYS["AWS_SECRET_ACCESS_KEY"]]
    where = ["--port", f":{_PORT}", "--region", _KEYS["AWS_DEFAULT_REGION"]]
    cluster.start_program("versitygw", ["versitygw", *keys, *where, "posix", f"{HOME}/{folder.name}"])
    cluster.publish_program(namespace, "object-store", port=9000, target_port=_PORT)
    store = ObjectStore(cluster=cluster, address=f"object-store.{namespace}.svc:9000")
    _wait_for(store)
    return store


def _wait_for(store: ObjectStore) -> None:
    give_up = time.monotonic() + 60
    while True:
        try:
            store.run_python("import s3fs; s3fs.S3FileSystem().ls('')")
        except ClusterError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.5)
        else:
            return
