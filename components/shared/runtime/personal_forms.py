"""How personal data are written: e-mail addresses, telephones, Korean resident registration numbers, payment cards.

The forms hold for Python's regular expressions and for Arrow's, which know no look-around: whoever searches adds what
may stand before and behind. Digits alone prove little, so numbers also have to be *plausible*: a date, a check digit.
"""

from typing import Literal

import numpy as np

PersonalKind = Literal["e-mail address", "telephone number", "resident registration number", "payment card number"]

_KOREAN_AREA = r"(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|80|50[2-8]|1[016789])"
PHONE = "|".join(
    (
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
)
BARE_MOBILE = r"010[2-9][0-9]{7}"
HYPHENED_RESIDENT = r"(?P<birth>[0-9]{6}) ?[-–] ?(?P<serial>[0-9]{7})"
BARE_RESIDENT = r"(?P<birth>[0-9]{6})(?P<serial>[0-9]{7})"
# Amex and Diners have 15 and 14 digits, UnionPay up to 19, the others 16; 94 begins Korea's domestic cards.
GROUPED_CARD = r"(?P<card>(?:[2-6][0-9]{3}|94[0-9]{2})(?:[- ][0-9]{4}){3}|3[47][0-9]{2}[- ][0-9]{6}[- ][0-9]{5})"
BARE_CARD = (
    r"(?P<card>4[0-9]{15}|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|35(?:2[89]|[3-8][0-9])[0-9]{12}"
    r"|6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12}|62[0-9]{14,17}|94[0-9]{14})"
)
CARD_DIGITS = 19
_RESIDENT_WEIGHTS = np.array([2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5])
_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
# Numbers given for births from October 2020 on have no check digit.
_LAST_CHECKED_BIRTH = 202009
_LAST_BIRTH_YEAR = 2049


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


def card_number_plausible(digits: np.ndarray) -> np.ndarray:
    """Whether numbers, shape (N, 19), zeros first, have the check digit of a card; shape (N,), bool.

    Source: ISO/IEC 7812-1, annex B (Luhn).
    """
    doubled = digits[:, -2::-2] * 2
    total = digits[:, ::-2].sum(axis=1) + (doubled - 9 * (doubled > 9)).sum(axis=1)
    return (total % 10 == 0) & digits.any(axis=1)


def digits_of(numbers: list[str], width: int) -> np.ndarray:
    """Texts of digits, at most `width` each, as shape (N, width), int64, zeros first."""
    padded = "".join(number.zfill(width) for number in numbers)
    return (np.frombuffer(padded.encode("ascii"), np.uint8).astype(np.int64) - ord("0")).reshape(-1, width)
