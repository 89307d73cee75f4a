"""The feature store: what training reads every epoch, prepared once, memory-mapped, without a copy.

One row an example in uncompressed Arrow IPC files: its identifier, split and label, and its inputs by name: an image's
`uint8` pixels, a text's tokens, a row's numbers and category codes. An index names the files; it is written last.

A store may also be a link: an index alone, which names the folder of a shared volume that holds the files. Steps on a
cluster pass the link, and nothing is copied into their pods.
"""

from collections.abc import Mapping, Sequence
import hashlib
import json
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.atomic_files import read_json, write_json
from components.shared.bundle import FEATURES_FOLDER
from components.shared.errors import ContractError
from components.shared.feature_blocks import input_array, input_specs_from, InputBlock, InputSpec
from components.shared.fingerprints import fingerprint_bytes, fingerprint_file, fingerprint_json
from components.shared.format_version import check_format_version
from components.shared.problem import SPLIT_NAMES

FORMAT_VERSION = 3
CONTRACT = "feature_store"
UNLABELLED = -1

_INDEX = "feature_store.json"
_ROWS_PER_FILE = 8192
_BATCH_BYTES = 1 << 20
_MAX_ROWS_PER_BATCH = 4096
_KEYS = ("modality", "class_names", "inputs", "preparation", "feature_files", "files")


class FeatureStoreWriter:
    """Writes prepared examples in a stream; the index is written last, so a killed build is not taken for a store.

    Parameters
    ----------
    path
        The folder to write.
    modality
        `image`, `text` or `tabular`.
    class_names
        Class names; labels are indices into them.
    input_specs
        Type and shape of every input.
    preparation
        How the examples were prepared, kept for whoever reads the store.
    feature_files
        Further files of the preparation by name, a tokenizer for one; they lie in `FEATURES_FOLDER`.
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
    ) -> None:
        self._folder = Path(path)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / _INDEX).unlink(missing_ok=True)
        self._specs = dict(input_specs)
        self._info = {
            "modality": modality,
            "class_names": list(class_names),
            "inputs": {name: spec.to_dict() for name, spec in self._specs.items()},
            "preparation": preparation,
            "feature_files": self._written(feature_files or {}),
        }
        self._schema = pa.schema(
            [("example_id", pa.string()), ("split", pa.string()), ("label", pa.int32())]
            + [(name, spec.arrow_type) for name, spec in self._specs.items()]
        )
        row_bytes = sum(spec.num_bytes for spec in self._specs.values())
        self._batch_rows = min(max(_BATCH_BYTES // max(row_bytes, 1), 1), _MAX_ROWS_PER_BATCH)
        self._files: list[dict[str, Any]] = []
        self._sink: Any = None
        self._rows_in_file = 0

    def __enter__(self) -> "FeatureStoreWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish_file()
        if kind is None:
            write_json(
                self._folder / _INDEX,
                {"contract": CONTRACT, "format_version": FORMAT_VERSION, **self._info, "files": self._files},
            )

    def write(
        self,
        *,
        example_ids: Sequence[str],
        splits: Sequence[str],
        labels: Sequence[int],
        inputs: Mapping[str, np.ndarray],
    ) -> None:
        """Append examples.

        Parameters
        ----------
        example_ids, splits, labels
            B values each; a label is a class index or `UNLABELLED`.
        inputs
            Every input by name, B rows each, of its spec's type and shape.

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
        for start in range(0, len(example_ids), self._batch_rows):
            rows = slice(start, start + self._batch_rows)
            arrays = [
                pa.array(example_ids[rows], pa.string()),
                pa.array(splits[rows], pa.string()),
                pa.array(labels[rows], pa.int32()),
                *(input_array(inputs[name][rows], spec, name=name) for name, spec in self._specs.items()),
            ]
            self._write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def _written(self, feature_files: Mapping[str, bytes]) -> dict[str, str]:
        for name, content in feature_files.items():
            (self._folder / FEATURES_FOLDER).mkdir(exist_ok=True)
            (self._folder / FEATURES_FOLDER / name).write_bytes(content)
        return {name: fingerprint_bytes(content) for name, content in feature_files.items()}

    def _write_batch(self, batch: pa.RecordBatch) -> None:
        if self._sink is None:
            name = f"part-{len(self._files):05d}.arrow"
            self._sink = pa.ipc.new_file(pa.OSFile(str(self._folder / name), "wb"), self._schema)
            self._files.append({"name": name, "num_rows": 0})
        self._sink.write_batch(batch)
        self._files[-1]["num_rows"] += batch.num_rows
        self._rows_in_file += batch.num_rows
        if self._rows_in_file >= _ROWS_PER_FILE:
            self._finish_file()

    def _finish_file(self) -> None:
        if self._sink is not None:
            self._sink.close()
        self._sink = None
        self._rows_in_file = 0


def link_store(path: str | Path, folder: str | Path) -> None:
    """Write a link to a store elsewhere.

    Parameters
    ----------
    path
        The link's folder, written.
    folder
        The store's folder, absolute.

    Raises
    ------
    ValueError
        If `folder` is not absolute.
    FileNotFoundError
        If there is no finished store in `folder`.
    """
    if not Path(folder).is_absolute():
        raise ValueError(f"a link must name the feature store by an absolute path, got {str(folder)!r}")
    digest = fingerprint_file(_index_of(Path(folder)))
    Path(path).mkdir(parents=True, exist_ok=True)
    link = {"contract": CONTRACT, "format_version": FORMAT_VERSION, "folder": str(folder), "index": digest}
    write_json(Path(path) / _INDEX, link)


def _index_of(folder: Path) -> Path:
    index = folder / _INDEX
    if not index.is_file():
        raise FileNotFoundError(f"the feature store's index must be a JSON file, but there is no file at {index}")
    return index


def _read_index(path: Path) -> dict[str, Any]:
    index = read_json(path / _INDEX, what="the feature store's index")
    found = index.get("contract") if isinstance(index, dict) else type(index).__name__
    if found != CONTRACT:
        raise ContractError(f"{path} must be a feature store, got {found!r}")
    version = check_format_version(index.get("format_version"), newest=FORMAT_VERSION, contract=CONTRACT, where=path)
    if version < 3 and "image_shape" in index:
        inputs = {"image": {"dtype": "uint8", "shape": index["image_shape"]}}
        index = {**index, "modality": "image", "inputs": inputs, "feature_files": {}}
    return dict(index)


def _followed(path: Path, link: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """The store behind a link, which comes with an artifact and so may say anything."""
    folder = Path(str(link["folder"]))
    remedy = "mount the volume that it lies on, or run build_feature_store again without the cache"
    if not folder.is_absolute() or ".." in folder.parts:
        raise ContractError(f"the link at {path} must name an absolute folder, got {link['folder']!r}")
    if not (folder / _INDEX).is_file():
        raise FileNotFoundError(f"the feature store that {path} names must be at {folder}, but is not: {remedy}")
    if fingerprint_file(folder / _INDEX) != link.get("index"):
        raise ContractError(
            f"the feature store at {folder} must be the one that {path} names, but is another: {remedy}"
        )
    index = _read_index(folder)
    if "folder" in index:
        raise ContractError(f"the feature store at {folder} must hold examples, but is a link itself")
    return folder, index


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
    modality
        `image`, `text` or `tabular`.
    class_names
        Class names, in the order of the label indices.
    input_specs
        Type and shape of every input.
    preparation
        How the examples were prepared: `backbone`, `preprocessing`, `augmentation`, `label_version`.
    example_ids, splits
        Shape (N,), object: strings in the store's order.
    labels
        Shape (N,), int64: class indices, `UNLABELLED` where there is none.

    Raises
    ------
    FileNotFoundError
        If there is no finished store at `path`, or behind the link there.
    ContractError
        If a file of it is missing, changed, truncated or of another shape.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        index = _read_index(self.path)
        if "folder" in index:
            self.path, index = _followed(self.path, index)
        absent = set(_KEYS) - index.keys()
        if absent:
            raise ContractError(f"the index of the feature store at {self.path} must have {', '.join(sorted(absent))}")
        self.modality: str = index["modality"]
        self.class_names: tuple[str, ...] = tuple(index["class_names"])
        self.input_specs = input_specs_from(index["inputs"])
        self.preparation: dict[str, Any] = index["preparation"]
        self._feature_files: dict[str, str] = dict(index["feature_files"])
        self._check_feature_files()
        self._blocks: list[dict[str, InputBlock]] = []
        self._block_rows: list[int] = []
        columns: dict[str, list[Any]] = {"example_id": [], "split": [], "label": []}
        for file in index["files"]:
            self._map(self.path / str(file["name"]), int(file["num_rows"]), columns)
        self.example_ids = np.array(columns["example_id"], dtype=object)
        self.splits = np.array(columns["split"], dtype=object)
        self.labels = np.array(columns["label"], dtype=np.int64)
        self._starts = np.cumsum([0, *self._block_rows])

    def __len__(self) -> int:
        return len(self.labels)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

    @property
    def task(self) -> str:
        """The bundle's name for what is learnt from it: `image_classification` for one."""
        return f"{self.modality}_classification"

    @property
    def feature_files(self) -> dict[str, bytes]:
        """Further files of the preparation, by name."""
        return {name: (self.path / FEATURES_FOLDER / name).read_bytes() for name in self._feature_files}

    def indices(self, split: str) -> np.ndarray:
        """Row numbers of the labelled examples of a split, shape (M,), int64, ascending.

        Raises
        ------
        ValueError
            If `split` is unknown.
        """
        if split not in SPLIT_NAMES:
            raise ValueError(f"split must be one of {', '.join(SPLIT_NAMES)}, got {split!r}")
        return np.flatnonzero((self.splits == split) & (self.labels != UNLABELLED))

    def fingerprint(self) -> str:
        """Fingerprint of everything in the store: inputs, ids, labels, splits and how it was prepared."""
        specs = {name: spec.to_dict() for name, spec in self.input_specs.items()}
        described = [self.modality, list(self.class_names), specs, self.preparation, self._feature_files]
        digest = hashlib.blake2b(fingerprint_json(described).encode(), digest_size=16)
        for values in (self.example_ids, self.splits, self.labels):
            digest.update(json.dumps(values.tolist()).encode())
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
        number = np.searchsorted(self._starts, rows, side="right") - 1
        parts = [(block, np.flatnonzero(number == block)) for block in np.unique(number)]
        inputs = {}
        for name, spec in self.input_specs.items():
            places = [(self._blocks[block][name], where, rows[where] - self._starts[block]) for block, where in parts]
            lengths = [int(block.lengths(inside).max()) for block, _, inside in places] if spec.is_ragged else []
            inputs[name] = spec.empty(len(rows), max(lengths, default=0))
            for block, where, inside in places:
                block.read_into(inputs[name], where, inside)
        return inputs

    def _check_feature_files(self) -> None:
        for name, digest in self._feature_files.items():
            file = self.path / FEATURES_FOLDER / name
            if file.parent != self.path / FEATURES_FOLDER or not file.is_file() or fingerprint_file(file) != digest:
                raise ContractError(f"the feature store at {self.path} must hold {name} as its index lists it")

    def _map(self, file: Path, num_rows: int, columns: dict[str, list[Any]]) -> None:
        if file.parent != self.path or not file.is_file():
            raise ContractError(f"the feature store at {self.path} must hold {file.name}, but it does not")
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(file), "r"))
            batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        except (pa.ArrowInvalid, OSError) as error:
            raise ContractError(f"{file} must be an Arrow IPC file, but cannot be read: {error}") from error
        if sum(batch.num_rows for batch in batches) != num_rows:
            raise ContractError(f"{file} must hold {num_rows} rows, got {sum(batch.num_rows for batch in batches)}")
        for batch in batches:
            self._blocks.append(self._mapped(batch, file))
            self._block_rows.append(batch.num_rows)
            for number, name in enumerate(("example_id", "split", "label")):
                columns[name].extend(batch.column(number).to_pylist())

    def _mapped(self, batch: pa.RecordBatch, file: Path) -> dict[str, InputBlock]:
        blocks = {}
        for name, spec in self.input_specs.items():
            place = batch.schema.get_field_index(name)
            if place < 0 or batch.schema.field(place).type != spec.arrow_type:
                found = "no such column" if place < 0 else batch.schema.field(place).type
                raise ContractError(f"the input {name} in {file} must be {spec.arrow_type}, got {found}")
            blocks[name] = InputBlock(batch.column(place), spec)
        return blocks
