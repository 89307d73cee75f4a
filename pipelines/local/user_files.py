"""Files that a person writes, as a pipeline takes them: texts that hold everything, so that a changed file is seen."""

import contextlib
from pathlib import Path
from typing import Any

from components.shared.contracts.augmentation_policy_files import is_policy_file, with_policies_in_place
from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings_text import read_settings_text, settings_yaml, written_settings


def text_of(file: Path | None) -> str:
    """A file's text; empty where there is none."""
    return "" if file is None else read_settings_text(file, what="a file of settings")


def problem_text(file: Path | None) -> str:
    """A problem file's text, with an augmentation policy's content in place of its file's name."""
    text = text_of(file)
    content = _mapping(text)
    section = content.get("preparation")
    if file is None or not isinstance(section, dict) or not is_policy_file(section.get("augmentation")):
        return text
    section["augmentation"] = with_policies_in_place(section["augmentation"], file.parent)
    return settings_yaml(content)


def search_text(file: Path | None) -> str:
    """A search's text, with augmentation policies' contents in place of their files; see `problem_text`."""
    text = text_of(file)
    content = _mapping(text)
    policies = content.get("policies")
    if file is None or not isinstance(policies, list) or not any(is_policy_file(policy) for policy in policies):
        return text
    content["policies"] = [with_policies_in_place(policy, file.parent) for policy in policies]
    return settings_yaml(content)


def _mapping(text: str) -> dict[str, Any]:
    """Content of a text of settings; empty where it is none, which the step that reads the text reports."""
    with contextlib.suppress(ContractError):
        content = written_settings(text, where="").content
        return content if isinstance(content, dict) else {}
    return {}
