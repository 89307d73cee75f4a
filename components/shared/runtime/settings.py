"""The one loader of settings: a text or a file, held against a model, becomes frozen settings or one sentence.

A model is a frozen dataclass that pydantic checks (`settings_model`). Its annotations say what a key takes, and the
sentence says the same: `Annotated[float, Gt(0)]` is "a number above 0".
"""

from collections.abc import Mapping
import dataclasses
import difflib
import functools
import json
from pathlib import Path
import re
from typing import Annotated, Any, dataclass_transform, TypeVar

from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError, WithJsonSchema
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings_text import read_written_settings, written_settings
from components.shared.runtime.settings_words import allows_none, described, members_of, type_at, Words
from components.shared.runtime.written_settings import KeyPath, shown, WrittenSettings

T = TypeVar("T")

_CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False)
_FIRST_KEY = re.compile(r"[\w.]*")
_LONGEST_NAME = 60  # similar names are sought for shorter ones


def _named(value: Any) -> Any:
    """A whole number as text: `classes: [0, 1]` names the classes 0 and 1."""
    return str(value) if type(value) is int else value


def _all_named(value: Any) -> Any:
    return tuple(_named(item) for item in value) if isinstance(value, list | tuple) else value


_NAME_SCHEMA = {"type": ["string", "integer"]}
Name = Annotated[
    str,
    BeforeValidator(_named),
    Words("a name (quote true, false and numbers with a point)"),
    WithJsonSchema(_NAME_SCHEMA),
]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_all_named),
    Words("a list of names (quote true, false and numbers with a point)"),
    WithJsonSchema({"type": "array", "items": _NAME_SCHEMA}),
]
Share = Annotated[float, Ge(0), Le(1)]
PositiveNumber = Annotated[float, Gt(0)]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
def settings_model(kind: type[T]) -> type[T]:
    """Make a frozen dataclass whose values are checked, also where code makes one: ContractError, one sentence."""
    model: Any = pydantic_dataclass(kind, frozen=True, kw_only=True, slots=True, config=_CONFIG)
    construct = model.__init__

    @functools.wraps(construct)
    def checked(self: Any, **values: Any) -> None:
        try:
            construct(self, **values)
        except ValidationError as error:
            raise _sentence(error, model, WrittenSettings(content=values)) from error

    model.__init__ = checked
    return model  # type: ignore[no-any-return]


def partial_model(name: str, kind: type, *, without: tuple[str, ...] = (), **more: Any) -> Any:
    """Model of some keys of another: all may be left out, and the settings are a mapping of those that are given.

    Parameters
    ----------
    name
        Of the new model.
    kind
        A `settings_model`; its own `__post_init__` is not asked.
    without
        Keys that it has not.
    more
        Further keys and their types.
    """
    kept = {field: hint for field, hint in members_of(kind).items() if field not in without}
    model: Any = TypedDict(name, {**kept, **more}, total=False)  # type: ignore[operator]
    model.__pydantic_config__ = _CONFIG
    return model


def read_settings(kind: type[T], path: str | Path, *, what: str) -> T:
    """Read a file of settings.

    Parameters
    ----------
    kind
        A `settings_model` or a `partial_model`.
    what
        What the file should be, for the error where there is none: "the problem file".

    Raises
    ------
    FileNotFoundError
        If there is no file at `path`.
    ContractError
        See `settings_from`; the message begins with the file and the line.
    """
    return settings_from(kind, read_written_settings(path, what=what))


def parse_settings(kind: type[T], text: str, *, where: str, key: str = "") -> T:
    """Read settings from a text, YAML or JSON; an empty text gives the defaults.

    Parameters
    ----------
    kind
        A `settings_model` or a `partial_model`.
    where
        What the text is, for errors: a file's name, or "the drift settings".
    key
        Dotted key of the text in a larger one, such as `budget`.

    Raises
    ------
    ContractError
        See `settings_from`.
    """
    return settings_from(kind, written_settings(text, where=where, key=key))


def settings_from(
    kind: type[T], written: WrittenSettings | Mapping[str, Any], *, key: str = "", empty_is_unset: bool = True
) -> T:
    """Settings from what was written, or from a mapping of plain values.

    Parameters
    ----------
    kind
        A `settings_model` or a `partial_model`.
    key
        Dotted key of a mapping, such as `training`.
    empty_is_unset
        Whether a key without a value is as good as none, as people expect; else None is a value like others.

    Raises
    ------
    ContractError
        If a key is unknown or a value is not what the model takes; one sentence about the first, with its line.
    """
    if not isinstance(written, WrittenSettings):
        written = WrittenSettings(content=written, key=key)
    content = {} if written.content is None else written.content
    if not isinstance(content, Mapping):
        raise _wrong_value((), content, kind, written)
    given = _without_nulls(kind, content) if empty_is_unset else content
    adapter = _adapter(kind)
    try:
        try:
            return adapter.validate_json(_json(given, written), strict=True)
        except ValidationError as error:
            return adapter.validate_json(_json(_with_whole_numbers(given, error), written), strict=True)
    except ValidationError as error:
        raise _sentence(error, kind, written) from error


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _json(content: Any, written: WrittenSettings) -> str:
    try:
        return json.dumps(content, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise written.error((), f"{written.key or 'settings'} must be plain values: {error}") from error


def _without_nulls(kind: Any, content: Any) -> Any:
    """Content without the keys that were left empty, except where None is one of the values."""
    members = members_of(kind)
    if not members or not isinstance(content, Mapping):
        return content
    return {
        name: _without_nulls(members.get(name), value)
        for name, value in content.items()
        if value is not None or (name in members and allows_none(members[name]))
    }


def _with_whole_numbers(content: Any, error: ValidationError) -> Any:
    """Content in which `1E5` and `3.0` are whole numbers where the model asks for one."""
    content = json.loads(json.dumps(content))
    for problem in error.errors(include_url=False):
        value = problem["input"]
        if problem["type"] == "int_type" and isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            *above, last = problem["loc"]
            functools.reduce(lambda inner, part: inner[part], above, content)[last] = int(value)
    return content


def _sentence(error: ValidationError, kind: Any, written: WrittenSettings) -> ContractError:
    """The first problem, in the order of the text, as an error of one sentence."""
    problems = error.errors(include_url=False)
    # A key that is missing may be the unknown one, misspelt.
    problem = min(problems, key=lambda one: (one["type"] == "missing", written.line_of(one["loc"]) or 0))
    path: KeyPath = problem["loc"]
    if problem["type"] == "value_error":
        return _own_sentence(str(problem["ctx"]["error"]), path, kind, written)
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return written.error(path, _unknown(path, kind, written))
    if problem["type"] == "missing":
        return written.error(path[:-1], f"{written.dotted(path)} must be given")
    return _wrong_value(path, problem["input"], kind, written)


def _own_sentence(message: str, path: KeyPath, kind: Any, written: WrittenSettings) -> ContractError:
    """A model's own check: its sentence begins with one of the model's keys, or with a whole dotted key."""
    first = _FIRST_KEY.match(message)[0]  # type: ignore[index]  # which matches any text
    if first in members_of(type_at(kind, path)):
        inner = (*path, first)
        return written.error(inner, f"{written.dotted(inner)}{message.removeprefix(first)}")
    dotted = first.removeprefix(f"{written.key}.") if written.key else first
    return written.error(tuple(dotted.split(".")) if "." in first else path, message)


def _unknown(path: KeyPath, kind: Any, written: WrittenSettings) -> str:
    known = list(members_of(type_at(kind, path[:-1])))
    name = str(path[-1])
    similar = difflib.get_close_matches(name, known, n=1) if len(name) <= _LONGEST_NAME else []
    hint = f"; did you mean {similar[0]!r}?" if similar else ""
    return f"unknown key {written.dotted(path)!r}; known keys are {', '.join(known)}{hint}"


def _wrong_value(path: KeyPath, value: Any, kind: Any, written: WrittenSettings) -> ContractError:
    """A value of another type or out of its bounds; an item of a list of names stands for the list."""
    if path and isinstance(path[-1], int) and not members_of(type_at(kind, path)):
        path = path[:-1]
        value = functools.reduce(lambda inner, part: inner[part], path, written.content)
    message = f"must be {described(type_at(kind, path))}, got {shown(repr(value))}"
    key = written.dotted(path)
    return written.error(path, f"{key} {message}") if key else ContractError(f"{written.where} {message}")
