"""How a text of settings is read, YAML or JSON: one grammar for all of them, or one sentence.

The grammar is that of YAML 1.2's core: `1e-3`, `1E5`, `0.1` and `10` are numbers; what is quoted is text, and so are
`01`, `+5`, `1_000`, `0x1F`, `.inf` and dates; only `true` and `false` are truth values; keys are text. What readers of
YAML disagree on, or what makes much of a small text, is refused: aliases, tags, merge keys, a key given twice, a bare
`yes`.
"""

from collections.abc import Mapping
from pathlib import Path
import re
from typing import Any

import yaml

from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings_grammar import Composer, json_content, LINE_END, NUMBER
from components.shared.runtime.written_settings import WrittenSettings

MAX_BYTES = 1 << 20
_ODD_LINE_END = re.compile("[\x85\u2028\u2029]")
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
    has_lines = LINE_END.search(readable.strip()) is not None
    try:
        return Composer(readable, WrittenSettings(content=None, where=where, key=key), has_lines=has_lines).composed()
    except yaml.YAMLError as error:
        return WrittenSettings(content=json_content(readable, error, where or key), where=where, key=key)


def settings_yaml(content: Mapping[str, Any]) -> str:
    """Content as YAML that `written_settings` reads as the same content."""
    return str(yaml.dump(content, Dumper=_Writer, sort_keys=False, allow_unicode=True))


class _Writer(yaml.SafeDumper):
    """Quotes whatever YAML 1.1 or 1.2 takes for something else than text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _written_text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Text on one line: other quotes would fold the line ends that only Unicode knows."""
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _ODD_LINE_END.search(text) else None)


_Writer.add_representer(str, _written_text)
_Writer.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"^(?:{NUMBER.pattern})$"), list("-.0123456789"))


def _readable(text: str | bytes, where: str) -> str:
    """The text without a byte order mark, checked for its size and characters."""
    _check_size(len(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text), where)
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = len(LINE_END.split(error.object[: error.start].decode("utf-8", "replace")))
        raise ContractError(f"{where} must be YAML in UTF-8, but line {line} is not: save it as UTF-8") from error
    found = _NOT_TEXT.search(decoded)
    if found:
        line = len(LINE_END.split(decoded[: found.start()]))
        raise ContractError(f"{where} must be YAML, which is text, but line {line} holds the character {found[0]!r}")
    return decoded.removeprefix("\ufeff")


def _check_size(num_bytes: int, where: str) -> None:
    if num_bytes > MAX_BYTES:
        raise ContractError(f"{where} must be at most 1 MiB, got {num_bytes:,} bytes")
