"""Whole runs on data with personal data in them: nothing in the runs' folders holds a value, nor the key."""

from datetime import datetime, timedelta, UTC
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from typer.testing import CliRunner

from components.shared.contracts.example_table import ExampleTable
from components.shared.serving_log.log_writer import ServingLogWriter
from pipelines.__main__ import app
from tests.decoded_search import DecodedSearch
from tests.planted_personal_data import (
    EMAILS,
    exempt,
    feature_table,
    photo_folder,
    SEARCH,
    TABLE_PROBLEM,
    TEXT_PROBLEM,
    text_table,
)
from tests.training_runs import run, summary_of

pytestmark = pytest.mark.slow

SOURCES = {
    "text": (text_table, TEXT_PROBLEM),
    "tabular": (feature_table, TABLE_PROBLEM),
    "image": (photo_folder, "{modality: image}"),
}


def write_log(table: ExampleTable, source: Path, path: Path) -> Path:
    """A serving log of the source's rows, raw."""
    raw = pa_csv.read_csv(source)
    times = [datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=row) for row in range(raw.num_rows)]
    columns = {
        "request_id": pa.array([f"{EMAILS[row % 4]}/{row}" for row in range(raw.num_rows)]),
        "event_time": pa.array(times, pa.timestamp("us", tz="UTC")),
        "model_name": pa.array(["customers"] * raw.num_rows),
        "model_revision": pa.array(["a1"] * raw.num_rows),
        "predicted": pa.array(["high"] * raw.num_rows),
        **{name: raw.column(name).combine_chunks() for name in raw.column_names if name != "label"},
    }
    ServingLogWriter(path, table.info).append(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return path


@pytest.mark.parametrize("modality", SOURCES)
def test_nothing_personal_is_left_by_a_run(modality, tmp_path, personal_key):
    make, problem_text = SOURCES[modality]
    source, problem, run_dir = make(tmp_path), tmp_path / "problem.yaml", tmp_path / "run"
    problem.write_text(f"{problem_text[:-1]}, target: {{minimum: 0.0}}}}", encoding="utf-8")
    result = run(source, run_dir, "--problem", str(problem), "--recipe", "smoke")
    summary = summary_of(run_dir)
    assert len(summary["steps"]) > 3, result.output
    if modality == "tabular":
        examples = next(run_dir.rglob("shard-00000.parquet")).parent
        log = write_log(ExampleTable(examples), source, tmp_path / "run" / "log")
        monitored = ["monitor", "--model", summary["model_dir"], "--log", str(log), "--run-dir", str(run_dir / "watch")]
        result = CliRunner().invoke(app, monitored)
        assert "requests against" in result.output
    assert SEARCH.folder(run_dir, exempt=exempt) == []
    assert DecodedSearch([personal_key]).folder(run_dir) == []
    assert not any(value in result.output for value in EMAILS)
