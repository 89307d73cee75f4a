"""The serving image holds less than the desk's environment: what the server imports must be in the image's lock."""

import re
import subprocess
import sys

PROGRAM = """
import importlib, importlib.metadata, re, sys

locked = set(sys.argv[1].split())
known = importlib.metadata.packages_distributions()
plain = lambda name: re.sub(r"[-_.]+", "-", name).lower()
absent = {top for top, owners in known.items() if not {plain(owner) for owner in owners} & locked}


class Image:
    def find_spec(self, name, path, target=None):
        if name in absent:
            raise ModuleNotFoundError(f"the image has no {name}", name=name)


sys.meta_path.insert(0, Image())
assert "mlxtend" in absent and "torch" not in absent
for module in ("components.serving.__main__", "components.serving.jobs", "components.serving.server.model_server"):
    importlib.import_module(module)
"""


def test_server_and_jobs_import_nothing_that_the_image_lacks(repository):
    lock = (repository / "docker" / "serving.txt").read_text(encoding="utf-8")
    torch_lock = (repository / "docker" / "torch-cu13.txt").read_text(encoding="utf-8")
    pinned = re.findall(r"(?m)^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==", lock + torch_lock)
    names = [re.sub(r"[-_.]+", "-", name).lower() for name in pinned]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, " ".join(names)], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
