import numpy as np
import pandas as pd
import pytest

from components.data_validation.jobs.assess_sufficiency import assess_sufficiency, SufficiencyResult
from components.shared.contracts.problem import parse_problem

RNG = np.random.default_rng(0)
ROWS = 300


def judged(folder, frame: pd.DataFrame, problem: str) -> SufficiencyResult:
    frame.to_csv(folder / "table.csv", index=False)
    return assess_sufficiency(
        examples_path=folder / "table.csv",
        problem=parse_problem(problem),
        report_path=folder / "report.html",
        verdict_path=folder / "verdict.json",
    )


@pytest.mark.slow
def test_the_time_of_entry_alone_cannot_predict_a_conversion(tmp_path):
    entered = pd.to_datetime("2024-05-01") + pd.to_timedelta(RNG.uniform(0, 14 * 86400, ROWS), unit="s")
    frame = pd.DataFrame({"entered": entered.floor("s"), "converted": RNG.choice(["yes", "no"], ROWS, p=[0.1, 0.9])})
    result = judged(tmp_path, frame, "{label: {column: converted}}")
    assert (result.passed, result.outcome) == (False, "blocked")
    assert "go back to data collection" in result.reason


@pytest.mark.slow
def test_a_table_whose_columns_carry_the_answer_passes(tmp_path):
    x = RNG.normal(size=ROWS)
    frame = pd.DataFrame({"x": x, "z": RNG.normal(size=ROWS), "y": np.where(x + RNG.normal(size=ROWS) > 0, "a", "b")})
    assert judged(tmp_path, frame, "{label: {column: y}}").outcome == "passed"


def test_what_a_label_is_computed_from_is_no_feature(tmp_path):
    frame = pd.DataFrame({"x": RNG.normal(size=ROWS), "tips": RNG.exponential(size=ROWS)})
    assert judged(tmp_path, frame, "{label: {expression: tips > 1}}").outcome == "blocked"


def test_a_table_without_a_label_or_without_features_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must have a label: name it in the problem file"):
        judged(tmp_path, pd.DataFrame({"x": [1.0, 2.0]}), "{}")
    with pytest.raises(ValueError, match="must have a feature column beside its label"):
        judged(tmp_path, pd.DataFrame({"y": ["a", "b"]}), "{label: {column: y}}")
