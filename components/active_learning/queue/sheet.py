"""The queue as a CSV for a spreadsheet: a row an example, with an empty column for its label."""

from collections.abc import Sequence

from components.active_learning.queue.examples import QueueExample
from components.shared.tables.spreadsheet_cells import guarded_csv

ID, CHECK_COLUMN, LABEL, ANNOTATOR, IMAGE = "example_id", "check", "label", "annotator", "image"
CHOICES, WHY, PREDICTED, PROBABILITY = "choose_from", "why", "predicted", "probability"
IMAGE_FOLDER = "images"
_OWN = (ID, CHECK_COLUMN, LABEL, ANNOTATOR, IMAGE, CHOICES, WHY, PREDICTED, PROBABILITY)
_MAX_CHOICES = 12


def queue_sheet(examples: Sequence[QueueExample], class_names: Sequence[str], *, show_prediction: bool) -> str:
    """The CSV's text; photos are named by their files beside it.

    People fill in `label`, and `annotator` where several work on one file.
    """
    shown = list(examples[0].values) if examples else []
    is_image = any(example.image is not None for example in examples)
    header = [
        *(ID, CHECK_COLUMN),
        *((IMAGE,) if is_image else ()),
        *(shown_name(name) for name in shown),
        *((CHOICES,) if len(class_names) <= _MAX_CHOICES else ()),
        *(LABEL, ANNOTATOR, WHY),
        *((PREDICTED, PROBABILITY) if show_prediction else ()),
    ]
    return guarded_csv(header, (_cells(example, header, class_names) for example in examples))


def shown_name(column: str) -> str:
    """What a column of the table is called in the sheet: its name, unless the sheet has one of that name itself."""
    return f"{column} (column)" if column in _OWN else column


def _cells(example: QueueExample, header: Sequence[str], class_names: Sequence[str]) -> list[object]:
    request = example.request
    cells: dict[str, object] = {shown_name(name): value for name, value in example.values.items()}
    cells |= {
        ID: request.example_id,
        CHECK_COLUMN: example.check,
        CHOICES: " | ".join(class_names),
        WHY: request.why,
        PREDICTED: request.predicted,
        PROBABILITY: f"{request.probability:.3f}",
        IMAGE: f"{IMAGE_FOLDER}/{example.image_name}",
    }
    return [cells.get(name, "") for name in header]
