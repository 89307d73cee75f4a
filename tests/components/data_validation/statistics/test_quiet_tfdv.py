import os
from pathlib import Path
import subprocess
import sys

ROOT = Path(__file__).parents[4]
TALKS = "import os, sys\nos.write(2, b'written by a compiled library')\nprint('printed by Python', file=sys.stderr)\n"


def imported(stand_in: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter that imports ours over a stand-in for TFDV."""
    (folder / "tensorflow_data_validation.py").write_text(stand_in, encoding="utf-8")
    code = "from components.data_validation.statistics.quiet_tfdv import tfdv; import os; os.write(2, b'afterwards')"
    path = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_said_while_tfdv_is_imported_is_held_back_and_nothing_after_it(tmp_path):
    done = imported(TALKS, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "afterwards")


def test_an_import_that_fails_shows_what_compiled_libraries_said(tmp_path):
    done = imported(TALKS + "raise ImportError('no such symbol')\n", tmp_path)
    assert done.returncode == 1
    assert "written by a compiled library" in done.stderr
    assert "no such symbol" in done.stderr
