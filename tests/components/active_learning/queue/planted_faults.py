"""Faults planted into filled-in queues, each with what an import must say of it; without its fault each is healthy.

A fault is planted into one place that a seed draws. Seeds of `HELD_OUT_SEEDS` played no part in the making of the code.
"""

from collections.abc import Callable, Mapping, Sequence
import copy
import csv
from dataclasses import dataclass
import io
import json
import random
from typing import Any
import unicodedata

SEEDS, HELD_OUT_SEEDS = (1,), (7, 8, 9)
# Reported, and merged nevertheless: what is meant is clear.
NOTED = frozenset({"spelled_otherwise"})


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A file with one fault: what it must be called, the rows that must be named, the examples that must not be merged.

    Rows of a CSV are counted as a spreadsheet does, the header being row 1; tasks of a JSON export from 1.
    """

    content: bytes
    kind: str
    rows: frozenset[int]
    lost: frozenset[str]


Row = dict[str, str]
CsvFault = Callable[[list[str], list[Row], random.Random], Planted]
Tasks = list[dict[str, Any]]
JsonFault = Callable[[Tasks, random.Random], Planted]


def filled_sheet(exported: bytes, answers: Mapping[str, str], annotator: str = "kim") -> tuple[list[str], list[Row]]:
    """Header and rows of an exported CSV, with every answer filled in."""
    reader = csv.DictReader(io.StringIO(exported.decode("utf-8-sig"), newline=""))
    rows = [dict(row) for row in reader]
    for row in rows:
        row["label"], row["annotator"] = answers[row["example_id"]], annotator
    return list(reader.fieldnames or ()), rows


def sheet_bytes(header: Sequence[str], rows: Sequence[Row], delimiter: str = ",", encoding: str = "utf-8-sig") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(header)
    writer.writerows([row[name] for name in header] for row in rows)
    return text.getvalue().encode(encoding)


def _edited(header: list[str], rows: list[Row], place: int, kind: str, **cells: str) -> Planted:
    lost = rows[place]["example_id"]
    rows[place].update(cells)
    kept = frozenset() if kind in NOTED else frozenset({lost})
    return Planted(content=sheet_bytes(header, rows), kind=kind, rows=frozenset({place + 2}), lost=kept)


def _drawn(rows: Sequence[Any], chance: random.Random) -> int:
    return chance.randrange(len(rows))


def _other(label: str, rows: Sequence[Row]) -> str:
    return next(row["label"] for row in rows if row["label"] != label)


def unknown_label(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    return _edited(header, rows, _drawn(rows, chance), "unknown_label", label="maybe")


def two_labels(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    place = _drawn(rows, chance)
    label = rows[place]["label"]
    return _edited(header, rows, place, "unknown_label", label=f"{label}, {_other(label, rows)}")


def unknown_id(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    place = _drawn(rows, chance)
    return _edited(header, rows, place, "unknown_id", example_id=rows[place]["example_id"] + "x")


def empty_id(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    return _edited(header, rows, _drawn(rows, chance), "unknown_id", example_id="")


def changed_text(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    place = _drawn(rows, chance)
    return _edited(header, rows, place, "changed_content", text=rows[place]["text"] + " 정말로")


def changed_check(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    return _edited(header, rows, _drawn(rows, chance), "changed_content", check="c0000000000000000")


def other_case(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    place = _drawn(rows, chance)
    return _edited(header, rows, place, "spelled_otherwise", label=f" {rows[place]['label'].upper()} ")


def decomposed(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    place = next(place for place, row in enumerate(rows) if not row["label"].isascii())
    label = unicodedata.normalize("NFD", rows[place]["label"])
    return _edited(header, rows, place, "spelled_otherwise", label=label)


def conflict(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    place = _drawn(rows, chance)
    again = {**rows[place], "label": _other(rows[place]["label"], rows)}
    both = frozenset({place + 2, len(rows) + 2})
    lost = frozenset({again["example_id"]})
    return Planted(content=sheet_bytes(header, [*rows, again]), kind="conflict", rows=both, lost=lost)


def double(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    again = dict(rows[_drawn(rows, chance)])
    second = frozenset({len(rows) + 2})
    return Planted(content=sheet_bytes(header, [*rows, again]), kind="double", rows=second, lost=frozenset())


def tie(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    place = _drawn(rows, chance)
    again = {**rows[place], "label": _other(rows[place]["label"], rows), "annotator": "lee"}
    both = frozenset({place + 2, len(rows) + 2})
    lost = frozenset({again["example_id"]})
    return Planted(content=sheet_bytes(header, [*rows, again]), kind="tie", rows=both, lost=lost)


def broken_encoding(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    place = _drawn(rows, chance)
    lines = sheet_bytes(header, rows).split(b"\r\n")
    word = rows[place]["text"].split()[0]
    lines[place + 1] = lines[place + 1].replace(word.encode(), word.encode("cp949"))
    assert word.encode("cp949") in lines[place + 1]
    lost = frozenset({rows[place]["example_id"]})
    return Planted(content=b"\r\n".join(lines), kind="broken_encoding", rows=frozenset({place + 2}), lost=lost)


def _broken_line(
    header: list[str], rows: list[Row], chance: random.Random, kind: str, broken: Callable[[str], str]
) -> Planted:
    place = _drawn(rows[:-1], chance)
    lines = sheet_bytes(header, rows, encoding="utf-8").decode().split("\r\n")
    lines[place + 1] = broken(lines[place + 1])
    lost = frozenset({rows[place]["example_id"]})
    return Planted(content="\r\n".join(lines).encode(), kind=kind, rows=frozenset({place + 2}), lost=lost)


def too_many_cells(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    return _broken_line(header, rows, chance, "wrong_cells", lambda line: line.replace(",", ",,", 1))


def too_few_cells(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    return _broken_line(header, rows, chance, "wrong_cells", lambda line: ",".join(line.split(",")[:2]))


def open_quote(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    def broken(line: str) -> str:
        example_id, check, rest = line.split(",", 2)
        if rest.startswith('"'):
            return ",".join([example_id, check, rest.replace('",', ",")])
        return f'{example_id},{check},"{rest}'

    return _broken_line(header, rows, chance, "open_quote", broken)


def sorted_apart(header: list[str], rows: list[Row], chance: random.Random) -> Planted:
    """The ids of three rows change places, as when one column of a sheet is sorted by itself."""
    places = chance.sample(range(len(rows)), 3)
    ids = [rows[place]["example_id"] for place in places]
    for place, name in zip(places, [*ids[1:], ids[0]], strict=True):
        rows[place]["example_id"] = name
    named = frozenset(place + 2 for place in places)
    return Planted(content=sheet_bytes(header, rows), kind="changed_content", rows=named, lost=frozenset(ids))


CSV_FAULTS: tuple[CsvFault, ...] = (
    unknown_label,
    two_labels,
    unknown_id,
    empty_id,
    changed_text,
    changed_check,
    other_case,
    decomposed,
    conflict,
    double,
    tie,
    broken_encoding,
    too_many_cells,
    too_few_cells,
    open_quote,
    sorted_apart,
)


def annotation(label: str, annotator: int = 1, number: int = 1) -> dict[str, Any]:
    """One finished annotation as Label Studio exports it."""
    return {
        "id": number,
        "completed_by": annotator,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-11-01T09:00:00.000000Z",
        "updated_at": "2026-11-01T09:00:00.000000Z",
        "lead_time": 3.1,
        "result": [
            {
                "id": "r1",
                "from_name": "label",
                "to_name": "example",
                "type": "choices",
                "origin": "manual",
                "value": {"choices": [label]},
            }
        ],
    }


def filled_tasks(exported: bytes, answers: Mapping[str, str]) -> Tasks:
    """Exported tasks as Label Studio's export "JSON" gives them back, every one annotated."""
    tasks = json.loads(exported)
    return [
        {
            "id": 100 + number,
            "data": task["data"],
            "annotations": [annotation(answers[task["data"]["example_id"]], number=number)],
            "drafts": [],
            "predictions": [],
            "meta": {},
            "project": 1,
            "total_annotations": 1,
            "cancelled_annotations": 0,
        }
        for number, task in enumerate(tasks, start=1)
    ]


def min_records(tasks: Tasks) -> Tasks:
    """The same as the export "JSON-MIN": one record an annotation, cancelled ones left out."""
    records = []
    for task in tasks:
        for told in task["annotations"]:
            if told["was_cancelled"]:
                continue
            choices = told["result"][0]["value"]["choices"] if told["result"] else []
            record = {**task["data"], "id": task["id"], "annotator": told["completed_by"], "annotation_id": told["id"]}
            if choices:
                record["label"] = choices[0] if len(choices) == 1 else {"choices": choices}
            record |= {name: told[name] for name in ("created_at", "updated_at", "lead_time")}
            records.append(record)
    return records


def tasks_bytes(tasks: object) -> bytes:
    return json.dumps(tasks, ensure_ascii=False).encode()


def _task_label(task: dict[str, Any]) -> str:
    return str(task["annotations"][0]["result"][0]["value"]["choices"][0])


def _other_task_label(label: str, tasks: Tasks) -> str:
    return next(_task_label(task) for task in tasks if _task_label(task) != label)


def _planted_task(
    tasks: Tasks, chance: random.Random, kind: str, plant: Callable[[dict[str, Any]], object], *, is_kept: bool = False
) -> Planted:
    place = _drawn(tasks, chance)
    lost = tasks[place]["data"]["example_id"]
    plant(tasks[place])
    kept = is_kept or kind in NOTED
    return Planted(
        content=tasks_bytes(tasks),
        kind=kind,
        rows=frozenset({place + 1}),
        lost=frozenset() if kept else frozenset({lost}),
    )


def _set_choices(choices: Sequence[str]) -> Callable[[dict[str, Any]], object]:
    def plant(task: dict[str, Any]) -> None:
        task["annotations"][0]["result"][0]["value"]["choices"] = list(choices)

    return plant


def _set_data(**data: str) -> Callable[[dict[str, Any]], object]:
    return lambda task: task["data"].update(data)


def task_unknown_label(tasks: Tasks, chance: random.Random) -> Planted:
    return _planted_task(tasks, chance, "unknown_label", _set_choices(["maybe"]))


def task_several_labels(tasks: Tasks, chance: random.Random) -> Planted:
    both = sorted({_task_label(task) for task in tasks})[:2]
    return _planted_task(tasks, chance, "several_labels", _set_choices(both))


def task_empty_label(tasks: Tasks, chance: random.Random) -> Planted:
    return _planted_task(tasks, chance, "missing_label", lambda task: task["annotations"][0]["result"].clear())


def task_other_control(tasks: Tasks, chance: random.Random) -> Planted:
    def plant(task: dict[str, Any]) -> None:
        task["annotations"][0]["result"][0].update(from_name="sentiment")

    return _planted_task(tasks, chance, "missing_label", plant)


def task_unknown_id(tasks: Tasks, chance: random.Random) -> Planted:
    return _planted_task(tasks, chance, "unknown_id", _set_data(example_id="nobody"))


def task_without_id(tasks: Tasks, chance: random.Random) -> Planted:
    return _planted_task(tasks, chance, "unknown_id", lambda task: task["data"].pop("example_id"))


def task_changed_text(tasks: Tasks, chance: random.Random) -> Planted:
    return _planted_task(tasks, chance, "changed_content", _set_data(text="another text"))


def task_changed_check(tasks: Tasks, chance: random.Random) -> Planted:
    return _planted_task(tasks, chance, "changed_content", _set_data(check="c0000000000000000"))


def task_other_case(tasks: Tasks, chance: random.Random) -> Planted:
    def plant(task: dict[str, Any]) -> None:
        _set_choices([f"{_task_label(task).upper()} "])(task)

    return _planted_task(tasks, chance, "spelled_otherwise", plant)


def task_decomposed(tasks: Tasks, chance: random.Random) -> Planted:
    place = next(place for place, task in enumerate(tasks) if not _task_label(task).isascii())
    _set_choices([unicodedata.normalize("NFD", _task_label(tasks[place]))])(tasks[place])
    named = frozenset({place + 1})
    return Planted(content=tasks_bytes(tasks), kind="spelled_otherwise", rows=named, lost=frozenset())


def _annotated_again(tasks: Tasks, label: Callable[[str], str], annotator: int) -> Callable[[dict[str, Any]], object]:
    def plant(task: dict[str, Any]) -> None:
        task["annotations"].append(annotation(label(_task_label(task)), annotator, number=999))

    return plant


def task_conflict(tasks: Tasks, chance: random.Random) -> Planted:
    plant = _annotated_again(tasks, lambda label: _other_task_label(label, tasks), 1)
    return _planted_task(tasks, chance, "conflict", plant)


def task_double(tasks: Tasks, chance: random.Random) -> Planted:
    return _planted_task(tasks, chance, "double", _annotated_again(tasks, lambda label: label, 1), is_kept=True)


def task_tie(tasks: Tasks, chance: random.Random) -> Planted:
    plant = _annotated_again(tasks, lambda label: _other_task_label(label, tasks), 2)
    return _planted_task(tasks, chance, "tie", plant)


def task_no_object(tasks: Tasks, chance: random.Random) -> Planted:
    place = _drawn(tasks, chance)
    lost = tasks[place]["data"]["example_id"]
    listed: list[object] = [*tasks[:place], None, *tasks[place + 1 :]]
    named = frozenset({place + 1})
    return Planted(content=tasks_bytes(listed), kind="malformed", rows=named, lost=frozenset({lost}))


def task_broken_annotations(tasks: Tasks, chance: random.Random) -> Planted:
    return _planted_task(tasks, chance, "malformed", lambda task: task.update(annotations="none"))


def task_broken_result(tasks: Tasks, chance: random.Random) -> Planted:
    return _planted_task(tasks, chance, "malformed", lambda task: task["annotations"][0].update(result=7))


JSON_FAULTS: tuple[JsonFault, ...] = (
    task_unknown_label,
    task_several_labels,
    task_empty_label,
    task_other_control,
    task_unknown_id,
    task_without_id,
    task_changed_text,
    task_changed_check,
    task_other_case,
    task_decomposed,
    task_conflict,
    task_double,
    task_tie,
    task_no_object,
    task_broken_annotations,
    task_broken_result,
)


def csv_case(fault: CsvFault | None, seed: int, header: list[str], rows: list[Row]) -> Planted:
    """A sheet with one fault, or its healthy twin for None."""
    header, rows = list(header), copy.deepcopy(rows)
    if fault is None:
        return Planted(content=sheet_bytes(header, rows), kind="", rows=frozenset(), lost=frozenset())
    return fault(header, rows, random.Random(f"{fault.__name__} {seed}"))


def json_case(fault: JsonFault | None, seed: int, tasks: Tasks) -> Planted:
    """A Label Studio export with one fault, or its healthy twin for None."""
    tasks = copy.deepcopy(tasks)
    if fault is None:
        return Planted(content=tasks_bytes(tasks), kind="", rows=frozenset(), lost=frozenset())
    return fault(tasks, random.Random(f"{fault.__name__} {seed}"))
