"""The corpora of this package."""

from pathlib import Path

from components.shared.contracts.language_bias_corpus import Corpus, read_corpus
from components.shared.tables.identity_terms import Language

_FOLDER = Path(__file__).with_name("corpus")


def packaged_corpus(language: Language) -> Corpus:
    """The corpus of this package in Korean (`ko`) or English (`en`)."""
    return read_corpus(_FOLDER / f"{language}.yaml")
