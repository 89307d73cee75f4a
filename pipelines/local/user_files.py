"""Files that a person writes, as a pipeline takes them: texts that hold everything, so that a changed file is seen."""

import contextlib
from pathlib import Path
from typing import Any

import yaml

from components.shared.contracts.augmentation_policy_files import is_policy_file, with_policies_in_place


def text_of(file: Path | None) -> str:
    """A file's text; empty where there is none."""
    return "" if file is None else file.read_text(encoding="utf-8-sig")


def problem_text(file: Path | None) -> str:
    """A problem file's text, with an augmentation policy's content in place of its file's name."""
    text = text_of(file)
    content = _mapping(text)
    section = content.get("preparation")
    if file is None or not isinstance(section, dict) or not is_policy_file(section.get("augmentation")):
        return text
    section["augmentation"] = with_policies_in_place(section["augmentation"], file.parent)
    return _written(content)


def search_text(file: Path | None) -> str:
    """A search's text, with augmentation policies' contents in place of their files; see `problem_text`."""
    text = text_of(file)
    content = _mapping(text)
    policies = content.get("policies")
    if file is None or not isinstance(policies, list) or not any(is_policy_file(policy) for policy in policies):
        return text
    content["policies"] = [with_policies_in_place(policy, file.parent) for policy in policies]
    return _written(content)


def _mapping(text: str) -> dict[str, Any]:
    """Content of a YAML text; empty where it is none, which the step that reads the text reports."""
    with contextlib.suppress(yaml.YAMLError):
        content = yaml.safe_load(text)
        return content if isinstance(content, dict) else {}
    return {}


def _written(content: dict[str, Any]) -> str:
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
