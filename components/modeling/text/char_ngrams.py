"""Texts as hashed character n-grams with their weights, the same code for training and serving.

Shapes: B texts, T distinct n-grams of the longest text among them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from components.modeling.text.bag_of_tokens import (
    bag_inputs,
    check_positive,
    extended_hashes,
    hash_buckets,
    MAX_BUCKETS,
    normalised_text,
    TextBag,
)
from components.shared.runtime.errors import ContractError

KIND = "char_ngrams"
_LONGEST_NGRAM = 8

# From here on a character is a syllable or a word: Hangul, Han and kana say in two or three what Latin letters say in
# four or five.
_FIRST_DENSE = 0x2E80


@dataclass(frozen=True, kw_only=True, slots=True)
class TextFeatures(TextBag):
    """How a text becomes the buckets of its character n-grams.

    A text is normalised (`normalised_text`) and its n-grams are hashed into buckets. Repeats weigh less than the first
    occurrence: 1 + log(count).

    Attributes
    ----------
    smallest, longest
        Sizes of the n-grams, 1 to 8 characters.
    longest_dense
        Size of the longest n-gram with an East Asian character in it, 1 or more.
    max_characters
        Characters of a text that are read; the rest is ignored.
    """

    smallest: int = 1
    longest: int = 4
    longest_dense: int = 3
    num_buckets: int = 1 << 17
    max_characters: int = 5000

    def __post_init__(self) -> None:
        check_positive(asdict(self))
        if not self.smallest <= self.longest <= _LONGEST_NGRAM:
            raise ContractError(
                f"n-grams must have 1 to {_LONGEST_NGRAM} characters, got {self.smallest} to {self.longest}"
            )
        if self.num_buckets > MAX_BUCKETS:
            raise ContractError(f"num_buckets must be at most {MAX_BUCKETS}, got {self.num_buckets}")

    def files(self) -> dict[str, bytes]:
        """No further files."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return {"kind": KIND, **asdict(self)}

    def _prepared(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        found = self._ngrams([normalised_text(text, self.max_characters) for text in texts])
        return bag_inputs(found, num_texts=len(texts), num_buckets=self.num_buckets)

    def _ngrams(self, texts: Sequence[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Texts that hold an n-gram, and its bucket: for one size of n-grams after the other."""
        characters = np.frombuffer("".join(texts).encode("utf-32-le"), "<u4").astype(np.uint64)
        owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
        num_dense = np.concatenate([[0], np.cumsum(characters >= _FIRST_DENSE)])
        hashes = np.zeros(len(characters), np.uint64)
        for size in range(1, min(self.longest, len(characters)) + 1):
            num = len(characters) - size + 1
            hashes = extended_hashes(hashes[:num], characters[size - 1 :])
            is_ngram = owner[:num] == owner[size - 1 :]
            if size > self.longest_dense:
                is_ngram &= num_dense[size:] == num_dense[:num]
            if size >= self.smallest:
                yield owner[:num][is_ngram], hash_buckets(hashes[is_ngram], self.num_buckets)


def fit_text_features(texts: Iterable[pa.Array]) -> TextFeatures:
    """Features for batches of training texts, to which hashing fits nothing; ValueError if there is no row."""
    if not any(len(batch) for batch in texts):
        raise ValueError("features must be fitted to at least one training row, got none")
    return TextFeatures()


def text_features_from(content: Mapping[str, Any]) -> TextFeatures:
    """Read what `to_dict` wrote; ContractError if a key or value is unknown."""
    if content.get("kind") != KIND:
        raise ContractError(f"the kind of text features must be {KIND}, got {content.get('kind')!r}")
    try:
        return TextFeatures(**{name: value for name, value in content.items() if name != "kind"})
    except TypeError as error:
        raise ContractError(
            f"preprocessing must have smallest, longest, longest_dense, num_buckets and max_characters: {error}"
        ) from error
