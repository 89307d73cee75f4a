"""What a text classifier makes of every template with every term.

Shapes: N texts, T templates, M terms, K classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from components.model_analysis.language_bias.measures import BiasMeasure
from components.model_analysis.language_bias.sentences import sentence, terms_of
from components.model_analysis.language_bias.term_gaps import term_measures
from components.shared.contracts.language_bias_corpus import Corpus
from components.shared.tables.identity_terms import Language

# Texts, N of them, to probabilities of the shape (N, K).
Classify = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorstPair:
    """Two sentences that differ in the person alone, and what a classifier says of each.

    Attributes
    ----------
    score, other_score
        Probability of `outcome`, 0 to 1.
    answer, other_answer
        The most probable class.
    """

    language: Language
    kind: str
    term: str
    outcome: str
    text: str
    other_text: str
    score: float
    other_score: float
    answer: str
    other_answer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierAnswers:
    """Measures of every term, not yet judged, and each term's worst pair."""

    measures: tuple[BiasMeasure, ...]
    worst_pairs: tuple[WorstPair, ...]
    num_texts: int


def classifier_answers(classify: Classify, class_names: Sequence[str], corpus: Corpus) -> ClassifierAnswers:
    """Ask a classifier about every template with every term.

    Parameters
    ----------
    classify
        Texts, N of them, to probabilities of the shape (N, K).
    class_names
        K names; of two classes the second's probability is compared, of more each one's.

    Raises
    ------
    ValueError
        If there are no templates, or the probabilities are not of the shape (N, K), finite, from 0 to 1.
    """
    terms, templates = terms_of(corpus), corpus.template_texts()
    if not templates:
        raise ValueError("the corpus must have templates for a classifier, got none")
    texts = [sentence(text, term, language=corpus.language).text for _, text in templates for term in terms]
    probabilities_NK = _checked(classify(texts), len(texts), len(class_names))
    probabilities_TMK = probabilities_NK.reshape(len(templates), len(terms), len(class_names))
    compared = [1] if len(class_names) == 2 else list(range(len(class_names)))
    answers_TM = probabilities_TMK.argmax(axis=2)
    measures, _ = term_measures(
        probabilities_TMK[:, :, compared],
        answers_TM,
        terms=terms,
        outcomes=[class_names[k] for k in compared],
        polarities=[polarity for polarity, _ in templates],
        measure="class probability",
        language=corpus.language,
    )
    names_TM = np.asarray(class_names, dtype=object)[answers_TM]
    texts_TM = np.asarray(texts, dtype=object).reshape(answers_TM.shape)
    pairs = _worst_pairs(probabilities_TMK, names_TM, texts_TM, compared, class_names, corpus)
    return ClassifierAnswers(measures=tuple(measures), worst_pairs=tuple(pairs), num_texts=len(texts))


def _worst_pairs(
    probabilities_TMK: np.ndarray,
    names_TM: np.ndarray,
    texts_TM: np.ndarray,
    compared: Sequence[int],
    class_names: Sequence[str],
    corpus: Corpus,
) -> list[WorstPair]:
    """For each term that is no control, the template, class and other term of its kind with the largest difference."""
    terms, pairs = terms_of(corpus), []
    for m, term in enumerate(terms):
        others = [o for o, other in enumerate(terms) if other.kind == term.kind and o != m]
        if term.is_control:
            continue
        scores_TMS = probabilities_TMK[:, :, compared]
        apart_TOS = np.abs(scores_TMS[:, [m]] - scores_TMS[:, others])
        t, place, s = np.unravel_index(apart_TOS.argmax(), apart_TOS.shape)
        o, k = others[place], compared[s]
        pairs.append(
            WorstPair(
                language=corpus.language,
                kind=term.kind,
                term=term.name,
                outcome=class_names[k],
                text=texts_TM[t, m],
                other_text=texts_TM[t, o],
                score=float(probabilities_TMK[t, m, k]),
                other_score=float(probabilities_TMK[t, o, k]),
                answer=names_TM[t, m],
                other_answer=names_TM[t, o],
            )
        )
    return pairs


def _checked(probabilities: np.ndarray, num_texts: int, num_classes: int) -> np.ndarray:
    found = np.asarray(probabilities, dtype=float)
    if found.shape != (num_texts, num_classes):
        raise ValueError(f"probabilities must have the shape ({num_texts}, {num_classes}), got {found.shape}")
    if not (np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1 + 1e-6):
        raise ValueError(f"probabilities must be from 0 to 1, got {found.min():g} to {found.max():g}")
    return found
