"""The cheap baseline on planted models: which are warned of, and which are not."""

from dataclasses import replace

import numpy as np
import pytest

from components.model_analysis.baseline.baseline_gate import NOT_BETTER, with_baseline
from components.model_analysis.baseline.cheap_baseline import cheap_baseline, RowLimits
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.target_spec import OperatingPointSpec, TargetSpec
from components.shared.contracts.verdict import Verdict
from tests.components.model_analysis.baseline.planted_baselines import CASES, write

PASSED = Verdict(check="analysis", passed=True, reason="good")


def compared(planted, folder, **how):
    examples, predictions = write(planted, folder)
    table = PredictionsTable(predictions)
    return cheap_baseline(ExampleTable(examples), table, planted.target, columns=planted.read_columns, **how)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_model_that_a_cheap_one_equals_is_warned_of_and_its_better_twin_is_not(case, tmp_path) -> None:
    weak, better = (case.make(is_weak) for is_weak in (True, False))
    warned, quiet = (
        with_baseline(PASSED, compared(planted, tmp_path / name), planted.target)
        for name, planted in (("weak", weak), ("better", better))
    )
    assert [finding.name for finding in warned.findings] == [NOT_BETTER]
    assert warned.passed
    assert quiet.findings == ()


def test_personal_data_and_identifiers_are_not_read(tmp_path) -> None:
    planted = next(case for case in CASES if "personal" in case.name).make(True)
    examples, predictions = write(planted, tmp_path)
    columns = (*planted.read_columns, "phone", "key")  # as a model would that should not
    found = cheap_baseline(ExampleTable(examples), PredictionsTable(predictions), planted.target, columns=columns)
    assert found.cheap.found.champion < 0.85
    assert "does not read phone, key" in found.bounds[0]


def test_only_labels_from_people_teach(tmp_path) -> None:
    planted = next(case for case in CASES if "machines" in case.name).make(True)
    found = compared(planted, tmp_path)
    assert found.num_train == 240
    assert found.cheap.found.champion > 0.8


def test_what_was_bounded_is_said(tmp_path) -> None:
    planted = next(case for case in CASES if case.name == "what a line finds").make(False)
    found = compared(planted, tmp_path, limits=RowLimits(train=300, held_out=400))
    assert (found.num_train, found.cheap.found.num_examples) == (300, 400)
    assert found.bounds == (
        "it learnt from a sample of 300 of the 1,200 labelled training rows",
        "both are compared on a sample of 400 of the 1,000 labelled test examples",
    )


def test_training_rows_of_one_label_are_nothing_to_compare_with(tmp_path) -> None:
    planted = next(case for case in CASES if case.name == "what a line finds").make(False)
    labels = np.where(np.arange(2500) < 1200, 1, planted.labels)
    found = compared(replace(planted, labels=labels), tmp_path)
    assert (found.cheap, found.why_none) == (None, "all 1,200 training rows that people labelled have one label")
    assert found.metrics() == {}


def test_each_model_has_its_own_threshold_where_one_is_asked_for(tmp_path) -> None:
    planted = next(case for case in CASES if case.name == "the order of scores").make(False)
    target = TargetSpec(metric="recall", minimum=0.1, at=OperatingPointSpec(precision=0.8))
    found = compared(replace(planted, target=target), tmp_path)
    assert found.cheap.is_beaten
    assert 0.2 < found.cheap.found.champion < found.cheap.found.challenger
    assert found.constant is None
