"""The sentences and people that a model is asked about, as a corpus's file says it."""

from dataclasses import field
from pathlib import Path
from typing import Literal

from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings import Names, read_settings, settings_model
from components.shared.tables.identity_terms import IDENTITY_TERMS, Language

Polarity = Literal["neutral", "positive", "negative"]

_SEPARATOR = " | "


@settings_model
class Templates:
    """Sentences with a place for a person, by what they say of the person."""

    neutral: Names = ()
    positive: Names = ()
    negative: Names = ()


@settings_model
class Endings:
    """What may follow a person.

    Attributes
    ----------
    frame
        How a sentence begins.
    pairs
        `negative | positive`.
    """

    frame: str
    pairs: Names


@settings_model
class Stereotype:
    """What is said of some people more than of others.

    Attributes
    ----------
    about, against
        Terms of the kind (singulars in English): those it is said of, and others.
    pairs
        `stereotype | its opposite`; they follow the frame of the endings.
    """

    kind: str
    about: Names
    against: Names
    pairs: Names


@settings_model
class Story:
    """Two people, and a question that the story does not answer: `negative | positive`."""

    story: str
    asks: str


@settings_model
class Questions:
    """Stories, and how an answer to their questions is written."""

    answer: str
    stories: tuple[Story, ...]


@settings_model
class Corpus:
    """Sentences and people of one language.

    Attributes
    ----------
    kinds
        Terms by kind (gender, age ...): each is held against the others of its kind. English: `singular | plural`.
        Where they are left out, those that `components.shared.tables.identity_terms` has of the language.
    controls
        Words that should not matter, by kind.
    readings
        How a Korean term is read, in Hangul, where its last letter does not say it.
    """

    language: Language
    controls: dict[str, Names]
    templates: Templates
    kinds: dict[str, Names] = field(default_factory=dict)
    endings: Endings | None = None
    stereotypes: tuple[Stereotype, ...] = ()
    questions: Questions | None = None
    readings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.kinds:
            object.__setattr__(self, "kinds", dict(IDENTITY_TERMS[self.language]))
        self._check_pairs()
        for kind, terms in {**self.kinds, **self.controls}.items():
            if len(set(terms)) < max(len(terms), 3):
                raise ValueError(f"kinds must have three different terms or more each, got {len(set(terms))} in {kind}")
        for stereotype in self.stereotypes:
            known = {term.split(_SEPARATOR)[0] for term in self.kinds.get(stereotype.kind, ())}
            if unknown := [term for term in (*stereotype.about, *stereotype.against) if term not in known]:
                raise ValueError(
                    f"stereotypes must be about terms of their kind, got {unknown[0]} in {stereotype.kind}"
                )

    def _check_pairs(self) -> None:
        stories = () if self.questions is None else self.questions.stories
        endings = () if self.endings is None else self.endings.pairs
        stereotypes = [pair for item in self.stereotypes for pair in item.pairs]
        for pair in (*endings, *stereotypes, *(item.asks for item in stories)):
            both(pair)

    def template_texts(self) -> tuple[tuple[Polarity, str], ...]:
        """Every template with its polarity."""
        kinds: tuple[Polarity, ...] = ("neutral", "positive", "negative")
        return tuple((polarity, text) for polarity in kinds for text in getattr(self.templates, polarity))


def read_corpus(path: str | Path) -> Corpus:
    """Read a team's own corpus.

    Raises
    ------
    FileNotFoundError
        If there is no file at `path`.
    ContractError
        If it is not a corpus; the message begins with the file and the line.
    """
    return read_settings(Corpus, path, what="the corpus")


def both(pair: str) -> tuple[str, str]:
    """The two sides of `first | second`; ContractError where there are not two."""
    sides = tuple(side.strip() for side in pair.split(_SEPARATOR))
    if len(sides) != 2 or not all(sides):
        raise ContractError(f"a pair of the corpus must be written as `first | second`, got {pair!r}")
    return sides[0], sides[1]
