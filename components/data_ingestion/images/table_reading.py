"""Reading photos that a table names or holds: files below its folder, URIs, cells of a Parquet table."""

from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate
import threading

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from components.data_ingestion.images.reading import LocalReader, RemoteReader
from components.modeling.images.decoding import check_file_bytes, MAX_FILE_BYTES, UndecodableImageError
from components.shared.tables.opening import opened, readable
from components.shared.tables.parquet_file import parquet_file
from components.shared.tables.photo_places import ABSENT, PhotoPlaces, shown_uri, UnusablePathError
from components.shared.tables.photo_tables import image_cells
from components.shared.tables.sources import readable_store_errors
from components.shared.tables.table_files import TableFile

ROW = "row "
_GROUPS_HELD = 2


class StoredCells:
    """Cells of a Parquet table's column by their row; two row groups are held: read in order, each is read once.

    Refuses row groups of more than `max_group_bytes` of images, before any is read.
    """

    def __init__(self, file: TableFile, column: str, *, max_group_bytes: int = 4 << 30) -> None:
        self._max_group_bytes = max_group_bytes
        self._uri = file.uri
        self._lock = threading.Lock()
        self._groups: OrderedDict[int, pa.ChunkedArray] = OrderedDict()
        with readable(self._uri), opened(self._uri, unpack=False) as stream:
            stored = parquet_file(stream)
            self._column = stored.schema_arrow.names[file.column_names().index(column)]
            groups = [stored.metadata.row_group(number) for number in range(stored.num_row_groups)]
        self._starts = [0, *accumulate(group.num_rows for group in groups)]
        for number, group in enumerate(groups, 1):
            self._check_group(group, number)

    def read(self, row: int) -> bytes | str | None:
        """Encoded image, or path of one; None where the cell is empty."""
        group = bisect_right(self._starts, row) - 1
        with self._lock:
            if group not in self._groups:
                self._groups[group] = self._loaded(group)
                while len(self._groups) > _GROUPS_HELD:
                    self._groups.popitem(last=False)
            column = self._groups[group]
        place = row - self._starts[group]
        images, paths = image_cells(column.slice(place, 1).combine_chunks())
        return paths.get(0) or images[0].as_py()

    def _check_group(self, group: pq.RowGroupMetaData, number: int) -> None:
        chunks = [group.column(place) for place in range(group.num_columns)]
        own = [chunk for chunk in chunks if f"{chunk.path_in_schema}.".startswith(f"{self._column}.")]
        size = sum(chunk.total_uncompressed_size for chunk in own)
        if size > self._max_group_bytes:
            raise ValueError(
                f"a row group of {self._uri} must hold at most {self._max_group_bytes:,} bytes of images, but number "
                f"{number} holds {size:,}: write the table with smaller row groups"
            )

    def _loaded(self, group: int) -> pa.ChunkedArray:
        with readable(self._uri), opened(self._uri, unpack=False) as stream:
            return parquet_file(stream).read_row_group(group, columns=[self._column]).column(0)


class PhotoTableReader:
    """Reads files below a folder, URIs, and rows of a Parquet table (`row 12`).

    `cells` are those rows, with what places the paths among them; other processes can read only files below a folder.
    """

    def __init__(
        self,
        folder: LocalReader | RemoteReader,
        *,
        cells: tuple[StoredCells, PhotoPlaces] | None = None,
        has_uris: bool = False,
    ) -> None:
        self._folder, self._cells = folder, cells
        self.in_processes = cells is None and not has_uris and folder.in_processes

    def read(self, location: str) -> bytes:
        """See `ImageReader`."""
        if self._cells is not None and location.startswith(ROW):
            cells, places = self._cells
            content = cells.read(int(location.removeprefix(ROW)))
            if content is None:
                raise UndecodableImageError("its row holds no image")
            if isinstance(content, bytes):
                check_file_bytes(len(content))
                return content
            try:
                _, location = places.place(content)
            except UnusablePathError as error:
                raise UndecodableImageError(str(error)) from error
        return _at_uri(location) if "://" in location else self._folder.read(location)


def _at_uri(uri: str) -> bytes:
    try:
        with readable_store_errors("it cannot be read"):
            filesystem, path = fsspec.core.url_to_fs(uri)
            num_bytes = filesystem.size(path) or 0
            data: bytes = filesystem.cat_file(path) if num_bytes <= MAX_FILE_BYTES else b""
    except ValueError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise UndecodableImageError(ABSENT) from error
        raise UndecodableImageError(str(error).replace(uri, shown_uri(uri))) from error
    check_file_bytes(max(num_bytes, len(data)))
    return data
