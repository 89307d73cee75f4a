"""What is done to the values of a table before anything else, the same at ingestion, validation, scoring and serving.

White space at the ends of texts is taken off, and values that a team calls missing become null. The text of `modality:
text` is a payload, not a value of a table: it stays as it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
import math
from typing import Any
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.tables.column_types import as_type, type_of_texts
from components.shared.tables.few_values import few_texts
from components.shared.tables.table_spec import TableSpec

MAX_VALUE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueCleaning:
    """How values are cleaned: as a problem file's section `table` says, and as a model bundle carries it.

    Attributes
    ----------
    keep_spaces
        Whether white space (ASCII and Unicode) at the ends of texts is a part of them.
    missing
        Further values that count as missing, compared without white space at their ends: texts as texts, and among
        numbers those that are numbers.
    """

    keep_spaces: bool = False
    missing: tuple[str, ...] = ()

    def column(self, values: pa.Array, kind: pa.DataType) -> pa.Array:
        """Values (N,) of a column as `kind`: int64, float64 or string; `pa.ArrowInvalid` where one does not fit.

        Texts are composed (NFC), stripped, and null where empty or missing; numbers are null where missing.
        """
        if kind == pa.string():
            return self.texts(as_type(values, kind))
        if self.missing and _holds_texts(values):
            values = self._without_missing(as_type(values, pa.string()))
        return self._known_numbers(as_type(values, kind))

    def typed(self, values: pa.Array) -> pa.Array:
        """Values (N,) in the type that they have: strings, composed, or numbers cleaned; others as they stand."""
        if pa.types.is_string(values.type):
            return self.texts(values)
        is_number = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
        return self._known_numbers(values) if is_number else values

    def texts(self, texts: pa.Array) -> pa.Array:
        """Composed texts (N,), cleaned."""
        few = few_texts(texts)
        if few is not None:
            cleaned = [self._text(text) for text in few]
            return texts if cleaned == few else pa.array(cleaned, pa.string())
        if not self.keep_spaces:
            texts = pc.utf8_trim_whitespace(texts)
            texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
        return self._without_missing(texts)

    def type_of_texts(self, texts: pa.Array) -> pa.DataType:
        """Narrowest type of a column of delimited text (N,), its missing values aside; see `column_types`."""
        return type_of_texts(self._without_missing(texts))

    def is_missing(self, text: str) -> bool:
        """Whether a text is one of `missing`."""
        return _plain(text) in self._words

    @property
    def of_labels(self) -> "ValueCleaning":
        """The same for labels, which never keep white space at their ends."""
        return replace(self, keep_spaces=False)

    @property
    def _words(self) -> frozenset[str]:
        return _plain_words(self.missing)

    def _text(self, text: str | None) -> str | None:
        """One plain text, cleaned as `texts` cleans columns."""
        trimmed = text.strip() if text is not None else None
        kept = text if self.keep_spaces else trimmed or None
        return None if trimmed in self._words else kept

    def _without_missing(self, texts: pa.Array) -> pa.Array:
        if not self.missing:
            return texts
        trimmed = pc.utf8_trim_whitespace(texts) if self.keep_spaces else texts
        is_missing = pc.is_in(trimmed, value_set=pa.array(sorted(self._words), pa.string()))
        return pc.if_else(is_missing, pa.scalar(None, pa.string()), texts)

    def _known_numbers(self, numbers: pa.Array) -> pa.Array:
        """Numbers without those among `missing`: `-999` is missing however a file writes it."""
        unknown = [number for text in self.missing if (number := _number(text)) is not None]
        if pa.types.is_integer(numbers.type):
            unknown = [int(number) for number in unknown if number.is_integer() and abs(number) < 2**63]
        if not unknown:
            return numbers
        is_missing = pc.is_in(numbers, value_set=pa.array(unknown, numbers.type))
        return pc.if_else(is_missing, pa.scalar(None, numbers.type), numbers)

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return {"keep_spaces": self.keep_spaces, "missing": list(self.missing)}


KEPT_AS_THEY_ARE = ValueCleaning(keep_spaces=True)


def value_cleaning_of(spec: TableSpec) -> ValueCleaning:
    """The cleaning that a problem file's section `table` asks for."""
    return ValueCleaning(keep_spaces=spec.keep_spaces, missing=tuple(spec.missing))


def value_cleaning_from(content: Mapping[str, Any]) -> ValueCleaning:
    """Read what `to_dict` wrote; a bundle written before it learnt from values as they stood, and says nothing.

    Raises
    ------
    ValueError
        If a value is of another type.
    """
    if "keep_spaces" not in content and "missing" not in content:
        return KEPT_AS_THEY_ARE
    keep_spaces, missing = content.get("keep_spaces", False), content.get("missing", [])
    if not isinstance(keep_spaces, bool):
        raise ValueError(f"keep_spaces must be true or false, got {keep_spaces!r}")
    if not isinstance(missing, list) or not all(isinstance(text, str) for text in missing):
        raise ValueError(f"missing must be a list of texts, got {missing!r}")
    return ValueCleaning(keep_spaces=keep_spaces, missing=tuple(missing))


def too_long(values: pa.Array) -> pa.Array | None:
    """Which texts (N,) are longer than `MAX_VALUE_BYTES`, (N,) of truth values; None where none is."""
    if not _holds_texts(values) or values.nbytes <= MAX_VALUE_BYTES:
        return None
    is_long = pc.fill_null(pc.greater(pc.binary_length(values), MAX_VALUE_BYTES), False)
    return is_long if pc.any(is_long).as_py() else None


def _holds_texts(values: pa.Array) -> bool:
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


@lru_cache(maxsize=64)
def _plain_words(missing: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_plain(text) for text in missing)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _number(text: str) -> float | None:
    try:
        number = float(_plain(text))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
