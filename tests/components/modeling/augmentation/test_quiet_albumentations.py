"""Importing our modules asks no network for a newer albumentations."""

import os
import subprocess
import sys


def test_no_module_looks_for_a_newer_version(repository):
    code = """
import importlib, pathlib
for file in sorted(pathlib.Path("components/modeling/augmentation").glob("*.py")):
    importlib.import_module(f"components.modeling.augmentation.{file.stem}")
import albumentations.check_version as check
assert check.opener is None, "it asked"
"""
    environment = {name: value for name, value in os.environ.items() if name != "NO_ALBUMENTATIONS_UPDATE"}
    subprocess.run([sys.executable, "-c", code], cwd=repository, env=environment, check=True)
