"""Where a version of an example table comes from: one entry a change of its labels, in the table's metadata."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

ChangeKind = Literal["labels", "corrections", "withdrawal"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelChange:
    """How a version of a table came of the one before it.

    Attributes
    ----------
    kind
        `labels` that people or models gave, `corrections` of labels, or the `withdrawal` of a model's labels.
    parent
        Fingerprint of the version before.
    labels
        Fingerprint of what was merged: the same labels have the same, whatever file they came in.
    counts
        How many rows were changed, added and so on, by name.
    round_number
        The latest round of labelling among them; None where none is known.
    model_version
        Whose labels were withdrawn; empty elsewhere.
    fractions
        Shares of the splits by which new rows are placed: those of the version that was ingested.
    served
        Where rows came from a serving log: its window, the model versions that answered them, and for how many served
        rows they stand; empty elsewhere.
    """

    kind: ChangeKind
    parent: str
    labels: str
    counts: Mapping[str, int]
    round_number: int | None = None
    model_version: str = ""
    fractions: Mapping[str, float] = field(default_factory=dict)
    served: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As the metadata hold it."""
        content = asdict(self)
        served = {"served": dict(self.served)} if self.served else {}
        del content["served"]
        return content | {"counts": dict(self.counts), "fractions": dict(self.fractions), **served}


def lineage_from(stored: Iterable[Mapping[str, Any]]) -> tuple[LabelChange, ...]:
    """A table's lineage as its metadata hold it, the oldest change first."""
    names = LabelChange.__dataclass_fields__
    return tuple(LabelChange(**{name: value for name, value in item.items() if name in names}) for item in stored)


def withdrawn_models(lineage: Iterable[LabelChange]) -> frozenset[str]:
    """Model versions whose labels were withdrawn: they are not merged again."""
    return frozenset(change.model_version for change in lineage if change.kind == "withdrawal")
