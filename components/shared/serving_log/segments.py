"""Segments: files that are only ever appended to, in frames with a checksum, so that a kill leaves no torn record.

A frame is a mark, the length of its content, the checksum of both, and the content. What follows the last whole frame
was being written when the process ended: it is no frame, and is cut off by whoever reads the segment.
"""

from collections.abc import Iterator
import os
from pathlib import Path
import struct
from types import TracebackType
from typing import Self
import zlib

from components.shared.runtime.durable_files import sync_folder

_MARK = b"PZF1"
_HEADER = struct.Struct("<4sQI")


class SegmentWriter:
    """Appends frames to a new segment.

    Parameters
    ----------
    path
        Of the segment, which must not be there yet.

    Attributes
    ----------
    num_bytes
        Bytes of whole frames.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.num_bytes = 0
        sync_folder(self.path.parent)

    def append(self, *contents: bytes | memoryview) -> None:
        """Append frames, and wait until the disk has them.

        Raises
        ------
        OSError
            If they cannot be written, on a full disk for one; then the segment is as it was before.
        """
        before = self.num_bytes
        try:
            for content in contents:
                checked = zlib.crc32(content, zlib.crc32(struct.pack("<Q", len(content))))
                _write_all(self._file, _HEADER.pack(_MARK, len(content), checked))
                _write_all(self._file, content)
                self.num_bytes += _HEADER.size + len(content)
            os.fsync(self._file)
        except OSError:
            self.num_bytes = before
            os.ftruncate(self._file, before)
            os.lseek(self._file, before, os.SEEK_SET)
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_frames(path: str | Path) -> Iterator[bytes]:
    """Contents of a segment's whole frames, in their order; one that is damaged is passed over."""
    content = memoryview(Path(path).read_bytes())
    place = 0
    while place + _HEADER.size <= len(content):
        mark, length, checked = _HEADER.unpack_from(content, place)
        start, end = place + _HEADER.size, place + _HEADER.size + length
        if mark == _MARK and end <= len(content):
            frame = content[start:end]
            if zlib.crc32(frame, zlib.crc32(struct.pack("<Q", length))) == checked:
                yield bytes(frame)
                place = end
                continue
        place = content.obj.find(_MARK, place + 1)  # type: ignore[attr-defined]  # the bytes it shows
        if place < 0:
            return


def _write_all(file: int, content: bytes | memoryview) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
