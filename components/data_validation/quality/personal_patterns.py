"""What personal data looks like in text: e-mail addresses, telephone numbers, Korean resident registration numbers.

Digits alone prove little: order numbers, bar codes and clock readings have thirteen or eleven of them too. For forms
that anything could have, this module therefore gives two answers: which values are *written alike*, and which of these
are *plausible*. `personal_data` counts both over a column and decides.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PersonalKind = Literal["e-mail address", "telephone number", "resident registration number"]

_EMAIL = r"[\pL\pN._%+-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)*\.\pL{2,}"
# Looks like an address, and is none: a repository, a picture for dense screens.
_NO_EMAIL = r"\bgit@[\w.-]+|\S*@[0-9]x\.\w+"
_START, _END = r"(?:^|[^0-9A-Za-z_.+-])", r"(?:$|[^0-9A-Za-z_-])"
_KOREAN_AREA = r"(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|80|50[2-8]|1[016789])"
_PHONES = (
    rf"\(?0{_KOREAN_AREA}\)?[-. ][0-9]{{3,4}}[-. ][0-9]{{4}}",
    rf"\(0{_KOREAN_AREA}\)[0-9]{{3,4}}[-. ]?[0-9]{{4}}",
    rf"\+?82[-. ]\(?0?\)?{_KOREAN_AREA}[-. ][0-9]{{3,4}}[-. ][0-9]{{4}}",
    r"\+8210[-. ]?[0-9]{4}[-. ]?[0-9]{4}",
    r"\+[1-9][0-9]{0,2}[- ]\(?[0-9]{1,4}\)?[- ][0-9]{3,4}[- ]?[0-9]{3,4}",
    r"\+[1-9][0-9]{0,2}[- ][0-9]{1,3}(?:[- ][0-9]{2,3}){3,5}",
    r"\+[1-9][0-9]{10,13}",
    r"\+1[-. ]\(?[2-9][0-9]{2}\)?[-. ][2-9][0-9]{2}[-. ][0-9]{4}",
    r"\([2-9][0-9]{2}\) ?[2-9][0-9]{2}-[0-9]{4}",
    r"[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}",
)
_PHONE = f"{_START}(?:{'|'.join(_PHONES)}){_END}"
_BARE_MOBILE_ALIKE = f"{_START}[0-9]{{11}}{_END}"
_BARE_MOBILE = f"{_START}010[2-9][0-9]{{7}}{_END}"
_HYPHENED_RESIDENT = rf"{_START}(?P<birth>[0-9]{{6}}) ?[-–] ?(?P<serial>[0-9]{{7}}){_END}"
_BARE_RESIDENT = rf"{_START}(?P<birth>[0-9]{{6}})(?P<serial>[0-9]{{7}}){_END}"
_RESIDENT_WEIGHTS = np.array([2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5])
_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
# Numbers given for births from October 2020 on have no check digit.
_LAST_CHECKED_BIRTH = 202009
_LAST_BIRTH_YEAR = 2049
_SHORTEST_PHONE = 9


class PatternHits(NamedTuple):
    """Which of N values are written in a pattern's form, and which of these are plausible; shape (N,), bool."""

    alike: np.ndarray
    plausible: np.ndarray


Pattern = tuple[PersonalKind, str]
HYPHENED_RESIDENT: Pattern = ("resident registration number", "hyphened")
BARE_RESIDENT: Pattern = ("resident registration number", "bare")
EMAIL: Pattern = ("e-mail address", "any")
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


def resident_number_plausible(digits: np.ndarray, *, always_checked: bool) -> np.ndarray:
    """Whether thirteen digits, shape (N, 13), can be a Korean resident registration number; shape (N,), bool.

    The digits are yymmdd, century and sex (1 to 8), five digits, and the check digit. Where it is `always_checked`,
    births from October 2020 on, which have none, are never plausible; else the date alone decides. Source: enforcement
    rules of the Resident Registration Act, article 2, as before and after October 2020; foreigners' numbers (5 to 8)
    add 2 to the check digit.
    """
    century_digit = digits[:, 6]
    years = np.where(np.isin(century_digit, (3, 4, 7, 8)), 2000, 1900) + digits[:, 0] * 10 + digits[:, 1]
    months, days = digits[:, 2] * 10 + digits[:, 3], digits[:, 4] * 10 + digits[:, 5]
    leap = (years % 4 == 0) & (years != 1900)
    last_day = _DAYS[np.where((months >= 1) & (months <= 12), months, 0)] - ((months == 2) & ~leap)
    dated = (days >= 1) & (days <= last_day) & (years <= _LAST_BIRTH_YEAR) & (century_digit >= 1) & (century_digit <= 8)
    if not always_checked:
        return dated
    base = np.where(century_digit >= 5, 13, 11)
    check = (base - digits[:, :12] @ _RESIDENT_WEIGHTS % 11) % 10
    return dated & (years * 100 + months <= _LAST_CHECKED_BIRTH) & (check == digits[:, 12])


def _email_hits(values: pa.Array) -> PatternHits:
    found = _matches(pc.replace_substring_regex(values, pattern=_NO_EMAIL, replacement=" "), _EMAIL)
    return PatternHits(found, found)


def _phone_hits(values: pa.Array) -> PatternHits:
    found = _matches(values, _PHONE)
    return PatternHits(found, found)


def _bare_mobile_hits(values: pa.Array) -> PatternHits:
    return PatternHits(_matches(values, _BARE_MOBILE_ALIKE), _matches(values, _BARE_MOBILE))


def _resident_hits(values: pa.Array, *, pattern: str, always_checked: bool) -> PatternHits:
    groups = pc.extract_regex(values, pattern=pattern)
    alike = np.asarray(pc.is_valid(groups))
    plausible = np.zeros(len(values), bool)
    if alike.any():
        found = groups.filter(pa.array(alike))
        texts = [np.asarray(found.field(part).to_numpy(zero_copy_only=False), dtype="S") for part in (0, 1)]
        digits = np.char.add(*texts).astype("S13").view(np.uint8).reshape(-1, 13).astype(np.int64) - ord("0")
        plausible[alike] = resident_number_plausible(digits, always_checked=always_checked)
    return PatternHits(alike, plausible)


_DIGIT_PATTERNS: Mapping[Pattern, Callable[[pa.Array], PatternHits]] = {
    HYPHENED_RESIDENT: partial(_resident_hits, pattern=_HYPHENED_RESIDENT, always_checked=False),
    BARE_RESIDENT: partial(_resident_hits, pattern=_BARE_RESIDENT, always_checked=True),
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
