import os
from pathlib import Path
import subprocess
import sys

import pytest

REPOSITORY = Path(__file__).resolve().parents[4]


def killed(folder: Path, num_kills: int, seed: int) -> tuple[int, int]:
    """How many killed imports left the old version, and how many the new one; fails where one left something else."""
    command = [sys.executable, "-m", "tests.components.active_learning.jobs.killed_imports"]
    done = subprocess.run(
        [*command, str(folder), str(num_kills), str(seed)],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    num_old, num_new = done.stdout.split()
    return int(num_old), int(num_new)


def test_an_import_that_is_killed_leaves_the_old_version_or_the_new_one(tmp_path):
    assert sum(killed(tmp_path, 3, seed=1)) == 3


@pytest.mark.slow
def test_imports_that_are_killed_at_twenty_moments_leave_the_old_version_or_the_new_one(tmp_path):
    num_old, num_new = killed(tmp_path, 20, seed=2)
    assert num_old + num_new == 20
    assert num_old > 0
