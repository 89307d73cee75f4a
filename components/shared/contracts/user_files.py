"""Files that a person writes, as a pipeline takes them: texts that hold everything, so that a changed file is seen."""

import contextlib
from pathlib import Path, PurePosixPath
import re
from typing import Any

import fsspec

from components.shared.contracts.augmentation_policy_files import is_policy_file, with_policies_in_place
from components.shared.runtime import workspace
from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings_text import MAX_BYTES, read_settings_text, settings_yaml, written_settings
from components.shared.runtime.workspace import check_claim, mounted
from components.shared.tables.sources import readable_store_errors

# No text of settings looks like these: one without spaces is no mapping.
_PLACE = re.compile(r"[a-z][a-z0-9+]*://\S+|/\S+")
_FILE_NAME = re.compile(r"[^\s{}:]+\.(ya?ml|json)|\S+://\S+", re.IGNORECASE)


def text_of(file: Path | None) -> str:
    """A file's text; empty where there is none."""
    return "" if file is None else read_settings_text(file, what="a file of settings")


def problem_text(file: Path | None) -> str:
    """A problem file's text, with an augmentation policy's content in place of its file's name."""
    return "" if file is None else _whole_problem(text_of(file), str(file.parent))


def search_text(file: Path | None) -> str:
    """A search's text, with augmentation policies' contents in place of their files; see `problem_text`."""
    text = text_of(file)
    content = _mapping(text)
    policies = content.get("policies")
    if file is None or not isinstance(policies, list) or not any(is_policy_file(policy) for policy in policies):
        return text
    content["policies"] = [with_policies_in_place(policy, str(file.parent)) for policy in policies]
    return settings_yaml(content)


def given_problem(problem: str, claim: str) -> str:
    """The problem file's text, where a form gives the text itself or where the file lies.

    Parameters
    ----------
    problem
        A text; or the URI of a file in an object store, `pvc://CLAIM/problem.yaml`, or a path on the workspace.
    claim
        The volume claim that steps mount.

    Raises
    ------
    ValueError
        If the file lies elsewhere, on another claim for one, or cannot be read.
    ContractError
        If it is larger than 1 MiB or not UTF-8.
    """
    place = problem.strip()
    if not _PLACE.fullmatch(place) and not _FILE_NAME.fullmatch(place):
        return problem
    check_claim("problem", place, claim)
    uri = mounted(place)
    if not _is_reached_by_steps(uri):
        raise ValueError(
            f"problem must be a problem file's text, or where one lies that steps can read: s3://..., gs://..., "
            f"pvc://{claim}/... or a path below {workspace.WORKSPACE_PATH}, got {place}"
        )
    sentence = f"problem must be the text of a problem file or the URI of one, but {place} cannot be read"
    with readable_store_errors(sentence), fsspec.open(uri, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ContractError(f"the problem file {place} must be at most 1 MiB, got more")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ContractError(f"the problem file {place} must be text in UTF-8: {error}") from error
    return _whole_problem(text, uri.rpartition("/")[0])


def _is_reached_by_steps(uri: str) -> bool:
    if _PLACE.fullmatch(uri) and "://" in uri:
        return not uri.startswith(("file://", "local://"))
    path = PurePosixPath(uri)
    return path.is_relative_to(workspace.WORKSPACE_PATH) and ".." not in path.parts


def _whole_problem(text: str, folder: str) -> str:
    content = _mapping(text)
    section = content.get("preparation")
    if not isinstance(section, dict) or not is_policy_file(section.get("augmentation")):
        return text
    section["augmentation"] = with_policies_in_place(section["augmentation"], folder)
    return settings_yaml(content)


def _mapping(text: str) -> dict[str, Any]:
    """Content of a text of settings; empty where it is none, which the step that reads the text reports."""
    with contextlib.suppress(ContractError):
        content = written_settings(text, where="").content
        return content if isinstance(content, dict) else {}
    return {}
