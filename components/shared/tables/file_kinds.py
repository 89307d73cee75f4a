"""What a file is that is no table of ours, by its first bytes: one sentence says so, and what to do."""

from typing import BinaryIO
import zipfile

HEAD_BYTES = 4096
PARQUET_MARK = b"PAR1"
_AS_CSV = "save the sheet as CSV in UTF-8"
_UNPACK = "unpack it, and name the table in it"
_PHOTOS = "put photos into folders, one a class, and name the folder above them"
_EXPORT = "export the table as CSV or Parquet"
# Beginning, what it is, what to do.
_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office file", _AS_CSV),
    (b"\x1f\x8b", "packed with gzip", "let its name end in .gz"),
    (b"BZh", "packed with bzip2", "let its name end in .bz2"),
    (b"\xfd7zXZ\x00", "packed with xz", "let its name end in .xz"),
    (b"\x28\xb5\x2f\xfd", "packed with Zstandard", "unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"%PDF-", "a PDF", _EXPORT),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", _PHOTOS),
    (b"\xff\xd8\xff", "a JPEG image", _PHOTOS),
    (b"GIF8", "a GIF image", _PHOTOS),
    (b"II*\x00", "a TIFF image", _PHOTOS),
    (b"MM\x00*", "a TIFF image", _PHOTOS),
    (PARQUET_MARK, "a Parquet file", "let its name end in .parquet, or set table.format: parquet"),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
    (b"FEA1", "a Feather file", "write it as Parquet"),
    (b"ORC", "an ORC file", "write it as Parquet"),
    (b"Obj\x01", "an Avro file", "write it as Parquet"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _EXPORT),
    (b"SQLite format 3\x00", "an SQLite database", _EXPORT),
    (b"\x80\x04\x95", "a Python pickle, which is never loaded", _EXPORT),
    (b"\x80\x05\x95", "a Python pickle, which is never loaded", _EXPORT),
    (b"<!doctype html", "an HTML page", "download the table itself"),
    (b"<html", "an HTML page", "download the table itself"),
    (b"<?xml", "an XML file", _EXPORT),
)
_ZIP = b"PK\x03\x04"
_MARKUP = (b"<!doctype html", b"<html", b"<?xml")
_MAX_CONTROL_SHARE = 0.02
_MOST = 0.7
_CONTROLS = frozenset(range(0x20)) - frozenset(b"\t\n\v\f\r\x1a\x1b\x1c\x1d\x1e\x1f")


def refuse_other_kinds(stream: BinaryIO, uri: str, *, but: bytes = b"", is_decoded: bool = False) -> None:
    """Refuse a file that begins as no table does.

    Parameters
    ----------
    stream
        The file as bytes, unpacked by its suffix, at its beginning, where it is left.
    uri
        Its name, for the error.
    but
        The beginning that is wanted, for files that are no text.
    is_decoded
        Whether the text's encoding is known: some encodings have bytes that others do not.

    Raises
    ------
    ValueError
        If it is something else that is known: a workbook, an archive, a PDF, an image, or bytes that are no text.
    """
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    if but and head.startswith(but):
        return
    found = _known_kind(head, stream)
    if found is None and not but and not is_decoded:
        found = _kind_of_bytes(head)
    if found is not None:
        raise ValueError(f"{uri} must be a table in CSV, TSV, JSON lines or Parquet, but it is {found[0]}: {found[1]}")


def _known_kind(head: bytes, stream: BinaryIO) -> tuple[str, str] | None:
    if head.startswith(_ZIP):
        return _kind_of_zip(head, stream)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "a WEBP image", _PHOTOS
    if head.startswith(b"BM") and len(head) > 14 and head[6:10] == b"\x00\x00\x00\x00":
        return "a BMP image", _PHOTOS
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginning, what, remedy in _KINDS:
        if (text if beginning in _MARKUP else head).startswith(beginning):
            return what, remedy
    return None


def _kind_of_zip(head: bytes, stream: BinaryIO) -> tuple[str, str]:
    """Workbooks are zip archives too."""
    if b"opendocument.spreadsheet" in head:
        return "an OpenDocument sheet", _AS_CSV
    try:
        names = zipfile.ZipFile(stream).namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        names = []
    if any(name.startswith("xl/") for name in names) or b"xl/" in head:
        return "an Excel workbook", _AS_CSV
    return "a zip archive", _UNPACK


def _kind_of_bytes(head: bytes) -> tuple[str, str] | None:
    """What bytes are that are no text in an encoding that is recognised; UTF-16 with its mark is."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[start::2] and head[start::2].count(0) > _MOST * len(head[start::2]) and 0 not in head[1 - start :: 2]:
            return "UTF-16 text without a byte order mark", f"set table.encoding: {name}"
    num_controls = sum(byte in _CONTROLS for byte in head)
    if 0 in head or num_controls > _MAX_CONTROL_SHARE * len(head):
        return "binary data, no text", _EXPORT
    return None
