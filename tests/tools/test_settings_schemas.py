"""Editors' schemas are up to date, and agree with the loader."""

import json
from pathlib import Path
import re

from jsonschema import Draft202012Validator
import pytest

from components.shared.contracts.problem import parse_problem
from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings_text import written_settings
from components.training.augmentation_search.trials import search_settings_from_text
from components.training.training_config import training_changes
from tools.settings_schemas import FOLDER, schema_text, schemas, write_schemas

README = Path(__file__).resolve().parents[2] / "README.md"
SCHEMAS = schemas()


def mistakes(name, text):
    content = written_settings(text, where=name).content
    return [error.message for error in Draft202012Validator(SCHEMAS[name]).iter_errors(content or {})]


def test_the_schemas_in_docs_are_those_of_the_code(tmp_path):
    write_schemas(tmp_path)
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == written, "run make docs"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name):
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert json.loads(schema_text(SCHEMAS[name])) == SCHEMAS[name]
    assert not mistakes(name, "") or SCHEMAS[name]["required"]


def test_the_problem_file_of_the_readme_is_right_for_both():
    [text] = re.findall(r"```yaml\n(modality:.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert parse_problem(text).modality == "image"
    assert mistakes("problem.json", text) == []


@pytest.mark.parametrize(
    "text",
    [
        "label: {classes: [0, 1]}",
        "training: {learning_rate: 1e-3, max_epochs: 1E1, num_workers: null, options: {a: 1}}",
        "preparation: {image_size: 64, fourier: {filter: low_pass, high: 0.5}, augmentation: [HorizontalFlip]}",
    ],
)
def test_what_the_loader_takes_the_schema_takes(text):
    parse_problem(text)
    assert mistakes("problem.json", text) == []


@pytest.mark.parametrize(
    ("name", "read", "text", "key"),
    [
        ("problem.json", parse_problem, "labels: {}", ""),
        ("problem.json", parse_problem, "label: {version: 0}", ""),
        ("problem.json", parse_problem, "modality: sound", ""),
        ("problem.json", training_changes, "learning_rate: fast", "training"),
        ("problem.json", training_changes, "max_examples: 5", "training"),
        ("search.json", search_settings_from_text, "policies: [none]", ""),
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(name, read, text, key):
    with pytest.raises(ContractError):
        read(text)
    assert mistakes(name, f"{key}: {{{text}}}" if key else text)


def test_keys_are_explained():
    label = SCHEMAS["problem.json"]["$defs"]["BudgetSpec"]["properties"]
    assert label["max_gpu_hours"]["description"].startswith("GPU-hours and cost, in the currency of the price")
    assert list(SCHEMAS["problem.json"]["properties"])[:2] == ["modality", "task"]
