import csv
import io
import json
from pathlib import Path
import re
from xml.etree import ElementTree

import fsspec
import numpy as np
from PIL import Image
import pyarrow as pa
import pytest

from components.active_learning.jobs.export_queue import export_queue
from components.active_learning.label_requests import LabelRequest, write_label_requests
from components.active_learning.model_labels import ModelLabel, read_model_labels, write_model_labels
from components.active_learning.queue.label_studio import label_studio_config
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.runtime.errors import ContractError
from tests.components.active_learning.queue.small_queues import CLASSES, small_queue


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def request(name: str) -> LabelRequest:
    return LabelRequest(
        example_id=name,
        strategy="entropy",
        why="=the model is unsure",
        score=1.0,
        predicted="b",
        probability=0.5,
        model_version="v1",
        round_number=1,
    )


def exported(folder: Path, info: ExampleTableInfo, extra: dict, columns: dict, settings: str = "") -> Path:
    """A queue of all rows of a pool with these columns."""
    num_rows = len(columns["example_id"])
    arrays = {"split": pa.nulls(num_rows, pa.string()), "label": pa.nulls(num_rows, pa.string()), **columns}
    with ExampleTableWriter(folder / "pool", info, extra_columns=extra) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays)))
    requests = [request(name) for name in columns["example_id"].to_pylist()]
    write_label_requests(folder / "requests", requests, class_names=("a", "b"))
    export_queue(
        requests_path=folder / "requests",
        pool_path=folder / "pool",
        queue_uri=str(folder / "queue"),
        settings=settings,
    )
    return folder / "queue"


def test_a_sheet_opens_as_utf_8_and_shows_no_prediction(tmp_path):
    queue = small_queue(tmp_path)

    assert queue.sheet().startswith(b"\xef\xbb\xbf")
    rows = rows_of(queue.sheet())
    assert [row["example_id"] for row in rows] == list(queue.answers)
    assert set(rows[0]) == {"example_id", "check", "text", "place", "choose_from", "label", "annotator", "why"}
    assert rows[0]["choose_from"] == " | ".join(CLASSES)
    assert {row["label"] for row in rows} == {""}
    assert all("predictions" not in task for task in json.loads(queue.tasks()))


def test_predictions_are_shown_where_that_is_asked_for(tmp_path):
    queue = small_queue(tmp_path, settings="show_prediction: true")

    assert rows_of(queue.sheet())[0]["predicted"] == CLASSES[0]
    [prediction] = json.loads(queue.tasks())[0]["predictions"]
    [choice] = prediction["result"]
    assert (choice["from_name"], choice["to_name"], choice["type"]) == ("label", "example", "choices")
    assert choice["value"] == {"choices": [CLASSES[0]]}
    assert (prediction["model_version"], prediction["score"]) == ("v1", 0.6)


def test_a_task_holds_what_the_configuration_shows_also_of_an_empty_text_and_a_table_without_the_column(tmp_path):
    """Label Studio refuses a whole import over one task that lacks a key, or whose text is no text."""
    info = ExampleTableInfo(modality="text", class_names=("a", "b"), column_roles={"place": "metadata"}, is_pool=True)
    columns = {
        "example_id": pa.array(["one", "two"]),
        "text": pa.array(["a comment", None]),
        "place": pa.array(["here", None]),
    }
    queue = exported(tmp_path, info, {"place": pa.string()}, columns)
    plain = ExampleTableInfo(modality="text", class_names=("a", "b"), column_roles={})
    with ExampleTableWriter(tmp_path / "plain", plain, extra_columns={}) as writer:
        more = [pa.array(["three"]), pa.array(["train"]), pa.nulls(1, pa.string()), pa.array(["another"])]
        writer.write(pa.RecordBatch.from_arrays(more, ["example_id", "split", "label", "text"]))
    write_label_requests(tmp_path / "more", [request("one"), request("three")], class_names=("a", "b"))
    export_queue(
        requests_path=tmp_path / "more",
        pool_path=tmp_path / "pool",
        examples_path=tmp_path / "plain",
        queue_uri=str(tmp_path / "both"),
    )

    first, second = json.loads((queue / "label_studio_tasks.json").read_text())
    assert second["data"]["text"] == ""
    assert (first["data"]["row"], second["data"]["row"]) == ({"place": "here"}, {"place": None})
    rows = [task["data"]["row"] for task in json.loads((tmp_path / "both" / "label_studio_tasks.json").read_text())]
    assert rows == [{"place": "here"}, {}]


def test_tasks_and_configuration_of_label_studio_agree(tmp_path):
    queue = small_queue(tmp_path)

    config = ElementTree.fromstring((queue.queue / "label_studio_config.xml").read_text(encoding="utf-8"))
    [choices] = config.iter("Choices")
    [text] = config.iter("Text")
    assert choices.attrib["toName"] == text.attrib["name"]
    assert [choice.attrib["value"] for choice in choices] == list(CLASSES)
    for task in json.loads(queue.tasks()):
        for tag in config.iter():
            if tag.attrib.get("value", "").startswith("$"):
                assert task["data"][tag.attrib["value"][1:]]


@pytest.mark.parametrize(
    "name", ['a "quoted" one', "it's", "R&D <b>", "tab\there", "two\nlines", 'name="example"', "  blanks  "]
)
def test_any_class_can_be_chosen_and_names_no_second_tag(name):
    """Label Studio counts what stands as name="..." in the text of a configuration, and wants each once."""
    config = label_studio_config(["plain", name], "text", has_row=True)

    [choices] = ElementTree.fromstring(config).iter("Choices")
    assert [choice.attrib["value"] for choice in choices] == ["plain", name]
    assert sorted(re.findall(r'(?:^|[^\w])name="([^"]*)"', config)) == ["about", "example", "label"]


def test_a_cell_that_would_run_as_a_formula_does_not_and_personal_columns_are_not_shown(tmp_path):
    info = ExampleTableInfo(
        modality="tabular",
        class_names=("a", "b"),
        column_roles={"amount": "feature", "note": "feature", "phone": ("pii", "feature")},
        is_pool=True,
    )
    extra = {"amount": pa.float64(), "note": pa.string(), "phone": pa.string()}
    columns = {
        "example_id": pa.array(["r1", "r2"]),
        "amount": pa.array([1.5, float("nan")]),
        "note": pa.array(["=1+1", "kim@example.com called"]),
        "phone": pa.array(["010-1234-5678", "010-1234-5679"]),
    }
    queue = exported(tmp_path, info, extra, columns)

    first, second = rows_of((queue / "queue.csv").read_bytes())
    assert (first["note"], first["why"]) == ("'=1+1", "'=the model is unsure")
    assert "kim@example.com" not in second["note"]
    assert "phone" not in first
    tasks = (queue / "label_studio_tasks.json").read_text(encoding="utf-8")
    assert "010-1234" not in tasks
    assert json.loads(tasks)[0]["data"]["row"] == {"amount": 1.5, "note": "=1+1"}
    config = ElementTree.fromstring((queue / "label_studio_config.xml").read_text(encoding="utf-8"))
    assert [tag.attrib["value"] for tag in config.iter("Table")] == ["$row"]


@pytest.mark.parametrize("settings", ["", "image_uri: s3://bucket/queue/images/"])
def test_photos_lie_beside_the_sheet_and_in_the_tasks(tmp_path, settings):
    def photo(seed: int) -> bytes:
        data = io.BytesIO()
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(data, "PNG")
        return data.getvalue()

    info = ExampleTableInfo(modality="image", class_names=("a", "b"), column_roles={}, is_pool=True)
    photos = [photo(1), photo(2)]
    columns = {"example_id": pa.array(["one", "folder/two.png"]), "image": pa.array(photos, pa.binary())}
    queue = exported(tmp_path, info, {}, columns, settings)

    names = [row["image"] for row in rows_of((queue / "queue.csv").read_bytes())]
    assert names[0] == "images/one.png"
    assert [(queue / name).read_bytes() for name in names] == photos
    shown = [task["data"]["image"] for task in json.loads((queue / "label_studio_tasks.json").read_text())]
    begin = "s3://bucket/queue/images/" if settings else "data:image/png;base64,"
    assert all(uri.startswith(begin) for uri in shown)


def test_a_queue_that_people_work_on_is_never_written_over(tmp_path):
    queue = small_queue(tmp_path)
    (queue.queue / "queue.csv").write_text("filled in")

    def again(num_asked: int):
        return export_queue(
            requests_path=write(num_asked), pool_path=queue.pool, queue_uri=str(queue.queue), settings=""
        )

    def write(num_asked: int) -> Path:
        place = tmp_path / f"requests-{num_asked}"
        write_label_requests(place, [request(f"p{number:03d}") for number in range(num_asked)], class_names=CLASSES)
        return place

    same = export_queue(requests_path=tmp_path / "requests", pool_path=queue.pool, queue_uri=str(queue.queue))
    assert not same.is_new
    with pytest.raises(ContractError, match=r"another one at .* which people may have filled in"):
        again(3)
    assert (queue.queue / "queue.csv").read_text() == "filled in"


@pytest.mark.parametrize("place", ["folder", "memory"])
def test_other_labels_by_the_model_replace_those_that_wait_beside_a_queue_and_touch_nothing_else(tmp_path, place):
    queue = small_queue(tmp_path)
    uri = str(tmp_path / "again") if place == "folder" else "memory://queue-with-labels/queue"

    def export(model_labels: Path | None):
        return export_queue(
            requests_path=tmp_path / "requests", pool_path=queue.pool, queue_uri=uri, model_labels_path=model_labels
        )

    def labels(*names: str) -> Path:
        found = [
            ModelLabel(example_id=name, label=CLASSES[0], probability=0.9, model_version="v1", round_number=1)
            for name in names
        ]
        write_model_labels(tmp_path / "-".join(("labels", *names)), found)
        return tmp_path / "-".join(("labels", *names))

    filesystem, root = fsspec.core.url_to_fs(uri)
    assert export(labels("p015")).is_new
    filesystem.pipe_file(f"{root}/queue.csv", b"filled in")
    again, other, none = export(labels("p015")), export(labels("p016", "p017")), export(None)

    assert not any((again.is_new, again.has_new_model_labels, other.is_new))
    assert other.has_new_model_labels
    assert not none.has_new_model_labels
    assert filesystem.cat_file(f"{root}/queue.csv") == b"filled in"
    filesystem.get(f"{root}/model_labels", str(tmp_path / "waiting"), recursive=True)
    assert [label.example_id for label in read_model_labels(tmp_path / "waiting")] == ["p016", "p017"]


def test_requests_that_are_of_no_example_are_named(tmp_path):
    queue = small_queue(tmp_path)
    write_label_requests(tmp_path / "others", [request("nobody")], class_names=CLASSES)
    with pytest.raises(ContractError, match="1 are not, 'nobody' first"):
        export_queue(requests_path=tmp_path / "others", pool_path=queue.pool, queue_uri=str(tmp_path / "second"))
