"""The rows of a table as the few numbers that splitting needs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from components.data_ingestion.clusters import connected_clusters, equal_pairs
from components.data_ingestion.tables.rows import PreparedRows
from components.shared.contracts.split_line import split_position
from components.shared.contracts.split_record import content_key, group_fingerprint
from components.shared.runtime.fingerprints import fingerprint_bytes

UNLABELLED = -1


@dataclass(kw_only=True, slots=True)
class RowIndex:
    """Grows batch by batch; 50 bytes a row.

    A row's label code is an index into `labels`, which are in the order first seen; where labels are numbers, it is 0,
    and the number stands beside it. `salt` is the split's.
    """

    salt: str = ""
    labels: dict[str, int] = field(default_factory=dict)
    label_counts: Counter[str] = field(default_factory=Counter)
    _parts: list[dict[str, np.ndarray]] = field(default_factory=list)

    def add(self, prepared: PreparedRows, usable: Sequence[int], *, pinned: int) -> None:
        """Append the usable rows of a batch; `pinned` is the split that its file gives, or `NOT_PINNED`."""
        labels = prepared.labels.take(pa.array(usable, pa.int64()))
        codes, numbers = self._label_columns(labels)
        contents = [prepared.contents[row] for row in usable]
        groups = _group_fingerprints(prepared.groups, contents, usable)
        carried_groups = _group_fingerprints(prepared.carried_groups, contents, usable)
        self._parts.append(
            {
                "content": _keys(contents),
                "group": _keys(groups),
                "carried_group": _keys(carried_groups),
                "position": np.array([split_position(group, salt=self.salt) for group in groups], dtype=np.float64),
                "row": _keys([prepared.rows[row] for row in usable]),
                "label": codes,
                "number": numbers,
                "pinned": np.full(len(usable), pinned, dtype=np.int8),
                "id": _keys(_id_fingerprints(prepared, usable)),
                "train_only": prepared.provenance.train_only[usable],
                "time": np.empty(0) if prepared.times is None else prepared.times[usable],
            }
        )

    def column(self, name: str) -> np.ndarray:
        """All rows' values of one column, by its name in `add`; `number` and `time` are empty where there are none."""
        return np.concatenate([part[name] for part in self._parts]) if self._parts else np.empty(0)

    def _label_columns(self, labels: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Label codes, and the labels themselves where they are numbers; else nothing."""
        if pa.types.is_floating(labels.type):
            numbers = labels.to_numpy(zero_copy_only=False)
            return np.where(np.isnan(numbers), UNLABELLED, 0).astype(np.int32), numbers
        names = labels.to_pylist()
        self.label_counts.update(name for name in names if name is not None)
        codes = [UNLABELLED if name is None else self.labels.setdefault(name, len(self.labels)) for name in names]
        return np.array(codes, dtype=np.int32), np.empty(0)

    def clusters(self, *, grouped: bool) -> np.ndarray:
        """Cluster of every row, shape (N,), int64: equal content and, where `grouped`, one group share it."""
        if not grouped:
            return np.unique(self.column("content"), return_inverse=True)[1]
        pairs = np.concatenate([equal_pairs(self.column("content")), equal_pairs(self.column("group"))])
        return connected_clusters(len(self.column("content")), pairs.tolist())

    def num_contradictory(self) -> int:
        """Contents that occur under more than one label."""
        labelled = self.column("label") != UNLABELLED
        pairs = np.unique(
            np.stack([self.column("content")[labelled], self.column("label")[labelled].astype(np.uint64)], axis=1),
            axis=0,
        )
        return int((np.unique(pairs[:, 0], return_counts=True)[1] > 1).sum())


def num_repeated(values: np.ndarray) -> int:
    """How many values repeat an earlier one."""
    return len(values) - len(np.unique(values))


def numbered_rows(rows: Sequence[str], repeated: frozenset[int], seen: Counter[str]) -> Iterator[str]:
    """Identifiers of rows: their fingerprints, numbered from 2 where one of `repeated` (`content_key`) comes again.

    `seen` counts each repeated one so far and is kept up to date.
    """
    for row in rows:
        if content_key(row) not in repeated:
            yield row
            continue
        seen[row] += 1
        yield row if seen[row] == 1 else f"{row}-{seen[row]}"


def repeated_keys(keys: np.ndarray) -> frozenset[int]:
    """Keys that occur more than once."""
    values, counts = np.unique(keys, return_counts=True)
    return frozenset(values[counts > 1].tolist())


def _keys(fingerprints: Sequence[str]) -> np.ndarray:
    return np.array([content_key(fingerprint) for fingerprint in fingerprints], dtype=np.uint64)


def _group_fingerprints(groups: pa.Array | None, contents: Sequence[str], usable: Sequence[int]) -> Sequence[str]:
    """Fingerprints of the usable rows' groups; a row without one is a group of its own content."""
    if groups is None:
        return contents
    values = groups.take(pa.array(usable, pa.int64())).to_pylist()
    return [
        content if value is None else group_fingerprint(value) for content, value in zip(contents, values, strict=True)
    ]


def _id_fingerprints(prepared: PreparedRows, usable: Sequence[int]) -> list[str]:
    if prepared.ids is None:
        return []
    values = prepared.ids.to_pylist()
    return [fingerprint_bytes(values[row].encode()) for row in usable]
