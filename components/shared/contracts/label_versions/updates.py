"""What is said of the label of one example, by a person or a model; the columns that keep where a label comes from."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import pyarrow as pa

from components.shared.contracts.example_table import ExampleTable, PROVENANCE_COLUMNS
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_json

# Columns of a table with labels by models; null where a person labelled.
MODEL_LABEL_COLUMNS: Mapping[str, pa.DataType] = {
    "label_model": pa.string(),
    "label_probability": pa.float64(),
    "label_round": pa.int32(),
}
# Share of the people who agree with the label, where several said something of the example.
AGREEMENT_COLUMN = "label_agreement"
ORIGIN_COLUMNS: Mapping[str, pa.DataType] = {**MODEL_LABEL_COLUMNS, AGREEMENT_COLUMN: pa.float64()}
LABEL_COLUMNS = ("label", "label_source", "label_version", *ORIGIN_COLUMNS)

RefusalKind = Literal[
    "unknown_example", "unknown_class", "labelled_by_a_person", "labelled_otherwise", "held_out", "withdrawn"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelUpdate:
    """What one person, several, or a model say of one example.

    Attributes
    ----------
    example_id
        Of the example; hashed, as scoring does, where it holds personal data, or as the table has it.
    label
        The class, whatever its case or Unicode form; None removes the label, for an example of no class.
    source
        Who says so.
    is_confirmed
        The label that is there is right: it stays, and becomes a person's; `label` says nothing.
    is_random
        Drawn at random: the row may be validated and tested on. What was chosen for teaching is only trained on.
    model_version, probability, round_number
        Of a label by a model; a person's may have a round.
    agreement
        Share of the people who agree, 0 to 1; None where one alone said something.
    """

    example_id: str
    label: str | None
    source: Literal["person", "model"] = "person"
    is_confirmed: bool = False
    is_random: bool = False
    model_version: str = ""
    probability: float | None = None
    round_number: int | None = None
    agreement: float | None = None

    def __post_init__(self) -> None:
        if self.source == "model" and (not self.model_version or self.label is None):
            raise ContractError(f"a label by a model must have a class and the model's version, got {self}")


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedUpdate:
    """An update that is not merged, and why, in one sentence."""

    update: LabelUpdate
    kind: RefusalKind
    reason: str


def updates_fingerprint(updates: Iterable[LabelUpdate]) -> str:
    """Fingerprint of what is said, whatever its order."""
    return fingerprint_json(sorted(fingerprint_json(asdict(update)) for update in updates))


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredLabel:
    """The label of one row, with where it comes from; as the table's columns of these names."""

    label: str | None
    label_source: str | None
    label_version: int | None
    label_model: str | None = None
    label_probability: float | None = None
    label_round: int | None = None
    label_agreement: float | None = None


def updated_label(stored: StoredLabel, update: LabelUpdate, label: str | None, *, version: int) -> StoredLabel:
    """What a row's label becomes.

    Parameters
    ----------
    stored
        As it is; all None for a new row.
    label
        The update's label as the table spells it.
    version
        Of the label's definition.
    """
    if update.source == "model":
        return StoredLabel(
            label=label,
            label_source="model",
            label_version=version,
            label_model=update.model_version,
            label_probability=update.probability,
            label_round=update.round_number,
        )
    new = stored.label if update.is_confirmed else label
    agreement = stored.label_agreement if update.agreement is None and new == stored.label else update.agreement
    source = None if new is None else "person"
    return StoredLabel(label=new, label_source=source, label_version=version, label_agreement=agreement)


def label_columns_of(table: ExampleTable) -> list[str]:
    """Columns of the table that say something of labels; those of every table first, which version 1 lacks."""
    return ["label", *(name for name in PROVENANCE_COLUMNS if name != "content_id"), *origin_columns_of(table)]


def origin_columns_of(table: ExampleTable) -> list[str]:
    """Which of `ORIGIN_COLUMNS` the table has."""
    return [name for name in ORIGIN_COLUMNS if name in table.schema.names]
