import csv
import json

import pytest

from tests.components.active_learning.queue.planted_faults import (
    csv_case,
    CSV_FAULTS,
    filled_sheet,
    filled_tasks,
    json_case,
    JSON_FAULTS,
    min_records,
    NOTED,
    Planted,
    SEEDS,
    sheet_bytes,
    tasks_bytes,
)
from tests.components.active_learning.queue.small_queues import small_queue, SmallQueue


@pytest.fixture(scope="module")
def queue(tmp_path_factory) -> SmallQueue:
    return small_queue(tmp_path_factory.mktemp("queue"))


def check(queue: SmallQueue, planted: Planted, result, out: str) -> None:
    """The fault is reported with its rows and nothing else is; the good rows are merged."""
    found = {(fault.kind, fault.row) for fault in result.faults}
    assert found == {(planted.kind, row) for row in planted.rows}
    assert all(fault.is_rejected != (planted.kind in NOTED) for fault in result.faults)
    assert all(fault.expected and fault.found and fault.remedy for fault in result.faults)
    with open(queue.folder / out / "rejected.csv", encoding="utf-8-sig", newline="") as file:
        rejected = {int(row["row"]) for row in csv.DictReader(file)}
    assert rejected == (frozenset() if planted.kind in NOTED else planted.rows)
    merged = {name: label for name, label in queue.labels(out).items() if name in queue.answers}
    assert merged == {name: label for name, label in queue.answers.items() if name not in planted.lost}


def plant_csv(queue: SmallQueue, fault, seed: int) -> None:
    planted = csv_case(fault, seed, *filled_sheet(queue.sheet(), queue.answers))
    out = f"csv-{fault.__name__}-{seed}"
    check(queue, planted, queue.imported("kim.csv", planted.content, out=out), out)


def plant_json(queue: SmallQueue, fault, seed: int) -> None:
    planted = json_case(fault, seed, filled_tasks(queue.tasks(), queue.answers))
    out = f"json-{fault.__name__}-{seed}"
    check(queue, planted, queue.imported("export.json", planted.content, out=out), out)


def test_there_are_fifteen_faults_of_each_format():
    assert len(CSV_FAULTS) >= 15
    assert len(JSON_FAULTS) >= 15


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", CSV_FAULTS)
def test_a_fault_in_a_sheet_is_reported_with_its_row_and_the_rest_is_merged(queue, fault, seed):
    plant_csv(queue, fault, seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", JSON_FAULTS)
def test_a_fault_in_an_export_is_reported_with_its_task_and_the_rest_is_merged(queue, fault, seed):
    plant_json(queue, fault, seed)


IN_RECORDS = [
    fault
    for fault in JSON_FAULTS
    if fault.__name__.removeprefix("task_")
    in {
        "unknown_label",
        "several_labels",
        "empty_label",
        "unknown_id",
        "without_id",
        "changed_text",
        "other_case",
        "tie",
    }
]


@pytest.mark.parametrize("fault", IN_RECORDS)
def test_a_fault_in_a_short_export_is_reported_with_its_record(queue, fault):
    planted = json_case(fault, 1, filled_tasks(queue.tasks(), queue.answers))
    tasks = json.loads(planted.content)
    # A task with two annotations is two records: the first of them has the task's place.
    content = tasks_bytes(min_records(tasks))
    out = f"min-{fault.__name__}"
    result = queue.imported("min.json", content, out=out)
    assert {fault.kind for fault in result.faults} == {planted.kind}
    assert planted.rows <= {fault.row for fault in result.faults}
    merged = {name: label for name, label in queue.labels(out).items() if name in queue.answers}
    assert merged == {name: label for name, label in queue.answers.items() if name not in planted.lost}


def test_healthy_twins_have_no_fault(queue):
    tasks = filled_tasks(queue.tasks(), queue.answers)
    records = min_records(tasks)
    header = list(records[0])
    files = {
        "label_studio.csv": sheet_bytes(header, [{**record, "row": json.dumps(record["row"])} for record in records]),
        "kim.csv": csv_case(None, 0, *filled_sheet(queue.sheet(), queue.answers)).content,
        "tasks.json": tasks_bytes(tasks),
        "min.json": tasks_bytes(records),
    }
    for file, content in files.items():
        result = queue.imported(file, content, out=f"healthy-{file}")
        assert result.faults == ()
        assert result.passed
        assert queue.labels(f"healthy-{file}").items() >= queue.answers.items()
