"""Importing our modules asks no network for a newer albumentations."""

import os
import re
import runpy
import sys

import pytest

from components.modeling.augmentation import quiet_albumentations

VARIABLE = "NO_ALBUMENTATIONS_UPDATE"
QUIET = "components/modeling/augmentation/quiet_albumentations.py"


def test_the_look_for_a_newer_version_is_refused_before_albumentations_is_imported(repository, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "albumentations", None)
    with pytest.raises(ModuleNotFoundError, match="albumentations"):
        runpy.run_path(str(repository / QUIET))
    assert os.environ[VARIABLE] == "1"


def test_albumentations_that_is_told_so_has_nothing_to_ask_with():
    assert quiet_albumentations.albumentations.check_version.opener is None


def test_no_other_module_imports_albumentations_by_itself(repository):
    imports = re.compile(r"^\s*(import|from) albumentations\b", re.MULTILINE)
    found = [file for file in (repository / "components").rglob("*.py") if imports.search(file.read_text("utf-8"))]
    assert found == [repository / QUIET]
