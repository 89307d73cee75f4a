"""Which split new rows go to.

What is known, by content or by group, keeps its split. A row that was drawn at random goes where its content, or its
group, lies on the line that the fractions cut, as ingestion places it. A row that was chosen for teaching, or labelled
by a model, is only trained on, and so is what belongs with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo
from components.shared.contracts.problem import SPLIT_NAMES, SplitSpec
from components.shared.contracts.split_line import content_fingerprints, split_position, splits_on_line
from components.shared.contracts.split_record import content_key, group_fingerprint, KnownSplits, NOT_KNOWN
from components.shared.runtime.fingerprints import fingerprint_bytes

_DIGITS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRow:
    """A row that joins the table.

    Attributes
    ----------
    content, group
        Keys as a split record has them; None without a group.
    position
        On the line, 0 to 1.
    is_random, is_by_model
        Whether it was drawn at random, and whether a model labelled it.
    """

    content: int
    group: int | None
    position: float
    is_random: bool
    is_by_model: bool


def split_fractions(table: ExampleTable) -> dict[str, float]:
    """Shares of the table's splits: those that its lineage names, else those of what no model and no rule labelled.

    The usual ones where it has no such rows.
    """
    for change in table.info.lineage:
        if change.fractions:
            return dict(change.fractions)
    rows = table.read(["split", "label_source"])
    by_people = pc.fill_null(pc.equal(rows.column(1), "person"), True)
    splits = rows.column(0).filter(by_people).to_pylist()
    if not splits:
        return {name: float(getattr(SplitSpec(), name)) for name in SPLIT_NAMES}
    return {name: round(splits.count(name) / len(splits), _DIGITS) for name in SPLIT_NAMES}


def new_row_splits(rows: Sequence[NewRow], known: KnownSplits, fractions: Mapping[str, float]) -> list[str | None]:
    """Split of each row; None for one that a model labelled and that belongs with what is validated or tested on."""
    units = _Units(rows)
    contents = known.of_contents(np.array([row.content for row in rows], dtype=np.uint64))
    groups = known.of_groups(np.array([row.group or 0 for row in rows], dtype=np.uint64))
    groups[[row.group is None for row in rows]] = NOT_KNOWN
    drawn = splits_on_line(np.array([row.position for row in rows], dtype=np.float64), fractions)
    found = np.where(contents == NOT_KNOWN, groups, contents)
    for place in np.flatnonzero(found != NOT_KNOWN).tolist():
        units.put(place, int(found[place]))
    for place, row in enumerate(rows):
        if not row.is_random:
            units.put(place, SPLIT_NAMES.index("train"))
    for place in range(len(rows)):
        units.put(place, int(drawn[place]))
    splits = [SPLIT_NAMES[units.split_of(place)] for place in range(len(rows))]
    return [None if row.is_by_model and split != "train" else split for row, split in zip(rows, splits, strict=True)]


class _Units:
    """Rows of one content or of one group stay together: the first that is put somewhere decides."""

    def __init__(self, rows: Sequence[NewRow]) -> None:
        self._rows = rows
        self._splits: dict[tuple[str, int], int] = {}

    def put(self, place: int, split: int) -> None:
        row = self._rows[place]
        keys = [("content", row.content), *([] if row.group is None else [("group", row.group)])]
        decided = next((self._splits[key] for key in keys if key in self._splits), split)
        for key in keys:
            self._splits.setdefault(key, decided)

    def split_of(self, place: int) -> int:
        return self._splits["content", self._rows[place].content]


def content_of_rows(batch: pa.RecordBatch, info: ExampleTableInfo) -> tuple[list[int], list[int | None], list[float]]:
    """Content key, group key (None without) and position of each of N rows, with all columns of their table."""
    columns = {name: batch.column(place) for place, name in enumerate(batch.schema.names)}
    if info.modality == "image":
        prints = [fingerprint_bytes(image or b"") for image in columns["image"].to_pylist()]
    else:
        payload = ["text"] if info.modality == "text" else info.columns_of("feature")
        prints = content_fingerprints([columns[name] for name in payload])
    stored = columns["content_id"].to_pylist() if "content_id" in columns else [None] * len(prints)
    contents = [content_key(text) if key is None else key for key, text in zip(stored, prints, strict=True)]
    groups = _group_prints(columns, info)
    keys = [None if text is None else content_key(text) for text in groups]
    placed = [split_position(group or text) for group, text in zip(groups, prints, strict=True)]
    return contents, keys, placed


def _group_prints(columns: Mapping[str, pa.Array], info: ExampleTableInfo) -> list[str | None]:
    names = [name for name in info.columns_of("group") if name in columns]
    values = columns[names[0]].cast(pa.string()).to_pylist() if names else [None] * len(columns["example_id"])
    return [None if value is None else group_fingerprint(value) for value in values]
