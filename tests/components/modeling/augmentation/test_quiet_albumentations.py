"""Importing our modules asks no network for a newer albumentations."""

import os
import subprocess
import sys

import pytest

MODULES = ("augmenter", "named_policies", "batch_augmenter")


@pytest.mark.parametrize("module", MODULES)
def test_no_module_looks_for_a_newer_version(repository, module):
    code = (
        f"import components.modeling.augmentation.{module}, albumentations.check_version as check\n"
        "assert check.opener is None, 'it asked'"
    )
    environment = {name: value for name, value in os.environ.items() if name != "NO_ALBUMENTATIONS_UPDATE"}
    subprocess.run([sys.executable, "-c", code], cwd=repository, env=environment, check=True)
