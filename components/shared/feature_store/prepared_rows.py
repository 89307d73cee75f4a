"""Reuses prepared examples of earlier builds: they are found by the contents of the raw example and checked first.

A part is one finished Arrow IPC file of a feature store. Its metadata says how its rows were prepared, and each row
has a hash of its raw example and a checksum of the result, so that it can be used again without an index.
"""

from collections.abc import Iterable, Mapping, Sequence
import hashlib
import logging
from pathlib import Path
import zlib

import numpy as np
import pyarrow as pa

from components.shared.feature_store.blocks import InputBlock, InputSpec
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_json

logger = logging.getLogger(__name__)

KEY_COLUMN = "content_key"
CHECK_COLUMN = "content_check"
DIGEST = b"content_digest"
PART_GLOB = "part-*.arrow"

_KEY_BYTES = 16
_KEY_TYPE = pa.binary(_KEY_BYTES)
KEY_FIELDS = [(KEY_COLUMN, _KEY_TYPE), (CHECK_COLUMN, pa.uint32())]


def content_key(payload: bytes) -> bytes:
    """The first 16 bytes of the SHA-256 of a raw example."""
    return hashlib.sha256(payload).digest()[:_KEY_BYTES]


def row_checks(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """CRC-32 of every row's inputs (B rows each, of fixed shapes), in the order of their names: (B,), uint32."""
    columns = [np.ascontiguousarray(inputs[name]) for name in sorted(inputs)]
    checks = np.zeros(len(columns[0]), np.uint32)
    for row in range(len(checks)):
        value = 0
        for column in columns:
            value = zlib.crc32(column[row].data, value)
        checks[row] = value
    return checks


def part_name(
    digest: str, example_ids: Sequence[str], splits: Sequence[str], labels: Sequence[int], keys: Sequence[bytes]
) -> str:
    """A file name that is the same for the same rows, prepared in the same way."""
    rows = [list(example_ids), list(splits), list(labels), [key.hex() for key in keys]]
    return f"part-{fingerprint_json([digest, rows])}.arrow"


class PreparedRows:
    """Rows of the parts in some folders that were prepared in one way.

    It holds 16 bytes a row; the rows themselves stay in the files. A file that cannot be read is left out.

    Parameters
    ----------
    folders
        Where parts may lie. A row that several hold is taken from the first.
    digest
        How rows must have been prepared.
    specs
        Type and shape of every input; all fixed.
    """

    def __init__(self, folders: Iterable[Path], *, digest: str, specs: Mapping[str, InputSpec]) -> None:
        self._digest = digest
        self._specs = dict(specs)
        self._parts: list[_Part] = []
        self._paths: dict[str, Path] = {}
        for folder in folders:
            for path in sorted(folder.glob(PART_GLOB)):
                self._add(path)
        sizes = [len(part.keys) for part in self._parts]
        self._starts = np.cumsum([0, *sizes])
        heads = np.concatenate([np.empty(0, np.uint64), *(_heads(part.keys) for part in self._parts)])
        self._order = np.argsort(heads, kind="stable")
        self._heads = heads[self._order]

    def __len__(self) -> int:
        return len(self._heads)

    def copy_into(self, inputs: Mapping[str, np.ndarray], keys: Sequence[bytes]) -> np.ndarray:
        """Copy the rows of some raw examples, where they are found and undamaged.

        Parameters
        ----------
        inputs
            B rows each, of the specs; rows that were found are written.
        keys
            `content_key` of B raw examples.

        Returns
        -------
        np.ndarray
            Shape (B,), bool: which rows were found.
        """
        found = np.zeros(len(keys), bool)
        if not len(self._heads):
            return found
        wanted = np.frombuffer(b"".join(keys), np.uint8).reshape(-1, _KEY_BYTES)
        places = np.searchsorted(self._heads, _heads(wanted)).clip(max=len(self._heads) - 1)
        for row, number in enumerate(self._order[places]):
            place = int(np.searchsorted(self._starts, number, side="right")) - 1
            part, inside = self._parts[place], int(number - self._starts[place])
            if part.keys[inside].tobytes() != keys[row] or not part.is_whole(inside):
                continue
            for name, values in inputs.items():
                values[row] = part.values[name][inside]
            found[row] = True
        return found

    def whole_part(self, name: str) -> Path | None:
        """The file of a part, where its rows are all undamaged and belong to its name."""
        path = self._paths.get(name)
        if path is None:
            return None
        try:
            part = _Part(path, self._specs, self._digest)
            is_whole = part.name() == name and all(part.is_whole(row) for row in range(len(part.keys)))
        except (pa.ArrowException, ContractError, OSError, ValueError):
            return None
        return path if is_whole else None

    def _add(self, path: Path) -> None:
        try:
            part = _Part(path, self._specs, self._digest)
        except _OtherPreparationError:
            return
        except (pa.ArrowException, ContractError, OSError, ValueError) as error:
            logger.warning("%s is left out and its examples are prepared anew: it cannot be read: %s", path, error)
            return
        self._parts.append(part)
        self._paths.setdefault(path.name, path)


class _OtherPreparationError(Exception):
    """A part whose rows were prepared in another way."""


class _Part:
    """One mapped part: its keys, its checks and its inputs."""

    def __init__(self, path: Path, specs: Mapping[str, InputSpec], digest: str) -> None:
        with pa.memory_map(str(path), "r") as file:
            reader = pa.ipc.open_file(file)
            if (reader.schema.metadata or {}).get(DIGEST) != digest.encode():
                raise _OtherPreparationError
            if reader.num_record_batches != 1:
                raise ContractError(f"it must hold one record batch, got {reader.num_record_batches}")
            self._batch = reader.get_batch(0)
        self._digest = digest
        keys = InputBlock(self._column(KEY_COLUMN, _KEY_TYPE), InputSpec(dtype="uint8", shape=(_KEY_BYTES,)))
        self.keys = keys.values
        self.checks = self._column(CHECK_COLUMN, pa.uint32()).to_numpy()
        self.values = {
            name: InputBlock(self._column(name, spec.arrow_type), spec).values for name, spec in specs.items()
        }

    def _column(self, name: str, kind: pa.DataType) -> pa.Array:
        place = self._batch.schema.get_field_index(name)
        if place < 0 or self._batch.column(place).type != kind:
            raise ContractError(f"it must have a column {name} of {kind}")
        return self._batch.column(place)

    def is_whole(self, row: int) -> bool:
        """Whether a row's inputs are those that were written."""
        checks = row_checks({name: values[row : row + 1] for name, values in self.values.items()})
        return bool(checks[0] == self.checks[row])

    def name(self) -> str:
        """The name that belongs to its rows."""
        self._batch.validate(full=True)
        example_ids, splits, labels = (self._batch.column(number).to_pylist() for number in range(3))
        return part_name(self._digest, example_ids, splits, labels, [key.tobytes() for key in self.keys])


def _heads(keys_BK: np.ndarray) -> np.ndarray:
    """First eight bytes of the keys as numbers, shape (B,), uint64."""
    return np.ascontiguousarray(keys_BK[:, :8]).view(np.uint64).reshape(-1)
