"""The smoke suite on a table whose label is a number: the project's network passes, planted bugs are found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from components.modeling.backbone_config import backbone_config_from, BackboneConfig
from components.shared.contracts.example_table import ExampleTable
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.custom_code import ALLOWED_VARIABLE
from components.training.recipes import full
from components.training.smoke.data_checks import labels_are_usable
from components.training.smoke.initial_loss_check import initial_loss_is_chance
from components.training.smoke.learning_checks import one_batch_is_learnt, shuffled_labels_are_not_learnt
from components.training.smoke.preparation_checks import labels_belong_to_examples
from components.training.smoke.subject import Subject
from components.training.smoke.suite import smoke_checks


@pytest.fixture
def subject(friedman_store, friedman_table, tmp_path):
    store = FeatureStore(friedman_store)
    return Subject(
        store=store,
        config=full(backbone_config_from(store.preparation["backbone"])),
        seed=0,
        device=torch.device("cpu"),
        scratch=tmp_path,
        table=ExampleTable(friedman_table),
    )


@pytest.fixture
def own(subject, monkeypatch):
    """The same examples for a network of one's own."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    monkeypatch.setenv(ALLOWED_VARIABLE, "planted_models:build_for_numbers")

    def with_bug(name):
        backbone = BackboneConfig(name="planted_models:build_for_numbers", options={"bug": name})
        return replace(subject, config=replace(full(backbone), learning_rate=1e-2))

    return with_bug


def test_the_suite_passes_where_the_label_is_a_number(subject):
    checks = {check.name: check for check in smoke_checks(subject)}
    assert {name: check.outcome for name, check in checks.items() if check.outcome != "holds"} == {
        "augmentation keeps pictures": "does not apply",
        "CPU and GPU agree": "does not apply",
        "outputs are logits": "does not apply",
    }
    assert checks["shuffled labels are not learnt"].measured.startswith("R2 ")
    assert "standard deviations" in checks["a bundle predicts the same"].measured


def test_a_start_far_from_the_training_mean_is_found(own):
    assert initial_loss_is_chance(own("Healthy")).outcome == "holds"
    found = initial_loss_is_chance(own("Unscaled"))
    assert found.outcome == "failed"
    assert "by chance" in found.measured


def test_a_network_that_answers_above_the_mean_alone_learns_no_batch(own):
    assert one_batch_is_learnt(own("Healthy")).outcome == "holds"
    assert one_batch_is_learnt(own("Positive")).outcome == "failed"


def test_a_label_among_the_inputs_is_found(subject, monkeypatch):
    original = FeatureStore.gather

    def leaking(store, rows):
        inputs = original(store, rows)
        inputs["numbers"][:, 0] = (store.labels[rows] - 14_000.0) / 5_000.0
        return inputs

    assert shuffled_labels_are_not_learnt(subject).outcome == "holds"
    monkeypatch.setattr(FeatureStore, "gather", leaking)
    found = shuffled_labels_are_not_learnt(
        replace(subject, config=replace(subject.config, learning_rate=3e-2), scratch=subject.scratch / "leaking")
    )
    assert found.outcome == "failed"
    assert found.measured.startswith("R2 ")


def test_numbers_that_are_all_the_same_and_those_of_other_rows_are_found(subject):
    assert labels_are_usable(subject).measured.startswith("280 different numbers in 280 training examples, from ")
    assert labels_belong_to_examples(subject).outcome == "holds"
    subject.store.labels[:] = np.roll(subject.store.labels, 1)
    assert labels_belong_to_examples(subject).outcome == "failed"
    subject.store.labels[:] = 7.0
    assert labels_are_usable(subject).outcome == "failed"
