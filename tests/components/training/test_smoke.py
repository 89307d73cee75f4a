"""The smoke test: a healthy network passes, planted faults are found."""

import numpy as np
import torch

from components.modeling.backbones import BackboneConfig
from components.shared.feature_store import ImageStore, ImageStoreWriter
from components.training import smoke as smoke_module
from components.training.smoke import CHECK_NAMES, smoke_checks

CPU = torch.device("cpu")
SMALL = BackboneConfig(name="small_cnn")


def failed(checks):
    return [check.name for check in checks if check.finding is not None]


def test_a_healthy_network_passes_every_check(stripes_store):
    checks = smoke_checks(ImageStore(stripes_store), SMALL, seed=0, device=CPU)
    assert tuple(check.name for check in checks) == CHECK_NAMES
    assert failed(checks) == []


def test_a_class_without_training_examples_is_named(stripes_store, tmp_path):
    store = ImageStore(stripes_store)
    rows = store.indices("train")
    rows = rows[store.labels[rows] == 0]
    with ImageStoreWriter(
        tmp_path, class_names=store.class_names, image_shape=store.image_shape, preparation=store.preparation
    ) as writer:
        writer.write(
            example_ids=store.example_ids[rows].tolist(),
            splits=["train"] * len(rows),
            labels=[0] * len(rows),
            images_BHWC=store.gather(rows),
        )
    checks = smoke_checks(ImageStore(tmp_path), SMALL, seed=0, device=CPU)
    assert failed(checks) == ["classes"]
    assert "down" in checks[-1].measured


def planted(monkeypatch, change):
    healthy = smoke_module.build_classifier

    def build(*arguments, **settings):
        classifier = healthy(*arguments, **settings)
        change(classifier)
        return classifier

    monkeypatch.setattr(smoke_module, "build_classifier", build)


def test_a_layer_that_gets_no_gradient_is_named(stripes_store, monkeypatch):
    planted(monkeypatch, lambda network: network.add_module("forgotten", torch.nn.Linear(2, 2)))
    checks = smoke_checks(ImageStore(stripes_store), SMALL, seed=0, device=CPU)
    assert failed(checks) == ["gradients"]
    assert "forgotten.weight" in checks[-1].measured


def test_absurd_initial_weights_are_found(stripes_store, monkeypatch):
    planted(monkeypatch, lambda network: torch.nn.init.normal_(network.head.weight, std=500.0))
    checks = smoke_checks(ImageStore(stripes_store), SMALL, seed=0, device=CPU)
    assert failed(checks) == ["initial loss"]


def test_nan_weights_are_found(stripes_store, monkeypatch):
    planted(monkeypatch, lambda network: torch.nn.init.constant_(network.head.bias, np.nan))
    checks = smoke_checks(ImageStore(stripes_store), SMALL, seed=0, device=CPU)
    assert failed(checks) == ["initial loss"]


def test_code_that_raises_in_training_is_a_finding(stripes_store, monkeypatch):
    def broken(*arguments, **settings):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x8 and 9x2)\nmore lines")

    monkeypatch.setattr(smoke_module, "fit", broken)
    checks = smoke_checks(ImageStore(stripes_store), SMALL, seed=0, device=CPU)
    assert failed(checks) == ["one iteration"]
    assert checks[-1].measured == "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x8 and 9x2)"


def test_code_that_raises_before_training_is_a_finding_too(stripes_store, monkeypatch):
    def refuse(images):
        assert images.shape[-1] == 384, "Input height (32) doesn't match model (384)"

    planted(monkeypatch, lambda network: setattr(network, "embed", refuse))
    checks = smoke_checks(ImageStore(stripes_store), SMALL, seed=0, device=CPU)
    assert failed(checks) == ["initial loss"]
    assert "Input height (32)" in checks[-1].measured
