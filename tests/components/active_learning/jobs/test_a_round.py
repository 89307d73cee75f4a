"""What a round is asked is checked before anything is computed, and a queue leads back to what it was made from."""

from dataclasses import replace
from pathlib import Path

import pytest

from components.active_learning.component import check_labelling_inputs as check_face
from components.active_learning.jobs.check_labelling_inputs import (
    check_labelling_inputs,
    CheckedLabellingInputs,
    LabellingPlaces,
)
from components.active_learning.jobs.export_queue import export_queue
from components.active_learning.jobs.open_queue import open_queue, QueueTables
from components.active_learning.label_requests import LabelRequest, read_label_requests, write_label_requests
from components.active_learning.model_labels import ModelLabel, read_model_labels, write_model_labels
from components.active_learning.queue.folder import QueueOrigin
from components.modeling.backbone_config import BackboneConfig
from components.modeling.classifier import build_classifier
from components.modeling.predictor import weights_of
from components.modeling.text.char_ngrams import TextFeatures
from components.shared.contracts.bundle import BundleConfig, write_bundle
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.run_record import kept_steps
from components.shared.runtime.errors import ContractError
from tests.components.active_learning.queue.small_queues import CLASSES, write_table

BY_MODEL = ModelLabel(example_id="p2", label=CLASSES[1], probability=0.9, model_version="v1", round_number=1)


def write_model(path: Path, class_names=CLASSES) -> Path:
    features, backbone = TextFeatures(num_buckets=64), BackboneConfig(name="char_ngrams")
    network = build_classifier(backbone, features, num_classes=len(class_names), load_pretrained=False)
    config = BundleConfig(
        task="text_classification",
        class_names=tuple(class_names),
        backbone=backbone.to_dict(),
        preprocessing=features.to_dict(),
    )
    write_bundle(path, config, weights_of(network))
    return path


@pytest.fixture
def places(tmp_path):
    write_table(tmp_path / "examples", ["e1", "e2"], ["참 좋다", "별로다"], CLASSES[::-1], ["train", "train"])
    write_table(tmp_path / "pool", ["p1", "p2"], ["하나", "둘"], [None, None], [None, None], is_pool=True)
    return LabellingPlaces(
        examples_uri=str(tmp_path / "examples"),
        pool_uri=str(tmp_path / "pool"),
        model_uri=str(write_model(tmp_path / "model")),
        queue_uri=str(tmp_path / "queue"),
    )


@pytest.fixture
def checked(tmp_path):
    def check(places, settings=""):
        return check_labelling_inputs(
            places=places,
            settings=settings,
            examples_path=tmp_path / "in" / "examples",
            pool_path=tmp_path / "in" / "pool",
            previous_requests_path=tmp_path / "in" / "requests",
        )

    return check


def exported(folder: Path, places: LabellingPlaces) -> None:
    request = LabelRequest(
        example_id="p1", strategy="random", why="Drawn at random.", score=0.0, predicted=CLASSES[0], probability=0.6,
        model_version="v1", round_number=1,
    )  # fmt: skip
    write_label_requests(folder / "requests", [request], class_names=CLASSES)
    write_model_labels(folder / "model_labels", [BY_MODEL])
    export_queue(
        requests_path=folder / "requests",
        pool_path=places.pool_uri,
        queue_uri=places.queue_uri,
        metrics_path=None,
        model_labels_path=folder / "model_labels",
        origin=QueueOrigin(examples_uri=places.examples_uri, pool_uri=places.pool_uri, model_uri=places.model_uri),
    )


def test_tables_and_settings_are_handed_on(tmp_path, places, checked):
    found = checked(places, "{budget: 7, strategies: 'entropy=0.5,random=0.5', queue: {show_prediction: true}}")
    assert (found.budget, found.strategies, found.dropout_passes) == (7, "entropy=0.5,random=0.5", 0)
    assert '"show_prediction": true' in found.queue_settings
    assert found.pool_uri == places.pool_uri
    assert len(found.model_version) == 16
    assert ExampleTable(tmp_path / "in" / "examples").num_rows == 2
    assert ExampleTable(tmp_path / "in" / "pool").info.is_pool
    assert read_label_requests(tmp_path / "in" / "requests").requests == ()


def test_without_a_pool_the_table_is_its_own(tmp_path, places, checked):
    assert checked(replace(places, pool_uri="")).pool_uri == places.examples_uri
    assert not ExampleTable(tmp_path / "in" / "pool").info.is_pool


def test_the_requests_of_the_round_before_are_handed_on(tmp_path, places, checked):
    exported(tmp_path, places)
    second = replace(places, queue_uri=str(tmp_path / "second"), previous_queue_uri=places.queue_uri)
    checked(second)
    assert [one.example_id for one in read_label_requests(tmp_path / "in" / "requests").requests] == ["p1"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("{budget: 0}", "budget"),
        ("{budgets: 3}", "unknown key"),
        ("{strategies: 'doubt=1'}", "doubt"),
        ("{strategies: 'mutual_information=0.8,random=0.2'}", "dropout_passes must be at least 2"),
    ],
)
def test_a_setting_that_is_wrong_is_refused(places, checked, settings, reason):
    with pytest.raises(ValueError, match=reason):
        checked(places, settings)


def test_what_does_not_fit_is_refused(tmp_path, places, checked):
    with pytest.raises(ContractError, match=r"must know the classes of the table, but .* are of one alone"):
        checked(replace(places, model_uri=str(write_model(tmp_path / "other", ("Bad", "Good")))))
    with pytest.raises(ContractError, match="examples_uri must be a table with splits, but is a pool"):
        checked(replace(places, examples_uri=places.pool_uri))
    with pytest.raises(FileNotFoundError, match="the pool must be at a path or a URI, but there is nothing"):
        checked(replace(places, pool_uri=str(tmp_path / "none")))
    write_table(tmp_path / "empty", [], [], [], [], is_pool=True)
    with pytest.raises(ContractError, match="the pool must hold at least one example, but holds none"):
        checked(replace(places, pool_uri=str(tmp_path / "empty")))
    with pytest.raises(ValueError, match="model_uri must lie on the run's workspace_claim"):
        checked(replace(places, model_uri="pvc://others/model"))


def test_a_queue_leads_back_to_its_tables_model_and_waiting_labels(tmp_path, places, monkeypatch):
    for name, value in (("RUN_ID", "7d0c"), ("RUNS_DIR", str(tmp_path / "runs")), ("STEP", "open queue")):
        monkeypatch.setenv(f"PLUSZERO_{name}", value)
    exported(tmp_path, places)
    tables = QueueTables(examples=tmp_path / "e", pool=tmp_path / "p", model_labels=tmp_path / "m")
    found = open_queue(queue_uri=places.queue_uri, labels_uri="", tables=tables)
    assert (found.examples_uri, found.model_uri, found.backbone) == (
        places.examples_uri, places.model_uri, "char_ngrams",
    )  # fmt: skip
    assert found.labels_uri == places.queue_uri
    assert [kept.step for kept in kept_steps(tmp_path / "runs" / "7d0c")] == ["open queue"]
    with pytest.raises(FileNotFoundError, match="the labels must be at a path or a URI, but there is nothing at"):
        open_queue(queue_uri=places.queue_uri, labels_uri=str(tmp_path / "filled"), tables=tables)
    assert ExampleTable(tmp_path / "e").num_rows == ExampleTable(tmp_path / "p").num_rows == 2
    assert read_model_labels(tmp_path / "m") == [BY_MODEL]


def test_a_queue_that_was_exported_by_hand_says_what_to_do(tmp_path, places):
    write_label_requests(tmp_path / "requests", [], class_names=CLASSES)
    export_queue(
        requests_path=tmp_path / "requests", pool_path=places.pool_uri, queue_uri=places.queue_uri, metrics_path=None
    )
    tables = QueueTables(examples=tmp_path / "e", pool=tmp_path / "p", model_labels=tmp_path / "m")
    with pytest.raises(ContractError, match="merge its labels with import-labels"):
        open_queue(queue_uri=places.queue_uri, labels_uri="", tables=tables)


def test_the_faces_outputs_are_named_as_the_jobs():
    named = list(check_face.component_spec.outputs)
    told = [name for name in named if name not in ("examples", "pool", "previous_requests")]
    assert tuple(told) == CheckedLabellingInputs._fields
