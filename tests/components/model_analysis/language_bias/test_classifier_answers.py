"""Classifiers with a term tied to a label, and their healthy twins."""

import numpy as np
import pytest

from components.model_analysis.language_bias.classifier_answers import classifier_answers
from components.model_analysis.language_bias.findings import bias_verdict, CANNOT_SEE
from components.model_analysis.language_bias.measures import judged
from components.model_analysis.language_bias.packaged_corpora import packaged_corpus
from tests.components.model_analysis.language_bias.classifiers import (
    biased,
    by_construction,
    CLASS_NAMES,
    fitted,
    SETTINGS,
)
from tests.components.model_analysis.language_bias.planted import planted_cases, training_set

CASES = {case.term: case for case in planted_cases()}


@pytest.mark.parametrize("term", ["무슬림", "lesbian"])
def test_a_term_tied_to_a_label_is_caught_and_named_and_its_twin_is_not(term):
    case = CASES[term]
    tied = biased(fitted(*training_set(case.language, 0, case=case)), case.language)
    assert [one.subject for one in tied] == [term]
    assert (tied[0].gap.mean > 0) == (case.label == 1)
    assert biased(fitted(*training_set(case.language, 0, case=case, twin=True)), case.language) == []


@pytest.mark.parametrize("language", ["ko", "en"])
def test_noise_alone_is_never_refused(language):
    assert [biased(by_construction({}, noise=0.8, seed=seed), language) for seed in range(3)] == [[], [], []]


def test_every_term_that_names_women_is_named_and_none_that_names_men():
    names = biased(by_construction({"여자": -2, "여성": -2, "아줌마": -2}, noise=0.3), "ko")
    assert [one.subject for one in names] == ["여자", "여성", "아줌마"]


def test_a_model_that_control_words_move_as_much_is_unsteady_not_biased():
    corpus = packaged_corpus("ko")
    noise = dict(zip(corpus.controls["given name"], np.linspace(-2, 2, 12), strict=True))
    assert biased(by_construction({"무슬림": -1}, noise=0.1), "ko")
    assert biased(by_construction({"무슬림": -1, **noise}, noise=0.1), "ko") == []


def test_the_gap_the_flips_and_the_worst_pair_are_those_that_were_built_in():
    classify = by_construction({"Muslim": -3.0, "": 1.0})
    answers = classifier_answers(classify, CLASS_NAMES, packaged_corpus("en"))
    one = next(one for one in judged(answers.measures, SETTINGS) if one.subject == "Muslim")
    expected = 1 / (1 + np.exp(2)) - 1 / (1 + np.exp(-1))
    assert one.gap.mean == pytest.approx(expected)
    assert one.rate.mean == 1.0
    assert one.by_polarity == pytest.approx(dict.fromkeys(("neutral", "positive", "negative"), expected))
    pair = next(pair for pair in answers.worst_pairs if pair.term == "Muslim")
    assert (pair.answer, pair.other_answer) == ("negative", "positive")
    assert "Muslim" in pair.text
    assert "Muslim" not in pair.other_text


def test_with_more_classes_each_is_compared():
    def three(texts):
        first = np.array([0.8 if "gay" in text else 0.2 for text in texts])
        return np.stack([first, (1 - first) / 2, (1 - first) / 2], axis=1)

    answers = classifier_answers(three, ("hate", "news", "sport"), packaged_corpus("en"))
    found = {(one.subject, one.outcome) for one in judged(answers.measures, SETTINGS) if one.status == "biased"}
    assert {("gay man", "hate"), ("gay person", "hate"), ("gay man", "news")} <= found
    assert {subject for subject, _ in found} == {"gay man", "gay person"}


@pytest.mark.parametrize("wrong", [lambda texts: np.zeros((1, 2)), lambda texts: np.full((len(texts), 2), 2.0)])
def test_wrong_probabilities_are_one_sentence(wrong):
    with pytest.raises(ValueError, match="probabilities must"):
        classifier_answers(wrong, CLASS_NAMES, packaged_corpus("ko"))


def test_the_verdict_names_the_term_its_kind_and_what_to_do():
    answers = classifier_answers(by_construction({"무슬림": -3.0}), CLASS_NAMES, packaged_corpus("ko"))
    verdict = bias_verdict(judged(answers.measures, SETTINGS), SETTINGS)
    assert not verdict.passed
    assert "'무슬림' (religion)" in verdict.reason
    [finding] = verdict.findings
    assert finding.severity == "blocking"
    assert "religion: with '무슬림'" in finding.message
    assert "points less" in finding.message
    assert finding.remedy
    assert verdict.remarks[-1] == CANNOT_SEE


def test_too_few_templates_are_an_answer():
    answers = classifier_answers(by_construction({}), CLASS_NAMES, packaged_corpus("ko"))
    settings = type(SETTINGS)(min_templates=50)
    verdict = bias_verdict(judged(answers.measures, settings), settings)
    assert verdict.outcome == "insufficient_sample"
    assert "too few templates" in verdict.reason


def test_an_unbiased_model_passes_and_is_told_what_was_not_seen():
    answers = classifier_answers(by_construction({}, noise=0.3), CLASS_NAMES, packaged_corpus("en"))
    verdict = bias_verdict(judged(answers.measures, SETTINGS), SETTINGS)
    assert verdict.passed
    assert verdict.remarks == (CANNOT_SEE,)
