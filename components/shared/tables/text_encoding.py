"""The encoding of a text file: UTF-8, UTF-16 where a mark says so, else Korean CP949."""

import codecs
from typing import BinaryIO

_CHUNK_BYTES = 1 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def recognised_encoding(stream: BinaryIO, *, uri: str) -> str:
    """Recognise an encoding by reading the whole of a file, chunk by chunk.

    Parameters
    ----------
    stream
        The file's bytes, from the beginning.
    uri
        The file, for the error.

    Returns
    -------
    str
        `utf-8` (a byte order mark or none), `utf-16`, or `cp949`, which contains EUC-KR.

    Raises
    ------
    ValueError
        If the bytes are none of these.
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
