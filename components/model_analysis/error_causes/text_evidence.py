"""What is wrong with a text itself: decoded wrongly, escaped, cut to nothing, or unlike all training texts."""

import base64
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
import html
import re
import unicodedata

import numpy as np

from components.model_analysis.error_causes.cause_names import BROKEN_PROCESSING, POOR_INPUT
from components.model_analysis.error_causes.findings import Finding

# Written in the first, read as the second.
_MISREADINGS = (
    ("utf-8", "latin-1"), ("utf-8", "cp1252"), ("utf-8", "cp949"), ("cp949", "latin-1"), ("cp949", "cp1252"),
    ("utf-8", "shift_jis"), ("utf-8", "gbk"), ("utf-16-le", "latin-1"), ("euc-jp", "latin-1"),
)  # fmt: skip
_ESCAPES = {
    "escaped for HTML": re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});"),
    "escaped as in a URI": re.compile(r"(?:%[0-9A-Fa-f]{2})+"),
    "escaped as in JSON": re.compile(r"(?:\\u[0-9a-fA-F]{4})+"),
    "shown as bytes": re.compile(r"(?:\\x[0-9a-fA-F]{2})+"),
}
_REPLACED = re.compile("[\ufffd\x00-\x08\x0e-\x1f\x7f-\x9f]")
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_USUAL_MARKUP = 0.02
_FEW_CHARACTERS = 3
_FEW_TEXTS = 3
_SHARE_TO_NAME = 0.25
_SURE, _LIKELY = 0.97, 0.9


class TextJudge:
    """Knows the characters and pairs of characters of training texts."""

    def __init__(self, training: Sequence[str]) -> None:
        self._training = training
        self._characters = Counter(char for text in training for char in set(_visible(text)))
        self._pairs = Counter(pair for text in training for pair in _pairs_of(text))
        self._few = _FEW_TEXTS if len(training) >= 100 else 1
        self._marks = self._usual_share(training, "?")
        self._has_markup = sum(bool(_MARKUP.search(text)) for text in training) > _USUAL_MARKUP * len(training)
        self._lengths = float(np.quantile([len(_visible(text)) for text in training] or [0], 0.02))

    def novelties(self, texts: Sequence[str]) -> np.ndarray:
        """Shares of each text's pairs of neighbouring characters that fewer than three training texts hold, 0 to 1.

        0 for a text too short to tell.
        """
        return np.array([self._novelty(text) for text in texts], np.float64)

    def left_out_novelties(self) -> np.ndarray:
        """The same of each training text, by the others."""
        return np.array([self._novelty(text, num_own=1) for text in self._training], np.float64)

    def _novelty(self, text: str, *, num_own: int = 0) -> float:
        pairs = _pairs_of(text)
        if len(_visible(text)) <= _FEW_CHARACTERS or not pairs:
            return 0.0
        return sum(self._pairs[pair] - num_own < self._few for pair in pairs) / len(pairs)

    def findings(self, text: str) -> list[Finding]:
        """What is wrong with the text itself."""
        visible = _visible(text)
        if len(visible) <= min(_FEW_CHARACTERS, self._lengths) or not visible:
            words = "it is blank" if not visible else f"it has only {len(visible)} characters"
            return [Finding(cause=POOR_INPUT, kind="short", strength=_LIKELY, words=words)]
        found = [*self._misread(text), *self._lost_characters(visible), *_escaped(text), *self._in_markup(text)]
        return found or self._without_letters(visible)

    def _lost_characters(self, visible: str) -> list[Finding]:
        replaced = len(_REPLACED.findall(visible)) / len(visible)
        if replaced > 0.02:
            words = f"{replaced:.0%} of its characters are replacement or control characters, left by a wrong decoding"
            return [Finding(cause=BROKEN_PROCESSING, kind="lost characters", strength=_SURE, words=words)]
        marks = visible.count("?") / len(visible)
        if marks > max(_SHARE_TO_NAME, 2 * self._marks):
            words = f"{marks:.0%} of its characters are question marks, as an encoding without its letters leaves them"
            return [Finding(cause=BROKEN_PROCESSING, kind="lost characters", strength=_SURE, words=words)]
        return []

    def _misread(self, text: str) -> list[Finding]:
        novel = self._strange_share(text)
        if novel < _SHARE_TO_NAME:
            return []
        for mended, words in _mended(text):
            if mended != text and self._strange_share(mended) < novel / 2:
                return [Finding(cause=BROKEN_PROCESSING, kind="mojibake", strength=_SURE, words=words)]
        return []

    def _in_markup(self, text: str) -> list[Finding]:
        share = sum(map(len, _MARKUP.findall(text))) / len(text)
        if self._has_markup or share < _SHARE_TO_NAME:
            return []
        words = f"{share:.0%} of it is markup, which training texts have not"
        return [Finding(cause=BROKEN_PROCESSING, kind="markup", strength=_SURE, words=words)]

    def _without_letters(self, visible: str) -> list[Finding]:
        if any(char.isalnum() for char in visible):
            return []
        words = "it holds no letter and no digit"
        return [Finding(cause=POOR_INPUT, kind="no letters", strength=_LIKELY, words=words)]

    def _strange_share(self, text: str) -> float:
        visible = _visible(text)
        return sum(self._characters[char] < self._few for char in visible) / len(visible) if visible else 0.0

    @staticmethod
    def _usual_share(texts: Sequence[str], character: str) -> float:
        shares = [_visible(text).count(character) / max(len(_visible(text)), 1) for text in texts]
        return float(np.quantile(shares, 0.99)) if shares else 0.0


def _mended(text: str) -> Iterator[tuple[str, str]]:
    """What a text may have been before it was broken, and how that would be said."""
    yield unicodedata.normalize("NFC", text), "its letters are taken apart into signs: put together they are usual text"
    with suppress(ValueError):
        yield base64.b64decode("".join(text.split()), validate=True).decode(), "it is base64 of usual text"
    for written, read in _MISREADINGS:
        try:
            mended = text.encode(read).decode(written)
        except (UnicodeDecodeError, UnicodeEncodeError):
            continue
        yield mended, f"read as {read} it was written as {written}: the same bytes then are usual text"


def _escaped(text: str) -> list[Finding]:
    for kind, pattern in _ESCAPES.items():
        hits = [found for found in pattern.findall(text) if kind != "escaped for HTML" or html.unescape(found) != found]
        share = sum(map(len, hits)) / len(text)
        if share > _SHARE_TO_NAME:
            words = f"{share:.0%} of it is {kind}"
            return [Finding(cause=BROKEN_PROCESSING, kind="escaped", strength=_SURE, words=words)]
    return []


def _visible(text: str) -> str:
    return "".join(text.split())


def _pairs_of(text: str) -> set[str]:
    folded = " ".join(text.casefold().split())
    return {folded[place : place + 2] for place in range(len(folded) - 1)}
