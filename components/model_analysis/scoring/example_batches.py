"""Examples on their way to a model: batches of what the model reads, with what is known of the examples.

Shapes: B examples of a batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.model_analysis.scoring.image_files import encoded_image
from components.shared.contracts.label_origin import from_people, LABEL_SOURCE

# An image takes a hundred kilobytes, a text the network's memory for its length, a row of a table next to nothing.
BATCH_ROWS = {"image": 64, "text": 256, "tabular": 4096}


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleBatch:
    """B examples that are to be scored.

    Attributes
    ----------
    example_ids
        Unique within their source.
    labels, splits
        As the source gives them: None where it gives no label, `test` where it has no splits.
    columns
        What the model reads, by the names of its features: B values each.
    files
        By row, images in files of their own, read when they are scored; `columns` is null there.
    extra
        Columns that are copied to the predictions table, B values each.
    """

    example_ids: Sequence[str]
    labels: Sequence[str | float | None]
    splits: Sequence[str]
    columns: Mapping[str, pa.Array]
    files: Mapping[int, Path] = field(default_factory=dict)
    extra: Mapping[str, pa.Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.example_ids)

    def read(self, rows: range) -> dict[str, pa.Array]:
        """What the model reads of neighbouring examples; `UndecodableImageError` if an image's file cannot be read."""
        read = {name: column.slice(rows.start, len(rows)) for name, column in self.columns.items()}
        if any(row in self.files for row in rows):
            contents = zip(rows, read["image"].to_pylist(), strict=True)
            images = [encoded_image(self.files[row]) if row in self.files else content for row, content in contents]
            read["image"] = pa.array(images, pa.binary())
        return read

    def values(self, row: int) -> dict[str, Any]:
        """What the model reads of one example, as Python values."""
        return {name: column[0].as_py() for name, column in self.read(range(row, row + 1)).items()}

    def take(self, rows: Sequence[int]) -> "ExampleBatch":
        """Some of the examples, in the order of `rows`."""
        if len(rows) == len(self):
            return self
        places = pa.array(rows, pa.int64())
        return ExampleBatch(
            example_ids=[self.example_ids[row] for row in rows],
            labels=[self.labels[row] for row in rows],
            splits=[self.splits[row] for row in rows],
            columns={name: column.take(places) for name, column in self.columns.items()},
            files={place: self.files[row] for place, row in enumerate(rows) if row in self.files},
            extra={name: column.take(places) for name, column in self.extra.items()},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableExample:
    """An example that could not be scored, and why."""

    example_id: str
    split: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedLabel:
    """A photo whose folders now tell another label than before, and both; None is no label."""

    example_id: str
    label: str | None
    label_before: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleSource:
    """A stream of examples, read once.

    `kept` are columns whose personal data stay as they are. `num_examples` is None where it is known only at the end;
    `unreadable`, the rows that could not become examples, is complete once the stream is read. `changed_labels` are the
    photos of a folder whose label the rule of the topmost folder changes. `failed_repairs` are sentences on values that
    could not be repaired, complete once the stream is read.
    """

    batches: Iterator[ExampleBatch]
    num_examples: int | None
    extra_columns: Mapping[str, pa.DataType] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    unreadable: list[UnreadableExample] = field(default_factory=list)
    changed_labels: tuple[ChangedLabel, ...] = ()
    failed_repairs: list[str] = field(default_factory=list)


class UniqueNames:
    """Makes the names of a stream unique: one that occurred before gets `#<position>`."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._num_names = 0

    def __call__(self, names: Sequence[str]) -> list[str]:
        """The names of a batch, made unique."""
        unique = []
        for name in names:
            unique.append(f"{name}#{self._num_names}" if name in self._seen else name)
            self._seen.add(unique[-1])
            self._num_names += 1
        return unique


def rows_by_people(examples: ExampleBatch) -> np.ndarray:
    """Whether no model and no rule gave the label of each of a batch's examples, shape (B,), bool."""
    if LABEL_SOURCE not in examples.extra:
        return np.ones(len(examples), dtype=bool)
    return from_people(examples.extra[LABEL_SOURCE].to_pylist())
