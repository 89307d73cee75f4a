"""Texts as subwords that are fitted to the training rows: byte-level BPE, which needs no download.

Shapes: B texts, T distinct tokens of the longest text among them, N tokens.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

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
    texts_of,
)
from components.modeling.text.hugging_face_features import (
    num_subwords,
    opened_tokenizer,
    read_tokenizer,
    tokenizer_files,
)
from components.shared.runtime.errors import ContractError
from components.shared.tables.personal_columns import masked_texts
from components.shared.tables.row_reservoir import RowReservoir

_MAX_FIT_TEXTS = 1 << 16
_MAX_FIT_CHARACTERS = 500
_FEWEST_SUBWORDS, _MOST_SUBWORDS = 1024, 1 << 14
_CHARACTERS_A_SUBWORD = 200
_MAX_SUBWORD_BYTES = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class FittedSubwords(TextBag):
    """How a text becomes subwords and pairs of neighbouring subwords.

    A text is normalised as for character n-grams and cut into subwords; every pair of neighbours is hashed into one of
    `num_pair_buckets` behind them. Order beyond pairs is not kept. Repeats weigh less than the first occurrence: 1 +
    log(count). `tokenizer` is the content of `tokenizer.json`; `max_characters` of a text are read.
    """

    kind: ClassVar[str] = "fitted_subwords"

    tokenizer: str = field(repr=False)
    num_pair_buckets: int = 1 << 16
    max_characters: int = 5000

    def __post_init__(self) -> None:
        check_positive(self._sizes)
        if self.num_buckets > MAX_BUCKETS:
            raise ContractError(
                f"subwords and num_pair_buckets together must be at most {MAX_BUCKETS}, got {self.num_buckets}"
            )

    @property
    def num_buckets(self) -> int:
        """How many tokens there are: subwords, then buckets of pairs."""
        return num_subwords(self.tokenizer) + self.num_pair_buckets

    def files(self) -> dict[str, bytes]:
        """The tokenizer."""
        return tokenizer_files(self.tokenizer)

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values; the tokenizer is a file of its own."""
        return {"kind": self.kind, **self._sizes}

    @property
    def _sizes(self) -> dict[str, int]:
        return {"num_pair_buckets": self.num_pair_buckets, "max_characters": self.max_characters}

    def _prepared(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        normalised = [normalised_text(text, self.max_characters) for text in texts]
        encoded = opened_tokenizer(self.tokenizer).encode_batch_fast(normalised, add_special_tokens=False)
        rows = [encoding.ids for encoding in encoded]
        owners_N = np.repeat(np.arange(len(rows)), [len(ids) for ids in rows])
        subwords_N = np.concatenate([np.asarray(ids, np.int64) for ids in rows])
        found = self._tokens(owners_N, subwords_N)
        return bag_inputs(found, num_texts=len(texts), num_buckets=self.num_buckets)

    def _tokens(self, owners_N: np.ndarray, subwords_N: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Texts that hold a token, and the token: subwords, then pairs."""
        yield owners_N, subwords_N
        is_pair = owners_N[:-1] == owners_N[1:]
        first, second = (part[is_pair].astype(np.uint64) for part in (subwords_N[:-1], subwords_N[1:]))
        hashes = extended_hashes(extended_hashes(np.zeros_like(first), first), second)
        yield owners_N[1:][is_pair], num_subwords(self.tokenizer) + hash_buckets(hashes, self.num_pair_buckets)


def fit_subwords(texts: Iterable[pa.Array], *, max_texts: int = _MAX_FIT_TEXTS, seed: int = 0) -> FittedSubwords:
    """Fit subwords to texts: the same ones for the same texts in the same order, wherever a batch ends.

    There are 1,024 to 16,384 subwords, one for every 200 characters, and fewer where texts repeat little: small data
    want a small vocabulary.

    Parameters
    ----------
    texts
        Training rows' texts, in batches. Of each, the first 500 characters are read, personal data masked.
    max_texts
        How many texts are fitted to at most, 1 or more: a uniform sample, which bounds memory.
    seed
        The same seed samples the same texts.

    Raises
    ------
    ValueError
        If there is no training row, or no text has more than white space.

    References
    ----------
    Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016), for byte pair encoding;
    Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2, for bytes as its
    alphabet; Sennrich and Zhang, "Revisiting Low-Resource Neural Machine Translation" (2019), for few subwords where
    there are few texts.
    """
    sample = [normalised_text(text, _MAX_FIT_CHARACTERS) for text in _sampled(texts, max_texts, seed)]
    if not sample:
        raise ValueError("features must be fitted to at least one training row, got none")
    if all(text.isspace() for text in sample):
        raise ValueError(
            f"subwords must be fitted to training texts with words in them, but all of {len(sample):,} are empty: "
            "check which column holds the text"
        )
    return FittedSubwords(tokenizer=_trained(sample))


def fitted_subwords_from(content: Mapping[str, Any], folder: str | Path) -> FittedSubwords:
    """Read what a store or bundle holds; ContractError if a key, value or the tokenizer is missing or wrong."""
    settings = {name: value for name, value in content.items() if name != "kind"}
    try:
        return FittedSubwords(tokenizer=read_tokenizer(folder), **settings)
    except (OSError, TypeError, ValueError) as error:
        raise ContractError(
            f"fitted subwords at {folder} must have num_pair_buckets, max_characters and a tokenizer: {error}"
        ) from error


def _sampled(texts: Iterable[pa.Array], max_texts: int, seed: int) -> list[str]:
    """The first characters of a uniform sample of the texts, in their order."""
    reservoir = RowReservoir(max_texts, dtype=object, seed=seed)
    for batch in texts:
        # Subwords are listed in the bundle: a telephone that many texts hold must not be one.
        masked = texts_of({"text": masked_texts(batch)})
        reservoir.add(np.array([text[:_MAX_FIT_CHARACTERS] for text in masked], object))
    return list(reservoir.rows)


def _trained(texts: Sequence[str]) -> str:
    from tokenizers import models, pre_tokenizers, Tokenizer, trainers

    wanted = sum(map(len, texts)) // _CHARACTERS_A_SUBWORD
    trainer = trainers.BpeTrainer(
        vocab_size=min(max(wanted, _FEWEST_SUBWORDS), _MOST_SUBWORDS),
        min_frequency=2,
        # A fixed alphabet: one that is fitted may differ between runs where characters are as frequent as each other.
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=_MAX_SUBWORD_BYTES,
        show_progress=False,
    )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(texts, trainer)
    return str(tokenizer.to_str())
