"""Texts as bags of tokens with weights: what n-grams and fitted subwords share.

Shapes: B texts, T distinct tokens of the longest text among them, N tokens.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TYPE_CHECKING
import unicodedata

import numpy as np
import pyarrow as pa

from components.shared.feature_store.blocks import InputSpec, joined_inputs
from components.shared.runtime.errors import ContractError

if TYPE_CHECKING:
    import torch

MAX_BUCKETS = 1 << 22
_CHUNK_TEXTS = 256
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SPECS = {"tokens": InputSpec(dtype="int32", shape=(None,)), "weights": InputSpec(dtype="float32", shape=(None,))}


class TextColumnFeatures:
    """Features of the column of texts."""

    __slots__ = ()

    @property
    def modality(self) -> str:
        """What kind of example it takes."""
        return "text"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the example table that it reads."""
        return ("text",)


class TextBag(TextColumnFeatures):
    """Features of texts as bags of tokens: only the order inside a token is kept."""

    __slots__ = ()

    @property
    def input_specs(self) -> dict[str, InputSpec]:
        """`tokens`, int32, and `weights`, float32: ragged, one value a distinct token."""
        return dict(_SPECS)

    def prepare(self, columns: Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
        """Cut the B texts of column `text` into tokens; ValueError where a text is missing.

        Returns `tokens`, shape (B, T), int32: from 1, ascending, then 0; and `weights`, shape (B, T), float32, above 0
        for tokens. Even an empty text has some, of the spaces around it.
        """
        texts = texts_of(columns)
        parts = [self._prepared(texts[start : start + _CHUNK_TEXTS]) for start in range(0, len(texts), _CHUNK_TEXTS)]
        return joined_inputs(parts, self.input_specs)

    def tensors(self, inputs: "Mapping[str, torch.Tensor]") -> "tuple[torch.Tensor, ...]":
        """Tokens of the shape (B, T), int64, and weights of the shape (B, T), float32."""
        return inputs["tokens"].long(), inputs["weights"]

    @abstractmethod
    def _prepared(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Tokens and weights of some texts, as `bag_inputs` returns them."""


def normalised_text(text: str, max_characters: int) -> str:
    """First characters of a text, composed, case-folded, its white space single, and a space before and after.

    Composed means NFC: NFKC would read ㅋㅠ as 큐.
    """
    folded = unicodedata.normalize("NFC", text[:max_characters]).casefold()
    return f" {' '.join(folded.split())} "


def bag_inputs(
    found: Iterable[tuple[np.ndarray, np.ndarray]], *, num_texts: int, num_buckets: int
) -> dict[str, np.ndarray]:
    """`tokens`, shape (B, T), int32, buckets + 1, ascending, then 0; `weights`, float32, 1 + log(count), then 0.

    `found` holds pairs of arrays of the shape (N,), int64: texts, from 0, and the buckets that they hold, from 0.
    """
    keys = np.concatenate([texts * (num_buckets + 1) + buckets + 1 for texts, buckets in found])
    distinct, counts = np.unique(keys, return_counts=True)
    rows, tokens = np.divmod(distinct, num_buckets + 1)
    lengths = np.bincount(rows, minlength=num_texts)
    inside = np.arange(lengths.max()) < lengths[:, None]
    prepared = {name: np.zeros(inside.shape, spec.dtype) for name, spec in _SPECS.items()}
    prepared["tokens"][inside] = tokens
    prepared["weights"][inside] = 1.0 + np.log(counts)
    return prepared


def extended_hashes(hashes: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Hashes of sequences that are one item longer; all of the shape (N,), uint64. An empty sequence has the hash 0."""
    return hashes * _MULTIPLIER + following + np.uint64(1)


def hash_buckets(hashes: np.ndarray, num_buckets: int) -> np.ndarray:
    """Buckets of hashes, shape (N,), int64, from 0."""
    return (_mixed(hashes) % np.uint64(num_buckets)).astype(np.int64)


def check_positive(settings: Mapping[str, Any]) -> None:
    """Check settings of features; ContractError names the first that is no whole number of 1 or more."""
    for name, value in settings.items():
        if type(value) is not int or value < 1:
            raise ContractError(f"{name} must be a whole number of 1 or more, got {value!r}")


def texts_of(columns: Mapping[str, pa.Array]) -> list[str]:
    """Texts of the column `text`; ValueError if it holds no texts, or one is missing."""
    column = columns["text"]
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise ValueError(f"column 'text' must hold texts, got {column.type}")
    texts: list[str] = column.to_pylist()
    if column.null_count:
        raise ValueError(f"column 'text' must hold a text in every row, but row {texts.index(None) + 1} has none")  # type: ignore[arg-type]
    return texts


def _mixed(hashes: np.ndarray) -> np.ndarray:
    """Spread hashes over all bits: the finaliser of MurmurHash3 (Appleby, 2011)."""
    hashes = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    hashes = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return hashes ^ (hashes >> np.uint64(33))
