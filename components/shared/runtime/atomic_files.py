"""Files and folders that appear complete or not at all, so that a killed step leaves nothing half-written."""

from collections.abc import Iterator, Mapping
import contextlib
import json
import os
from pathlib import Path
import shutil
import tempfile
from typing import Any


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds, remove it when it raises.

    Missing parent folders are made.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | Path, *, replace: bool = True) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; rename it to `path` when the block succeeds, remove it when it raises.

    Parameters
    ----------
    replace
        What happens where the folder already exists when the block ends. True: it is replaced, by two renames: a kill
        leaves the former one, none or the new one, never half of one. False: it is kept and the new one dropped, for
        folders that are named by their contents.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    former = part.with_suffix(".former")
    try:
        yield part
        part.chmod(0o755)
        if replace and target.is_dir() and not target.is_symlink():
            target.replace(former)
        try:
            part.replace(target)
        except OSError:
            if replace or not target.is_dir():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)


def write_files(path: str | Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files, `{name: content}`, whole or not at all."""
    with atomic_folder(path) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` in UTF-8, whole or not at all."""
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON in UTF-8, whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def read_json(path: str | Path, *, what: str) -> Any:
    """Read JSON that a user or another step may have damaged.

    Parameters
    ----------
    what
        What the file should be, for the error: "the verdict", "the bundle's config".

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not JSON in UTF-8, or has a key twice.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{what} must be a JSON file, but there is no file at {file}")
    try:
        return json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_with_keys_once)
    except _KeyGivenTwiceError as error:
        raise ValueError(f"{what} at {file} must have every key once, but {error} is there twice") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{what} at {file} must be JSON in UTF-8: {error}") from error


class _KeyGivenTwiceError(Exception):
    """The key, as Python writes it."""


def _with_keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise _KeyGivenTwiceError(repr(next(name for name in names if names.count(name) > 1)))
    return content
