"""Labels that lean against some people are found in planted data, and are not in their healthy twins."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from components.data_validation.quality.label_rates import label_rate_findings, label_rates, LabelRates
from components.data_validation.reports.label_rates_section import add_label_rates
from components.reporting.page import Report
from components.shared.tables.identity_terms import mentioned_terms
from components.shared.tables.sensitive_groups import sensitive_groupings
from tests.components.data_validation.quality.planted_label_rates import LABEL_CASES, NO_MENTIONS, PlantedLabels


def of_planted(planted: PlantedLabels) -> LabelRates:
    is_number = pa.types.is_floating(planted.labels.type)
    names = () if is_number else tuple(sorted(set(planted.labels.to_pylist())))
    labels = planted.labels if is_number else pc.index_in(planted.labels, value_set=pa.array(names))
    mentions = {} if planted.texts is None else mentioned_terms(planted.texts)
    return label_rates(np.asarray(labels), names, sensitive_groupings(planted.columns), mentions)


@pytest.mark.parametrize("case", LABEL_CASES, ids=lambda case: case.name)
def test_planted_labels_are_warned_of_and_their_twins_are_not(case) -> None:
    seed = 1000 if case.held_out else 0
    [first, *_] = found = label_rate_findings(of_planted(case.make(True, np.random.default_rng(seed))))
    assert {finding.severity for finding in found} == {"warning"}
    assert all(name in first.message for name in case.named), first.message
    assert label_rate_findings(of_planted(case.make(False, np.random.default_rng(seed)))) == []


def test_words_that_only_hold_a_term_mention_nobody() -> None:
    assert mentioned_terms(pa.array(NO_MENTIONS)) == {}


def test_a_term_of_few_texts_is_too_small_to_judge() -> None:
    texts = pa.array(["무슬림이 왔다"] * 10 + ["아무도"] * 200)
    labels = np.r_[np.ones(10, int), np.zeros(200, int)]
    rates = label_rates(labels, ("fine", "rude"), [], mentioned_terms(texts))
    assert (rates.comparisons, rates.too_small) == ((), ("mentions '무슬림'",))
    report = Report("Labels")
    add_label_rates(report, rates)
    assert "Too small to judge, with fewer than 30 labelled examples: mentions &#39;무슬림&#39;" in report.html()


def test_the_section_shows_every_group_with_its_interval() -> None:
    case = LABEL_CASES[0]
    report = Report("Labels")
    add_label_rates(report, of_planted(case.make(True, np.random.default_rng(0))))
    html = report.html()
    for words in ("Labels by group of people", "origin = b", "look at it", "Groups, each by itself"):
        assert words in html
    empty = Report("Labels")
    add_label_rates(empty, LabelRates())
    assert "Labels by group" not in empty.html()
