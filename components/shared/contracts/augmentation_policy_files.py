"""Files of augmentation policies: YAML or JSON, read with a bound, and named after the file where they have no name."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
import re
from typing import Any

import fsspec
import yaml

from components.shared.runtime.errors import ContractError
from components.shared.tables.sources import readable_store_errors

SUFFIXES = (".yaml", ".yml", ".json")
_MAX_BYTES = 1_000_000
_NOT_IN_NAMES = re.compile(r"[^\w .-]+")


def is_policy_file(value: Any) -> bool:
    """Whether a value names a policy's file: a text that ends in .yaml, .yml or .json."""
    return isinstance(value, str) and value.lower().endswith(SUFFIXES)


def read_policy_file(uri: str) -> Any:
    """What a policy's file holds; a list of transforms, or a mapping without a name, is named after the file.

    Parameters
    ----------
    uri
        A path or an fsspec URI.

    Raises
    ------
    ContractError
        If it is too large, or no YAML or JSON.
    OSError
        If it cannot be read.
    """
    sentence = f"the augmentation policy {uri} must be a file that can be read"
    with readable_store_errors(sentence), fsspec.open(uri, "rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ContractError(f"the augmentation policy {uri} must be at most {_MAX_BYTES:,} bytes, got more")
    try:
        content = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ContractError(f"the augmentation policy {uri} must be YAML or JSON: {reason}") from error
    named = {"name": _NOT_IN_NAMES.sub("-", PurePosixPath(uri.split("?", 1)[0].replace("\\", "/")).stem)}
    if isinstance(content, list):
        return {**named, "transforms": content}
    return {**named, **content} if isinstance(content, Mapping) else content


def with_policies_in_place(value: Any, folder: Path) -> Any:
    """A value of a problem or search file with a policy's content in place of its file's name.

    A run is found again by what it is told: a name alone would hide that the file has changed.

    Parameters
    ----------
    value
        `augmentation` of the section `preparation`, or one of a search's policies.
    folder
        Where relative paths begin: the folder of the file that names them.
    """
    if not is_policy_file(value):
        return value
    return read_policy_file(value if "://" in value else str(folder / value))
