"""Content of a text of settings with the line of every key, so that an error says where to look."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.shared.runtime.errors import ContractError

_MAX_SHOWN = 80
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenSettings:
    """A text of settings, read but not yet checked against what may stand in it.

    Attributes
    ----------
    content
        Mappings with text keys, lists, text, numbers, truth values and None; None for an empty text.
    where
        The file's name, for errors; empty where the key says enough.
    key
        Dotted key of `content` in a larger text, such as `training`; empty for the whole.
    lines
        Line of every key and item by its path, from 1; empty for a text of one line.
    """

    content: Any
    where: str = ""
    key: str = ""
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def section(self, name: str) -> "WrittenSettings":
        """What stands under one of the keys; an absent one is empty."""
        content = self.content.get(name) if isinstance(self.content, Mapping) else None
        lines = {path[1:]: line for path, line in self.lines.items() if path[:1] == (name,)}
        return WrittenSettings(content=content, where=self.where, key=self.dotted((name,)), lines=lines)

    def dotted(self, path: KeyPath) -> str:
        """A path as people write it, such as `label.classes[0]`; empty for the whole text."""
        parts = (f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in path)
        return f"{self.key}{''.join(parts)}".removeprefix(".")

    def line_of(self, path: KeyPath) -> int | None:
        """Line of the key at a path, or of the nearest above it; None where lines are not known."""
        above = (path[:end] for end in range(len(path), -1, -1))
        return next((self.lines[some] for some in above if some in self.lines), None)

    def error(self, path: KeyPath, message: str) -> ContractError:
        """An error about the key at a path: `problem.yaml, line 3: <message>`."""
        line = self.line_of(path)
        place = ", ".join(part for part in (self.where, f"line {line}" if line else "") if part)
        return ContractError(f"{place}: {message}" if place else message)


def shown(value: Any) -> str:
    """Text as it is where it can be printed in one line, else as Python writes it; cut where it is long."""
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
