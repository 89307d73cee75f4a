import os
from pathlib import Path
import subprocess
import sys

import pytest

from components.mock_data.__main__ import app
from components.mock_data.schema_source import builtin_schema, read_schema, read_statistics
from components.shared.contracts.problem import read_problem
from tests.command_lines import run_command


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "components.mock_data", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "COLUMNS": "200"},
    )


def test_make_writes_a_source_and_its_problem_file_and_says_what_to_expect(tmp_path):
    done = command("make", "--builtin", "text", "--num-examples", "40", "--signal", "0.5", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "40 text examples   negative 20, positive 20" in done.stdout
    assert "accuracy of 0.750" in done.stdout
    assert (tmp_path / "table.parquet").is_file()
    assert read_problem(tmp_path / "problem.yaml").text == "text"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "make must be given --schema or --builtin, one of the two"),
        (("--builtin", "text", "--schema", "schema.pbtxt"), "one of the two"),
        (("--schema", "nowhere.pbtxt"), "the schema must be a file, but there is none at nowhere.pbtxt"),
        (("--builtin", "text", "--statistics", "nowhere"), "there is nothing at nowhere"),
        (("--builtin", "text", "--signal", "2"), "signal must lie in 0..1, got 2.0"),
        (("--builtin", "text", "--environment", "MOON"), "environment must be one of the schema's"),
    ],
)
def test_bad_input_ends_with_status_two_and_one_sentence(tmp_path, arguments, sentence):
    done = run_command(app, "make", *arguments, "--output", tmp_path / "mock")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('feature { name: "a"', "must be TFMD's Schema as protobuf text"),
        ("", "must describe at least one column as a feature, got none"),
    ],
)
def test_a_file_that_is_no_schema_is_one_sentence(tmp_path, content, sentence):
    (tmp_path / "schema.pbtxt").write_text(content)
    with pytest.raises(ValueError, match=sentence):
        read_schema(tmp_path / "schema.pbtxt")


def test_a_schema_that_does_not_come_along_is_one_sentence():
    with pytest.raises(ValueError, match="one of image, tabular, text, got 'audio'"):
        builtin_schema("audio")


def test_statistics_are_found_in_the_folders_that_validation_and_bundles_leave(tmp_path):
    (tmp_path / "statistics").mkdir()
    (tmp_path / "statistics" / "train.pbtxt").write_text("datasets { num_examples: 7 }")
    assert read_statistics(tmp_path / "statistics" / "train.pbtxt").num_examples == 7
    with pytest.raises(FileNotFoundError, match=r"must hold statistics, train\.pb or statistics\.pb"):
        read_statistics(tmp_path)
    (tmp_path / "statistics" / "train.pb").write_bytes(b"\x0a\x08\x10\x09")
    with pytest.raises(ValueError, match="must be a serialized DatasetFeatureStatisticsList"):
        read_statistics(tmp_path)
    (tmp_path / "statistics" / "train.pb").write_bytes(b"\x0a\x02\x10\x09")
    assert read_statistics(tmp_path).num_examples == read_statistics(tmp_path / "statistics").num_examples == 9


def test_statistics_of_nothing_are_one_sentence(tmp_path):
    (tmp_path / "statistics.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="must be of one example or more, got none"):
        read_statistics(tmp_path)
