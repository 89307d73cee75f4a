import csv
import json
import shutil

import fsspec
import pytest

from components.active_learning.jobs.export_queue import export_queue
from components.active_learning.jobs.import_labels import import_labels
from components.active_learning.jobs.withdraw_labels import withdraw_labels
from components.active_learning.label_requests import LabelRequest, write_label_requests
from components.active_learning.model_labels import ModelLabel, write_model_labels
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_versions.writing import table_fingerprint
from components.shared.contracts.split_record import splits_of_table
from components.shared.contracts.verdict import read_verdict
from components.shared.runtime.errors import ContractError
from tests.components.active_learning.queue.planted_faults import (
    annotation,
    filled_sheet,
    filled_tasks,
    sheet_bytes,
    tasks_bytes,
)
from tests.components.active_learning.queue.small_queues import CLASSES, small_queue, SmallQueue, write_table


@pytest.fixture(scope="module")
def shared_queue(tmp_path_factory) -> SmallQueue:
    return small_queue(tmp_path_factory.mktemp("queue"))


@pytest.fixture
def queue(shared_queue, tmp_path) -> SmallQueue:
    shutil.copytree(shared_queue.folder, tmp_path / "copy")
    return SmallQueue(folder=tmp_path / "copy", answers=shared_queue.answers)


def filled(queue: SmallQueue) -> tuple[list[str], list[dict[str, str]]]:
    return filled_sheet(queue.sheet(), queue.answers)


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"), (";", "cp949")]
)
def test_sheets_are_read_as_spreadsheets_save_them(queue, delimiter, encoding):
    header, rows = filled(queue)

    result = queue.imported("kim.csv", sheet_bytes(header, rows, delimiter, encoding))

    assert result.faults == ()
    assert queue.labels().items() >= queue.answers.items()


def test_a_new_version_has_its_labels_splits_and_lineage(queue):
    result = queue.imported("kim.csv", sheet_bytes(*filled(queue)))

    table = queue.table()
    rows = {row["example_id"]: row for row in table.read().to_pylist()}
    asked = {name: rows[name] for name in queue.answers}
    assert {row["label_source"] for row in asked.values()} == {"person"}
    teaching = [row["split"] for number, row in enumerate(asked.values()) if number % 2 == 0]
    assert set(teaching) == {"train"}
    assert result.merged.num_added == len(queue.answers)
    [change] = table.info.lineage
    assert change.parent == table_fingerprint(ExampleTable(queue.examples))
    assert change.round_number == 2
    assert splits_of_table(table).content_ids.size == table.num_rows
    assert read_verdict(queue.folder / "out" / "verdict.json").passed
    assert json.loads((queue.folder / "out" / "metrics.json").read_text())["num_rows_added"] == len(queue.answers)
    assert (queue.folder / "out" / "splits.parquet").is_file()
    assert "rows joined the table" in (queue.folder / "out" / "report.html").read_text(encoding="utf-8")


def test_the_same_labels_twice_are_once_merged(queue):
    content = sheet_bytes(*filled(queue))
    queue.imported("kim.csv", content)
    first = table_fingerprint(queue.table())

    queue.imported("kim.csv", content)
    assert table_fingerprint(queue.table()) == first
    other_form = tasks_bytes(filled_tasks(queue.tasks(), queue.answers))
    for file, told in {"kim.csv": content, "export.json": other_form}.items():
        result = queue.imported(file, told, out=f"again-{file}", examples=queue.folder / "out" / "examples")
        assert result.passed
        assert result.reason.startswith("nothing new")
        assert table_fingerprint(queue.table(f"again-{file}")) == first


def test_a_file_that_is_filled_in_further_adds_what_is_new(queue):
    header, rows = filled(queue)
    partial = [row if place < 5 else {**row, "label": ""} for place, row in enumerate(rows)]
    first = queue.imported("kim.csv", sheet_bytes(header, partial))
    assert (first.merged.num_added, first.metrics["num_rows_unlabelled"]) == (5, 7)

    second = queue.imported("kim.csv", sheet_bytes(header, rows), out="two", examples=queue.folder / "out" / "examples")

    assert (second.merged.num_added, second.merged.num_unchanged) == (7, 5)
    assert [change.counts["num_added"] for change in queue.table("two").info.lineage] == [5, 7]


def test_a_label_that_a_person_gave_before_is_not_changed_silently(queue):
    header, rows = filled(queue)
    queue.imported("kim.csv", sheet_bytes(header, rows))
    other = next(name for name in CLASSES if name != rows[4]["label"])
    rows[4]["label"] = other

    result = queue.imported("kim.csv", sheet_bytes(header, rows), out="two", examples=queue.folder / "out" / "examples")

    [fault] = result.faults
    assert (fault.kind, fault.row) == ("not_merged", 6)
    assert "merge-labels" in fault.remedy
    assert queue.labels("two") == queue.labels()


def test_an_import_over_another_version_is_refused_and_leaves_all_its_files(queue):
    header, rows = filled(queue)
    queue.imported("kim.csv", sheet_bytes(header, rows))
    before = {file.name: file.read_bytes() for file in (queue.folder / "out").iterdir() if file.is_file()}

    with pytest.raises(ContractError, match="holds another table: give another folder"):
        queue.imported("kim.csv", sheet_bytes(header, rows[:3]))

    assert {file.name: file.read_bytes() for file in (queue.folder / "out").iterdir() if file.is_file()} == before
    assert queue.labels().items() >= queue.answers.items()


def test_several_annotators_agree_or_leave_it_to_people(queue):
    header, rows = filled(queue)
    folder = queue.folder / "people"
    folder.mkdir()
    for name in ("kim", "lee", "park"):
        told = [dict(row, annotator="") for row in rows]
        if name == "park":
            told[0]["label"] = next(label for label in CLASSES if label != told[0]["label"])
        (folder / f"{name}.csv").write_bytes(sheet_bytes(header, told))

    result = import_labels(
        examples_path=queue.examples,
        pool_path=queue.pool,
        queue_uri=str(queue.queue),
        labels_uri=str(folder),
        outputs=queue.outputs("out"),
    )

    assert result.faults == ()
    rows_of = {row["example_id"]: row for row in queue.table().read().to_pylist()}
    first, second = (rows_of[row["example_id"]] for row in rows[:2])
    assert (first["label"], first["label_agreement"]) == (rows[0]["label"], pytest.approx(2 / 3))
    assert second["label_agreement"] == 1.0
    assert 0.5 < result.metrics["alpha"] < 1.0
    assert result.metrics["alpha_low"] <= result.metrics["alpha"] <= result.metrics["alpha_high"]


def test_a_second_copy_of_a_file_is_a_double_and_no_second_person(queue):
    folder = queue.folder / "people"
    folder.mkdir()
    header, rows = filled(queue)
    told = [dict(row, annotator="") for row in rows[:2]]
    for name in ("kim", "kim (1)"):
        (folder / f"{name}.csv").write_bytes(sheet_bytes(header, told))

    result = import_labels(
        examples_path=queue.examples,
        pool_path=queue.pool,
        queue_uri=str(queue.queue),
        labels_uri=str(folder),
        outputs=queue.outputs("out"),
    )

    assert result.passed
    assert [(fault.kind, fault.row) for fault in result.faults] == [("double", 2), ("double", 3)]
    assert "label_agreement" not in queue.table().schema.names


def test_unlabelled_rows_of_the_table_itself_are_labelled_and_keep_their_split(tmp_path):
    ids = ["a", "b", "c", "d"]
    texts = ["하나", "둘", "셋", "넷"]
    write_table(tmp_path / "examples", ids, texts, ["Bad", "좋음", None, None], ["train", "test", "train", "test"])
    queue = SmallQueue(folder=tmp_path, answers={"c": "Bad", "d": "좋음"})
    requests = [
        LabelRequest(
            example_id=name, strategy="random", why="", score=0.0, predicted="", probability=0.0, model_version="",
            round_number=1,
        )
        for name in queue.answers
    ]  # fmt: skip
    write_label_requests(tmp_path / "requests", requests, class_names=CLASSES)
    export_queue(requests_path=tmp_path / "requests", pool_path=queue.examples, queue_uri=str(queue.queue))
    (tmp_path / "kim.csv").write_bytes(sheet_bytes(*filled(queue)))

    for name, pool in {"alone": None, "both": queue.examples}.items():
        result = import_labels(
            examples_path=queue.examples,
            pool_path=pool,
            queue_uri=str(queue.queue),
            labels_uri=str(tmp_path / "kim.csv"),
            outputs=queue.outputs(name),
        )
        assert (result.merged.num_added, result.merged.num_changed) == (0, 2)
        rows = {row["example_id"]: row for row in queue.table(name).read().to_pylist()}
        assert (rows["d"]["label"], rows["d"]["split"]) == ("좋음", "test")


class TestLabelStudio:
    def test_cancelled_annotations_are_skipped_and_open_tasks_are_not_labelled_yet(self, queue):
        tasks = filled_tasks(queue.tasks(), queue.answers)
        tasks[0]["annotations"][0]["was_cancelled"] = True
        tasks[1]["annotations"] = []
        tasks[1]["predictions"] = [{"result": annotation(CLASSES[0])["result"]}]

        result = queue.imported("export.json", tasks_bytes(tasks))

        assert result.faults == ()
        assert (result.metrics["num_rows_skipped"], result.metrics["num_rows_unlabelled"]) == (1, 1)
        assert result.merged.num_added == len(tasks) - 2

    def test_annotators_in_objects_and_files_of_a_storage_are_read(self, queue):
        first = filled_tasks(queue.tasks(), queue.answers)[0]
        told = {**first["annotations"][0], "task": {"id": 1, "data": first["data"]}}
        told["completed_by"] = {"id": 5, "email": "kim@example.com"}

        result = queue.imported("1.json", tasks_bytes(told))

        assert result.faults == ()
        assert result.merged.num_added == 1
        assert "kim@example.com" not in (queue.folder / "out" / "report.html").read_text(encoding="utf-8")

    def test_exported_tasks_that_nobody_annotated_are_not_labelled_yet(self, queue):
        result = queue.imported("tasks.json", queue.tasks())
        assert result.faults == ()
        assert result.metrics["num_rows_unlabelled"] == len(queue.answers)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("book.xlsx", b"PK\x03\x04...", "must be a CSV, but is a workbook"),
        ("cut.json", b'[{"data": {', "must be JSON in UTF-8"),
        ("number.json", b"7", "must hold a list of tasks"),
        ("other.csv", b"id,answer\n1,x\n", "must have the columns example_id and label"),
        ("twice.csv", b"example_id,label,Label\n1,x,y\n", "each once"),
        ("empty.csv", b"", "it has none"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_one_sentence(queue, file, content, message):
    with pytest.raises(ContractError, match=message) as caught:
        queue.imported(file, content)
    assert "\n" not in str(caught.value)
    assert not (queue.folder / "out" / "examples").exists()


def test_a_file_of_another_queue_fails_the_verdict_and_changes_nothing(queue):
    header, rows = filled(queue)
    strange = [{**row, "example_id": f"other {number}", "check": ""} for number, row in enumerate(rows)]

    result = queue.imported("kim.csv", sheet_bytes(header, strange))

    assert not result.passed
    assert "12 of 12 labels were left out" in result.reason
    assert table_fingerprint(queue.table()) == table_fingerprint(ExampleTable(queue.examples))


def test_labels_by_models_are_merged_beside_peoples_and_withdrawn(queue):
    others = [f"p{number:03d}" for number in range(10, 20)]
    labels = [
        ModelLabel(example_id=name, label=CLASSES[1], probability=0.97, model_version="v1", round_number=2)
        for name in others
    ]
    write_model_labels(queue.folder / "model_labels", labels)
    (queue.folder / "kim.csv").write_bytes(sheet_bytes(*filled(queue)))

    result = import_labels(
        examples_path=queue.examples,
        pool_path=queue.pool,
        queue_uri=str(queue.queue),
        labels_uri=str(queue.folder / "kim.csv"),
        model_labels_path=queue.folder / "model_labels",
        outputs=queue.outputs("out"),
    )

    assert (result.merged.num_added, result.merged.num_overruled) == (20, 2)
    rows = {row["example_id"]: row for row in queue.table().read().to_pylist()}
    assert (rows["p015"]["label_source"], rows["p015"]["split"], rows["p015"]["label_model"]) == (
        "model",
        "train",
        "v1",
    )
    assert rows["p010"]["label_source"] == "person"

    withdraw_labels(
        examples_path=queue.folder / "out" / "examples",
        model_version="v1",
        pool_path=queue.pool,
        output_path=queue.folder / "after" / "examples",
        splits_path=queue.folder / "after" / "splits.parquet",
        metrics_path=queue.folder / "after" / "metrics.json",
    )
    assert set(queue.labels("after")) == set(queue.labels()) - set(others[2:])


def test_queue_and_labels_may_lie_in_a_store(queue):
    store = fsspec.filesystem("memory")
    export_queue(requests_path=queue.folder / "requests", pool_path=queue.pool, queue_uri="memory://round-2/queue")
    store.pipe_file("/round-2/kim.csv", sheet_bytes(*filled(queue)))

    result = import_labels(
        examples_path=queue.examples,
        pool_path=queue.pool,
        queue_uri="memory://round-2/queue",
        labels_uri="memory://round-2/kim.csv",
        outputs=queue.outputs("out"),
    )

    assert result.merged.num_added == len(queue.answers)
    with pytest.raises(FileNotFoundError, match="the labels must be at a path or a URI"):
        import_labels(
            examples_path=queue.examples,
            pool_path=queue.pool,
            queue_uri="memory://round-2/queue",
            labels_uri="memory://round-2/none.csv",
            outputs=queue.outputs("none"),
        )


def test_the_rejected_rows_are_a_sheet_without_formulas(queue):
    header, rows = filled(queue)
    rows[0]["label"] = "=HYPERLINK(1)"

    queue.imported("kim.csv", sheet_bytes(header, rows))

    with open(queue.folder / "out" / "rejected.csv", encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["file"], row["row"], row["fault"]) == ("kim.csv", "2", "unknown_label")
    assert not row["found"].startswith("=")


def test_a_queue_that_nobody_filled_in_is_no_labels(queue):
    imported = queue.imported("kim.csv", queue.sheet())
    assert not imported.passed
    assert imported.reason == "labels must be filled in, but kim.csv hold none"
    assert read_verdict(queue.outputs("out").verdict).findings[0].name == "nothing_filled_in"
    whole = import_labels(
        examples_path=queue.examples,
        pool_path=queue.pool,
        queue_uri=str(queue.queue),
        labels_uri=str(queue.queue),
        outputs=queue.outputs("whole"),
    )
    assert not whole.passed
