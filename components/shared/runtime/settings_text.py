"""How a text of settings is read, YAML or JSON: one grammar for all of them, or one sentence.

The grammar is that of YAML 1.2's core: `1e-3`, `1E5`, `0.1` and `10` are numbers; what is quoted is text, and so are
`01`, `+5`, `1_000`, `0x1F`, `.inf` and dates; only `true` and `false` are truth values; keys are text. What readers of
YAML disagree on, or what makes much of a small text, is refused: aliases, tags, merge keys, a key given twice, a bare
`yes`.
"""

from collections.abc import Callable, Iterator, Mapping
import json
import math
from pathlib import Path
import re
from typing import Any, NoReturn

import yaml

from components.shared.runtime.errors import ContractError
from components.shared.runtime.written_settings import KeyPath, shown, WrittenSettings

MAX_BYTES = 1 << 20
MAX_DEPTH = 20
MAX_VALUES = 20_000
_MAX_DIGITS = 18  # whole numbers below 2^63

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None} | {
    spelling: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for spelling in (word, word.title(), word.upper())
}
_AMBIGUOUS = frozenset(
    spelling for word in ("yes", "no", "on", "off") for spelling in (word, word.title(), word.upper())
)
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_VALUES = re.compile("[\0\ud800-\udfff]")
_NO_TEXT = "text must not hold NUL characters or halves of surrogate pairs"


def read_written_settings(path: str | Path, *, what: str) -> WrittenSettings:
    """Read a file of settings; see `written_settings`.

    Parameters
    ----------
    what
        What the file should be, for the error where there is none: "the problem file".

    Raises
    ------
    FileNotFoundError
        If there is no file at `path`.
    ContractError
        If it is larger than 1 MiB, which is asked before it is read, or no settings in UTF-8.
    """
    return written_settings(read_settings_text(path, what=what), where=str(path))


def read_settings_text(path: str | Path, *, what: str) -> str:
    """Text of a file of settings, for whoever hands it on; see `read_written_settings`."""
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{what} must exist, but there is no file at {file}")
    _check_size(file.stat().st_size, str(file))
    with open(file, "rb") as stream:
        return _readable(stream.read(MAX_BYTES + 1), str(file))


def written_settings(text: str | bytes, *, where: str, key: str = "") -> WrittenSettings:
    """Read settings from YAML or JSON.

    Parameters
    ----------
    where
        The file's name, for errors; empty where `key` says enough.
    key
        See `WrittenSettings`.

    Raises
    ------
    ContractError
        If the text is larger than 1 MiB, not UTF-8, not YAML (its first bad line is shown), or more than one document;
        if it nests deeper than 20 or holds more than 20,000 keys and values; if it has a key twice, an alias, anchor,
        tag or merge key, a bare yes, no, on or off, or a number that cannot be held.
    """
    readable = _readable(text, where or key)
    has_lines = _LINE_END.search(readable.strip()) is not None
    try:
        return _Composer(readable, WrittenSettings(content=None, where=where, key=key), has_lines=has_lines).composed()
    except yaml.YAMLError as error:
        return WrittenSettings(content=_json_content(readable, error, where or key), where=where, key=key)


def settings_yaml(content: Mapping[str, Any]) -> str:
    """Content as YAML that `written_settings` reads as the same content."""
    return str(yaml.dump(content, Dumper=_Writer, sort_keys=False, allow_unicode=True))


class _Writer(yaml.SafeDumper):
    """Quotes whatever YAML 1.1 or 1.2 takes for something else than text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Writer.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"^(?:{_NUMBER.pattern})$"), list("-.0123456789"))


def _readable(text: str | bytes, where: str) -> str:
    """The text without a byte order mark, checked for its size and characters."""
    _check_size(len(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text), where)
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = len(_LINE_END.split(error.object[: error.start].decode("utf-8", "replace")))
        raise ContractError(f"{where} must be YAML in UTF-8, but line {line} is not: save it as UTF-8") from error
    found = _NOT_TEXT.search(decoded)
    if found:
        line = len(_LINE_END.split(decoded[: found.start()]))
        raise ContractError(f"{where} must be YAML, which is text, but line {line} holds the character {found[0]!r}")
    return decoded.removeprefix("\ufeff")


def _check_size(num_bytes: int, where: str) -> None:
    if num_bytes > MAX_BYTES:
        raise ContractError(f"{where} must be at most 1 MiB, got {num_bytes:,} bytes")


class _Composer:
    """Content of a YAML text from its events, so that nothing is made of what is refused."""

    def __init__(self, text: str, described: WrittenSettings, *, has_lines: bool) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_PARSER)
        self._described = described
        self._has_lines = has_lines
        self._lines: dict[KeyPath, int] = {}
        self._num_values = 0

    def composed(self) -> WrittenSettings:
        next(self._events)
        content = None
        if isinstance(next(self._events), yaml.DocumentStartEvent):
            content = self._value(next(self._events), ())
            next(self._events)
            following = next(self._events)
            if isinstance(following, yaml.DocumentStartEvent):
                self._refuse(following, (), "settings must be one document, but here begins a second")
        described = self._described
        lines = self._lines if self._has_lines else {}
        return WrittenSettings(content=content, where=described.where, key=described.key, lines=lines)

    def _value(self, event: Any, path: KeyPath) -> Any:
        if path:
            self._lines.setdefault(path, event.start_mark.line + 1)
        self._check(event, path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= MAX_DEPTH:
            self._refuse(event, path, f"values must nest at most {MAX_DEPTH} deep, but here they go deeper")
        return self._items(path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(path)

    def _items(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        content: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = self._name(event, path)
            inner = (*path, name)
            if name in content:
                named = f"{self._dotted(inner)} must be given once"
                self._refuse(event, inner, f"{named}, but line {self._lines[inner]} has it too")
            self._lines[inner] = event.start_mark.line + 1
            content[name] = self._value(next(self._events), inner)
        return content

    def _name(self, event: Any, path: KeyPath) -> str:
        self._check(event, path)
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, path, "a key must be text, but here it is a list or a mapping: quote it")
        if event.value == "<<" and not event.style:
            self._refuse(event, path, "a merge key (<<) must be written out: settings are what they show")
        return self._text(event, path)

    def _check(self, event: Any, path: KeyPath) -> None:
        self._num_values += 1
        if self._num_values > MAX_VALUES:
            self._refuse(event, path, f"settings must hold at most {MAX_VALUES:,} keys and values, but they hold more")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._refuse(event, path, "an alias or anchor (* or &) must be written out: quote the value if it is text")
        if event.tag is not None:
            self._refuse(
                event, path, f"a tag must be left out, got {shown(event.tag)!r}: quote the value if it is text"
            )

    def _scalar(self, event: Any, path: KeyPath) -> Any:
        text = self._text(event, path)
        if event.style:
            return text
        if text in _AMBIGUOUS:
            named = f"{self._dotted(path)} must not be a bare {text}"
            self._refuse(event, path, f"{named}: quote it to mean the word, or write true or false")
        if text in _WORDS:
            return _WORDS[text]
        if not _NUMBER.fullmatch(text):
            return text
        return _number(text, lambda message: self._refuse(event, path, f"{self._dotted(path)} {message}"))

    def _text(self, event: Any, path: KeyPath) -> str:
        if _NOT_IN_VALUES.search(event.value):
            self._refuse(event, path, _NO_TEXT)
        return str(event.value)

    def _dotted(self, path: KeyPath) -> str:
        return self._described.dotted(path) or "the text"

    def _refuse(self, event: Any, path: KeyPath, message: str) -> NoReturn:
        lines = {path: event.start_mark.line + 1} if self._has_lines else {}
        raise WrittenSettings(content=None, where=self._described.where, lines=lines).error(path, message)


def _number(text: str, refuse: Callable[[str], NoReturn]) -> int | float:
    """A number; `refuse` gets a sentence without its subject where it cannot be held."""
    if _WHOLE.fullmatch(text):
        if len(text.lstrip("-")) > _MAX_DIGITS:
            refuse(f"must be a number of at most {_MAX_DIGITS} digits, got {shown(text)}: quote it if it is a name")
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        refuse(f"must be a number that can be held, got {shown(text)}")
    return value


def _json_content(text: str, reason: yaml.YAMLError, where: str) -> Any:
    """Content of what is JSON but no YAML: indented with tabs, or with characters written as surrogate pairs."""

    def number(digits: str) -> int | float:
        return _number(digits, lambda message: _refuse_json(f"a value {message}", where))

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for name, value in pairs:
            if name in content:
                _refuse_json(f"{shown(name)} must be given once, but it is there twice", where)
            content[name] = value
        return content

    def no_number(constant: str) -> NoReturn:
        _refuse_json(f"a value must be a number that can be held, got {constant}", where)

    try:
        content = json.loads(
            text, object_pairs_hook=unique, parse_int=number, parse_float=number, parse_constant=no_number
        )
    except (json.JSONDecodeError, RecursionError):
        raise ContractError(_not_yaml(text, reason, where)) from reason
    _check_json(content, where, depth=1)
    return content


def _check_json(content: Any, where: str, *, depth: int) -> None:
    if isinstance(content, str) and _NOT_IN_VALUES.search(content):
        _refuse_json(_NO_TEXT, where)
    if not isinstance(content, dict | list):
        return
    if depth > MAX_DEPTH:
        _refuse_json(f"values must nest at most {MAX_DEPTH} deep, but they go deeper", where)
    for value in [*content, *content.values()] if isinstance(content, dict) else content:
        _check_json(value, where, depth=depth + 1)


def _refuse_json(message: str, where: str) -> NoReturn:
    raise ContractError(f"{where}: {message}")


def _not_yaml(text: str, error: yaml.YAMLError, where: str) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    lines = _LINE_END.split(text)
    # Where a text ends too early, the mark lies behind its last line.
    number = min(mark.line if mark else 0, len(lines) - 1)
    while number and not lines[number].strip():
        number -= 1
    problem = getattr(error, "problem", None) or "it cannot be read"
    return f"{where} must be YAML or JSON, but line {number + 1} is not: {shown(lines[number].strip())!r} ({problem})"
