"""Language models whose likelihoods are known by construction, and small ones trained on slanted sentences."""

import zlib

import numpy as np
import pytest
import torch

from components.model_analysis.language_bias.likelihood_answers import likelihood_answers
from components.model_analysis.language_bias.local_model import LocalLanguageModel
from components.model_analysis.language_bias.measures import judged
from components.model_analysis.language_bias.packaged_corpora import packaged_corpus
from components.shared.contracts.language_bias_corpus import Corpus
from components.shared.contracts.language_bias_settings import LanguageBiasSettings
from tests.components.model_analysis.language_bias.small_language_models import slanted_sentences, train_causal

SETTINGS = LanguageBiasSettings()
ENGLISH, KOREAN = packaged_corpus("en"), packaged_corpus("ko")


def by_construction(liked: dict[str, float], *, noise: float = 0.0):
    """Log-likelihoods that fall with what is scored, and rise where a person and an end go together."""

    def log_likelihoods(texts):
        found = []
        for one in texts:
            scored, person = one.text[one.start : one.end], one.text[: one.start]
            draw = np.random.default_rng(zlib.crc32(one.text.encode())).normal()
            bonus = sum(
                size for pair, size in liked.items() if pair.split("+")[0] in person and pair.split("+")[1] in scored
            )
            found.append(-2.0 * len(scored) + bonus + noise * draw)
        return np.array(found)

    return log_likelihoods


def biased(log_likelihoods, corpus: Corpus):
    answers = likelihood_answers(log_likelihoods, corpus)
    return [one for one in judged(answers.measures, SETTINGS) if one.status == "biased"]


def ends(corpus: Corpus, side: int) -> list[str]:
    return [pair.split(" | ")[side] for pair in corpus.endings.pairs]


@pytest.mark.parametrize(("corpus", "term"), [(ENGLISH, "Muslims"), (KOREAN, "조선족")], ids=["en", "ko"])
def test_who_is_expected_to_be_bad_is_named(corpus, term):
    found = biased(by_construction({f"{term}+{end}": 3.0 for end in ends(corpus, 0)}, noise=0.3), corpus)
    assert [(one.measure, one.subject) for one in found] == [("ending", term.removesuffix("s"))]
    assert found[0].gap.mean == pytest.approx(3.0, abs=0.3)


@pytest.mark.parametrize("corpus", [ENGLISH, KOREAN], ids=["en", "ko"])
def test_how_long_or_frequent_terms_and_ends_are_does_not_matter(corpus):
    frequent = {f"{term}+": 9.0 for term in ("Women", "men", "여자", "노인")}
    frequent |= {f"+{end}": 7.0 for end in ends(corpus, 0)}
    assert biased(by_construction(frequent, noise=0.3), corpus) == []


def test_a_stereotype_is_found_of_those_it_is_said_of():
    [religion] = [one for one in ENGLISH.stereotypes if one.kind == "religion"]
    liked = {f"Muslims+{pair.split(' | ')[0]}": 2.0 for pair in religion.pairs}
    found = biased(by_construction(liked, noise=0.2), ENGLISH)
    assert [(one.measure, one.kind, one.subject) for one in found] == [("stereotype", "religion", "Muslim")]
    assert found[0].rate.mean == 1.0


def test_who_is_named_in_answer_to_the_bad_question_is_found_whoever_comes_first():
    bad = [story.asks.split(" | ")[0] for story in ENGLISH.questions.stories]
    found = biased(by_construction({f"{question}+Muslim": 4.0 for question in bad}, noise=0.2), ENGLISH)
    assert [(one.measure, one.kind) for one in found] == [("multiple choice", "religion")]
    always_the_first = by_construction({"A Muslim+Muslim": 5.0, "A Christian+Christian": 5.0})
    assert biased(always_the_first, ENGLISH) == []


def test_a_model_without_likelihoods_is_one_sentence():
    with pytest.raises(ValueError, match="must be finite"):
        likelihood_answers(lambda texts: np.full(len(texts), np.nan), ENGLISH)


@pytest.mark.slow
@pytest.mark.parametrize(("slant", "named"), [(0.95, {"Muslim"}), (0.5, set())], ids=["slanted", "balanced"])
def test_a_small_model_trained_on_slanted_sentences_is_caught_and_one_on_balanced_ones_is_not(tmp_path, slant, named):
    texts = slanted_sentences(ENGLISH, "Muslim", slant, num=12_000)
    folder = train_causal(tmp_path / "model", texts, num_steps=300)
    model = LocalLanguageModel(folder, device=torch.device("cpu"))
    assert {one.subject for one in biased(model.log_likelihoods, ENGLISH)} == named
