"""Personal data and secrets in words: whatever is recognised becomes a fixed placeholder.

Everything that a person reads goes through here: verdicts, reports, errors, logs, the console. What is recognised are
resident registration numbers, telephones, e-mail addresses and payment cards (`personal_forms`), and the passwords and
tokens of URIs. Numbers that only look like one by chance are masked too: a sentence can do without them. Tables are
more careful (`components.shared.tables.personal_patterns`).
"""

from collections.abc import Callable, Mapping, Sequence
import html
import logging
import re
import sys
import traceback
from types import TracebackType
from typing import Any

from components.shared.runtime.personal_forms import (
    BARE_CARD,
    BARE_MOBILE,
    BARE_RESIDENT,
    CARD_DIGITS,
    card_number_plausible,
    digits_of,
    GROUPED_CARD,
    HYPHENED_RESIDENT,
    PersonalKind,
    PHONE,
    resident_number_plausible,
)

PLACEHOLDERS: Mapping[PersonalKind, str] = {
    "e-mail address": "<e-mail>",
    "telephone number": "<phone>",
    "resident registration number": "<resident number>",
    "payment card number": "<card>",
}
SECRET = "<secret>"  # noqa: S105 - what stands for one

_START, _END = r"(?<![0-9A-Za-z.+-])", r"(?![0-9A-Za-z-])"
_MANY_DIGITS = re.compile(r"[0-9][-–. ()0-9]{6,}[0-9]")
_EMAIL = re.compile(r"(?<![\w.%+-])(?!git@)[\w.%+-]+@(?![0-9]x\.)(?:[^\W_]|-)+(?:\.(?:[^\W_]|-)+)*\.[^\W\d_]{2,}")
# The port of a host is no password, and `git` is everybody's user.
_USER_OF_URI = re.compile(r"(?<=://)(?!git@)(?:[^\s/@:'\"]*:(?![0-9]+(?:/|$))[^\s@'\"]+|[^\s/@:'\"]+)@")
_NAMES = (
    r"(?:key|[\w.-]*(?:sig|signature|token|password|passwd|pwd|secret|credential|api_?key|access_?key(?:_?id)?"
    r"|accessid))"
)
_PARAMETER_OF_URI = re.compile(rf"(?i)(?<=[?&;])({_NAMES}=)[^&\s'\"#<>]+")
_TEXT_OF_HTML = re.compile(r"(?<=>)[^<>]+(?=<)")
_ATTRIBUTE_OF_HTML = re.compile(r"(?<= (?:alt|rel)=\")[^\"]+|(?<= title=\")[^\"]+|(?<= aria-label=\")[^\"]+")


def masked(text: str) -> str:
    """The text with a placeholder in the place of every value that is recognised as personal, or as a URI's secret."""
    return masked_personal(masked_uris(text))


def masked_uris(text: str) -> str:
    """The text with a placeholder in the place of users with passwords, tokens and signatures of URIs."""
    if "://" not in text and "=" not in text:
        return text
    return _PARAMETER_OF_URI.sub(rf"\g<1>{SECRET}", _USER_OF_URI.sub(f"{SECRET}@", text))


def masked_personal(text: str) -> str:
    """The text with a placeholder in the place of every value that is recognised as personal; URIs stay as they are."""
    if "@" in text:
        text = _EMAIL.sub(PLACEHOLDERS["e-mail address"], text)
    if _MANY_DIGITS.search(text):
        for pattern, replacement in _NUMBERS:
            text = pattern.sub(replacement, text)
    return text


def masked_strings(value: Any, mask: Callable[[str], str] = masked) -> Any:
    """A JSON value with all its texts masked; the names of keys and all other values stay."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: masked_strings(item, mask) for key, item in value.items()}
    return [masked_strings(item, mask) for item in value] if isinstance(value, list | tuple) else value


def masked_html(page: str) -> str:
    """A page of HTML with its words masked, those of charts and of alternative texts too; pictures and tags stay."""
    return _ATTRIBUTE_OF_HTML.sub(_masked_words, _TEXT_OF_HTML.sub(_masked_words, page))


def mask_record(record: logging.LogRecord) -> bool:
    """Mask the message of a log record and its traceback; a logging filter that keeps every record."""
    record.msg, record.args = masked(record.getMessage()), ()
    if record.exc_info:
        record.exc_text, record.exc_info = masked(logging.Formatter().formatException(record.exc_info)), None
    return True


def print_masked(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A `sys.excepthook`: where an error leaves a process, what is printed of it quotes no personal data."""
    sys.stderr.write(masked("".join(traceback.format_exception(kind, error, trace))))


def _masked_words(found: re.Match[str]) -> str:
    words = found[0]
    plain = html.unescape(words)
    hidden = masked(plain)
    return words if hidden == plain else html.escape(hidden)


def _resident_mask(found: re.Match[str], *, always_checked: bool) -> str:
    digits = digits_of([found["birth"] + found["serial"]], 13)
    is_one = bool(resident_number_plausible(digits, always_checked=always_checked)[0])
    return PLACEHOLDERS["resident registration number"] if is_one else found[0]


def _card_mask(found: re.Match[str]) -> str:
    digits = digits_of([re.sub(r"[^0-9]", "", found[0])], CARD_DIGITS)
    return PLACEHOLDERS["payment card number"] if bool(card_number_plausible(digits)[0]) else found[0]


def _whole(form: str) -> re.Pattern[str]:
    return re.compile(f"{_START}(?:{form}){_END}")


_NUMBERS: Sequence[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = (
    (_whole(HYPHENED_RESIDENT), lambda found: _resident_mask(found, always_checked=False)),
    (_whole(BARE_RESIDENT), lambda found: _resident_mask(found, always_checked=True)),
    (_whole(GROUPED_CARD), _card_mask),
    (_whole(BARE_CARD), _card_mask),
    (_whole(f"{PHONE}|{BARE_MOBILE}"), PLACEHOLDERS["telephone number"]),
)
