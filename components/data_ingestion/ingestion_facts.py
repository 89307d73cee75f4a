"""What ingestion found, whatever the source: verdict and report are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from components.shared.contracts.problem import Modality, SPLIT_NAMES

# Under what counts stand where labels are numbers, as in `ExampleTable.counts`.
LABELLED = "labelled"
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Quarantined:
    """A file, or a row of one, that is not in the example table, and the reason in words."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelNumbers:
    """The labels of one split where they are numbers; `quantiles` are minimum, quartiles and maximum."""

    num_labels: int
    mean: float
    std: float
    quantiles: tuple[float, ...]


def split_numbers(labels: np.ndarray, splits: np.ndarray) -> dict[str, LabelNumbers]:
    """The labels (N,), `nan` where unlabelled, of every split (N,) that has some; and of all, under `all`."""
    if not len(labels):
        return {}
    parts = {name: labels[splits == number] for number, name in enumerate(SPLIT_NAMES)}
    known = {name: part[~np.isnan(part)] for name, part in {**parts, "all": labels}.items()}
    return {
        name: LabelNumbers(
            num_labels=len(part),
            mean=float(part.mean()),
            std=float(part.std()),
            quantiles=tuple(np.quantile(part, _QUANTILES).tolist()),
        )
        for name, part in known.items()
        if len(part)
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestionFacts:
    """The facts of one ingestion.

    Attributes
    ----------
    counts
        Examples by split and label; unlabelled ones under the empty string. Where labels are numbers, the others stand
        under `LABELLED`.
    expected_splits
        Splits that must not be empty.
    split_notes
        Sentences on how the examples were split.
    num_seen
        Files or rows that were offered as examples: kept, in the pool, dropped as duplicates, or quarantined.
    num_pool
        Examples without a label that are in the pool, not in the example table.
    quarantined
        As far as they are listed; `num_quarantined` counts all.
    left_out
        How many examples the problem file leaves out, by reason.
    dropped_duplicates
        Each dropped exact copy, and the image that was kept.
    num_duplicate_rows
        Rows that repeat the content of an earlier one; they are kept, in one split.
    columns
        Role and type of the columns beside id, split and label.
    is_regression
        Whether labels are numbers.
    numbers
        These numbers by split, and under `all`; empty where labels are classes or personal data.
    """

    modality: Modality
    class_names: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    expected_splits: tuple[str, ...]
    num_seen: int
    num_pool: int = 0
    num_quarantined: int = 0
    quarantined: tuple[Quarantined, ...] = ()
    ignored: tuple[Quarantined, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    dropped_duplicates: tuple[tuple[str, str], ...] = ()
    num_duplicate_rows: int = 0
    near_duplicate_clusters: tuple[tuple[str, ...], ...] = ()
    converted: tuple[Quarantined, ...] = ()
    inferred: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    split_notes: tuple[str, ...] = ()
    example_images: tuple[tuple[str, bytes], ...] = ()
    is_regression: bool = False
    numbers: Mapping[str, LabelNumbers] = field(default_factory=dict)

    @property
    def num_examples(self) -> int:
        """Examples in the table."""
        return sum(sum(labels.values()) for labels in self.counts.values())

    @property
    def num_duplicates(self) -> int:
        """Exact copies: dropped images, or rows that repeat an earlier one."""
        return len(self.dropped_duplicates) + self.num_duplicate_rows
