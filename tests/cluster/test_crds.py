"""The custom resource definitions that the project brings are their projects' own files."""

import hashlib
from pathlib import Path
import re

import pytest

CRDS = Path(__file__).parent / "crds"
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "crds"
FILES = sorted(CRDS.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_definition_is_the_file_that_the_readme_names(file):
    content = file.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    (row,) = re.findall(rf"^\| `{re.escape(file.name)}` \|.*", (CRDS / "README.md").read_text("utf-8"), re.MULTILINE)
    assert row.endswith(f"| `{blob}` |")


@pytest.mark.skipif(not BESIDE.is_dir(), reason="no other copies of the definitions lie beside the repository")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_definition_is_the_one_beside_the_repository(file):
    assert file.read_bytes() == (BESIDE / file.name).read_bytes()
