"""The problem file's key `slices`: columns to slice by, and slices that are pinned by a condition."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings_words import Words
from components.shared.runtime.written_settings import shown

_WORDS = "a list of names, or of {name: dark photos, where: brightness < 0.2}"
# What is measured of an example where a condition asks for it and no column holds it.
MEASURED_TRAITS: Mapping[str, tuple[str, ...]] = {
    "image": (
        *("image_width", "image_height", "image_bytes", "brightness", "contrast", "sharpness", "aspect_ratio"),
        *("saturation", "off_centre"),
    ),
    "text": (
        *("text_length", "text_words", "share_hangul", "share_latin", "share_digits", "share_other", "share_letters"),
        *("share_emoji", "share_repeated"),
    ),
    "tabular": (),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PinnedSlice:
    """A slice of a name, by a condition over columns of the example table and traits of its examples."""

    name: str
    where: str

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("slices must give a pinned slice a name, got an empty one")
        self.columns()

    def columns(self) -> tuple[str, ...]:
        """The columns and traits that the condition names; ValueError if it cannot be read."""
        # Here, not above: it needs pyarrow, which most who read a problem file do not.
        from components.shared.tables.label_expression import LabelExpression, SLICE_LANGUAGE

        return LabelExpression(self.where, SLICE_LANGUAGE).columns

    def to_dict(self) -> dict[str, str]:
        """As the problem file has it."""
        return {"name": self.name, "where": self.where}


class SliceColumns(tuple[str, ...]):
    """Names of columns to slice by; `pinned` are slices by a condition.

    In the file `[shop, {name: dark photos, where: brightness < 0.2}]`.
    """

    pinned: tuple[PinnedSlice, ...]

    def __new__(cls, names: Iterable[str] = (), pinned: Iterable[PinnedSlice] = ()) -> "SliceColumns":
        """Names, and pinned slices."""
        made = super().__new__(cls, names)
        made.pinned = tuple(pinned)
        return made

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, other) is True and self.pinned == getattr(other, "pinned", ())

    def __hash__(self) -> int:
        return hash((*self, None, *self.pinned))

    def written(self) -> list[str | dict[str, str]]:
        """As the problem file has it, columns first."""
        return [*self, *(item.to_dict() for item in self.pinned)]


def check_pinned_slices(
    pinned: Iterable[PinnedSlice], *, modality: str, columns: Collection[str], personal: Collection[str]
) -> None:
    """Check that pinned slices can be told of examples with some columns.

    Raises
    ------
    ContractError
        If a condition names a column that is neither there nor a trait, or one of personal data.
    """
    known = list(dict.fromkeys([*columns, *MEASURED_TRAITS[modality]]))
    for item in pinned:
        for name in item.columns():
            if name not in known:
                raise ContractError(
                    f"slices: the condition of {item.name!r} must be over columns of the example table or traits, "
                    f"which are {', '.join(known)}; got {name!r}"
                )
            if name in personal:
                raise ContractError(
                    f"slices: the condition of {item.name!r} must name no column of personal data, got {name!r}"
                )


def pinned_from(written: Iterable[Mapping[str, str]]) -> tuple[PinnedSlice, ...]:
    """Pinned slices as an example table's metadata hold them."""
    return tuple(PinnedSlice(name=item["name"], where=item["where"]) for item in written)


def _slice_columns(value: Any) -> SliceColumns:
    if isinstance(value, SliceColumns):
        return value
    if not isinstance(value, list | tuple):
        raise ValueError(f"slices must be {_WORDS}, got {shown(repr(value))}")
    names, pinned = [], []
    for item in value:
        if type(item) in (str, int):
            names.append(str(item))
        elif isinstance(item, PinnedSlice):
            pinned.append(item)
        elif isinstance(item, Mapping) and set(item) == {"name", "where"} and all(map(_is_text, item.values())):
            pinned.append(PinnedSlice(name=item["name"], where=item["where"]))
        else:
            raise ValueError(f"slices must be {_WORDS}, got {shown(repr(item))}")
    repeated = {item.name for item in pinned if [other.name for other in pinned].count(item.name) > 1}
    if repeated:
        raise ValueError(f"slices must not pin two slices of one name, got {min(repeated)!r} twice")
    return SliceColumns(names, pinned)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


Slices = Annotated[
    SliceColumns,
    PlainValidator(_slice_columns),
    Words(_WORDS),
    WithJsonSchema(
        {
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": ["string", "integer"]},
                    {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "where": {"type": "string"}},
                        "required": ["name", "where"],
                        "additionalProperties": False,
                    },
                ]
            },
        }
    ),
]
