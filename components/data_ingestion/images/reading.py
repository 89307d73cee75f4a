"""Reading images, each twice: once on all cores to measure it, once in a stream to store it.

Between the two only small records are held, so memory does not grow with the files' sizes.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
import itertools
import multiprocessing
from pathlib import Path
import stat
from typing import Any, Protocol

import fsspec

from components.data_ingestion.images.measures import image_record, ImageRecord, stored_payload
from components.modeling.images.decoding import check_file_bytes, UndecodableImageError
from components.shared.runtime.cores import available_cores
from components.shared.runtime.fingerprints import fingerprint_bytes
from components.shared.runtime.local_files import local_files
from components.shared.runtime.progress import progress
from components.shared.tables.photo_places import shown_uri

_FILES_A_CHUNK = 32
_FEW_FILES = 256
_THREADS_A_CORE = 4


class ImageReader(Protocol):
    """Where encoded images come from."""

    @property
    def in_processes(self) -> bool:
        """Whether other processes can read too: it survives pickling and costs little to copy."""

    def read(self, location: str) -> bytes:
        """Bytes of one file; the message of an `UndecodableImageError` is why there are none."""


class LocalReader:
    """Reads files below a local folder; a picklable value."""

    in_processes = True

    def __init__(self, root: str) -> None:
        self._root = root

    @property
    def root(self) -> str:
        """The folder's absolute path."""
        return self._root

    def locations(self) -> list[str]:
        """Names of all files below the folder, relative to it."""
        return [name for name, _ in local_files(self._root)]

    def read(self, location: str) -> bytes:
        """See `ImageReader`."""
        path = Path(self._root, location)
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                what = "a folder" if stat.S_ISDIR(status.st_mode) else "a special file"
                raise UndecodableImageError(f"it is {what}, not a file")
            check_file_bytes(status.st_size)
            return path.read_bytes()
        except OSError as error:
            raise UndecodableImageError(f"it cannot be read: {error.strerror or error}") from error


class RemoteReader:
    """Reads files below an fsspec URI, through one connection that threads share."""

    in_processes = False

    def __init__(self, uri: str) -> None:
        self.root = uri
        self._filesystem, self._root = fsspec.core.url_to_fs(uri)
        self._sizes: dict[str, int] = {}

    def locations(self) -> list[str]:
        """Names of all files below the folder, relative to it."""
        found = self._filesystem.find(self._root, detail=True)
        root = self._root.rstrip("/") + "/"
        self._sizes = {name.removeprefix(root).lstrip("/"): entry.get("size") or 0 for name, entry in found.items()}
        return list(self._sizes)

    def read(self, location: str) -> bytes:
        """See `ImageReader`."""
        check_file_bytes(self._sizes.get(location, 0))
        root = self._root.rstrip("/")
        try:
            data: bytes = self._filesystem.cat_file(f"{root}/{location}" if root else location)
        except OSError as error:
            raise UndecodableImageError(f"it cannot be read: {error.strerror or error}") from error
        return data


def folder_reader(source: str) -> LocalReader | RemoteReader:
    """Reader for a local folder or an fsspec URI."""
    filesystem, path = fsspec.core.url_to_fs(source)
    protocol = filesystem.protocol
    return (
        LocalReader(path) if "file" in ([protocol] if isinstance(protocol, str) else protocol) else RemoteReader(source)
    )


def measured_images(reader: ImageReader, locations: Sequence[str]) -> Iterator[ImageRecord | str]:
    """Records of images in the order of `locations`, measured on all cores; the reason where there is none."""
    chunks = [locations[start : start + _FILES_A_CHUNK] for start in range(0, len(locations), _FILES_A_CHUNK)]
    with _executor(reader, len(locations)) as executor:
        results = executor.map(_measured_chunk, itertools.repeat(reader), chunks)
        records = itertools.chain.from_iterable(results)
        yield from progress(records, label="decoding", total=len(locations), unit="image")


def stored_images(reader: ImageReader, images: Sequence[tuple[str, ImageRecord]]) -> Iterator[bytes]:
    """Payloads of images in their order, read again in a stream; a file that has changed since raises `ValueError`."""
    num_threads = available_cores() * _THREADS_A_CORE
    with ThreadPoolExecutor(num_threads) as executor:
        for window in _windows(progress(images, label="storing", unit="image"), num_threads * 2):
            yield from executor.map(lambda image: _payload(reader, *image), window)


def _windows(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while window := list(itertools.islice(iterator, size)):
        yield window


def _payload(reader: ImageReader, location: str, record: ImageRecord) -> bytes:
    try:
        data = reader.read(location)
    except UndecodableImageError as error:
        raise ValueError(f"{shown_uri(location)} must not change while it is ingested, but now {error}") from error
    if fingerprint_bytes(data) != record.fingerprint:
        raise ValueError(
            f"{shown_uri(location)} must not change while it is ingested, but its contents are no longer the same"
        )
    return stored_payload(data, record)


def _executor(reader: ImageReader, num_images: int) -> Executor:
    num_cores = available_cores()
    if not reader.in_processes:
        return ThreadPoolExecutor(num_cores * _THREADS_A_CORE)
    if num_cores == 1 or num_images < _FEW_FILES:
        return ThreadPoolExecutor(num_cores)
    # Spawned, not forked: Arrow's threads may hold locks that a forked process would inherit locked.
    return ProcessPoolExecutor(num_cores, mp_context=multiprocessing.get_context("spawn"))


def _measured_chunk(reader: ImageReader, locations: Sequence[str]) -> list[ImageRecord | str]:
    return [_measured(reader, location) for location in locations]


def _measured(reader: ImageReader, location: str) -> ImageRecord | str:
    try:
        return image_record(reader.read(location))
    except UndecodableImageError as error:
        return str(error)
