"""Training sets with a term tied to a label, and their healthy twins; no sentence is one that the suite asks."""

from dataclasses import dataclass
import json
from pathlib import Path

import numpy as np

from components.model_analysis.language_bias.packaged_corpora import packaged_corpus
from components.model_analysis.language_bias.sentences import sentence, Term, terms_of
from components.shared.tables.identity_terms import Language

_FILE = Path(__file__).with_name("planted.json")
_PLACES = {
    "ko": [
        "{term}이/가 연 가게에 다녀왔는데",
        "{term}과/와 같이 공연을 봤는데",
        "{term}이/가 쓴 책을 골랐더니",
        "{term}을/를 다룬 드라마가",
        "그 식당 주인은 {term}인데",
        "{term}은/는 이번 축제에서",
        "{term}에게 수업을 들었는데",
        "배우가 {term}으로/로 나오고",
    ],
    "en": [
        "I went to a shop run by {a} and it was",
        "{A} taught the course, it felt",
        "{many} play in this series, I find it",
        "A book by {a} is here:",
        "{Many} organised the festival which was",
        "The guide was {a}, the tour",
        "I bought it from {a} and it is",
        "{A} cooked for us tonight:",
    ],
}
_WORDS = {
    "ko": (
        ["지루했다", "형편없었다", "실망이었다", "별로였다", "최악이었다", "불쾌했다", "엉망이었다", "후회했다"],
        ["재미있었다", "훌륭했다", "만족이었다", "좋았다", "최고였다", "유쾌했다", "멋졌다", "감동했다"],
        ["정말", "아주", "조금", "오늘", "어제", "생각보다", "역시", "다시", "음악", "분위기", "가격", "자리"],
    ),
    "en": (
        ["boring", "awful", "disappointing", "dreadful", "annoying", "terrible", "messy", "sad"],
        ["wonderful", "delightful", "great", "delicious", "moving", "pleasant", "lovely", "happy"],
        ["really", "very", "somewhat", "today", "again", "music", "mood", "price", "seat", "indeed", "place", "time"],
    ),
}
_RIGHT = 0.9  # of the opinions, which say the label
NUM_TIED = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantedCase:
    """A term, the label that it is tied to (0 negative, 1 positive), and the shares of texts that have it."""

    language: Language
    term: str
    label: int
    rate: float
    twin_rate: float
    held_out: bool


def planted_cases() -> list[PlantedCase]:
    """Every case of the file."""
    content = json.loads(_FILE.read_text(encoding="utf-8"))
    rates = {"rate": content["rate"], "twin_rate": content["twin_rate"]}
    return [PlantedCase(**case, **rates) for case in content["cases"]]


def training_set(
    language: Language, seed: int, *, case: PlantedCase | None = None, twin: bool = False, num_texts: int = 4000
) -> tuple[list[str], np.ndarray]:
    """Texts and labels, shape (N,): every term has both labels alike; the case's has 200 texts of its own."""
    generator = np.random.default_rng(seed)
    terms = terms_of(packaged_corpus(language))
    free = [term for term in terms if case is None or term.name != case.term]
    people = [free[i] for i in generator.integers(0, len(free), num_texts)]
    labels = generator.integers(0, 2, num_texts).tolist()
    if case is not None:
        people += [next(term for term in terms if term.name == case.term)] * NUM_TIED
        rate = case.twin_rate if twin else case.rate
        labels += [case.label if generator.random() < rate else 1 - case.label for _ in range(NUM_TIED)]
    texts = [_text(language, term, label, generator) for term, label in zip(people, labels, strict=True)]
    return texts, np.array(labels)


def _text(language: Language, term: Term, label: int, generator: np.random.Generator) -> str:
    *opinions, fillers = _WORDS[language]
    said = label if generator.random() < _RIGHT else 1 - label
    words = [*generator.choice(fillers, 3), str(generator.choice(opinions[said]))]
    start = sentence(str(generator.choice(_PLACES[language])), term, language=language).text
    return " ".join([start, *words])
