"""Personal data in a table's columns: values of texts masked one by one, columns of numbers known as a whole.

A text that holds an address or a number with its separators says what it is. Bare digits do not: in a column of texts
they are masked where at least half of those written alike are plausible, and a column of numbers is taken for personal
data as a whole or not at all. So single prices, counters and order numbers that look like a telephone stay.
"""

from collections.abc import Callable, Mapping
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.runtime.personal_forms import (
    BARE_CARD,
    CARD_DIGITS,
    card_number_plausible,
    digits_of,
    PersonalKind,
    resident_number_plausible,
)
from components.shared.runtime.redaction import masked_personal, PLACEHOLDERS
from components.shared.tables.personal_key import keyed_hash
from components.shared.tables.personal_patterns import personal_hits, PLAUSIBLE_SHARE

KEPT = {b"personal": b"keep"}
PLURALS: Mapping[PersonalKind, str] = {
    "e-mail address": "e-mail addresses",
    "telephone number": "telephone numbers",
    "resident registration number": "resident registration numbers",
    "payment card number": "payment card numbers",
}
# As numbers, mobile telephones lose their leading zero: 10 digits, or 12 with the country's code.
_MOBILES = ((1_020_000_000, 1_099_999_999), (821_020_000_000, 821_099_999_999))
_MOBILE_SHARE = 0.8
# Telephones lie all over their range; counters and amounts lie close to one another.
_MOBILE_SPREAD = 5_000_000
_MIN_NUMBERS = 10
# Seconds since 1970 look like mobile telephones from 2002 to 2004.
_TIME_NAME = re.compile(r"time|date|(?:^|_)(?:at|ts|sec|seconds|epoch)$|created|updated", re.IGNORECASE)
_CARD = re.compile(BARE_CARD)


def kept_columns(schema: pa.Schema) -> frozenset[str]:
    """Columns of a written table whose personal data the problem file keeps, as the columns' own metadata say."""
    return frozenset(field.name for field in schema if KEPT.items() <= (field.metadata or {}).items())


def masked_texts(values: pa.Array) -> pa.Array:
    """Shape (N,), texts or a dictionary of texts: the same with placeholders for the values that are recognised.

    The array itself where nothing is.
    """
    return _replaced(values, masked_personal)


def hashed_texts(values: pa.Array) -> pa.Array:
    """Shape (N,), texts: the same with a keyed hash for every text that holds personal data, so that they stay apart.

    The array itself where none does: what is neither identifier nor group wants `masked_texts`.
    """
    return _replaced(values, keyed_hash)


def personal_kind_of_numbers(name: str, values: pa.Array) -> PersonalKind | None:
    """The personal data that a column of numbers holds; None where it holds none, or something else too.

    Parameters
    ----------
    name
        The column's name: what is called a time is none.
    values
        Shape (N,), the first rows' numbers; fewer than 10 say nothing.
    """
    present = values.drop_null()
    numbers = np.asarray(present, dtype=np.float64) if len(present) >= _MIN_NUMBERS else np.empty(0)
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) < _MIN_NUMBERS or _TIME_NAME.search(name) or not (numbers == np.floor(numbers)).all():
        return None
    if _are_mobiles(numbers):
        return "telephone number"
    whole = numbers[(numbers >= 1e10) & (numbers < 1e19)]
    if len(whole) < PLAUSIBLE_SHARE * len(numbers):
        return None
    return _kind_of_digits([str(int(number)) for number in whole], num_all=len(numbers))


def _are_mobiles(numbers: np.ndarray) -> bool:
    for first, last in _MOBILES:
        inside = numbers[(numbers >= first) & (numbers <= last)]
        if len(inside) >= _MOBILE_SHARE * len(numbers) and float(np.std(inside)) >= _MOBILE_SPREAD:
            return True
    return False


def _kind_of_digits(texts: list[str], *, num_all: int) -> PersonalKind | None:
    # Births in the first years of a century lose their zeros.
    residents = [text for text in texts if len(text) <= 13]
    num_residents = int(resident_number_plausible(digits_of(residents, 13), always_checked=True).sum())
    cards = [text for text in texts if _CARD.fullmatch(text)]
    num_cards = int(card_number_plausible(digits_of(cards, CARD_DIGITS)).sum())
    if max(num_residents, num_cards) < PLAUSIBLE_SHARE * num_all:
        return None
    return "resident registration number" if num_residents >= num_cards else "payment card number"


def _replaced(values: pa.Array, replacement: Callable[[str], str]) -> pa.Array:
    texts = values.dictionary_decode() if isinstance(values, pa.DictionaryArray) else values
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        return values
    kinds = _personal_kinds(texts)
    if kinds is None:
        return values
    rows = np.flatnonzero(kinds != "")
    found = texts.take(pa.array(rows)).to_pylist()
    made: dict[str, str] = {}
    for text, kind in zip(found, kinds[rows].tolist(), strict=True):
        if text not in made:
            changed = replacement(text)
            made[text] = PLACEHOLDERS[kind] if changed == text else changed
    mask = np.zeros(len(texts), bool)
    mask[rows] = True
    return pc.replace_with_mask(texts, pa.array(mask), pa.array([made[text] for text in found], texts.type))


def _personal_kinds(texts: pa.Array) -> np.ndarray | None:
    """What each of N texts holds, shape (N,), the empty text for nothing; None where no text holds anything."""
    is_valid = np.asarray(pc.is_valid(texts))
    hits = personal_hits(texts if is_valid.all() else texts.drop_null())
    kinds = np.full(int(is_valid.sum()), "", dtype=object)
    for (kind, _), found in hits.items():
        if found.plausible.any() and found.plausible.sum() >= PLAUSIBLE_SHARE * found.alike.sum():
            kinds[found.plausible] = kind
    if not (kinds != "").any():
        return None
    spread = np.full(len(texts), "", dtype=object)
    spread[is_valid] = kinds
    return spread
