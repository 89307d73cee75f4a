"""Publishing to a real object store: killed in the middle, and twice at once."""

import json

import numpy as np
import pytest

from components.shared.contracts.bundle import BundleConfig, write_bundle
from tests.cluster.cluster import ClusterError

pytestmark = pytest.mark.cluster

PUBLISH = """
import sys
from components.serving.release.store import publish
bundle, root, evaluation = sys.argv[1:4]
files = {"evaluation.json": evaluation.encode()}
given = {"model_root": root, "model_name": "pets", "files": files, "inference_service": lambda version, uri: uri}
print(publish(bundle, **given).is_new)
"""

# Ends without a word before the file of that number is written.
KILLED = """
import os, signal, sys, s3fs
pipe_file, number = s3fs.S3FileSystem.pipe_file, 0
def killed(*given, **options):
    global number
    if number == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
    number += 1
    return pipe_file(*given, **options)
s3fs.S3FileSystem.pipe_file = killed
"""

TWICE = """
import json, subprocess, sys
command = [sys.executable, "-c", sys.argv[4], *sys.argv[1:4]]
children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
print(json.dumps(sorted(child.communicate()[0].strip() for child in children)))
"""

RELEASES = """
import json, sys, tempfile
from components.shared.contracts.bundle import read_weights
from components.shared.contracts.bundle_fetch import fetch_bundle
from components.shared.contracts.releases import open_releases, release_versions, unfinished_versions
releases = open_releases(sys.argv[1], "pets")
try:
    whole = release_versions(releases)
except FileNotFoundError:
    whole = ()
for version in whole:
    with tempfile.TemporaryDirectory() as folder:
        fetch_bundle(releases.uri_of(version), folder)
        read_weights(folder)
print(json.dumps([len(whole), len(unfinished_versions(releases))]))
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "model"
    config = BundleConfig(task="image_classification", class_names=("cat", "dog"), backbone={}, preprocessing={})
    write_bundle(path, config, {"weight": np.zeros(1_000_000, np.float32)})
    return path


def test_a_killed_publish_is_no_release_and_two_at_once_are_one(object_store, bundle):
    object_store.make_bucket("killed")
    for number in (0, 2, 3):
        root = f"s3://killed/models-{number}"
        with pytest.raises(ClusterError):
            object_store.run_python(KILLED + PUBLISH, str(bundle), root, "first", str(number))
        assert json.loads(object_store.run_python(RELEASES, root)) == [0, int(number > 0)]
        assert json.loads(object_store.run_python(TWICE, str(bundle), root, "first", PUBLISH)) == ["False", "True"]
        assert json.loads(object_store.run_python(RELEASES, root)) == [1, 0]
