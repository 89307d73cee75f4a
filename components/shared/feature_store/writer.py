"""Writes a feature store part by part: a part is a complete file or none, and the index comes last.

Parts of examples that carry a key are named by their contents: an unchanged one is left where it is, or linked from
another store, and two builds of the same examples write the same names.
"""

from collections.abc import Mapping, Sequence
import contextlib
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.contracts.bundle import FEATURES_FOLDER
from components.shared.feature_store.blocks import input_array, InputSpec
from components.shared.feature_store.index import INDEX, write_index
from components.shared.feature_store.part_rows import PartRows
from components.shared.feature_store.prepared_rows import (
    CHECK_COLUMN,
    DIGEST,
    KEY_COLUMN,
    KEY_FIELDS,
    PART_GLOB,
    part_name,
    PreparedRows,
)
from components.shared.runtime.atomic_files import atomic_file
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_bytes

PART_BYTES = 128 << 20
_MAX_PART_ROWS = 1 << 17


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentKeys:
    """What a later build needs to use rows of a store again.

    Attributes
    ----------
    keys
        `prepared_rows.content_key` of every raw example.
    checks
        Shape (B,), uint32: `prepared_rows.row_checks` of what was prepared from them.
    are_reused
        Shape (B,), bool: which rows came from an earlier build.
    """

    keys: Sequence[bytes]
    checks: np.ndarray
    are_reused: np.ndarray


class FeatureStoreWriter:
    """Writes prepared examples as a stream; a build that is killed leaves finished parts and no index.

    It holds the rows of one part in memory, ragged ones twice while it writes them.

    Parameters
    ----------
    class_names
        Labels are indices into them; none where the label is a number.
    preparation
        How the examples were prepared, kept for readers of the store.
    feature_files
        Further files of the preparation by name, such as a tokenizer; they lie in `FEATURES_FOLDER`.
    prepared
        Where earlier builds' parts may be found, for stores whose rows carry a key; None for others.
    digest
        How rows with a key were prepared; with `prepared`.
    part_bytes
        About how large a part grows.
    is_regression
        Whether the label is a number.
    keep_index
        Whether an existing index stays until the new one replaces it, for folders that are named by their contents.
        Otherwise it goes first, so that the old examples are not taken for the new ones.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        modality: str,
        class_names: Sequence[str],
        input_specs: Mapping[str, InputSpec],
        preparation: dict[str, Any],
        feature_files: Mapping[str, bytes] | None = None,
        prepared: PreparedRows | None = None,
        digest: str | None = None,
        part_bytes: int = PART_BYTES,
        is_regression: bool = False,
        keep_index: bool = False,
    ) -> None:
        self._folder = Path(path)
        self._folder.mkdir(parents=True, exist_ok=True)
        if not keep_index:
            (self._folder / INDEX).unlink(missing_ok=True)
        self._specs = dict(input_specs)
        self._info = {
            "modality": modality,
            "task": "regression" if is_regression else "classification",
            "class_names": list(class_names),
            "inputs": {name: spec.to_dict() for name, spec in self._specs.items()},
            "preparation": preparation,
            "feature_files": self._written(feature_files or {}),
        }
        self._prepared = prepared
        self._digest = digest
        self._schema = _schema(self._specs, digest, pa.float64() if is_regression else pa.int32())
        self._part_bytes = part_bytes
        row_bytes = sum(spec.num_bytes for spec in self._specs.values())
        self._is_ragged = any(spec.is_ragged for spec in self._specs.values())
        self._part_rows = min(max(part_bytes // max(row_bytes, 1), 1), _MAX_PART_ROWS)
        self._files: list[dict[str, Any]] = []
        self._part = PartRows(self._schema, max_rows=self._part_rows)
        self._is_reused = True

    def __enter__(self) -> "FeatureStoreWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or self._digest is not None:
            # The next build can use rows with a key, also after an error.
            self._finish_part()
        if kind is None:
            write_index(self._folder, {**self._info, "files": self._files})
            listed = {file["name"] for file in self._files}
            for path in self._folder.glob(PART_GLOB):
                if path.name not in listed:
                    path.unlink(missing_ok=True)

    def describe(self, preparation: dict[str, Any]) -> None:
        """Set how the examples were prepared, where that is known only afterwards."""
        self._info["preparation"] = preparation

    def write(
        self,
        *,
        example_ids: Sequence[str],
        splits: Sequence[str],
        labels: Sequence[int] | Sequence[float],
        inputs: Mapping[str, np.ndarray],
        contents: ContentKeys | None = None,
    ) -> None:
        """Append B examples.

        Parameters
        ----------
        labels
            Class indices, or `UNLABELLED`; where the label is a number, these, or `nan`.
        inputs
            Every input by name, B rows each, of its spec's type and shape.
        contents
            Keys of the rows; needed where the writer has a digest.

        Raises
        ------
        ContractError
            If inputs are missing or unknown, or their number, type or shape are not the store's.
        """
        if inputs.keys() != self._specs.keys():
            raise ContractError(f"inputs must be {', '.join(self._specs)}, got {', '.join(inputs)}")
        for name, values in inputs.items():
            if len(values) != len(example_ids):
                raise ContractError(f"{name} must have a row an example, {len(example_ids)}, got {len(values)}")
        if (contents is None) != (self._digest is None):
            raise ContractError("rows must have content keys where the writer has a digest, and none elsewhere")
        arrays = [
            pa.array(example_ids, pa.string()),
            pa.array(splits, pa.string()),
            pa.array(labels, self._schema.field("label").type),
            *(input_array(inputs[name], spec, name=name) for name, spec in self._specs.items()),
        ]
        if contents is not None:
            arrays += [pa.array(contents.keys, KEY_FIELDS[0][1]), pa.array(contents.checks)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, self._part_rows - self._part.num_rows)
            if contents is not None:
                self._is_reused &= bool(contents.are_reused[start : start + part.num_rows].all())
            self._add(part)
            start += part.num_rows

    def _written(self, feature_files: Mapping[str, bytes]) -> dict[str, str]:
        for name, content in feature_files.items():
            (self._folder / FEATURES_FOLDER).mkdir(exist_ok=True)
            (self._folder / FEATURES_FOLDER / name).write_bytes(content)
        return {name: fingerprint_bytes(content) for name, content in feature_files.items()}

    def _add(self, batch: pa.RecordBatch) -> None:
        self._part.add(batch)
        is_heavy = self._is_ragged and self._part.num_bytes >= self._part_bytes
        if is_heavy or self._part.num_rows >= self._part_rows:
            self._finish_part()

    def _finish_part(self) -> None:
        if not self._part.num_rows:
            return
        is_reused, self._is_reused = self._is_reused, True
        try:
            self._keep(self._part.batch(), is_reused=is_reused)
        finally:
            # Also after a failed write, so that leaving the block does not try again.
            self._part.clear()

    def _keep(self, batch: pa.RecordBatch, *, is_reused: bool) -> None:
        name = self._name(batch)
        self._files.append({"name": name, "num_rows": batch.num_rows})
        there = self._prepared.whole_part(name) if self._prepared is not None and is_reused else None
        if there is None:
            with atomic_file(self._folder / name) as path:
                _write_part(path, batch)
        elif there.parent != self._folder:
            _link_or_copy(there, self._folder / name)

    def _name(self, batch: pa.RecordBatch) -> str:
        if self._digest is None:
            return f"part-{len(self._files):05d}.arrow"
        places = [0, 1, 2, self._schema.get_field_index(KEY_COLUMN)]
        example_ids, splits, labels, keys = (batch.column(place).to_pylist() for place in places)
        return part_name(self._digest, example_ids, splits, labels, keys)


def _schema(specs: Mapping[str, InputSpec], digest: str | None, label: pa.DataType) -> pa.Schema:
    fields = [("example_id", pa.string()), ("split", pa.string()), ("label", label)]
    fields += [(name, spec.arrow_type) for name, spec in specs.items()]
    if digest is None:
        return pa.schema(fields)
    taken = {KEY_COLUMN, CHECK_COLUMN} & specs.keys()
    if taken or any(spec.is_ragged for spec in specs.values()):
        raise ContractError("rows with content keys must have inputs of fixed shapes and of other names than the keys'")
    return pa.schema(fields + KEY_FIELDS, metadata={DIGEST: digest})


def _write_part(path: Path, batch: pa.RecordBatch) -> None:
    """Write one record batch: a store of ten million rows must not have a million of them."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def _link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a finished file, which never changes; copy it where the file system has no hard links."""
    with atomic_file(target) as path:
        path.unlink()
        try:
            os.link(source, path)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            shutil.copyfile(source, path)
