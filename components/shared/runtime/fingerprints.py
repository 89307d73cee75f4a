"""Fingerprints of contents: a cache is reused only where they are equal."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
import hashlib
import json
from pathlib import Path
from typing import Any

import fsspec

from components.shared.runtime.cores import available_cores
from components.shared.runtime.local_files import local_files
from components.shared.runtime.progress import progress

_DIGEST_CHARACTERS = 32


def fingerprint_bytes(data: bytes) -> str:
    """SHA-256 of `data`, its first 128 bits in hexadecimal."""
    return hashlib.sha256(data).hexdigest()[:_DIGEST_CHARACTERS]


def fingerprint_json(value: Any) -> str:
    """Fingerprint of a JSON value that does not depend on the order of its keys."""
    return fingerprint_bytes(json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False).encode())


def fingerprint_file(path: str | Path) -> str:
    """Fingerprint of a local file's contents, read in chunks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGEST_CHARACTERS]


def fingerprint_files(files: Iterable[tuple[str, Path]]) -> str:
    """Fingerprint of named local files: names and contents, in any order."""
    listed = list(files)
    with ThreadPoolExecutor(available_cores()) as pool:
        digests = pool.map(fingerprint_file, [path for _, path in listed])
        shown = progress(digests, label="fingerprinting", total=len(listed), unit="file")
        return _fingerprint_named((name, digest) for (name, _), digest in zip(listed, shown, strict=True))


def fingerprint_source(uri: str) -> str:
    """Fingerprint of outside data: a file or a folder, local or at an fsspec URI such as `s3://bucket/photos`.

    Local files are hashed by content; remote ones by the checksum, version or modification time that their
    store reports, so that nothing is downloaded.

    Returns
    -------
    str
        32 hexadecimal characters; changes when a file is added, removed, renamed or changed.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `uri`.
    """
    filesystem, root = fsspec.core.url_to_fs(uri)
    if not filesystem.exists(root):
        raise FileNotFoundError(f"the data source must exist, but there is nothing at {uri}")
    if "file" in _protocols(filesystem):
        return _fingerprint_local(Path(root))
    names = [root] if filesystem.isfile(root) else filesystem.find(root)
    return _fingerprint_named((name.removeprefix(root), _remote_version(filesystem, name)) for name in names)


def _fingerprint_named(versions: Iterable[tuple[str, str]]) -> str:
    """Fingerprint of names and versions, in any order; names that are not UTF-8 keep their bytes."""
    lines = sorted(f"{name}\0{version}" for name, version in versions)
    return fingerprint_bytes("\n".join(lines).encode("utf-8", errors="surrogateescape"))


def _remote_version(filesystem: Any, name: str) -> str:
    if not {"http", "https"} & set(_protocols(filesystem)):
        return str(filesystem.ukey(name))
    # fsspec assumes that files behind HTTP never change: ask the server, and read the file where it does not say.
    info = filesystem.info(name)
    known = [str(info[key]) for key in ("ETag", "Last-Modified") if info.get(key)]
    return " ".join([*known, str(info.get("size"))]) if known else fingerprint_bytes(filesystem.cat_file(name))


def _protocols(filesystem: Any) -> tuple[str, ...]:
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _fingerprint_local(root: Path) -> str:
    if root.is_file():
        return fingerprint_files([(root.name, root)])
    return _fingerprint_named((name, _content_or_trouble(path)) for name, path in local_files(root))


def _content_or_trouble(path: Path) -> str:
    """Fingerprint of a file, or why it cannot be read: ingestion quarantines such a file with its reason."""
    try:
        return fingerprint_file(path) if path.is_file() else "no file"
    except OSError as error:
        return f"unreadable {error.errno}"
