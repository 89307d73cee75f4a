"""What ingestion found, whatever the source: verdict and report are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.shared.contracts.problem import Modality


@dataclass(frozen=True, kw_only=True, slots=True)
class Quarantined:
    """A file, or a row of one, that is not in the example table, and the reason in words."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestionFacts:
    """The facts of one ingestion.

    Attributes
    ----------
    counts
        Examples by split and label; unlabelled ones under the empty string.
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

    @property
    def num_examples(self) -> int:
        """Examples in the table."""
        return sum(sum(labels.values()) for labels in self.counts.values())

    @property
    def num_duplicates(self) -> int:
        """Exact copies: dropped images, or rows that repeat an earlier one."""
        return len(self.dropped_duplicates) + self.num_duplicate_rows
