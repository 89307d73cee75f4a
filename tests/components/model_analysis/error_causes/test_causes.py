"""Causes are weighed: an example's own damage before its label, its label before what neighbours say."""

import numpy as np
import pytest

from components.model_analysis.error_causes.cause_names import (
    AMBIGUOUS,
    BROKEN_PROCESSING,
    CAUSES,
    MODEL_WEAKNESS,
    OUT_OF_DISTRIBUTION,
    POOR_INPUT,
    REMEDIES,
    TOO_FEW_EXAMPLES,
    WRONG_LABEL,
)
from components.model_analysis.error_causes.cause_shares import cause_shares, summary
from components.model_analysis.error_causes.causes import ErrorEvidence, suspected_causes
from components.model_analysis.error_causes.findings import Finding


def one_error(**changed):
    """Evidence of one error of a sure model, labelled cat, predicted dog, among neighbours that are dogs."""
    known = {
        "labels": np.array([0]),
        "predicted": np.array([1]),
        "probabilities": np.array([[0.05, 0.95]]),
        "label_suspicion": np.array([0.0]),
        "votes_for_label": np.array([0.0]),
        "votes_for_predicted": np.array([1.0]),
        "isolation": np.array([0.0]),
        "is_strange": np.array([0.0]),
        "findings": [[]],
        "class_names": ("cat", "dog"),
    }
    return ErrorEvidence(**{**known, **changed})


def finding(cause, strength=0.95):
    return Finding(cause=cause, kind="kind", strength=strength, words="words")


@pytest.mark.parametrize(
    ("cause", "changed"),
    [
        (TOO_FEW_EXAMPLES, {}),
        (MODEL_WEAKNESS, {"votes_for_label": np.array([1.0]), "votes_for_predicted": np.array([0.0])}),
        (AMBIGUOUS, {"votes_for_label": np.array([0.5]), "votes_for_predicted": np.array([0.5])}),
        (AMBIGUOUS, {"probabilities": np.array([[0.48, 0.52]])}),
        (WRONG_LABEL, {"label_suspicion": np.array([0.9])}),
        (OUT_OF_DISTRIBUTION, {"is_strange": np.array([0.95]), "label_suspicion": np.array([1.0])}),
        (POOR_INPUT, {"findings": [[finding(POOR_INPUT)]], "is_strange": np.array([1.0])}),
        (BROKEN_PROCESSING, {"findings": [[finding(BROKEN_PROCESSING)]], "label_suspicion": np.array([1.0])}),
    ],
)
def test_the_evidence_says_which_cause_comes_first(cause, changed):
    [found] = suspected_causes(one_error(**changed))
    assert found.first.cause == cause
    assert found.first.evidence
    assert sum(one.weight for one in found.causes) == pytest.approx(1.0, abs=0.16)


def test_a_damaged_example_says_nothing_of_its_label():
    [found] = suspected_causes(one_error(findings=[[finding(POOR_INPUT, 0.97)]], label_suspicion=np.array([1.0])))
    assert [one.cause for one in found.causes] == [POOR_INPUT]


def test_evidence_of_other_numbers_of_errors_is_refused():
    with pytest.raises(ValueError, match="the same errors"):
        one_error(isolation=np.zeros(2))


def test_shares_have_intervals_and_the_summary_says_what_to_do_first():
    wrong = suspected_causes(one_error(label_suspicion=np.array([0.9]))) * 12
    weak = suspected_causes(one_error(votes_for_label=np.array([1.0]), votes_for_predicted=np.array([0.0]))) * 8
    shares = cause_shares([*wrong, *weak])
    assert [(share.cause, share.num_errors) for share in shares] == [(WRONG_LABEL, 12), (MODEL_WEAKNESS, 8)]
    assert shares[0].low == pytest.approx(0.387, abs=1e-3)
    assert shares[0].high == pytest.approx(0.781, abs=1e-3)
    words = summary(shares, num_errors=20)
    assert words.startswith("of 20 errors, about 12 wrong label, about 8 the model's weakness; fix the data first")
    assert "nothing to explain" in summary([], num_errors=0)


def test_every_cause_has_words_and_a_remedy():
    assert CAUSES.keys() == REMEDIES.keys()
