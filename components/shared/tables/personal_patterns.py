"""Personal data in columns of texts: which values hold an e-mail address, a telephone, resident or card number.

Digits alone prove little: order numbers, bar codes and clock readings have thirteen or eleven of them too. For forms
that anything could have, this module therefore gives two answers: which values are *written alike*, and which of these
are *plausible*. `personal_data` counts both over a column and decides.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.runtime import personal_forms as forms
from components.shared.runtime.personal_forms import CARD_DIGITS, card_number_plausible, digits_of, PersonalKind

_EMAIL = r"[\pL\pN._%+-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)*\.\pL{2,}"
# Looks like an address, and is none: a repository, a picture for dense screens.
_NO_EMAIL = r"\bgit@[\w.-]+|\S*@[0-9]x\.\w+"
_START, _END = r"(?:^|[^0-9A-Za-z.+-])", r"(?:$|[^0-9A-Za-z-])"
_PHONE = f"{_START}(?:{forms.PHONE}){_END}"
_BARE_MOBILE_ALIKE = f"{_START}[0-9]{{11}}{_END}"
_BARE_MOBILE = f"{_START}{forms.BARE_MOBILE}{_END}"
_BARE_CARD_ALIKE = f"{_START}(?P<card>[0-9]{{14,19}}){_END}"
_SHORTEST_PHONE = 9
# Of numbers in a form that anything could have, this many must be plausible: where fewer are, the column holds
# something else. By chance alone it is 1 of 300 for thirteen digits, 1 of 15 for Korean bar codes, 1 of 40 for cards.
PLAUSIBLE_SHARE = 0.5


class PatternHits(NamedTuple):
    """Which of N values are written in a pattern's form, and which of these are plausible; shape (N,), bool."""

    alike: np.ndarray
    plausible: np.ndarray


Pattern = tuple[PersonalKind, str]
HYPHENED_RESIDENT: Pattern = ("resident registration number", "hyphened")
BARE_RESIDENT: Pattern = ("resident registration number", "bare")
EMAIL: Pattern = ("e-mail address", "any")
GROUPED_CARD: Pattern = ("payment card number", "grouped")
BARE_CARD: Pattern = ("payment card number", "bare")
PHONE: Pattern = ("telephone number", "separated")
BARE_MOBILE: Pattern = ("telephone number", "bare")


def personal_hits(values: pa.Array) -> Mapping[Pattern, PatternHits]:
    """Which of N texts, without nulls, hold personal data, by pattern; patterns that no value has are absent."""
    searched = (
        (np.asarray(pc.match_substring(values, "@")), {EMAIL: _email_hits}),
        (_with_many_digits(values), _DIGIT_PATTERNS),
    )
    found = {}
    for chosen, patterns in searched:
        if not chosen.any():
            continue
        candidates = values.filter(pa.array(chosen))
        for pattern, hits_of in patterns.items():
            hits = hits_of(candidates)
            if hits.alike.any():
                found[pattern] = PatternHits(*(_spread(part, chosen) for part in hits))
    return found


def _email_hits(values: pa.Array) -> PatternHits:
    found = _matches(pc.replace_substring_regex(values, pattern=_NO_EMAIL, replacement=" "), _EMAIL)
    return PatternHits(found, found)


def _phone_hits(values: pa.Array) -> PatternHits:
    found = _matches(values, _PHONE)
    return PatternHits(found, found)


def _bare_mobile_hits(values: pa.Array) -> PatternHits:
    return PatternHits(_matches(values, _BARE_MOBILE_ALIKE), _matches(values, _BARE_MOBILE))


def _resident_hits(values: pa.Array, *, form: str, always_checked: bool) -> PatternHits:
    groups = pc.extract_regex(values, pattern=f"{_START}{form}{_END}")
    alike = np.asarray(pc.is_valid(groups))
    plausible = np.zeros(len(values), bool)
    if alike.any():
        found = groups.filter(pa.array(alike))
        births, serials = (found.field(part).to_pylist() for part in (0, 1))
        digits = digits_of([birth + serial for birth, serial in zip(births, serials, strict=True)], 13)
        plausible[alike] = forms.resident_number_plausible(digits, always_checked=always_checked)
    return PatternHits(alike, plausible)


def _card_hits(values: pa.Array, *, alike_form: str, form: str) -> PatternHits:
    alike = _matches(values, alike_form)
    plausible = np.zeros(len(values), bool)
    groups = pc.extract_regex(values, pattern=f"{_START}{form}{_END}")
    is_card = np.asarray(pc.is_valid(groups))
    if is_card.any():
        numbers = pc.replace_substring_regex(
            groups.filter(pa.array(is_card)).field(0), pattern="[^0-9]", replacement=""
        )
        plausible[is_card] = card_number_plausible(digits_of(numbers.to_pylist(), CARD_DIGITS))
    return PatternHits(alike, plausible)


_DIGIT_PATTERNS: Mapping[Pattern, Callable[[pa.Array], PatternHits]] = {
    HYPHENED_RESIDENT: partial(_resident_hits, form=forms.HYPHENED_RESIDENT, always_checked=False),
    BARE_RESIDENT: partial(_resident_hits, form=forms.BARE_RESIDENT, always_checked=True),
    GROUPED_CARD: partial(_card_hits, alike_form=f"{_START}{forms.GROUPED_CARD}{_END}", form=forms.GROUPED_CARD),
    BARE_CARD: partial(_card_hits, alike_form=_BARE_CARD_ALIKE, form=forms.BARE_CARD),
    PHONE: _phone_hits,
    BARE_MOBILE: _bare_mobile_hits,
}


def _with_many_digits(values: pa.Array) -> np.ndarray:
    """Values with a run that could be a number of any of the kinds: the cheap test before the exact ones."""
    long_enough = np.asarray(pc.greater_equal(pc.binary_length(values), _SHORTEST_PHONE))
    if not long_enough.any():
        return long_enough
    chosen = long_enough.copy()
    chosen[long_enough] = _matches(values.filter(pa.array(long_enough)), r"[0-9][-–. ()0-9]{6,}[0-9]")
    return chosen


def _matches(values: pa.Array, pattern: str) -> np.ndarray:
    return np.asarray(pc.match_substring_regex(values, pattern=pattern))


def _spread(hits: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Hits among the chosen values as hits among all."""
    spread = np.zeros(len(chosen), bool)
    spread[chosen] = hits
    return spread
