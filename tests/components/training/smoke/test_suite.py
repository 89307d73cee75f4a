"""The smoke suite: healthy networks pass, and of every planted bug the right check is the first to speak."""

from dataclasses import replace
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from components.modeling.backbone_config import BackboneConfig
from components.modeling.images import network_inputs
from components.shared.contracts.example_table import ExampleTable
from components.shared.feature_store.store import FeatureStore
from components.shared.feature_store.writer import FeatureStoreWriter
from components.shared.runtime.custom_code import ALLOWED_VARIABLE
from components.training.recipes import full
from components.training.smoke.subject import Subject
from components.training.smoke.suite import smoke_checks, SUITE
from components.training.trainer.batches import StoredExamples

CPU = torch.device("cpu")
SMALL = BackboneConfig(name="small_cnn")


@pytest.fixture
def subject(stripes_store, stripes_table, tmp_path):
    return Subject(
        store=FeatureStore(stripes_store),
        config=full(SMALL),
        seed=0,
        device=CPU,
        scratch=tmp_path,
        table=ExampleTable(stripes_table),
    )


@pytest.fixture
def own(subject, monkeypatch):
    """The same examples for a model of one's own with a bug."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    monkeypatch.setenv(ALLOWED_VARIABLE, "planted_models:build")

    def with_bug(name):
        backbone = BackboneConfig(name="planted_models:build", options={"bug": name})
        return replace(subject, config=replace(full(backbone), learning_rate=1e-2))

    return with_bug


def first_failure(subject):
    return next((check for check in smoke_checks(subject) if check.outcome == "failed"), None)


def rewritten(subject, folder, *, rows=None, labels=None, splits=None, inputs=None):
    """The same store with something planted in it."""
    store = subject.store
    rows = np.arange(len(store)) if rows is None else rows
    with FeatureStoreWriter(
        folder,
        modality=store.modality,
        class_names=store.class_names,
        input_specs=store.input_specs,
        preparation=store.preparation,
    ) as writer:
        writer.write(
            example_ids=[f"{store.example_ids[row]}{'+' * np.sum(rows[:at] == row)}" for at, row in enumerate(rows)],
            splits=list(store.splits[rows] if splits is None else splits),
            labels=(store.labels[rows] if labels is None else labels).tolist(),
            inputs=store.gather(rows) if inputs is None else inputs,
        )
    return replace(subject, store=FeatureStore(folder))


def test_a_healthy_network_passes_every_check(subject):
    checks = list(smoke_checks(subject))
    assert [check.name for check in checks] == [check.name for check in SUITE]
    assert {check.name: check.outcome for check in checks if check.outcome != "holds"} == {
        "CPU and GPU agree": "does not apply"
    }


def test_a_healthy_model_of_ones_own_passes(own):
    assert first_failure(own("Healthy")) is None


@pytest.mark.parametrize(
    ("bug", "check", "words"),
    [
        ("Detached", "gradients reach every weight", "first.weight"),
        ("UnusedLayer", "gradients reach every weight", "2 of 10 trainable tensors get no gradient: network.forgotten"),
        ("FrozenWhole", "gradients reach every weight", "no weight is trainable"),
        ("OutputOfZeros", "gradients reach every weight", "8 of 8 trainable tensors"),
        ("Softmax", "outputs are logits", "they are probabilities"),
        pytest.param("Sigmoid", "one batch is learnt", "at best 0.000", marks=pytest.mark.slow),
        ("ExplodingStart", "initial loss is chance", "by chance 0.693 to 0.693"),
        ("LogarithmOfNegative", "numbers are finite", "the layer network.logarithm returns NaN"),
        ("BatchMean", "examples do not mix", "alone"),
        ("ReshapedAcrossExamples", "examples do not mix", "alone"),
        ("NormWithoutStatistics", "examples do not mix", "alone"),
        ("DropoutAlwaysOn", "evaluation is repeatable", "two passes in evaluation differ"),
        ("NormAlwaysTraining", "evaluation is repeatable", "changes network.norm.running_mean"),
        ("UnseededWeights", "a seed repeats the run", "two runs of the same seed"),
        ("UnseededNoise", "a seed repeats the run", "two runs of the same seed"),
        ("StateOutside", "a bundle predicts the same", "after loading"),
        ("CountsCalls", "a resumed run is the same", "interrupted and resumed"),
    ],
)
def test_a_bug_in_the_network_is_named_first(own, bug, check, words):
    found = first_failure(own(bug))
    assert found is not None
    assert (found.name, words in found.measured) == (check, True), found.measured


def test_what_rests_on_a_failed_check_is_not_judged(own):
    outcomes = {check.name: check for check in smoke_checks(own("FrozenWhole"))}
    assert outcomes["one iteration"].outcome == "not judged"
    assert outcomes["one iteration"].measured == "it rests on: gradients reach every weight"
    assert outcomes["a resumed run is the same"].outcome == "not judged"
    assert outcomes["initial loss is chance"].outcome == "holds"
    assert [name for name, check in outcomes.items() if check.finding] == ["gradients reach every weight"]


def test_a_learning_rate_of_nothing_is_found(subject):
    found = first_failure(replace(subject, config=replace(subject.config, learning_rate=1e-30, weight_decay=0.0)))
    assert found.name == "weights move"


def test_inputs_that_are_not_scaled_are_found(subject, monkeypatch):
    monkeypatch.setattr(
        network_inputs, "normalize", lambda images_BHWC, normalization: images_BHWC.permute(0, 3, 1, 2).float()
    )
    found = first_failure(subject)
    assert found.name == "inputs are usable"
    assert "values up to 2" in found.measured


def test_examples_that_all_look_the_same_are_found(subject, monkeypatch):
    gather = FeatureStore.gather
    monkeypatch.setattr(FeatureStore, "gather", lambda self, rows: gather(self, np.zeros_like(rows)))
    subject = replace(subject, table=None)
    assert first_failure(subject).name == "inputs are usable"


def test_a_label_that_is_no_class_is_named(subject, tmp_path):
    planted = rewritten(subject, tmp_path / "store", labels=subject.store.labels + 1)
    found = first_failure(planted)
    assert found.name == "labels are usable"
    assert "60 labels are no class: 2 of the example 1-000, where classes are 0 to 1" in found.measured


def test_a_class_without_training_examples_is_named(subject, tmp_path):
    store = subject.store
    kept = np.flatnonzero((store.labels == 0) | (store.splits != "train"))
    found = first_failure(rewritten(subject, tmp_path / "store", rows=kept))
    assert (found.name, found.measured) == ("labels are usable", "no training example of down")


@pytest.mark.parametrize("wrong", ["counted on by one", "shuffled"])
def test_labels_of_other_examples_are_found(subject, tmp_path, wrong):
    labels = subject.store.labels
    labels = (labels + 1) % 2 if wrong == "counted on by one" else np.random.default_rng(0).permutation(labels)
    found = first_failure(rewritten(subject, tmp_path / "store", labels=labels))
    assert found.name == "labels belong to their examples"


def test_a_store_that_was_prepared_otherwise_than_serving_does_is_found(subject, tmp_path):
    swapped = {"image": subject.store.gather(np.arange(len(subject.store)))["image"][..., ::-1].copy()}
    found = first_failure(rewritten(subject, tmp_path / "store", inputs=swapped))
    assert found.name == "prepared as in serving"
    assert "image of 64 of 64 examples differs" in found.measured


def test_held_out_rows_that_are_training_rows_are_found(subject, tmp_path):
    train = subject.store.indices("train")
    rows = np.concatenate([train, train[::4]])
    splits = ["train"] * len(train) + ["validation"] * len(train[::4])
    planted = replace(rewritten(subject, tmp_path / "store", rows=rows, splits=splits), table=None)
    found = first_failure(planted)
    assert found.name == "held-out rows are new"
    assert "100% of 20 held-out examples" in found.measured


def test_a_label_that_leaks_into_the_inputs_is_found(subject, monkeypatch):
    read = StoredExamples.__getitems__

    def leaking(self, places):
        batch = read(self, places)
        batch["inputs"]["image"][:, :12] = (batch["labels"] * 255).to(torch.uint8)[:, None, None, None]
        return batch

    monkeypatch.setattr(StoredExamples, "__getitems__", leaking)
    config = replace(subject.config, augment=False, learning_rate=1e-2)
    found = first_failure(replace(subject, config=config))
    assert found.name == "shuffled labels are not learnt"


class Blanks:
    def __init__(self, policy):
        self.policy = policy

    def __call__(self, image_HWC, *, seed):
        return np.full_like(image_HWC, 90)


class Crops(Blanks):
    """Keeps a corner of 4 by 4 pixels."""

    def __call__(self, image_HWC, *, seed):
        corner = np.random.default_rng(seed).integers(0, len(image_HWC) - 4)
        size = len(image_HWC) // 4
        return np.kron(image_HWC[corner : corner + 4, corner : corner + 4], np.ones((size, size, 1), np.uint8))


class Unseeded(Blanks):
    def __call__(self, image_HWC, *, seed):
        return np.random.default_rng().permutation(image_HWC)


@pytest.mark.parametrize("policy", [Blanks, Crops, Unseeded])
def test_augmentation_that_spoils_pictures_is_found(subject, monkeypatch, policy):
    monkeypatch.setattr("components.training.smoke.preparation_checks.Augmenter", policy)
    assert first_failure(subject).name == "augmentation keeps pictures"


def test_augmentation_that_swaps_pictures_is_found(subject, monkeypatch):
    augment = StoredExamples.__getitems__

    def swapped(self, places):
        batch = augment(self, places)
        batch["inputs"]["image"] = batch["inputs"]["image"].flip(0)
        return batch

    monkeypatch.setattr(StoredExamples, "__getitems__", swapped)
    assert first_failure(subject).name == "augmentation keeps pictures"


def test_code_that_raises_is_a_finding_and_its_first_line_is_told(own, monkeypatch):
    import planted_models

    def broken(self, images):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x8 and 9x2)\nmore lines")

    monkeypatch.setattr(planted_models.Healthy, "forward", broken)
    found = first_failure(own("Healthy"))
    assert found.name == "numbers are finite"
    assert found.measured == "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x8 and 9x2)"


def test_a_model_that_nobody_allowed_is_a_finding(own, monkeypatch):
    monkeypatch.delenv(ALLOWED_VARIABLE)
    assert "must be allowed" in first_failure(own("Healthy")).measured


def test_a_warm_start_may_know_something_before_it_learns(subject):
    first = itertools.islice(smoke_checks(replace(subject, table=None)), 4)
    outcomes = {check.name: check.outcome for check in first}
    assert outcomes["labels belong to their examples"] == "does not apply"
    assert outcomes["prepared as in serving"] == "does not apply"


@pytest.mark.parametrize("num_classes", [pytest.param(2, marks=pytest.mark.slow), 10])
def test_twenty_examples_are_enough_to_pass(subject, tmp_path, stripes, num_classes):
    size = subject.store.input_specs["image"].shape[0]
    labels = np.arange(20) % num_classes
    pixels = np.stack([stripes(label % 2, seed, size) // np.uint8(1 + label // 2) for seed, label in enumerate(labels)])
    with FeatureStoreWriter(
        tmp_path / "tiny",
        modality="image",
        class_names=[f"class {number}" for number in range(num_classes)],
        input_specs=subject.store.input_specs,
        preparation=subject.store.preparation,
    ) as writer:
        writer.write(
            example_ids=[str(number) for number in range(20)],
            splits=["train"] * 14 + ["validation"] * 3 + ["test"] * 3,
            labels=labels.tolist(),
            inputs={"image": pixels},
        )
    tiny = replace(subject, store=FeatureStore(tmp_path / "tiny"), table=None)
    assert first_failure(tiny) is None


@pytest.mark.gpu
def test_a_healthy_network_passes_on_a_gpu(subject):
    checks = list(smoke_checks(replace(subject, device=torch.device("cuda"))))
    assert [check.name for check in checks if check.outcome != "holds"] == []
