"""The training pipeline on a table with repairs: every gate, and a release that brings them."""

from pathlib import Path

import numpy as np
import pytest

from components.shared.contracts.bundle import read_config
from components.shared.contracts.problem import parse_problem
from tests.training_runs import run, summary_of

PROBLEM = """
label: {column: paid}
repairs:
  - {column: km, rename: miles}
  - {column: miles, scale: 0.62137119}
  - {column: company, map: {A: ace, B: blue}}
  - {column: paid, map: {0: cash, 1: card}}
"""


@pytest.mark.slow
def test_the_whole_pipeline_runs_where_columns_are_repaired(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["km,company,hour,paid"]
    for _ in range(600):
        km, company, hour = rng.lognormal(1.5, 0.6), rng.choice(["A", "B"]), rng.integers(24)
        lines.append(f"{km:.3f},{company},{hour},{int(km / 4 + (company == 'A') + rng.normal(0, 0.3) > 2)}")
    (tmp_path / "trips.csv").write_text("\n".join(lines) + "\n")
    problem = tmp_path / "problem.yaml"
    problem.write_text(PROBLEM)
    result = run(tmp_path / "trips.csv", tmp_path / "run", "--problem", str(problem))
    assert result.exit_code == 0, result.output
    summary = summary_of(tmp_path / "run")
    assert all(gate["passed"] for gate in summary["gates"])
    assert summary["serving"]["max_abs_difference"] <= 1e-5
    model = Path(summary["model_dir"])
    config = read_config(model)
    assert set(config.class_names) == {"cash", "card"}
    assert config.repairs == parse_problem(PROBLEM).repairs
    assert "| km | rename miles |" in (model / "model_card.md").read_text()
