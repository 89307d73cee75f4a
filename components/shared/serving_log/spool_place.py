"""Where records wait before they are in a log."""

from pathlib import Path
import tempfile

import fsspec
from fsspec.implementations.local import LocalFileSystem

from components.shared.runtime.fingerprints import fingerprint_bytes
from components.shared.serving_log.spool import SPOOL_FOLDER


def spool_place(log: str) -> Path:
    """The spool of a log: inside of a local one, in this machine's temporary files for one at a URI."""
    filesystem, root = fsspec.core.url_to_fs(log)
    if isinstance(filesystem, LocalFileSystem):
        return Path(root) / SPOOL_FOLDER
    return Path(tempfile.gettempdir()) / "pluszero-serving-log" / fingerprint_bytes(log.encode())[:16]
