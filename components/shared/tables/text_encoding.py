"""The encoding of a text file: UTF-8, UTF-16 where a mark says so, else Korean CP949."""

import codecs
from typing import BinaryIO

_CHUNK_BYTES = 1 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NAMES = {"utf-8": "UTF-8", "cp949": "CP949"}
# What begins characters of three bytes and more in UTF-8, such as Hangul, is above these. UTF-8 that held such
# characters is hardly ever CP949 by chance.
_NARROW_BYTES = bytes(range(0xE0))


def recognised_encoding(stream: BinaryIO, *, uri: str) -> str:
    """Encoding of a file, read from the beginning to the end in chunks: `utf-8`, `utf-16` or `cp949` (contains EUC-KR).

    UTF-8 may have a byte order mark, UTF-16 must.

    Raises
    ------
    ValueError
        If it is none of them, or changes on the way; `uri` is named, and the first line that does not fit.
    """
    chunk = stream.read(_CHUNK_BYTES)
    for mark, encoding in _MARKS:
        if chunk.startswith(mark):
            return encoding
    candidates = [_Candidate("utf-8"), _Candidate("cp949")]
    while any(candidate.holds for candidate in candidates):
        for candidate in candidates:
            candidate.take(chunk)
        if not chunk:
            break
        chunk = stream.read(_CHUNK_BYTES)
    utf8, cp949 = candidates
    if utf8.holds:
        return "utf-8"
    if cp949.holds and not utf8.seen_wide:
        return "cp949"
    # The one that holds longer, or that has shown itself, is what the file was begun in.
    main = utf8 if utf8.seen_wide or utf8.num_lines >= cp949.num_lines else cp949
    if main.num_lines and main.seen_wide:
        raise ValueError(
            f"{uri} must be text in one encoding, but line {main.num_lines + 1:,} is not in {_NAMES[main.name]} as the "
            "lines before it are: save it in one encoding, or set table.encoding"
        )
    raise ValueError(
        f"{uri} must be text in UTF-8, UTF-16 or CP949, but is none of them, as line {main.num_lines + 1:,} shows: set "
        "table.encoding"
    )


def first_bad_line(stream: BinaryIO, encoding: str) -> int | None:
    """Number of the first line, counted from 1, that does not decode; None where all do."""
    candidate = _Candidate(encoding)
    while candidate.holds:
        chunk = stream.read(_CHUNK_BYTES)
        candidate.take(chunk)
        if not chunk:
            break
    return None if candidate.holds else candidate.num_lines + 1


class _Candidate:
    """An encoding that a file may have; once `holds` is false, `num_lines` lines before the bad one were good."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.holds = True
        self.num_lines = 0
        self.seen_wide = False
        self._decoder = codecs.getincrementaldecoder(name)()
        self._keeps_ascii = name in _NAMES

    def take(self, chunk: bytes) -> None:
        """Decode the next bytes; none at the end."""
        if not self.holds:
            return
        if self._keeps_ascii and chunk and chunk.isascii() and not self._decoder.getstate()[0]:
            self.num_lines += chunk.count(b"\n")
            return
        try:
            text = self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            self.holds = False
            # What the decoder held of the chunk before is no end of a line.
            chunk = bytes(error.object[: error.start])
            text = chunk.decode(self.name, "ignore")
        self.num_lines += text.count("\n")
        self.seen_wide = self.seen_wide or (not chunk.isascii() and bool(chunk.translate(None, _NARROW_BYTES)))
