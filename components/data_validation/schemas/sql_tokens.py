"""The tokens of an SQL expression: words, numbers, quoted texts and signs, each with its place."""

from dataclasses import dataclass
import re
from typing import Literal

TokenKind = Literal["word", "number", "text", "sign", "end"]

# A comment runs to the end of its line.
_SKIPPED = re.compile(r"(?:\s|--[^\n]*|#[^\n]*)+")
_TOKEN = re.compile(
    r"""(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    |(?P<sign>!=|<>|<=|>=|[-+*/=<>().,])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?", "n": "\n", "r": "\r", "t": "\t"}


class SqlError(ValueError):
    """What is wrong with an SQL expression, and at which character, counted from 1."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(f"{what} (character {position})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One token.

    Attributes
    ----------
    kind
        What it is; `end` stands after the last one.
    text
        As written; of a quoted text, what it says.
    position
        Its first character, counted from 1.
    """

    kind: TokenKind
    text: str
    position: int

    @property
    def keyword(self) -> str:
        """The word in capitals, or the sign; empty for numbers, quoted texts and the end."""
        return self.text.upper() if self.kind in ("word", "sign") else ""

    def __str__(self) -> str:
        return "the end of the expression" if self.kind == "end" else repr(self.text)


def sql_tokens(expression: str) -> tuple[Token, ...]:
    """Tokens of an expression, `end` last.

    Raises
    ------
    SqlError
        At the first character that begins no token.
    """
    tokens, place = [], _skipped(expression, 0)
    while place < len(expression):
        match = _TOKEN.match(expression, place)
        if match is None:
            raise SqlError(f"{expression[place]!r} is not understood", place + 1)
        tokens.append(_token(match))
        place = _skipped(expression, match.end())
    return (*tokens, Token(kind="end", text="", position=len(expression) + 1))


def _skipped(expression: str, place: int) -> int:
    match = _SKIPPED.match(expression, place)
    return place if match is None else match.end()


def _token(match: re.Match[str]) -> Token:
    text, position = match.group(), match.start() + 1
    if match["number"] is not None:
        return Token(kind="number", text=text, position=position)
    if match["text"] is not None:
        return Token(kind="text", text=_unquoted(text, position), position=position)
    return Token(kind="word" if match["word"] is not None else "sign", text=text, position=position)


def _unquoted(text: str, position: int) -> str:
    for escape in _ESCAPE.finditer(text):
        if escape[1] not in _ESCAPED:
            raise SqlError(f"the escape {escape.group()} is not understood", position + escape.start())
    return _ESCAPE.sub(lambda escape: _ESCAPED[escape[1]], text[1:-1])
