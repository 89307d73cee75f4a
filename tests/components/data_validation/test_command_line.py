from pathlib import Path
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from components.data_validation.__main__ import app

ROOT = Path(__file__).parents[3]
SPLITS = ["train"] * 70 + ["validation"] * 15 + ["test"] * 15
OUTPUTS = ["anomalies", "report.html", "schema.pbtxt", "statistics", "verdict.json"]


def arguments(examples: Path, output: Path) -> list[str]:
    return ["validate", "--examples", str(examples), "--output", str(output)]


def test_a_sound_table_exits_0(write_table, tmp_path):
    """In a process of its own, and without a word of TFDV: tests/pipelines/local/test_monitoring_run.py."""
    examples = write_table(SPLITS, ["yes", "no"] * 50, {"x": list(range(100))})
    done = CliRunner().invoke(app, arguments(examples, tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("passed: 100 examples in 2 columns fit the training schema")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == OUTPUTS


def test_a_blocked_table_exits_1_after_writing_every_output(write_table, tmp_path):
    examples = write_table(["train"] * 100, ["yes", "no"] * 50, {"x": list(range(100))})
    done = CliRunner().invoke(app, arguments(examples, tmp_path / "out"))
    assert done.exit_code == 1
    assert "blocked: the test split has no examples" in done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == OUTPUTS


def test_a_missing_table_is_the_users_mistake(tmp_path):
    with pytest.raises(FileNotFoundError, match="example_table must be a folder"):
        CliRunner().invoke(app, arguments(tmp_path / "none", tmp_path / "out"), catch_exceptions=False)


def test_an_output_that_is_a_file_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "taken").write_text("kept")
    with pytest.raises(NotADirectoryError, match=r"--output must be a folder, but .*taken is a file"):
        CliRunner().invoke(app, arguments(tmp_path / "none", tmp_path / "taken" / "out"), catch_exceptions=False)
    assert (tmp_path / "taken").read_text() == "kept"


@pytest.mark.parametrize("command", [["infer"], ["evolve", "--schema", "old.pbtxt"]])
def test_a_schema_is_not_written_over_a_folder(command, tmp_path):
    wrong = ["schema", *command, "--table", "none.csv", "--output", str(tmp_path)]
    with pytest.raises(IsADirectoryError, match=r"--output must be a schema\.pbtxt to write, but .* is a folder"):
        CliRunner().invoke(app, wrong, catch_exceptions=False)


def test_help_does_not_wait_for_tfdv():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "components.data_validation", "validate", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--examples" in done.stdout
    assert "tensorflow" not in done.stderr


def test_importing_the_job_is_silent_and_leaves_the_logging_alone():
    code = (
        "import logging, os; import components.data_validation.jobs; "
        "assert not logging.root.handlers; assert logging.root.manager.disable == 0; "
        "assert os.environ['CUDA_VISIBLE_DEVICES'] == ''"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr == ""
