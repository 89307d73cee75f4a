"""The encoding of a text file: UTF-8, UTF-16 where a mark says so, else Korean CP949."""

import codecs
from typing import BinaryIO

_CHUNK_BYTES = 1 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def recognised_encoding(stream: BinaryIO, *, uri: str) -> str:
    """Encoding of a file, read from the beginning to the end in chunks: `utf-8`, `utf-16` or `cp949` (contains EUC-KR).

    UTF-8 may have a byte order mark, UTF-16 must. Raises `ValueError`, which names `uri`, for any other bytes.
    """
    chunk = stream.read(_CHUNK_BYTES)
    for mark, encoding in _MARKS:
        if chunk.startswith(mark):
            return encoding
    possible = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8", "cp949")}
    while possible:
        for name, decoder in list(possible.items()):
            if not _takes(decoder, chunk):
                del possible[name]
        if not chunk:
            break
        chunk = stream.read(_CHUNK_BYTES)
    if not possible:
        raise ValueError(f"{uri} must be text in UTF-8, UTF-16 or CP949, but is none of them: set table.encoding")
    return next(iter(possible))


def _takes(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError:
        return False
    return True
