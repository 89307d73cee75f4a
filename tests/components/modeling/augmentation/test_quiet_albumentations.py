"""Importing our modules asks no network for a newer albumentations."""

import os
import re
import subprocess
import sys

QUIET = "components/modeling/augmentation/quiet_albumentations.py"


def test_the_quiet_module_does_not_look_for_a_newer_version(repository):
    code = (
        "from components.modeling.augmentation import quiet_albumentations\n"
        "import albumentations.check_version as check\n"
        "assert check.opener is None, 'it asked'"
    )
    environment = {name: value for name, value in os.environ.items() if name != "NO_ALBUMENTATIONS_UPDATE"}
    subprocess.run([sys.executable, "-c", code], cwd=repository, env=environment, check=True)


def test_no_other_module_imports_albumentations_by_itself(repository):
    imports = re.compile(r"^\s*(import|from) albumentations\b", re.MULTILINE)
    found = [file for file in (repository / "components").rglob("*.py") if imports.search(file.read_text("utf-8"))]
    assert found == [repository / QUIET]
