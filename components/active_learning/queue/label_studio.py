"""The queue as Label Studio takes it: tasks as JSON, and the project's labelling configuration.

References
----------
Label Studio's documentation: "Label Studio Task Format", "Import pre-annotated data", the tags Choices, Text, Image and
Table (labelstud.io/guide/task_format, /guide/predictions, /tags); label-studio-sdk, `LabelInterface`, which checks a
configuration and predictions.
"""

import base64
from collections.abc import Sequence
import json
from typing import Any
from xml.sax.saxutils import escape

from components.active_learning.queue.examples import image_ending, QueueExample
from components.active_learning.queue.settings import QueueSettings
from components.active_learning.queue.sheet import CHECK_COLUMN, ID, IMAGE, WHY
from components.shared.contracts.problem import Modality

# Names of the tags, and so of what comes back: results have the control's name.
CONTROL, SHOWN = "label", "example"
TEXT, ROW = "text", "row"
_KINDS = {"jpg": "jpeg"}
# Label Studio looks for name="..." in the text itself: no quotation mark of a class may stand there.
_IN_AN_ATTRIBUTE = {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


def label_studio_tasks(examples: Sequence[QueueExample], modality: Modality, settings: QueueSettings) -> str:
    """Tasks for Label Studio's import, as JSON.

    Its check of an import (`tasks/validation.py`) refuses all tasks where one lacks what the configuration shows, or
    has it in another type: a text must be text, the values of a table an object.
    """
    has_row = shows_row(examples, modality)
    tasks = [_task(example, modality, settings, has_row=has_row) for example in examples]
    return json.dumps(tasks, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def label_studio_config(class_names: Sequence[str], modality: Modality, *, has_row: bool) -> str:
    """The labelling configuration of a project for these tasks, as XML.

    `has_row`: whether the tasks have values beside a text or a photo.
    """
    shown = {
        "text": f'  <Text name="{SHOWN}" value="${TEXT}" valueType="text"/>',
        "image": f'  <Image name="{SHOWN}" value="${IMAGE}"/>',
        "tabular": f'  <Table name="{SHOWN}" value="${ROW}"/>',
    }[modality]
    about = [f'  <Table name="about" value="${ROW}"/>'] if has_row and modality != "tabular" else []
    choices = [f'    <Choice value="{escape(name, _IN_AN_ATTRIBUTE)}"/>' for name in class_names]
    lines = [
        "<View>",
        shown,
        *about,
        f'  <Choices name="{CONTROL}" toName="{SHOWN}" choice="single" required="true" showInline="true">',
        *choices,
        "  </Choices>",
        "</View>",
    ]
    return "\n".join(lines) + "\n"


def shows_row(examples: Sequence[QueueExample], modality: Modality) -> bool:
    """Whether tasks have values beside a text or a photo; those of rows are all that there is."""
    return modality == "tabular" or any(task_row(example, modality) for example in examples)


def task_row(example: QueueExample, modality: Modality) -> dict[str, Any]:
    """The values that a task shows as keys and values, as JSON takes them; those of a text without the text."""
    names = [name for name in example.values if not (modality == "text" and name == TEXT)]
    return {name: _json_value(example.values[name]) for name in names}


def _task(example: QueueExample, modality: Modality, settings: QueueSettings, *, has_row: bool) -> dict[str, Any]:
    request = example.request
    data: dict[str, Any] = {ID: request.example_id, CHECK_COLUMN: example.check, WHY: request.why}
    if modality == "text":
        data[TEXT] = example.values.get(TEXT) or ""
    if modality == "image":
        data[IMAGE] = _image_uri(example, settings.image_uri)
    if has_row:
        data[ROW] = task_row(example, modality)
    if not settings.show_prediction or not request.predicted:
        return {"data": data}
    return {"data": data, "predictions": [_prediction(example)]}


def _prediction(example: QueueExample) -> dict[str, Any]:
    request = example.request
    choice = {
        "id": example.check,
        "from_name": CONTROL,
        "to_name": SHOWN,
        "type": "choices",
        "value": {"choices": [request.predicted]},
    }
    return {"model_version": request.model_version, "score": request.probability, "result": [choice]}


def _image_uri(example: QueueExample, folder: str | None) -> str:
    if folder is not None:
        return f"{folder.rstrip('/')}/{example.image_name}"
    data = example.image or b""
    ending = image_ending(data)
    return f"data:image/{_KINDS.get(ending, ending)};base64,{base64.b64encode(data).decode('ascii')}"


def _json_value(value: object) -> Any:
    """A value that JSON has; what it lacks (times, numbers that are not finite) as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0.0 else str(value)
    return str(value)
