from kfp import dsl
import pytest

from components.active_learning.component import export_queue, import_labels, withdraw_labels
from components.active_learning.model_labels import ModelLabel, read_model_labels, write_model_labels
from components.active_learning.queue.folder import read_origin
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.verdict import read_verdict
from tests.components.active_learning.queue.planted_faults import filled_sheet, sheet_bytes
from tests.components.active_learning.queue.small_queues import CLASSES, small_queue


@pytest.fixture
def outputs(tmp_path):
    def made(step: str, **kinds):
        return {name: kind(name=name, uri=str(tmp_path / step / name), metadata={}) for name, kind in kinds.items()}

    return made


def test_the_faces_write_every_output(tmp_path, outputs):
    queue = small_queue(tmp_path)
    (tmp_path / "kim.csv").write_bytes(sheet_bytes(*filled_sheet(queue.sheet(), queue.answers)))
    by_model = ModelLabel(example_id="p019", label=CLASSES[0], probability=0.9, model_version="v1", round_number=2)
    write_model_labels(tmp_path / "model_labels", [by_model])
    pool = dsl.Dataset(uri=str(queue.pool))

    exported = outputs("export", queue_metrics=dsl.Metrics)
    export_queue.python_func(
        label_requests=dsl.Dataset(uri=str(tmp_path / "requests")),
        pool=pool,
        model_labels=dsl.Dataset(uri=str(tmp_path / "model_labels")),
        examples_uri=str(queue.examples),
        pool_uri=str(queue.pool),
        model_uri="s3://bucket/model",
        queue_uri=str(tmp_path / "second"),
        settings="",
        **exported,
    )
    imported = outputs(
        "import",
        examples=dsl.Dataset,
        splits=dsl.Artifact,
        labels_rejected=dsl.Artifact,
        labels_report=dsl.HTML,
        labels_verdict=dsl.Artifact,
        labels_metrics=dsl.Metrics,
    )
    import_labels.python_func(
        previous_examples=dsl.Dataset(uri=str(queue.examples)),
        pool=pool,
        model_labels=dsl.Dataset(uri=str(tmp_path / "model_labels")),
        queue_uri=str(tmp_path / "second"),
        labels_uri=str(tmp_path / "kim.csv"),
        **imported,
    )
    withdrawn = outputs("withdraw", examples=dsl.Dataset, splits=dsl.Artifact, withdrawal_metrics=dsl.Metrics)
    withdraw_labels.python_func(previous_examples=imported["examples"], pool=pool, model_version="v1", **withdrawn)

    assert read_origin(tmp_path / "second").pool_uri == str(queue.pool)
    assert read_model_labels(tmp_path / "second" / "model_labels") == [by_model]
    for step, made in {"export": exported, "import": imported, "withdraw": withdrawn}.items():
        assert all((tmp_path / step / name).exists() for name in made)
    assert read_verdict(imported["labels_verdict"].path).passed
    assert imported["labels_metrics"].metadata["num_rows_added"] == 13
    assert ExampleTable(imported["examples"].path).num_rows == 53
    assert ExampleTable(withdrawn["examples"].path).num_rows == 52
