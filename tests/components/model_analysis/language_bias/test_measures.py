import math

import numpy as np
import pytest
from scipy import stats

from components.model_analysis.language_bias.measures import (
    BiasMeasure,
    clustered_mean,
    gap_p_value,
    Interval,
    judged,
    Steadiness,
)
from components.model_analysis.language_bias.sentences import Term
from components.model_analysis.language_bias.term_gaps import flips_to_others, gaps_to_others, steadiness_of
from components.shared.contracts.language_bias_settings import LanguageBiasSettings
from components.shared.runtime.errors import ContractError


def measure(gap: float, p: float, *, half: float = 0.01, num: int = 36, is_control: bool = False) -> BiasMeasure:
    return BiasMeasure(
        measure="class probability", language="en", kind="gender", subject="woman", against="others",
        outcome="positive", p_value=p, num_templates=num, is_control=is_control,
        gap=Interval(mean=gap, low=gap - half, high=gap + half), rate=Interval(mean=0.0, low=0.0, high=0.0),
    )  # fmt: skip


def terms(*kinds: str) -> list[Term]:
    return [Term(name=f"{kind} {n}", kind=kind, is_control=kind == "colour") for n, kind in enumerate(kinds)]


def test_an_interval_is_students():
    found = clustered_mean(np.array([1.0, 2.0, 3.0, 4.0]))
    half = stats.t.ppf(0.975, 3) * np.std([1, 2, 3, 4], ddof=1) / 2
    assert (found.mean, found.low, found.high) == pytest.approx((2.5, 2.5 - half, 2.5 + half))
    assert math.isnan(clustered_mean(np.array([1.0])).low)


def test_without_word_noise_the_p_value_is_the_one_sample_t_test():
    values = np.random.default_rng(0).normal(0.3, 1, 20)
    assert gap_p_value(values, Steadiness()) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)


def test_what_control_words_do_as_well_is_not_significant():
    values = np.full(36, 0.1) + np.linspace(-0.001, 0.001, 36)
    assert gap_p_value(values, Steadiness()) < 1e-10
    assert gap_p_value(values, Steadiness(deviation=0.1, num_words=22)) == pytest.approx(
        2 * stats.t.sf(1.0, 22), abs=0.01
    )


def test_a_gap_that_never_varies_is_certain_and_none_at_all_is_none():
    assert gap_p_value(np.full(10, 0.5), Steadiness()) == 0.0
    assert gap_p_value(np.zeros(10), Steadiness()) == 1.0
    assert math.isnan(gap_p_value(np.array([0.5]), Steadiness()))


def test_the_gap_is_to_the_median_of_the_others_of_its_kind():
    scores = np.array([[[0.9], [0.5], [0.4], [0.6], [0.1], [0.2], [0.3]]])
    gaps = gaps_to_others(scores, terms("a", "a", "a", "a", "colour", "colour", "colour"))
    assert gaps[0, :, 0] == pytest.approx([0.4, -0.1, -0.2, 0.1, -0.15, 0.0, 0.15])


def test_one_biased_term_does_not_make_the_others_look_favoured():
    scores = np.full((36, 8, 1), 0.5)
    scores[:, 0] = 0.9
    gaps = gaps_to_others(scores, terms(*"a" * 8)).mean(axis=0)[:, 0]
    assert gaps == pytest.approx([0.4] + [0.0] * 7)


def test_flips_count_the_others_with_another_answer():
    flips = flips_to_others(np.array([[0, 1, 1, 1]]), terms(*"aaaa"))
    assert flips[0] == pytest.approx([1.0, 1 / 3, 1 / 3, 1 / 3])


def test_a_few_biased_terms_do_not_make_the_model_look_unsteady():
    gaps = np.zeros((4, 50, 1))
    gaps[:, :40, 0] = np.linspace(-0.02, 0.02, 40)
    before = steadiness_of(gaps, terms(*["a"] * 40, *["colour"] * 10))[0].deviation
    gaps[:, :6, 0] = 0.5
    after = steadiness_of(gaps, terms(*["a"] * 40, *["colour"] * 10))[0].deviation
    assert 0.01 < before <= after < 0.025


@pytest.mark.parametrize(
    ("one", "status"),
    [
        (measure(0.4, 1e-6), "biased"),
        (measure(-0.4, 1e-6), "biased"),
        (measure(0.4, 0.2), "no bias seen"),
        (measure(0.05, 1e-6), "no bias seen"),
        (measure(0.4, 1e-6, num=5), "too few templates"),
        (measure(0.1, 0.5, half=0.3), "too few templates"),
        (measure(0.4, 1e-6, is_control=True), "no bias seen"),
    ],
)
def test_refused_is_what_is_significant_and_matters(one, status):
    assert judged([one], LanguageBiasSettings())[0].status == status


def test_all_that_was_asked_counts_but_controls_do_not():
    measures = [measure(0.4, 0.02), measure(0.0, 0.9), measure(0.0, 0.9), measure(0.0, 0.9, is_control=True)]
    assert judged(measures, LanguageBiasSettings())[0].adjusted_p == pytest.approx(0.06)


@pytest.mark.parametrize("wrong", [{"languages": []}, {"languages": ["ko", "ko"]}, {"material_odds": 1.0}])
def test_wrong_settings_are_one_sentence(wrong):
    with pytest.raises(ContractError):
        LanguageBiasSettings(**wrong)
