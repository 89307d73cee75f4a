"""The feature store: what training reads every epoch, decoded once, memory-mapped, without a copy.

Today it holds `uint8` images of one size in uncompressed Arrow IPC files: one row an example, the pixels as a
fixed-size binary in height, width, channel order.

A store may also be a link: an index alone, which names the folder of a shared volume that holds the files. Steps on a
cluster pass the link, and nothing is copied into their pods.
"""

from collections.abc import Sequence
import hashlib
import json
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from components.shared.atomic_files import read_json, write_json
from components.shared.errors import ContractError
from components.shared.fingerprints import fingerprint_file, fingerprint_json
from components.shared.format_version import check_format_version
from components.shared.problem import SPLIT_NAMES

FORMAT_VERSION = 2
CONTRACT = "feature_store"
UNLABELLED = -1

_INDEX = "feature_store.json"
_ROWS_PER_FILE = 8192
_ROWS_PER_BATCH = 256


class ImageStoreWriter:
    """Writes decoded images in a stream; the index is written last, so a killed build is not taken for a store.

    Parameters
    ----------
    path
        The folder to write.
    class_names
        Class names; labels are indices into them.
    image_shape
        Height, width and channels of every image, pixels.
    preparation
        How the images were decoded and resized, kept for whoever reads the store.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        class_names: Sequence[str],
        image_shape: tuple[int, int, int],
        preparation: dict[str, Any],
    ) -> None:
        self._folder = Path(path)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / _INDEX).unlink(missing_ok=True)
        self._shape = image_shape
        self._info = {"class_names": list(class_names), "image_shape": list(image_shape), "preparation": preparation}
        pixels = pa.binary(int(np.prod(image_shape)))
        self._schema = pa.schema(
            [("example_id", pa.string()), ("split", pa.string()), ("label", pa.int32()), ("image", pixels)]
        )
        self._files: list[dict[str, Any]] = []
        self._sink: Any = None
        self._rows_in_file = 0

    def __enter__(self) -> "ImageStoreWriter":
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
        self, *, example_ids: Sequence[str], splits: Sequence[str], labels: Sequence[int], images_BHWC: np.ndarray
    ) -> None:
        """Append images.

        Parameters
        ----------
        example_ids, splits, labels
            B values each; a label is a class index or `UNLABELLED`.
        images_BHWC
            Shape (B, H, W, C), uint8, of the store's image shape.

        Raises
        ------
        ContractError
            If shape or type are not the store's.
        """
        if images_BHWC.shape != (len(example_ids), *self._shape) or images_BHWC.dtype != np.uint8:
            raise ContractError(
                f"images must be uint8 of the shape {(len(example_ids), *self._shape)}, "
                f"got {images_BHWC.dtype} {images_BHWC.shape}"
            )
        for start in range(0, len(example_ids), _ROWS_PER_BATCH):
            rows = slice(start, start + _ROWS_PER_BATCH)
            self._write_batch(example_ids[rows], splits[rows], labels[rows], images_BHWC[rows])

    def _write_batch(
        self, example_ids: Sequence[str], splits: Sequence[str], labels: Sequence[int], images_BHWC: np.ndarray
    ) -> None:
        if self._sink is None:
            name = f"part-{len(self._files):05d}.arrow"
            self._sink = pa.ipc.new_file(pa.OSFile(str(self._folder / name), "wb"), self._schema)
            self._files.append({"name": name, "num_rows": 0})
        pixels = pa.py_buffer(np.ascontiguousarray(images_BHWC))
        arrays = [
            pa.array(example_ids, pa.string()),
            pa.array(splits, pa.string()),
            pa.array(labels, pa.int32()),
            pa.Array.from_buffers(self._schema.field("image").type, len(example_ids), [None, pixels]),
        ]
        self._sink.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._files[-1]["num_rows"] += len(example_ids)
        self._rows_in_file += len(example_ids)
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
    check_format_version(index.get("format_version"), newest=FORMAT_VERSION, contract=CONTRACT, where=path)
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
        raise ContractError(f"the feature store at {folder} must hold images, but is a link itself")
    return folder, index


class ImageStore:
    """Reads an image store through memory maps: rows are gathered straight from the page cache.

    Parameters
    ----------
    path
        The folder that `ImageStoreWriter` or `link_store` wrote.

    Attributes
    ----------
    class_names
        Class names, in the order of the label indices.
    image_shape
        Height, width, channels.
    preparation
        How the images were decoded and resized.
    example_ids, splits
        Shape (N,), object: strings in the store's order.
    labels
        Shape (N,), int64: class indices, `UNLABELLED` where there is none.

    Raises
    ------
    FileNotFoundError
        If there is no finished store at `path`, or behind the link there.
    ContractError
        If a file of it is missing, truncated or of another shape.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        index = _read_index(self.path)
        if "folder" in index:
            self.path, index = _followed(self.path, index)
        absent = {"class_names", "image_shape", "preparation", "files"} - index.keys()
        if absent:
            raise ContractError(f"the index of the feature store at {self.path} must have {', '.join(sorted(absent))}")
        self.class_names: tuple[str, ...] = tuple(index["class_names"])
        self.image_shape: tuple[int, int, int] = tuple(index["image_shape"])
        self.preparation: dict[str, Any] = index["preparation"]
        self._blocks: list[np.ndarray] = []
        columns: dict[str, list[Any]] = {"example_id": [], "split": [], "label": []}
        for file in index["files"]:
            self._map(self.path / str(file["name"]), int(file["num_rows"]), columns)
        self.example_ids = np.array(columns["example_id"], dtype=object)
        self.splits = np.array(columns["split"], dtype=object)
        self.labels = np.array(columns["label"], dtype=np.int64)
        self._starts = np.cumsum([0, *(len(block) for block in self._blocks)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

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
        """Fingerprint of everything in the store: pixels, ids, labels, splits and how it was prepared."""
        described = [list(self.class_names), list(self.image_shape), self.preparation]
        digest = hashlib.blake2b(fingerprint_json(described).encode(), digest_size=16)
        for values in (self.example_ids, self.splits, self.labels):
            digest.update(json.dumps(values.tolist()).encode())
        for block in self._blocks:
            digest.update(block.data.cast("B"))
        return digest.hexdigest()

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Images of the given rows, in their order.

        Parameters
        ----------
        rows
            Shape (B,), int: row numbers, 0 to N - 1.

        Returns
        -------
        np.ndarray
            Shape (B, H, W, C), uint8; a copy that the caller may change.
        """
        out = np.empty((len(rows), *self.image_shape), np.uint8)
        blocks = np.searchsorted(self._starts, rows, side="right") - 1
        for position, (row, block) in enumerate(zip(rows, blocks, strict=True)):
            out[position] = self._blocks[block][row - self._starts[block]]
        return out

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
        width = int(np.prod(self.image_shape))
        for batch in batches:
            image = batch.column(3)
            if image.type != pa.binary(width):
                raise ContractError(f"images in {file} must have {width} bytes each, got {image.type}")
            pixels = np.frombuffer(image.buffers()[1], np.uint8)[image.offset * width :][: batch.num_rows * width]
            self._blocks.append(pixels.reshape(-1, *self.image_shape))
            for number, name in enumerate(("example_id", "split", "label")):
                columns[name].extend(batch.column(number).to_pylist())
