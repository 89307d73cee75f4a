"""What a key of a settings model takes, in words."""

from collections.abc import Mapping
import dataclasses
from types import NoneType, UnionType
from typing import Annotated, Any, get_args, get_origin, Literal, Union

from annotated_types import Ge, Gt, Le, Lt
from typing_extensions import get_type_hints, is_typeddict

from components.shared.runtime.written_settings import KeyPath

_PLAIN = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}


@dataclasses.dataclass(frozen=True)
class Words:
    """In an `Annotated`, what its value must be: `Words("one character")`."""

    words: str


def members_of(kind: Any) -> dict[str, Any]:
    """Keys of a model and their types, in order; empty for what is no model, or None."""
    kind = _stripped(kind)[0]
    if not is_typeddict(kind) and not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        return {}
    return get_type_hints(kind, include_extras=True)


def allows_none(hint: Any) -> bool:
    """Whether None is one of the values."""
    inner = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return inner is Any or (get_origin(inner) in (Union, UnionType) and NoneType in get_args(inner))


def type_at(kind: Any, path: KeyPath) -> Any:
    """Type of the value at a path of keys and items; None where the model does not say."""
    for part in path:
        members = members_of(kind)
        inner = _stripped(kind)[0]
        if members:
            kind = members.get(str(part))
        elif get_origin(inner) is tuple and isinstance(part, int):
            kind = get_args(inner)[0]
        elif get_origin(inner) is not None and issubclass(get_origin(inner), Mapping):
            kind = get_args(inner)[-1]
        else:
            return None
    return kind


def described(hint: Any) -> str:
    """What a value of a type must be: `a number above 0`, `one of image, text, tabular`."""
    inner, metadata = _stripped(hint)
    words = [item.words for item in metadata if isinstance(item, Words)]
    if words:
        return words[0]
    if get_origin(inner) is Literal:
        return f"one of {', '.join(map(str, get_args(inner)))}"
    if get_origin(inner) is tuple:
        item = _stripped(get_args(inner)[0])[0]
        if get_origin(item) is Literal:
            return f"a list of {', '.join(map(str, get_args(item)))}"
        return f"a list of {'mappings' if members_of(item) else 'texts' if item is str else 'values'}"
    if inner in _PLAIN:
        return f"{_PLAIN[inner]}{_bounds(inner, metadata)}"
    return "a mapping of keys to values"


def _stripped(hint: Any) -> tuple[Any, list[Any]]:
    """A type without None and annotations, and the annotations."""
    metadata: list[Any] = []
    while True:
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            metadata += more
        elif get_origin(hint) in (Union, UnionType) and len(set(get_args(hint)) - {NoneType}) == 1:
            (hint,) = set(get_args(hint)) - {NoneType}
        else:
            return hint, metadata


def _bounds(kind: Any, metadata: list[Any]) -> str:
    bounds = {
        type(item): next(iter(dataclasses.asdict(item).values()))
        for item in metadata
        if isinstance(item, Ge | Gt | Le | Lt)
    }
    low, above, high, below = (bounds.get(bound) for bound in (Ge, Gt, Le, Lt))
    if low is not None and (high is not None or below is not None):
        return f" from {low:g} to {'' if below is None else 'below '}{high if below is None else below:g}"
    lower = f" above {above:g}" if above is not None else f" of at least {low:g}" if low is not None else ""
    if below is not None:
        return f"{lower}{' and' if lower else ''} below {below:g}"
    if high is not None:
        return f"{lower} up to {high:g}" if lower else f" of at most {high:g}"
    return lower
