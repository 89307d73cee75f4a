"""Texts as hashed character n-grams with their weights, the same code for training and serving.

Shapes: B texts, T distinct n-grams of the longest text among them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
import unicodedata

import numpy as np
import pyarrow as pa
import torch

from components.shared.errors import ContractError
from components.shared.feature_blocks import InputSpec, joined_inputs

KIND = "char_ngrams"
_MAX_BUCKETS = 1 << 22
_LONGEST_NGRAM = 8
_CHUNK_TEXTS = 256

# From here on a character is a syllable or a word: Hangul, Han and kana say in two or three what Latin letters say in
# four or five.
_FIRST_DENSE = 0x2E80
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

BAG_SPECS = {"tokens": InputSpec(dtype="int32", shape=(None,)), "weights": InputSpec(dtype="float32", shape=(None,))}


@dataclass(frozen=True, kw_only=True, slots=True)
class TextFeatures:
    """How a text becomes the buckets of its character n-grams.

    A text is normalised (`normalised_text`) and its n-grams are hashed into buckets. What a text holds once more weighs
    less than the first time: 1 + log(count).

    Attributes
    ----------
    smallest, longest
        Sizes of the n-grams, 1 to 8 characters.
    longest_dense
        Size of the longest n-gram with an East Asian character in it, 1 or more.
    num_buckets
        Into how many buckets they are hashed, 1 or more.
    max_characters
        Characters of a text that are read; what follows is not.
    """

    smallest: int = 1
    longest: int = 4
    longest_dense: int = 3
    num_buckets: int = 1 << 17
    max_characters: int = 5000

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if type(value) is not int or value < 1:
                raise ContractError(f"{name} must be a whole number of 1 or more, got {value!r}")
        if not self.smallest <= self.longest <= _LONGEST_NGRAM:
            raise ContractError(
                f"n-grams must have 1 to {_LONGEST_NGRAM} characters, got {self.smallest} to {self.longest}"
            )
        if self.num_buckets > _MAX_BUCKETS:
            raise ContractError(f"num_buckets must be at most {_MAX_BUCKETS}, got {self.num_buckets}")

    @property
    def modality(self) -> str:
        """What kind of example it takes."""
        return "text"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the example table that it reads."""
        return ("text",)

    @property
    def input_specs(self) -> dict[str, InputSpec]:
        """`tokens`, int32, and `weights`, float32: ragged, one value a distinct n-gram."""
        return dict(BAG_SPECS)

    def prepare(self, columns: Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
        """Hash the n-grams of texts.

        Parameters
        ----------
        columns
            `text`: B texts, each of which may be empty.

        Returns
        -------
        dict
            `tokens`: shape (B, T), int32: buckets from 1, ascending, then 0; `weights`: shape (B, T), float32, above
            0 where there is a token. Even an empty text has n-grams, of the spaces that frame it.

        Raises
        ------
        ValueError
            If the column holds no texts, or one is missing.
        """
        texts = texts_of(columns)
        parts = [self._prepared(texts[start : start + _CHUNK_TEXTS]) for start in range(0, len(texts), _CHUNK_TEXTS)]
        return joined_inputs(parts, self.input_specs)

    def tensors(self, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Tokens of the shape (B, T), int64, and weights of the shape (B, T), float32."""
        return inputs["tokens"].long(), inputs["weights"]

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


def normalised_text(text: str, max_characters: int) -> str:
    """First characters of a text, composed, case-folded, its white space single, and a space before and after.

    Composed means NFC: NFKC would read ㅋㅠ as 큐.
    """
    folded = unicodedata.normalize("NFC", text[:max_characters]).casefold()
    return f" {' '.join(folded.split())} "


def bag_inputs(
    found: Iterable[tuple[np.ndarray, np.ndarray]], *, num_texts: int, num_buckets: int
) -> dict[str, np.ndarray]:
    """Distinct tokens of B texts with their weights.

    Parameters
    ----------
    found
        Pairs of arrays of the same shape (N,), int64: texts, from 0, and the buckets that they hold, from 0.
    num_texts
        B, 1 or more.
    num_buckets
        How many buckets there are.

    Returns
    -------
    dict
        `tokens`: shape (B, T), int32: buckets raised by 1, ascending, then 0; `weights`: shape (B, T), float32:
        1 + log(count), then 0.
    """
    keys = np.concatenate([texts * (num_buckets + 1) + buckets + 1 for texts, buckets in found])
    distinct, counts = np.unique(keys, return_counts=True)
    rows, tokens = np.divmod(distinct, num_buckets + 1)
    lengths = np.bincount(rows, minlength=num_texts)
    inside = np.arange(lengths.max()) < lengths[:, None]
    prepared = {name: np.zeros(inside.shape, spec.dtype) for name, spec in BAG_SPECS.items()}
    prepared["tokens"][inside] = tokens
    prepared["weights"][inside] = 1.0 + np.log(counts)
    return prepared


def extended_hashes(hashes: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Hashes of sequences that are one item longer; all of the shape (N,), uint64. An empty sequence has the hash 0."""
    return hashes * _MULTIPLIER + following + np.uint64(1)


def hash_buckets(hashes: np.ndarray, num_buckets: int) -> np.ndarray:
    """Buckets of hashes, shape (N,), int64, from 0."""
    return (_mixed(hashes) % np.uint64(num_buckets)).astype(np.int64)


def texts_of(columns: Mapping[str, pa.Array]) -> list[str]:
    """Texts of the column `text`.

    Raises
    ------
    ValueError
        If the column holds no texts, or one is missing.
    """
    column = columns["text"]
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise ValueError(f"column 'text' must hold texts, got {column.type}")
    texts: list[str] = column.to_pylist()
    if column.null_count:
        raise ValueError(f"column 'text' must hold a text in every row, but row {texts.index(None) + 1} has none")  # type: ignore[arg-type]
    return texts


def fit_text_features(texts: Iterable[pa.Array]) -> TextFeatures:
    """Features for texts; hashing needs nothing from them but that there are some.

    Parameters
    ----------
    texts
        Training rows' texts, in batches.

    Raises
    ------
    ValueError
        If there is no training row.
    """
    if not any(len(batch) for batch in texts):
        raise ValueError("features must be fitted to at least one training row, got none")
    return TextFeatures()


def text_features_from(content: Mapping[str, Any]) -> TextFeatures:
    """Read settings that a bundle or a feature store holds.

    Raises
    ------
    ContractError
        If a key or value is unknown.
    """
    if content.get("kind") != KIND:
        raise ContractError(f"the kind of text features must be {KIND}, got {content.get('kind')!r}")
    try:
        return TextFeatures(**{name: value for name, value in content.items() if name != "kind"})
    except TypeError as error:
        raise ContractError(
            f"preprocessing must have smallest, longest, longest_dense, num_buckets and max_characters: {error}"
        ) from error


def _mixed(hashes: np.ndarray) -> np.ndarray:
    """Spread hashes over all bits: the finaliser of MurmurHash3 (Appleby, 2011)."""
    hashes = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    hashes = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return hashes ^ (hashes >> np.uint64(33))
