"""What a step on a cluster leaves for the page of its run."""

import os
import re
import subprocess
import sys

import pytest

from components.shared.contracts.run_record import kept_steps
from components.shared.runtime.atomic_files import read_json, write_json
from components.shared.runtime.step_record import keep_error, keep_results, keep_step, RECORD_FILE, this_run

FAILING = """
import components.shared.runtime.progress
raise {error}
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """The variables that a pod has, and the folder that its run's steps write to."""
    monkeypatch.setenv("PLUSZERO_RUN_ID", "7d0c2f10-0f57-4c2b-a1f7-0b6a3f6e8d11")
    monkeypatch.setenv("PLUSZERO_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("PLUSZERO_STEP", "train model")
    return tmp_path / "runs" / "7d0c2f10-0f57-4c2b-a1f7-0b6a3f6e8d11"


def ended(repository, error):
    """A process that ends with an error that nobody catches."""
    command = [sys.executable, "-c", FAILING.format(error=error)]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)


def test_on_a_desk_there_is_no_run_to_leave_anything_for(monkeypatch):
    monkeypatch.delenv("PLUSZERO_RUN_ID", raising=False)
    assert this_run() is None


def test_the_workspace_is_where_runs_are_kept(monkeypatch):
    monkeypatch.setenv("PLUSZERO_RUN_ID", "7d0c")
    monkeypatch.delenv("PLUSZERO_RUNS_DIR", raising=False)
    assert str(this_run()) == "/mnt/pluszero/runs/7d0c"


@pytest.mark.parametrize("run_id", ["..", "a/b", "-a", "a" * 101, "a b"])
def test_an_id_that_leads_out_of_the_folder_is_refused(monkeypatch, run_id):
    monkeypatch.setenv("PLUSZERO_RUN_ID", run_id)
    with pytest.raises(ValueError, match="PLUSZERO_RUN_ID must be letters, digits"):
        this_run()


def test_what_a_step_made_is_kept_in_place_of_what_an_earlier_try_left(cluster, tmp_path):
    (tmp_path / "report.html").write_text("a report")
    keep_step(cluster, "train model", error="the node went away")
    files = {"report": tmp_path / "report.html", "metrics": tmp_path / "absent.json"}
    keep_step(cluster, "train model", files=files, facts={"storage_uri": "s3://user:pw@models/pets"})
    (kept,) = kept_steps(cluster)
    assert (kept.step, kept.error) == ("train model", "")
    assert list(kept.files) == ["report"]
    assert kept.files["report"].read_text() == "a report"
    assert kept.facts == {"storage_uri": "s3://<secret>@models/pets"}


def test_steps_come_in_the_order_of_time(cluster):
    for step in ("smoke test", "evaluate model", "check inputs"):
        keep_step(cluster, step)
    assert [kept.step for kept in kept_steps(cluster)] == ["smoke test", "evaluate model", "check inputs"]
    assert kept_steps(cluster / "absent") == []


def test_a_step_that_fails_leaves_its_error_masked(cluster, repository):
    process = ended(repository, "ValueError('kim@example.com must be a number')")
    assert process.returncode == 1
    (kept,) = kept_steps(cluster)
    assert (kept.step, kept.error) == ("train model", "<e-mail> must be a number")
    assert "ValueError: <e-mail> must be a number" in process.stderr


def test_an_error_without_words_is_called_by_its_type(cluster, repository):
    ended(repository, "MemoryError()")
    assert kept_steps(cluster)[0].error == "MemoryError"


def test_a_workspace_that_cannot_be_written_hides_no_error(cluster, repository, tmp_path):
    (tmp_path / "runs").write_text("a file where the folder should be")
    process = ended(repository, "ValueError('what is wrong')")
    assert process.stderr.splitlines()[-1] == "ValueError: what is wrong"


def test_an_interrupted_step_leaves_nothing(cluster, repository):
    assert ended(repository, "KeyboardInterrupt").returncode != 0
    assert not cluster.exists()


def test_a_record_that_cannot_be_read_costs_no_more_than_its_step(cluster):
    for step in ("train model", "smoke test", "evaluate model"):
        keep_step(cluster, step)
    newer = cluster / "train-model" / RECORD_FILE
    write_json(newer, {**read_json(newer, what="it"), "format_version": 2})
    (cluster / "smoke-test" / RECORD_FILE).write_text("{")
    kept = {record.step: record.error for record in kept_steps(cluster)}
    assert re.fullmatch(
        r"its record cannot be read: .* must have a format_version from 1 to 1, got 2: .*", kept["train model"]
    )
    assert "must be JSON" in kept["smoke test"]
    assert kept["evaluate model"] == ""


def test_results_are_kept_only_where_there_is_a_run_and_a_name(cluster, monkeypatch):
    keep_results("")
    monkeypatch.delenv("PLUSZERO_RUN_ID")
    keep_results("train model")
    assert not cluster.exists()


def test_what_a_gate_keeps_takes_away_the_error_of_its_earlier_try(cluster, monkeypatch):
    monkeypatch.setenv("PLUSZERO_STEP", "gate: smoke")
    keep_error(OSError("no space left"))
    keep_results("smoke test")
    assert [(record.step, record.error) for record in kept_steps(cluster)] == [("smoke test", "")]


def test_a_workspace_that_cannot_be_written_is_a_warning(cluster, tmp_path, caplog):
    (tmp_path / "runs").write_text("a file where the folder should be")
    keep_results("train model")
    assert "the page of the run will lack the step 'train model'" in caplog.text


@pytest.mark.parametrize("name", ["", "한글", "---"])
def test_a_step_without_a_name_for_its_folder_takes_no_other_record_away(cluster, name):
    keep_step(cluster, "train model")
    with pytest.raises(ValueError, match="must have a small letter or a digit"):
        keep_step(cluster, name)
    assert [record.step for record in kept_steps(cluster)] == ["train model"]


def test_nothing_of_it_is_loaded_where_there_is_no_cluster(repository):
    code = "import sys, components.shared.runtime; sys.exit('components.shared.runtime.step_record' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLUSZERO_")}
    assert subprocess.run([sys.executable, "-c", code], cwd=repository, env=environment, check=False).returncode == 0
