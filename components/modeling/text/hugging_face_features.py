"""Texts as the subwords of a Hugging Face tokenizer; the tokenizer travels with the model.

Shapes: B texts, T subwords of the longest text among them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, TYPE_CHECKING

import numpy as np
import pyarrow as pa

from components.modeling.backbone_config import HUGGING_FACE_PREFIX
from components.modeling.text.bag_of_tokens import TextColumnFeatures, texts_of
from components.modeling.text.hugging_face import loaded_by_name
from components.shared.contracts.bundle import FEATURES_FOLDER
from components.shared.feature_store.blocks import InputSpec, PADDING
from components.shared.runtime.errors import ContractError

if TYPE_CHECKING:
    import torch

_TOKENIZER_FILE = "tokenizer.json"
_MAX_SUBWORDS = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class SubwordFeatures(TextColumnFeatures):
    """How a text becomes subwords.

    `tokenizer` is the content of `tokenizer.json`: vocabulary, normalisation, special tokens. Of a text `max_subwords`
    are read, special ones included.
    """

    kind: ClassVar[str] = "subwords"

    tokenizer: str
    max_subwords: int = _MAX_SUBWORDS

    def __post_init__(self) -> None:
        if self.max_subwords < 2:
            raise ContractError(f"max_subwords must be at least 2, got {self.max_subwords}")

    @property
    def num_subwords(self) -> int:
        """How many subwords the tokenizer has."""
        return num_subwords(self.tokenizer)

    @property
    def input_specs(self) -> dict[str, InputSpec]:
        """`tokens`, int32, ragged: subword ids + 1, for 0 is padding."""
        return {"tokens": InputSpec(dtype="int32", shape=(None,))}

    def prepare(self, columns: Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
        """Cut texts into `tokens`, shape (B, T), int32: subword ids + 1, then 0; ValueError where a text is missing."""
        encoded = opened_tokenizer(self.tokenizer, self.max_subwords).encode_batch(texts_of(columns))
        rows = [encoding.ids for encoding in encoded]
        tokens = np.full((len(rows), max(map(len, rows), default=0)), PADDING, np.int32)
        for place, ids in enumerate(rows):
            tokens[place, : len(ids)] = np.asarray(ids, np.int32) + 1
        return {"tokens": tokens}

    def tensors(self, inputs: "Mapping[str, torch.Tensor]") -> "tuple[torch.Tensor, ...]":
        """Subwords of the shape (B, T), int64, and the mask of the same shape, 1 where there is one."""
        tokens_BT = inputs["tokens"].long()
        if not tokens_BT.shape[1]:  # empty texts, and a tokenizer that frames nothing
            tokens_BT = tokens_BT.new_full((len(tokens_BT), 1), PADDING)
        mask_BT = (tokens_BT != PADDING).long()
        return (tokens_BT - 1).clamp_min(0), mask_BT

    def files(self) -> dict[str, bytes]:
        """The tokenizer."""
        return tokenizer_files(self.tokenizer)

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values; the tokenizer is a file of its own."""
        return {"kind": self.kind, "max_subwords": self.max_subwords}


def subword_features(name: str) -> SubwordFeatures:
    """Features that the Hugging Face backbone `hf:<name>` takes.

    Raises
    ------
    ValueError
        If its tokenizer cannot be had, or works only with its own code.
    """
    found = loaded_by_name("AutoTokenizer", name.removeprefix(HUGGING_FACE_PREFIX), use_fast=True)
    backend = getattr(found, "backend_tokenizer", None)
    if backend is None:
        raise ValueError(f"the tokenizer of {name} must be a fast one, got {type(found).__name__}")
    longest = min(int(found.model_max_length), _MAX_SUBWORDS)
    return SubwordFeatures(tokenizer=backend.to_str(), max_subwords=longest)


def subword_features_from(content: Mapping[str, Any], folder: str | Path) -> SubwordFeatures:
    """Read what a store or bundle holds; ContractError if a key is unknown or the tokenizer missing or wrong."""
    settings = {name: value for name, value in content.items() if name != "kind"}
    try:
        features = SubwordFeatures(tokenizer=read_tokenizer(folder), **settings)
        opened_tokenizer(features.tokenizer, features.max_subwords)
    except (OSError, TypeError, ValueError) as error:
        raise ContractError(f"subword features at {folder} must have max_subwords and a tokenizer: {error}") from error
    return features


def tokenizer_files(tokenizer: str) -> dict[str, bytes]:
    """The file in which a tokenizer travels, by name."""
    return {_TOKENIZER_FILE: tokenizer.encode()}


def read_tokenizer(folder: str | Path) -> str:
    """Content of the tokenizer's file in a feature store or a bundle.

    FileNotFoundError if there is none, UnicodeDecodeError if it is no UTF-8 text.
    """
    return (Path(folder) / FEATURES_FOLDER / _TOKENIZER_FILE).read_text(encoding="utf-8")


@lru_cache(maxsize=2)
def num_subwords(tokenizer: str) -> int:
    """How many subwords a tokenizer has: its largest id + 1; ValueError if it is no tokenizer."""
    return max(opened_tokenizer(tokenizer).get_vocab().values(), default=-1) + 1


@lru_cache(maxsize=4)
def opened_tokenizer(tokenizer: str, max_subwords: int | None = None) -> Any:
    """A tokenizer that does not pad, and truncates only to `max_subwords` if given; ValueError if it is none."""
    from tokenizers import Tokenizer

    try:
        opened = Tokenizer.from_str(tokenizer)
    except Exception as error:  # the library raises no narrower one
        raise ValueError(f"the tokenizer must be one that tokenizers wrote: {error}") from error
    opened.no_padding()
    if max_subwords is None:
        opened.no_truncation()
    else:
        opened.enable_truncation(max_length=max_subwords)
    return opened
