import os
from pathlib import Path
import subprocess
import sys

import pytest

from components.data_ingestion.__main__ import app
from components.shared.contracts.example_table import ExampleTable
from tests.command_lines import run_command


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "components.data_ingestion", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "COLUMNS": "200"},
    )


def test_ingest_writes_examples_report_and_verdict_and_prints_a_summary(photo_folder, tmp_path):
    (tmp_path / "problem.yaml").write_text("label: {classes: [dog, cat]}\n")
    done = command(
        "ingest", "--source", photo_folder, "--output", tmp_path / "o", "--problem", tmp_path / "problem.yaml"
    )
    assert done.returncode == 0, done.stderr
    assert ExampleTable(tmp_path / "o" / "examples").num_rows == 40
    assert (tmp_path / "o" / "report.html").is_file()
    assert (tmp_path / "o" / "verdict.json").is_file()
    assert "passed: 40 examples of 2 classes, none set aside" in done.stdout
    assert "inferred: labels come from the folders" in done.stderr


def test_a_failed_check_ends_with_status_one_and_a_report(photo_folder, tmp_path):
    for number in range(20):
        (photo_folder / "cat" / f"bad{number}.jpg").write_bytes(b"")
    done = run_command(app, "ingest", "--source", photo_folder, "--output", tmp_path / "o")
    assert done.returncode == 1
    assert "failed: 20 of 60 files cannot be used" in done.stdout
    assert (tmp_path / "o" / "report.html").is_file()


@pytest.mark.parametrize("problem", ["colour: red", "label: {column: breed}"])
def test_bad_input_ends_with_status_two_and_one_sentence(photo_folder, tmp_path, problem):
    (tmp_path / "problem.yaml").write_text(problem)
    done = run_command(
        app, "ingest", "--source", photo_folder, "--output", tmp_path / "o", "--problem", tmp_path / "problem.yaml"
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_fingerprint_changes_with_the_data(photo_folder):
    first, again = (run_command(app, "fingerprint", "--source", photo_folder).stdout for _ in range(2))
    (photo_folder / "cat" / "circle.jpg").symlink_to("circle.jpg")
    changed = run_command(app, "fingerprint", "--source", photo_folder).stdout
    assert len(first.strip()) == 32
    assert first == again
    assert first != changed
