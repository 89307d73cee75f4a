"""The problem file's key `pii`: columns of personal data, and those among them whose values stay as they are."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, get_args, Literal

from pydantic import PlainValidator, WithJsonSchema

from components.shared.runtime.settings_words import Words
from components.shared.runtime.written_settings import shown

Treatment = Literal["hash", "keep"]
_WORDS = "a list of names, or a mapping of names to hash or keep (quote true, false and numbers with a point)"


class HashedColumns(tuple[str, ...]):
    """Names of columns whose values are hashed; `kept` are those whose values stay as they are everywhere.

    In the file `[phone, name]`, or `{phone: hash, agent: keep}`.
    """

    kept: tuple[str, ...]

    def __new__(cls, names: Iterable[str] = (), kept: Iterable[str] = ()) -> "HashedColumns":
        """Names, and kept ones."""
        made = super().__new__(cls, names)
        made.kept = tuple(kept)
        return made

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, other) is True and self.kept == getattr(other, "kept", ())

    def __hash__(self) -> int:
        return hash((*self, None, *self.kept))

    def written(self) -> list[str] | dict[str, str]:
        """As the problem file has it: a list unless a column is kept."""
        if not self.kept:
            return list(self)
        return {**dict.fromkeys(self, "hash"), **dict.fromkeys(self.kept, "keep")}


def _hashed_columns(value: Any) -> HashedColumns:
    if isinstance(value, HashedColumns):
        return value
    if isinstance(value, Mapping):
        treatments = {_name(name): treatment for name, treatment in value.items()}
        for name, treatment in treatments.items():
            if treatment not in get_args(Treatment):
                raise ValueError(f"pii.{name} must be hash or keep, got {shown(repr(treatment))}")
        hashed = [name for name, treatment in treatments.items() if treatment == "hash"]
        return HashedColumns(hashed, [name for name in treatments if name not in hashed])
    if not isinstance(value, list | tuple) or not all(type(name) in (str, int) for name in value):
        raise ValueError(f"pii must be {_WORDS}, got {shown(repr(value))}")
    return HashedColumns(map(_name, value))


def _name(name: str | int) -> str:
    return str(name)


_NAME_SCHEMA = {"type": ["string", "integer"]}
PersonalColumns = Annotated[
    HashedColumns,
    PlainValidator(_hashed_columns),
    Words(_WORDS),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": _NAME_SCHEMA},
                {"type": "object", "additionalProperties": {"enum": list(get_args(Treatment))}},
            ]
        }
    ),
]
