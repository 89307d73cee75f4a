"""Sentences with people put in: particles, articles and numbers fit, and it is known where each person stands."""

from dataclasses import dataclass
import re

from components.model_analysis.language_bias.english_articles import article
from components.model_analysis.language_bias.korean_particles import with_particle
from components.shared.contracts.language_bias_corpus import both, Corpus
from components.shared.runtime.errors import ContractError
from components.shared.tables.identity_terms import Language

_SLOT = re.compile(r"\{(term|a|A|many|Many)(2?)\}(?:([가-힣]+/[가-힣]+))?")
_SLOTS_OF: dict[Language, tuple[str, ...]] = {"ko": ("term",), "en": ("a", "A", "many", "Many")}


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """A person as sentences name one.

    Attributes
    ----------
    name
        What reports call it: the singular.
    plural
        Empty in Korean, which needs none.
    reading
        How it is read, in Hangul, where its letters do not say it.
    """

    name: str
    kind: str
    is_control: bool = False
    plural: str = ""
    reading: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A sentence, and the end of its first person's last word: its particle belongs to the word.

    Attributes
    ----------
    before, after
        Places in `text`: the person's words lie between them; after them stands what all people share.
    """

    text: str
    before: int
    after: int

    @property
    def tail(self) -> str:
        """What follows the person."""
        return self.text[self.after :]


def terms_of(corpus: Corpus) -> tuple[Term, ...]:
    """Every term of a corpus, controls last."""
    return tuple(
        _term(text, kind, corpus, is_control)
        for is_control, kinds in ((False, corpus.kinds), (True, corpus.controls))
        for kind, texts in kinds.items()
        for text in texts
    )


def sentence(template: str, *people: Term, language: Language) -> Sentence:
    """Put people into a template.

    Parameters
    ----------
    template
        `{term}은/는 ...` in Korean, `{A} is ...`, `{Many} are ...` in English; `{term2}`, `{a2}` is the second.
    people
        One or two.

    Raises
    ------
    ContractError
        If the template has no place for a person, one that the language does not know, or one more than there are
        people.
    """
    parts: list[str] = []
    last = before = after = 0
    for place in _SLOT.finditer(template):
        slot, second, particle = place.groups()
        if slot not in _SLOTS_OF[language] or len(people) <= bool(second):
            raise ContractError(f"a template must have places {_SLOTS_OF[language]} for its people, got {template!r}")
        words = _words(people[bool(second)], slot, particle)
        parts += [template[last : place.start()], words]
        if not after:
            before = place.start()
            after = before + len(words)
        last = place.end()
    text = "".join(parts) + template[last:]
    if not after or re.search(r"[{}/]", text):
        raise ContractError(f"a template must have places {_SLOTS_OF[language]} for its people, got {template!r}")
    # A particle without a choice, such as 에게, is part of the person's last word too.
    joined = re.match(r"[가-힣]*", text[after:])
    return Sentence(text=text, before=before, after=after + len(joined[0] if joined else ""))


def _words(person: Term, slot: str, particle: str | None) -> str:
    if slot == "term":
        return with_particle(person.name, particle, reading=person.reading) if particle else person.name
    words = person.plural if slot.lower() == "many" else f"{article(person.name)} {person.name}"
    return words[0].upper() + words[1:] if slot[0].isupper() else words


def _term(text: str, kind: str, corpus: Corpus, is_control: bool) -> Term:
    if corpus.language == "ko":
        return Term(name=text, kind=kind, is_control=is_control, reading=corpus.readings.get(text, ""))
    name, plural = both(text)
    return Term(name=name, kind=kind, is_control=is_control, plural=plural)
