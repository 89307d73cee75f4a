"""The smoke suite on text and tables: the networks of the project pass, and so do small ones of a team's own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import models, pre_tokenizers, Tokenizer
import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from components.feature_engineering.jobs import build_feature_store
from components.modeling.backbone_config import backbone_config_from, BackboneConfig
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.custom_code import ALLOWED_VARIABLE
from components.training.recipes import full
from components.training.smoke.subject import Subject
from components.training.smoke.suite import smoke_checks

NUM_ROWS = 160
WORDS = (["dull", "slow", "bad", "never"], ["bright", "quick", "good", "again"])
SPLITS = ["train"] * 100 + ["validation"] * 30 + ["test"] * 30


def written(path, modality, labels, columns, roles):
    info = ExampleTableInfo(modality=modality, class_names=("no", "yes"), column_roles=roles)
    types = {name: column.type for name, column in columns.items() if name in roles}
    arrays = {
        "example_id": pa.array([f"row {number}" for number in range(NUM_ROWS)]),
        "split": pa.array(SPLITS),
        "label": pa.array([info.class_names[label] for label in labels]),
        **columns,
    }
    with ExampleTableWriter(path, info, extra_columns=types) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)))
    return path


def texts(path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, NUM_ROWS)
    column = [
        " ".join(rng.choice(WORDS[label], size=rng.integers(1, 12))) + f" {number}"
        for number, label in enumerate(labels)
    ]
    return written(path, "text", labels, {"text": pa.array(column)}, {})


def rows(path):
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(NUM_ROWS, 2)) * [1000.0, 0.1] + [5000.0, 0.0]
    labels = (numbers[:, 1] + rng.normal(scale=0.05, size=NUM_ROWS) > 0).astype(int)
    columns = {
        "price": pa.array(numbers[:, 0]),
        "change": pa.array(numbers[:, 1]),
        "place": pa.array(rng.choice(["here", "there"], NUM_ROWS).tolist()),
        "empty": pa.array([None] * NUM_ROWS, pa.float64()),
    }
    return written(path, "tabular", labels, columns, dict.fromkeys(columns, "feature"))


def tiny_bert(folder):
    """A transformer with random weights and a tokenizer of whole words, as the hub would have it."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS[0], *WORDS[1], *map(str, range(NUM_ROWS))]
    known = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", model_max_length=16
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder)
    return f"hf:{folder}"


@pytest.fixture(
    scope="module", params=["text", pytest.param("fitted_subwords", marks=pytest.mark.slow), "subwords", "tabular"]
)
def built(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    examples = (rows if request.param == "tabular" else texts)(folder / "examples")
    named = {"fitted_subwords": "subwords", "subwords": tiny_bert(folder / "bert")}
    build_feature_store(
        examples_path=examples,
        backbone=named.get(request.param, "auto"),
        features_path=folder / "features",
        report_path=folder / "report.html",
    )
    return folder


@pytest.fixture
def subject(built, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    monkeypatch.setenv(ALLOWED_VARIABLE, "planted_models:build")
    store = FeatureStore(built / "features")
    return Subject(
        store=store,
        config=full(backbone_config_from(store.preparation["backbone"])),
        seed=0,
        device=torch.device("cpu"),
        scratch=tmp_path,
        table=ExampleTable(built / "examples"),
    )


def first_failure(subject):
    return next((check for check in smoke_checks(subject) if check.outcome == "failed"), None)


def of_ones_own(subject, name):
    return replace(subject, config=full(BackboneConfig(name="planted_models:build", options={"bug": name})))


def test_the_projects_own_network_passes(subject):
    outcomes = {check.name: check.outcome for check in smoke_checks(subject)}
    assert {name: outcome for name, outcome in outcomes.items() if outcome != "holds"} == {
        "CPU and GPU agree": "does not apply",
        "augmentation keeps pictures": "does not apply",
    }


@pytest.mark.parametrize("built", ["text"], indirect=True)
def test_a_mean_of_tokens_of_ones_own_passes(subject):
    assert first_failure(of_ones_own(subject, "MeanOfTokensWithoutPadding")) is None


@pytest.mark.parametrize("built", ["tabular"], indirect=True)
def test_a_network_too_small_for_a_batch_learns_two_examples(subject):
    checks = {check.name: check for check in smoke_checks(of_ones_own(subject, "LogisticRegression"))}
    assert {check.finding for check in checks.values()} == {None}
    assert "of 2 examples" in checks["one batch is learnt"].measured


@pytest.mark.parametrize("built", ["text"], indirect=True)
def test_padding_that_is_not_masked_is_found(subject):
    found = first_failure(of_ones_own(subject, "MeanOfTokens"))
    assert found.name == "examples do not mix"
    assert "padding that is not masked" in found.finding.remedy


@pytest.mark.parametrize("built", ["tabular"], indirect=True)
def test_a_column_that_is_not_scaled_is_found(subject, monkeypatch):
    features = type(subject.features)
    scaled = features.tensors

    def unscaled(self, inputs):
        numbers_BF, *rest = scaled(self, inputs)
        return (torch.cat([numbers_BF[:, :1] * 1000.0, numbers_BF[:, 1:]], dim=1), *rest)

    monkeypatch.setattr(features, "tensors", unscaled)
    assert first_failure(subject).name == "inputs are usable"
