"""What a language model expects of people: which end of a sentence, which stereotype, which of two in a story.

Every figure is a difference of differences of log-likelihoods: two ends after the same person, between two people. So
how long or how frequent an end is cancels out, and how long or how frequent a term is does too.

Shapes: P pairs of ends, M terms.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from components.model_analysis.language_bias.local_model import ScoredText
from components.model_analysis.language_bias.measures import (
    BiasMeasure,
    clustered_mean,
    gap_p_value,
    Interval,
    MeasureName,
    Steadiness,
)
from components.model_analysis.language_bias.sentences import sentence, Term, terms_of
from components.model_analysis.language_bias.term_gaps import term_measures
from components.shared.contracts.language_bias_corpus import both, Corpus, Endings, Stereotype

# Texts, N of them, to natural logs of likelihoods, shape (N,).
LogLikelihoods = Callable[[Sequence[ScoredText]], np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class LikelihoodAnswers:
    """Measures, not yet judged, and how many texts the model was asked about."""

    measures: tuple[BiasMeasure, ...]
    num_texts: int


def likelihood_answers(log_likelihoods: LogLikelihoods, corpus: Corpus) -> LikelihoodAnswers:
    """Ask a language model about endings, stereotypes and stories.

    Raises
    ------
    ValueError
        If the corpus has no endings, or the model's tokenizer leaves nothing to score.
    """
    if corpus.endings is None:
        raise ValueError("the corpus must have endings for a language model, got none")
    asked = _Asked(log_likelihoods, corpus)
    terms = terms_of(corpus)
    log_odds_PM = asked.log_odds(corpus.endings, corpus.endings.pairs, terms)
    measures, [steadiness] = term_measures(
        log_odds_PM[:, :, None],
        log_odds_PM > 0,
        terms=terms,
        outcomes=["the negative ending"],
        polarities=[],
        measure="ending",
        language=corpus.language,
    )
    for stereotype in corpus.stereotypes:
        about, against = _people(terms, stereotype)
        measures.append(_stereotype(asked, corpus.endings, stereotype, about, against, steadiness))
        if corpus.questions is not None:
            measures.append(_stories(asked, corpus, stereotype, about, against, steadiness))
    return LikelihoodAnswers(measures=tuple(measures), num_texts=asked.num_texts)


class _Asked:
    """A language model and what it was asked; texts are counted."""

    def __init__(self, log_likelihoods: LogLikelihoods, corpus: Corpus) -> None:
        self._log_likelihoods = log_likelihoods
        self.language = corpus.language
        self.num_texts = 0

    def log_odds(self, endings: Endings, pairs: Sequence[str], terms: Sequence[Term]) -> np.ndarray:
        """Log odds of the first end of each pair against its second, after each term: shape (P, M)."""
        asked = []
        for pair in pairs:
            for term in terms:
                for end in both(pair):
                    said = sentence(f"{endings.frame} {end}.", term, language=self.language)
                    asked.append(ScoredText(text=said.text, start=said.after, end=len(said.text)))
        scores = self.likelihoods(asked).reshape(len(pairs), len(terms), 2)
        return np.asarray(scores[:, :, 0] - scores[:, :, 1])

    def likelihoods(self, texts: Sequence[ScoredText]) -> np.ndarray:
        """Log-likelihoods, all of them known."""
        self.num_texts += len(texts)
        found = np.asarray(self._log_likelihoods(texts), dtype=float)
        if not np.isfinite(found).all():
            worst = texts[int(np.flatnonzero(~np.isfinite(found))[0])]
            raise ValueError(f"log-likelihoods must be finite, but the model gives none for {worst.text!r}")
        return found


def _people(terms: Iterable[Term], stereotype: Stereotype) -> tuple[list[Term], list[Term]]:
    known = {term.name: term for term in terms if term.kind == stereotype.kind and not term.is_control}
    return [known[name] for name in stereotype.about], [known[name] for name in stereotype.against]


def _stereotype(
    asked: _Asked,
    endings: Endings,
    stereotype: Stereotype,
    about: list[Term],
    against: list[Term],
    steadiness: Steadiness,
) -> BiasMeasure:
    """The stereotype's end rather than its opposite, of those it is said of rather than of others."""
    log_odds_PM = asked.log_odds(endings, stereotype.pairs, [*about, *against])
    first, second = log_odds_PM[:, : len(about)], log_odds_PM[:, len(about) :]
    gaps_P = first.mean(axis=1) - second.mean(axis=1)
    goes_its_way_P = (first[:, :, None] > second[:, None, :]).mean(axis=(1, 2))
    # The mean of several words varies less than one.
    words = 1 / len(about) + 1 / len(against)
    return _measure(
        "stereotype",
        asked,
        stereotype,
        outcome="the stereotype",
        gaps=gaps_P,
        rate=clustered_mean(goes_its_way_P, bounds=(0.0, 1.0)),
        p_value=gap_p_value(gaps_P, steadiness, words=words),
    )


def _stories(
    asked: _Asked,
    corpus: Corpus,
    stereotype: Stereotype,
    about: list[Term],
    against: list[Term],
    steadiness: Steadiness,
) -> BiasMeasure:
    """Those it is said of as the answer to the negative question rather than the positive one, in either order."""
    assert corpus.questions is not None
    pairs = list(zip(about, against, strict=False))
    asked_of = [
        _answer(corpus, story.story, question, people, who)
        for story in corpus.questions.stories
        for first, second in pairs
        for people in ((first, second), (second, first))
        for question in both(story.asks)
        for who in (first, second)
    ]
    shape = (len(corpus.questions.stories), len(pairs) * 2, 2, 2)
    scores = asked.likelihoods(asked_of).reshape(shape)
    log_odds = scores[..., 0] - scores[..., 1]
    gaps = (log_odds[..., 0] - log_odds[..., 1]).mean(axis=1)
    return _measure(
        "multiple choice",
        asked,
        stereotype,
        outcome="the negative question",
        gaps=gaps,
        rate=clustered_mean((log_odds[..., 0] > log_odds[..., 1]).mean(axis=1), bounds=(0.0, 1.0)),
        p_value=gap_p_value(gaps, steadiness, words=2 / len(pairs)),
    )


def _answer(corpus: Corpus, story: str, question: str, people: tuple[Term, Term], who: Term) -> ScoredText:
    assert corpus.questions is not None
    told = sentence(story, *people, language=corpus.language).text
    said = sentence(corpus.questions.answer, who, language=corpus.language)
    start = f"{told} {question} "
    text = start + said.text
    # Some tokenizers let a token begin with the space before the word.
    before = len(start) + said.before
    return ScoredText(text=text, start=before - text[:before].endswith(" "), end=len(text))


def _measure(
    name: MeasureName,
    asked: _Asked,
    stereotype: Stereotype,
    *,
    outcome: str,
    gaps: np.ndarray,
    rate: Interval,
    p_value: float,
) -> BiasMeasure:
    return BiasMeasure(
        measure=name,
        language=asked.language,
        kind=stereotype.kind,
        subject=", ".join(stereotype.about),
        against=", ".join(stereotype.against),
        outcome=outcome,
        gap=clustered_mean(gaps),
        rate=rate,
        p_value=p_value,
        num_templates=len(gaps),
    )
