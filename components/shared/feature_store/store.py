"""The feature store: what training reads every epoch, prepared once, memory-mapped, without a copy.

One row an example in uncompressed Arrow IPC files: its identifier, split and label, and its inputs by name: an image's
`uint8` pixels, a text's tokens, a row's numbers and category codes. An index names the files; it is written last.

A store may also be a link: an index alone, which names the folder of a shared volume that holds the files. Steps on a
cluster pass the link, and nothing is copied into their pods.

In memory are 24 bytes a row, for the order, the label and the split; identifiers and inputs stay in the files.
"""

from collections.abc import Iterator, Mapping
import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.contracts.bundle import FEATURES_FOLDER
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.feature_store.blocks import input_specs_from, InputBlock
from components.shared.feature_store.index import followed_link, read_index
from components.shared.feature_store.string_column import StringColumn
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_file, fingerprint_json

UNLABELLED = -1

_KEYS = ("modality", "task", "class_names", "inputs", "preparation", "feature_files", "files")
_JSON_ROWS = 65536


class FeatureStore:
    """Reads a feature store through memory maps: rows are gathered straight from the page cache.

    Parameters
    ----------
    path
        The folder that `FeatureStoreWriter` or `link_store` wrote.

    Attributes
    ----------
    path
        The store's folder; behind a link, the one that it names.
    class_names
        In the order of the label indices; none where the label is a number.
    preparation
        How the examples were prepared: `backbone`, `preprocessing`, `augmentation`, `label_version`. Where the label is
        a number, its scale is in the preprocessing, under `target`.
    example_ids
        N strings in the store's order, read from the files when they are asked for.
    splits
        Shape (N,), object: one of `SPLIT_NAMES` each.
    labels
        Shape (N,), int64: class indices, `UNLABELLED` where there is none; or, where the label is a number, float64,
        `nan` where there is none.

    Raises
    ------
    FileNotFoundError
        If there is no finished store at `path`, or behind the link there.
    ContractError
        If a file of it is missing, truncated or of another shape.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        index = read_index(self.path)
        if "folder" in index:
            self.path, index = followed_link(self.path, index)
        absent = set(_KEYS) - index.keys()
        if absent:
            raise ContractError(f"the index of the feature store at {self.path} must have {', '.join(sorted(absent))}")
        self.modality: str = index["modality"]
        self.is_regression = bool(index["task"] == "regression")
        self.class_names: tuple[str, ...] = tuple(index["class_names"])
        self.input_specs = input_specs_from(index["inputs"])
        self.preparation: dict[str, Any] = index["preparation"]
        self._feature_files: dict[str, str] = dict(index["feature_files"])
        self._check_feature_files()
        self._blocks: list[dict[str, InputBlock]] = []
        batches = [
            batch
            for file in index["files"]
            for batch in self._mapped(self.path / str(file["name"]), int(file["num_rows"]))
        ]
        self._starts = np.cumsum([0, *(batch.num_rows for batch in batches)])
        self.example_ids = StringColumn([batch.column(0) for batch in batches])
        self.splits = np.concatenate([np.empty(0, object), *(_shared_strings(batch.column(1)) for batch in batches)])
        labels = [batch.column(2).to_numpy(zero_copy_only=False) for batch in batches]
        kind = np.float64 if self.is_regression else np.int64
        self.labels = np.concatenate([np.empty(0, kind), *labels]).astype(kind)

    def __len__(self) -> int:
        return len(self.labels)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "preparation": self.preparation}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]
        self.preparation = state["preparation"]

    @property
    def task(self) -> str:
        """The bundle's name of the task: `image_classification`, say."""
        return f"{self.modality}_{'regression' if self.is_regression else 'classification'}"

    @property
    def are_labelled(self) -> np.ndarray:
        """Which rows have a label, shape (N,), bool."""
        labelled: np.ndarray = ~np.isnan(self.labels) if self.is_regression else self.labels != UNLABELLED
        return labelled

    @property
    def feature_files(self) -> dict[str, bytes]:
        """Further files of the preparation, by name."""
        return {name: (self.path / FEATURES_FOLDER / name).read_bytes() for name in self._feature_files}

    def with_augmentation(self, policy: Mapping[str, Any] | None) -> "FeatureStore":
        """The same examples with another augmentation policy, None for none; the files on disk do not change."""
        changed = copy.copy(self)
        changed.preparation = {**self.preparation, "augmentation": policy}
        return changed

    def indices(self, split: str) -> np.ndarray:
        """Row numbers of a split's labelled examples, (M,), int64, ascending; `ValueError` for an unknown split."""
        if split not in SPLIT_NAMES:
            raise ValueError(f"split must be one of {', '.join(SPLIT_NAMES)}, got {split!r}")
        return np.flatnonzero((self.splits == split) & self.are_labelled)

    def fingerprint(self) -> str:
        """Fingerprint of everything in the store: inputs, ids, labels, splits and how it was prepared."""
        specs = {name: spec.to_dict() for name, spec in self.input_specs.items()}
        described = [self.modality, list(self.class_names), specs, self.preparation, self._feature_files]
        digest = hashlib.blake2b(fingerprint_json(described).encode(), digest_size=16)
        for values in (self.example_ids, self.splits, self.labels):
            for piece in _json_pieces(values):
                digest.update(piece.encode())
        for blocks in self._blocks:
            for block in blocks.values():
                for content in block.contents():
                    digest.update(content)
        return digest.hexdigest()

    def gather(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Inputs of the given rows, in their order.

        Parameters
        ----------
        rows
            Shape (B,), int: row numbers, 0 to N - 1.

        Returns
        -------
        dict
            Every input by name: shape (B, ...) of its spec; (B, T) for a ragged one, padded to the longest of these
            rows. Copies that the caller may change.
        """
        rows = np.asarray(rows, np.int64)
        # Ascending within a batch: cold files are then read from front to back.
        order = np.argsort(rows, kind="stable")
        number = np.searchsorted(self._starts, rows[order], side="right") - 1
        parts = [
            (int(number[places[0]]), order[places], rows[order[places]] - self._starts[number[places[0]]])
            for places in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(number)) + 1)
            if len(places)
        ]
        inputs = {}
        for name, spec in self.input_specs.items():
            places = [(self._blocks[block][name], where, inside) for block, where, inside in parts]
            lengths = [int(block.lengths(inside).max()) for block, _, inside in places] if spec.is_ragged else []
            inputs[name] = (
                spec.empty(len(rows), max(lengths, default=0)) if spec.is_ragged else spec.uninitialized(len(rows))
            )
            for block, where, inside in places:
                block.read_into(inputs[name], where, inside)
        return inputs

    def _check_feature_files(self) -> None:
        for name, digest in self._feature_files.items():
            file = self.path / FEATURES_FOLDER / name
            if file.parent != self.path / FEATURES_FOLDER or not file.is_file() or fingerprint_file(file) != digest:
                raise ContractError(f"the feature store at {self.path} must hold {name} as its index lists it")

    def _mapped(self, file: Path, num_rows: int) -> list[pa.RecordBatch]:
        if file.parent != self.path or not file.is_file():
            raise ContractError(f"the feature store at {self.path} must hold {file.name}, but it does not")
        try:
            # The batches keep the map; the file itself is closed, since a large store would hold thousands open.
            with pa.memory_map(str(file), "r") as mapped:
                reader = pa.ipc.open_file(mapped)
                batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        except (pa.ArrowInvalid, OSError) as error:
            raise ContractError(f"{file} must be an Arrow IPC file, but cannot be read: {error}") from error
        if sum(batch.num_rows for batch in batches) != num_rows:
            raise ContractError(f"{file} must hold {num_rows} rows, got {sum(batch.num_rows for batch in batches)}")
        self._blocks.extend(self._inputs_of(batch, file) for batch in batches)
        return batches

    def _inputs_of(self, batch: pa.RecordBatch, file: Path) -> dict[str, InputBlock]:
        blocks = {}
        for name, spec in self.input_specs.items():
            place = batch.schema.get_field_index(name)
            if place < 0 or batch.schema.field(place).type != spec.arrow_type:
                found = "no such column" if place < 0 else batch.schema.field(place).type
                raise ContractError(f"the input {name} in {file} must be {spec.arrow_type}, got {found}")
            blocks[name] = InputBlock(batch.column(place), spec)
        return blocks


def _shared_strings(column: pa.Array) -> np.ndarray:
    """Strings of which few differ, shape (N,), object: equal rows share one string."""
    coded = column.dictionary_encode()
    words = np.array([*map(str, coded.dictionary.to_pylist()), ""], object)
    taken: np.ndarray = words[coded.indices.to_numpy(zero_copy_only=False)]
    return taken


def _json_pieces(values: StringColumn | np.ndarray) -> Iterator[str]:
    """`json.dumps` of all values, in pieces."""
    yield "["
    for start in range(0, len(values), _JSON_ROWS):
        piece = json.dumps(values[start : start + _JSON_ROWS].tolist())[1:-1]
        yield piece if start == 0 else f", {piece}"
    yield "]"
