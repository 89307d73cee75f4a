"""Taking rows out of a log: those of some requests, or of some value of a declared identifier; and those that are old.

Who asked to be forgotten stays so: what is to be deleted is first written down, `_deleted/....json`, as keyed hashes,
and whoever brings rows into the log looks there before and after. So a row that waits in a server's spool is deleted
when it comes.
"""

from collections.abc import Collection, Iterator, Sequence
import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta, UTC
import json
import logging
from pathlib import Path
import time
import uuid

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shared.serving_log.parts import folder_times, open_part, part_names, put_file, write_part
from components.shared.serving_log.served_labels import LABELS_FOLDER
from components.shared.serving_log.time_window import check_kept_days, TimeWindow
from components.shared.tables.personal_key import keyed_hashes

logger = logging.getLogger(__name__)

DELETED_FOLDER = "_deleted"
_LOOK_S, _AGAIN_S = 3600.0, 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Deletion:
    """Rows to be taken out: those whose `column` has one of `hashes`, the keyed hashes of values."""

    column: str
    hashes: frozenset[str]

    def kept(self, rows: pa.Table) -> pa.Table:
        """The rows that stay; the table itself where all do."""
        if self.column not in rows.schema.names:
            return rows
        values = rows.column(self.column).combine_chunks()
        hit = pc.fill_null(pc.is_in(keyed_hashes(values), value_set=pa.array(sorted(self.hashes))), False)
        return rows.filter(pc.invert(hit)) if pc.any(hit).as_py() else rows


def delete_rows(log: str, values: Sequence[str], *, column: str = "request_id") -> int:
    """Delete rows of a log, and what waits to come into it; returns how many were in it.

    Parameters
    ----------
    log
        The log's folder: a local path or an fsspec URI.
    values
        Of the column, as clients know them.
    column
        `request_id`, or an identifier or group that the log has.

    Raises
    ------
    ContractError
        If a part is damaged; then those before it are without the rows already.
    """
    filesystem, root = fsspec.core.url_to_fs(log)
    hashes = keyed_hashes(pa.array(list(values), pa.string())).to_pylist()
    deletion = Deletion(column=column, hashes=frozenset(hashes))
    content = json.dumps({"column": column, "hashes": sorted(deletion.hashes)}).encode()
    put_file(filesystem, f"{root}/{DELETED_FOLDER}/{uuid.uuid4().hex}.json", content)
    return sum(_without(filesystem, name, [deletion]) for name in _all_parts(filesystem, root))


def deletions_of(filesystem: AbstractFileSystem, root: str) -> dict[str, Deletion]:
    """All that was asked to be deleted from a log, by the name of its file."""
    folder = f"{root}/{DELETED_FOLDER}"
    if not filesystem.isdir(folder):
        return {}
    filesystem.invalidate_cache(folder)
    found = {}
    for name in sorted(filesystem.find(folder)):
        if name.endswith(".json"):
            content = json.loads(filesystem.cat_file(name))
            found[name] = Deletion(column=content["column"], hashes=frozenset(content["hashes"]))
    return found


def delete_before(log: str, window: TimeWindow) -> int:
    """Delete the parts, of rows and labels, that lie wholly before a window's start; returns how many.

    Folders of hours and days that are empty then go, too. What lies in no folder of a day or hour stays. Several may
    delete at once: each part is counted by one of them.
    """
    filesystem, root = fsspec.core.url_to_fs(log)
    labels = f"{root}/{LABELS_FOLDER}"
    names = [*_all_parts(filesystem, root), *(filesystem.find(labels) if filesystem.isdir(labels) else [])]
    old = [
        name
        for name in names
        if window.start is not None and (span := folder_times(name)) is not None and span[1] < window.start
    ]
    num_deleted = 0
    for name in old:
        with contextlib.suppress(FileNotFoundError):  # another server was first
            filesystem.rm_file(name)
            num_deleted += 1
    if isinstance(filesystem, LocalFileSystem):
        _remove_empty({Path(name).parent for name in old})
    return num_deleted


class Retention:
    """Deletes hours of a log that ended more than so many days ago, at most once an hour; None keeps all.

    The hour that is being written is never one of them.

    Attributes
    ----------
    num_deleted
        Parts that this process deleted.
    """

    def __init__(self, log: str, num_days: float | None) -> None:
        check_kept_days(num_days)
        self._log = log
        self._num_days = num_days
        self._next = 0.0
        self.num_deleted = 0

    def keep(self) -> None:
        """Delete what is too old, if it is time to look; a store's error is raised."""
        if self._num_days is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _AGAIN_S
        found = delete_before(self._log, TimeWindow(start=datetime.now(UTC) - timedelta(days=self._num_days)))
        self._next = time.monotonic() + _LOOK_S
        self.num_deleted += found
        if found:
            logger.info("%d parts of %s are older than %g days, and were deleted", found, self._log, self._num_days)


def _all_parts(filesystem: AbstractFileSystem, root: str) -> Iterator[str]:
    yield from part_names(filesystem, root, TimeWindow()) if filesystem.isdir(root) else ()


def _remove_empty(folders: Collection[Path]) -> None:
    """Remove those of the folders of hours, and of their days, that hold nothing."""
    days = {folder.parent for folder in folders if folder.name.startswith("hour=")}
    for folder in (*folders, *days):
        if folder.name.startswith(("hour=", "date=")):
            with contextlib.suppress(OSError):  # it holds something, or another server was first
                folder.rmdir()


def _without(filesystem: AbstractFileSystem, name: str, deletions: Sequence[Deletion]) -> int:
    """Take rows out of a part, which is replaced whole, or removed where none is left; returns how many."""
    part = open_part(filesystem, name)
    with filesystem.open(name, "rb") as file:
        rows = pq.read_table(file)
    kept = rows
    for deletion in deletions:
        kept = deletion.kept(kept)
    if len(kept) == len(rows):
        return 0
    if len(kept):
        write_part(filesystem, name, kept, part.info)
    else:
        filesystem.rm_file(name)
    return len(rows) - len(kept)
