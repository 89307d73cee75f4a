"""Label Studio's exports back: "JSON" (tasks), "JSON-MIN" (a record an annotation), and the files of its storage.

References
----------
Label Studio's documentation, "Label Studio Task Format" and "Export annotations"; label-studio-converter,
`convert_to_json_min`, which copies a task's data into each record and leaves cancelled annotations out.
"""

from collections.abc import Mapping
import json
from typing import Any

from components.active_learning.queue.answers import Answer, Fault, FaultKind, ReadAnswers
from components.active_learning.queue.label_studio import CONTROL, ROW
from components.active_learning.queue.sheet import CHECK_COLUMN, ID
from components.shared.runtime.errors import ContractError

_OPENED_AGAIN = "open the task, choose one class and submit it again"
_AS_EXPORTED = "export the project again, and leave the file as it is"


def read_label_studio(data: bytes, *, file: str, annotator: str) -> ReadAnswers:
    """Read an export of Label Studio.

    Parameters
    ----------
    file, annotator
        The file's name, and who annotated where the file does not say so.

    Raises
    ------
    ContractError
        If the file cannot be read at all: it is no JSON, or holds no tasks.
    """
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ContractError(
            f"{file} must be JSON in UTF-8, as Label Studio exports it, but cannot be read: {error}"
        ) from error
    items = [content] if isinstance(content, dict) else content
    if not isinstance(items, list):
        raise ContractError(
            f"{file} must hold a list of tasks, as Label Studio exports it, got {type(content).__name__}"
        )
    found = ReadAnswers()
    for row, item in enumerate(items, start=1):
        _take(found, item, file=file, row=row, annotator=annotator)
    return found


def _take(found: ReadAnswers, item: Any, *, file: str, row: int, annotator: str) -> None:
    """Add what one task or record says."""
    task = _as_task(item)
    if task is None:
        told = "no object" if not isinstance(item, dict) else f"an object with {', '.join(map(str, item))[:100]}"
        _refuse(found, file, row, "malformed", "", "a task with its data", told, _AS_EXPORTED)
        return
    data, annotations = task
    example_id = str(data.get(ID, "") if data.get(ID) is not None else "")
    if not isinstance(annotations, list) or not all(isinstance(told, dict) for told in annotations):
        _refuse(found, file, row, "malformed", example_id, "a list of annotations", "something else", _AS_EXPORTED)
        return
    if not annotations:
        found.num_unlabelled += 1
    for told in annotations:
        if told.get("was_cancelled") or told.get("skipped"):
            found.num_skipped += 1
            continue
        label = _label(told.get("result"))
        if isinstance(label, tuple):
            kind, expected, what = label
            remedy = _AS_EXPORTED if kind == "malformed" else _OPENED_AGAIN
            _refuse(found, file, row, kind, example_id, expected, what, remedy)
            continue
        found.answers.append(
            Answer(
                file=file,
                row=row,
                example_id=example_id,
                label=label,
                annotator=_annotator(told.get("completed_by")) or annotator,
                check=str(data[CHECK_COLUMN]) if data.get(CHECK_COLUMN) is not None else None,
                values=_values(data),
            )
        )


def _as_task(item: Any) -> tuple[Mapping[str, Any], Any] | None:
    """Data and annotations of a task, of a JSON-MIN record, or of an annotation that a storage holds."""
    if not isinstance(item, dict):
        return None
    if isinstance(item.get("data"), dict):
        return item["data"], item.get("annotations", item.get("completions", []))
    if isinstance(item.get("task"), dict) and isinstance(item["task"].get("data"), dict):
        return item["task"]["data"], [item]
    if ID not in item and CONTROL not in item:
        return None
    label = item.get(CONTROL)
    choices = label.get("choices") if isinstance(label, dict) else [] if label is None else [label]
    result = {"from_name": CONTROL, "value": {"choices": choices}}
    return item, [{"completed_by": item.get("annotator"), "result": [result] if choices else []}]


def _label(result: Any) -> str | tuple[FaultKind, str, str]:
    """The class that an annotation chooses; else what is wrong, what was expected, and what was found."""
    if not isinstance(result, list) or not all(isinstance(told, dict) for told in result):
        return "malformed", "a list of results", "something else"
    values = [told.get("value") for told in result if told.get("from_name") == CONTROL]
    choices: list[Any] = []
    for value in values:
        chosen = value.get("choices") if isinstance(value, dict) else None
        if not isinstance(chosen, list) or not all(isinstance(name, str) for name in chosen):
            return "malformed", "a list of choices", "something else"
        choices += chosen
    if not choices:
        others = sorted({str(told.get("from_name")) for told in result})
        return "missing_label", f"a choice of {CONTROL}", f"results of {', '.join(others)}" if others else "none"
    if len(set(choices)) > 1:
        return "several_labels", "one class", ", ".join(choices)
    return str(choices[0])


def _annotator(completed_by: Any) -> str:
    """Who annotated: Label Studio's number, whether it stands alone or in an object."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("id", completed_by.get("email"))
    return "" if completed_by is None else str(completed_by)


def _values(data: Mapping[str, Any]) -> dict[str, object]:
    """What a task shows, by column."""
    row = data.get(ROW)
    return {**{name: value for name, value in data.items() if name != ROW}, **(row if isinstance(row, dict) else {})}


def _refuse(
    found: ReadAnswers, file: str, row: int, kind: FaultKind, example_id: str, expected: str, what: str, remedy: str
) -> None:
    found.faults.append(
        Fault(file=file, row=row, kind=kind, example_id=example_id, expected=expected, found=what, remedy=remedy)
    )
