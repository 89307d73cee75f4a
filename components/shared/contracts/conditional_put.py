"""Writes to a store that happen only where nobody else wrote: what stores know of conditions."""

from collections.abc import Mapping
import errno
from typing import Any

# Stores that refuse to create what is there: memory, S3 and Google's.
_CREATE_IS_EXCLUSIVE = {"memory", "s3", "gs"}
_REFUSED_CODES = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


def where_absent(filesystem: Any) -> Mapping[str, Any]:
    """What makes a store refuse to write over a file that is there; empty where it cannot."""
    return {"mode": "create"} if _protocols(filesystem) & _CREATE_IS_EXCLUSIVE else {}


def where_unchanged(filesystem: Any, path: str) -> Mapping[str, Any]:
    """What makes a store refuse to write over a file other than the one that is there now; empty where it cannot.

    A store's error is raised as it is.
    """
    filesystem.invalidate_cache()
    try:
        information = filesystem.info(path)
    except FileNotFoundError:
        return where_absent(filesystem)
    return {"IfMatch": information["ETag"]} if "s3" in _protocols(filesystem) else {}


def put_where(filesystem: Any, path: str, content: bytes, condition: Mapping[str, Any]) -> bool:
    """Put a file where the condition holds; returns whether it was put. A store's other errors are raised."""
    try:
        filesystem.pipe_file(path, content, **condition)
    except OSError as error:
        if condition and error.errno == errno.ENOSYS:  # a store with S3's protocol that has no conditions
            filesystem.pipe_file(path, content)
        elif isinstance(error, FileExistsError) or _error_code(error) in _REFUSED_CODES:
            return False
        else:
            raise
    return True


def _protocols(filesystem: Any) -> set[str]:
    return {filesystem.protocol} if isinstance(filesystem.protocol, str) else set(filesystem.protocol)


def _error_code(error: OSError) -> str:
    """The S3 code behind an error of s3fs; empty where there is none."""
    response = getattr(error.__cause__, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
