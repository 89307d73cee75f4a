"""Files of augmentation policies: YAML or JSON of bounded size; a policy without a name is named after its file."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
import re
from typing import Any

import fsspec

from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings_text import MAX_BYTES, written_settings
from components.shared.tables.sources import readable_store_errors

SUFFIXES = (".yaml", ".yml", ".json")
_NOT_IN_NAMES = re.compile(r"[^\w .-]+")


def is_policy_file(value: Any) -> bool:
    """Whether a value names the file of an augmentation policy: a text that ends in .yaml, .yml or .json."""
    return isinstance(value, str) and value.lower().endswith(SUFFIXES)


def read_policy_file(uri: str) -> Any:
    """Content of an augmentation policy's file; a list of transforms, or a mapping without a name, gets the file's.

    Raises
    ------
    ContractError
        If the file is no settings; see `components.shared.runtime.settings_text.written_settings`.
    ValueError
        If it cannot be read.
    """
    sentence = f"the augmentation policy {uri} must be a file that can be read"
    with readable_store_errors(sentence), fsspec.open(uri, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ContractError(f"the augmentation policy {uri} must be at most 1 MiB, got more")
    content = written_settings(data, where=f"the augmentation policy {uri}").content
    named = {"name": _NOT_IN_NAMES.sub("-", PurePosixPath(uri.split("?", 1)[0].replace("\\", "/")).stem)}
    if isinstance(content, list):
        return {**named, "transforms": content}
    return {**named, **content} if isinstance(content, Mapping) else content


def with_policies_in_place(value: Any, folder: str) -> Any:
    """`value`, or the content of the file where it names an augmentation policy's file.

    A run is found again by its parameters: a file's name alone would hide that the file has changed.

    Parameters
    ----------
    value
        `augmentation` of the section `preparation`, or one of a search's augmentation policies.
    folder
        Where relative paths begin: path or URI of the folder of the file that names them.
    """
    if not is_policy_file(value):
        return value
    return read_policy_file(value if "://" in value else _beside(folder, value))


def _beside(folder: str, name: str) -> str:
    return f"{folder}/{name}" if "://" in folder else str(Path(folder, name))
