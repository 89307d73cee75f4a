"""Fairness on planted models: what is refused, with the groups named, and what is too small to judge."""

import numpy as np
import pytest

from components.model_analysis.fairness.assessment import AnsweredExamples, assessed, FairnessAssessment
from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.tables.sensitive_groups import sensitive_groupings
from tests.components.model_analysis.fairness.planted import CASES, Planted

SHOWN_CASES = [case for case in CASES if not case.held_out]


def of_planted(planted: Planted, asked) -> FairnessAssessment:
    answered = AnsweredExamples(
        labels=planted.labels,
        predicted=planted.predicted,
        is_test=np.ones(len(planted.labels), bool),
        groupings=sensitive_groupings(planted.columns),
        class_names=planted.class_names,
        clusters=planted.clusters,
    )
    return assessed(answered, FairnessSpec(**asked))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_planted_model_is_refused_with_the_group_named_and_its_twin_passes(case) -> None:
    harmed = of_planted(case.make(True, np.random.default_rng(case.seed())), case.asked).verdict
    healthy = of_planted(case.make(False, np.random.default_rng(case.seed())), case.asked).verdict
    assert healthy.passed, healthy.reason
    assert harmed.passed == case.too_small, harmed.reason
    said = " ".join([harmed.reason, *(finding.message for finding in harmed.findings)])
    assert all(name in said for name in case.named), said
    if case.too_small:
        for verdict in (harmed, healthy):
            assert "GROUPS_TOO_SMALL_TO_JUDGE" in [finding.name for finding in verdict.findings]
