"""Personal data as keyed hashes: the same value has the same hash in tables, serving log and labels, and no way back.

The key is `PLUSZERO_PII_KEY`, from the environment or from a secret mounted as such. Where there is none, it is made
once and kept in `.pluszero/pii-key` of the working folder, beside `runs/`, with mode 0600 and out of git's sight.
"""

from functools import cache
import hmac
import os
from pathlib import Path
import re
import secrets

import pyarrow as pa
import pyarrow.compute as pc

KEY_VARIABLE = "PLUSZERO_PII_KEY"
KEY_FILE = Path(".pluszero") / "pii-key"
_MIN_KEY_CHARACTERS = 16
HASH_PREFIX = "pii-"
_HASH = re.compile(rf"{HASH_PREFIX}[0-9a-f]{{24}}")


def personal_key(folder: str | Path | None = None) -> str:
    """The project's key, made where there is none yet.

    Parameters
    ----------
    folder
        Where `.pluszero/pii-key` lies; the working folder by default.

    Raises
    ------
    ValueError
        If the key has fewer than 16 characters, or a pipeline's pod has none: one made there would be lost with it.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    source = KEY_VARIABLE
    if not key:
        if "KFP_POD_NAME" in os.environ:
            raise ValueError(
                f"{KEY_VARIABLE} must be set where columns are personal data, but this step's pod has none: put the "
                "project's key into a secret and give it to the steps as that variable"
            )
        path = Path(folder or ".") / KEY_FILE
        key, source = _kept_key(path), str(path)
    if len(key) < _MIN_KEY_CHARACTERS:
        raise ValueError(f"{source} must hold a key of at least {_MIN_KEY_CHARACTERS} characters, got {len(key)}")
    return key


def keyed_hash(value: str) -> str:
    """The keyed hash of a value: `pii-` and 24 hexadecimal digits of HMAC-SHA256; a hash stays what it is."""
    return _hash_of(value, _current_key())


def keyed_hashes(values: pa.Array) -> pa.Array:
    """Keyed hashes of N values, string, null where missing; numbers count as they are written: 1.0 is 1."""
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    coded = _texts(values).dictionary_encode()
    texts = coded.dictionary.to_pylist()
    key = _current_key() if texts else b""
    hashes = [None if text is None else _hash_of(text, key) for text in texts]
    return pa.array(hashes, pa.string()).take(coded.indices)


def _texts(values: pa.Array) -> pa.Array:
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
        whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), 2.0**53))
        return pc.if_else(whole, values.cast(pa.int64(), safe=False).cast(pa.string()), values.cast(pa.string()))
    return values.cast(pa.string())


def _hash_of(value: str, key: bytes) -> str:
    text = value.strip()
    if _HASH.fullmatch(text):
        return text
    return f"{HASH_PREFIX}{hmac.digest(key, text.encode(), 'sha256').hex()[:24]}"


def _current_key() -> bytes:
    return _key_bytes(os.environ.get(KEY_VARIABLE, ""), str(Path.cwd()))


@cache
def _key_bytes(key: str, folder: str) -> bytes:
    """The key, looked up once as long as neither variable nor folder changes."""
    return personal_key(folder).encode()


def _kept_key(path: Path) -> str:
    if not path.is_file():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path.parent / ".gitignore").write_text("*\n", encoding="ascii")
        part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
        try:
            # A link, not a rename: of two processes that make one at once, the first one's stays.
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_text(encoding="ascii").strip()
