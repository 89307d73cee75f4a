"""The simulation's command writes curves, a report and metrics; what cannot be simulated is refused in a sentence."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.active_learning.__main__ import app
from components.active_learning.jobs.simulate_labelling import simulate_labelling
from components.shared.runtime.atomic_files import read_json
from tests.components.active_learning.planted_pools import rows_near_a_border, write_rows


def test_the_command_draws_curves_of_a_table(tmp_path: Path) -> None:
    examples = write_rows(tmp_path / "examples", *rows_near_a_border(0, planted=True, num_rows=600))
    arguments = ["simulate", "--examples", str(examples), "--output", str(tmp_path / "out")]
    numbers = {"start-labels": 20, "budget": 60, "batch": 20, "num-seeds": 2, "price-a-label": 1, "value-a-point": 5}
    found = CliRunner().invoke(app, [*arguments, *(part for n, v in numbers.items() for part in (f"--{n}", str(v)))])
    assert found.exit_code == 0, found.output
    rounds = read_json(tmp_path / "out" / "rounds.json", what="rounds")
    assert rounds["sizes"] == [20, 40, 60]
    assert [len(curves) for curves in rounds["accuracies"].values()] == [2, 2]
    assert rounds["verdict"] in found.output.replace("\n", " ")
    assert rounds["next_batch"]["num_labels"] == 20
    assert "<svg" in (tmp_path / "out" / "report.html").read_text()
    assert set(read_json(tmp_path / "out" / "metrics.json", what="metrics")) >= {"accuracy", "accuracy_random"}


def test_what_a_cheap_model_does_not_know_is_refused(tmp_path: Path) -> None:
    paths = {name: tmp_path / name for name in ("rounds_path", "report_path", "metrics_path")}
    with pytest.raises(ValueError, match="without mutual_information"):
        simulate_labelling(examples_path=tmp_path, strategies="mutual_information", **paths)
    with pytest.raises(ValueError, match="num_seeds must be at least 1"):
        simulate_labelling(examples_path=tmp_path, num_seeds=0, **paths)
