"""Whatever a person writes, the answer is settings or one sentence, after work that a text of its length may take.

`PLUSZERO_FUZZ=2000` tries so many texts.
"""

import json
import os
import sys

from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import pytest

from components.data_validation.monitoring.drift_settings_text import parse_settings as parse_drift_settings
from components.drift.drift_settings import DriftSettings
from components.modeling.backbone_config import backbone_config_from, BackboneConfig
from components.modeling.fourier.settings import FourierSettings
from components.modeling.preparation_settings import preparation_settings_from_text, PreparationSettings
from components.shared.contracts.augmentation_policy_files import read_policy_file
from components.shared.contracts.problem import BudgetSpec, LabelSpec, parse_problem, Problem, SplitSpec
from components.shared.contracts.target_spec import parse_target
from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings_text import settings_yaml, written_settings
from components.shared.runtime.settings_words import members_of
from components.training.augmentation_search.trials import search_settings_from_text, SearchSettings
from components.training.cost.budget import parse_budget
from components.training.recipes import full
from components.training.training_config import overridden, training_changes, TrainingConfig

NUM_TEXTS = int(os.environ.get("PLUSZERO_FUZZ", "100"))
MODELS = (
    Problem, LabelSpec, SplitSpec, BudgetSpec, TrainingConfig, PreparationSettings, FourierSettings, SearchSettings,
    DriftSettings,
)  # fmt: skip
# Reading takes 3 calls a character; what a loader may make of a text of nine lines, aliases of aliases, takes millions.
MOST_CALLS, MOST_CALLS_A_CHARACTER = 10_000, 20
CONFIG = full(BackboneConfig(name="small_cnn"))
READERS = {
    "problem": parse_problem,
    "target": parse_target,
    "budget": parse_budget,
    "training": lambda text: overridden(CONFIG, training_changes(text)),
    "preparation": preparation_settings_from_text,
    "search": search_settings_from_text,
    "drift": parse_drift_settings,
    "backbone": lambda text: backbone_config_from(written_settings(text, where="the backbone").content),
}

KEYS = st.sampled_from(sorted({name for model in MODELS for name in members_of(model)} | {"target", "yes", "<<", ""}))
WORDS = st.sampled_from(
    [
        "image",
        "tabular",
        "accuracy",
        "heavy",
        "none",
        "low_pass",
        "os:system",
        "tips > 1",
        "yes",
        "1e-3",
        "01",
        "&a",
        "*a",
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS | st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(), inner, max_size=6),
    max_leaves=20,
)
CONTENTS = st.dictionaries(KEYS, VALUES, max_size=8)
PIECES = st.sampled_from(
    ["\n", "  ", "- ", ": ", "? ", "{", "}", "[", "]", ",", "&a ", "*a", "!!", "|", ">", "'", '"', "%", "@", "#", "---",
     "\t", "\0", "\ufeff", "\x85", "\u2028", "\\ud83d", "label", "training", "1e-3", "true", "<<", "-" * 1900, "[" * 50]
)  # fmt: skip


@st.composite
def damaged(draw):
    """YAML or JSON with a piece of it gone and others put in."""
    content = draw(CONTENTS)
    text = draw(st.sampled_from([settings_yaml, json.dumps]))(content)
    for piece in draw(st.lists(PIECES, max_size=4)):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + piece + text[draw(st.integers(at, min(at + 3, len(text)))) :]
    return text


TEXTS = (
    CONTENTS.map(settings_yaml)
    | CONTENTS.map(json.dumps)
    | damaged()
    | damaged()
    | st.lists(PIECES, max_size=30).map("".join)
    | st.text(max_size=300)
)


def complaint(read, text):
    try:
        read(text)
    except ValueError as error:
        return error
    return None


def counted(read, text):
    """The complaint and the calls that were made, of functions in Python and in C: work that no clock measures."""
    num_calls, earlier = 0, sys.getprofile()

    def count(frame, event, argument):
        nonlocal num_calls
        num_calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        error = complaint(read, text)
    finally:
        sys.setprofile(earlier)
    return error, num_calls


def answered(read, text):
    """Read a text; what is raised must be one of our sentences."""
    error, num_calls = counted(read, text)
    assert type(error) in (type(None), ContractError, ValueError), repr(error)
    assert error is None or (str(error) and "\n" not in str(error))
    assert num_calls <= MOST_CALLS + MOST_CALLS_A_CHARACTER * len(text)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
@settings(max_examples=-(-NUM_TEXTS // len(READERS)), deadline=None, suppress_health_check=list(HealthCheck))
@given(text=TEXTS)
def test_any_text_is_settings_or_one_sentence(reader, text):
    answered(reader, text)


@settings(max_examples=max(NUM_TEXTS // 10, 20), deadline=None)
@given(data=st.binary(max_size=300) | TEXTS.map(lambda text: text.encode("utf-8", "replace")))
def test_any_file_is_a_policy_or_one_sentence(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "policy.yaml"
    file.write_bytes(data)
    answered(read_policy_file, str(file))


@settings(max_examples=max(NUM_TEXTS // 4, 50), deadline=None)
@given(content=CONTENTS)
def test_what_is_written_is_read_as_the_same(content):
    for text in (settings_yaml(content), json.dumps(content)):
        error = complaint(lambda text: written_settings(text, where=""), text)
        if error is None:
            assert written_settings(text, where="").content == content
        else:
            assert any(word in str(error) for word in ("NUL", "digits", "character", "nest at most")), error
