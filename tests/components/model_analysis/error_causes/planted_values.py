"""Texts and rows harmed on purpose, and aliens among them. Kinds in `HELD_OUT_VALUES` were kept out of the tuning."""

import base64
from collections.abc import Callable, Mapping
from typing import Any
import unicodedata
from urllib.parse import quote

import numpy as np

HarmText = Callable[[str, np.random.Generator], str]
Row = dict[str, Any]
HarmRow = Callable[[Row, np.random.Generator], Row]


def mojibake(text: str, rng: np.random.Generator) -> str:
    """A text whose UTF-8 was read as another encoding."""
    return text.encode().decode("latin-1")


def question_marks(text: str, rng: np.random.Generator) -> str:
    """A text that went through an encoding without its letters."""
    return text.encode("ascii", errors="replace").decode()


def lost_bytes(text: str, rng: np.random.Generator) -> str:
    """A text whose bytes were half lost: replacement characters."""
    return text.encode()[1::2].decode("utf-8", errors="replace")


def entities(text: str, rng: np.random.Generator) -> str:
    """A text that was escaped for HTML."""
    return text.encode("ascii", errors="xmlcharrefreplace").decode()


def _decomposed(text: str, rng: np.random.Generator) -> str:
    """Letters taken apart, as some file systems store them."""
    return unicodedata.normalize("NFD", text)


def _in_base64(text: str, rng: np.random.Generator) -> str:
    return base64.b64encode(text.encode()).decode()


def _in_a_uri(text: str, rng: np.random.Generator) -> str:
    return quote(text)


def _in_markup(text: str, rng: np.random.Generator) -> str:
    """The page around it came along."""
    return f'<div class="review-body" data-id="{rng.integers(10**6)}"><span style="color:#333">{text}</span></div>'


def _two_bytes_a_letter(text: str, rng: np.random.Generator) -> str:
    """UTF-16, read as one byte a letter."""
    return text.encode("utf-16-le").decode("latin-1")


BROKEN_TEXTS: Mapping[str, HarmText] = {
    "mojibake": mojibake,
    "question marks": question_marks,
    "lost bytes": lost_bytes,
    "entities": entities,
    "decomposed": _decomposed,
    "base64": _in_base64,
    "in a URI": _in_a_uri,
    "in markup": _in_markup,
    "two bytes a letter": _two_bytes_a_letter,
}


def alien_text(rng: np.random.Generator) -> str:
    """A text about nothing of the kind, in another language."""
    words = [
        "the",
        "parcel",
        "arrived",
        "late",
        "and",
        "invoice",
        "number",
        "was",
        "missing",
        "please",
        "call",
        "office",
    ]
    return " ".join(rng.choice(words, int(rng.integers(5, 12))))


def _a_number(row: Row, rng: np.random.Generator) -> str:
    return str(rng.choice([name for name, value in row.items() if isinstance(value, float) and value]))


def _other_unit(row: Row, rng: np.random.Generator) -> Row:
    name = _a_number(row, rng)
    return {**row, name: row[name] * float(rng.choice([1000.0, 0.001]))}


def _stand_in(row: Row, rng: np.random.Generator) -> Row:
    return {**row, _a_number(row, rng): float(rng.choice([-999.0, -1.0, 9999.0]))}


def _missing(row: Row, rng: np.random.Generator) -> Row:
    return {**row, _a_number(row, rng): None}


def _other_spelling(row: Row, rng: np.random.Generator) -> Row:
    texts = [name for name, value in row.items() if isinstance(value, str)]
    name = str(rng.choice(texts))
    return {**row, name: f" {row[name].upper()}"}


def _sign_lost(row: Row, rng: np.random.Generator) -> Row:
    name = _a_number(row, rng)
    return {**row, name: -row[name]}


def _point_lost(row: Row, rng: np.random.Generator) -> Row:
    """12.34 read as 1234."""
    name = _a_number(row, rng)
    return {**row, name: float(f"{row[name]:.2f}".replace(".", ""))}


def _columns_moved(row: Row, rng: np.random.Generator) -> Row:
    """Numbers moved by one column, as where a separator is too many."""
    names = [name for name, value in row.items() if isinstance(value, float)]
    return {**row, **{name: row[names[place - 1]] for place, name in enumerate(names)}}


def _written_as_text(row: Row, rng: np.random.Generator) -> Row:
    """A category that was encoded wrongly."""
    name = str(rng.choice([name for name, value in row.items() if isinstance(value, str)]))
    return {**row, name: row[name].encode("utf-16-le").decode("latin-1")}


BROKEN_ROWS: Mapping[str, HarmRow] = {
    "other unit": _other_unit,
    "stand-in": _stand_in,
    "missing": _missing,
    "other spelling": _other_spelling,
    "sign lost": _sign_lost,
    "point lost": _point_lost,
    "columns moved": _columns_moved,
    "written as text": _written_as_text,
}
HELD_OUT_VALUES = ("in a URI", "two bytes a letter", "point lost", "columns moved", "written as text")
