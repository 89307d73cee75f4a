"""The folder of a queue: what lies in it, and which of its files hold what people filled in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
import json
from pathlib import Path
import re

from components.active_learning.label_requests import LabelRequests
from components.active_learning.queue.answers import ReadAnswers
from components.active_learning.queue.examples import QueueExample
from components.active_learning.queue.label_studio import label_studio_config, label_studio_tasks, shows_row
from components.active_learning.queue.label_studio_reading import read_label_studio
from components.active_learning.queue.settings import QueueSettings
from components.active_learning.queue.sheet import IMAGE_FOLDER, queue_sheet
from components.active_learning.queue.sheet_reading import read_sheet
from components.shared.contracts.problem import Modality
from components.shared.runtime.atomic_files import read_json
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_json

FORMAT_VERSION = 1
SHEET_FILE, TASKS_FILE, CONFIG_FILE = "queue.csv", "label_studio_tasks.json", "label_studio_config.xml"
# Written last: where it is, the queue is whole.
SUMMARY_FILE = "queue.json"
REQUESTS_FOLDER, MODEL_LABELS_FOLDER = "requests", "model_labels"
REJECTED_FILE = "rejected.csv"
_SHEETS, _EXPORTS = (".csv", ".tsv", ".txt"), (".json",)
# What systems add to the name of a second copy: it is by the same person.
_COPY = re.compile(r"[ _-]*(\(\d+\)|copy|사본|복사본)[ _-]*$", re.IGNORECASE)
_WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueOrigin:
    """What a queue was made from, paths or URIs: the example table, the pool, and the model that scored it."""

    examples_uri: str
    pool_uri: str
    model_uri: str


def read_origin(queue: Path) -> QueueOrigin:
    """What a queue says that it was made from.

    Raises
    ------
    FileNotFoundError
        If there is no whole queue.
    ContractError
        If it does not say: it was exported by hand.
    """
    summary = queue / SUMMARY_FILE
    if not summary.is_file():
        raise FileNotFoundError(f"a queue must be a folder with {SUMMARY_FILE}, but there is none at {queue}")
    origin = read_json(summary, what="the queue's summary").get("origin")
    names = {item.name for item in fields(QueueOrigin)}
    if not isinstance(origin, dict) or origin.keys() != names:
        raise ContractError(
            f"{summary} must say which table, pool and model the queue was made from, but does not: merge its labels "
            "with import-labels, and train on the new table"
        )
    return QueueOrigin(**origin)


def queue_files(
    requests: LabelRequests,
    examples: Sequence[QueueExample],
    modality: Modality,
    settings: QueueSettings,
    origin: QueueOrigin | None = None,
) -> dict[str, bytes]:
    """The files of a queue by their names, the summary last; the requests themselves lie beside them."""
    texts = {
        SHEET_FILE: queue_sheet(examples, requests.class_names, show_prediction=settings.show_prediction),
        TASKS_FILE: label_studio_tasks(examples, modality, settings),
        CONFIG_FILE: label_studio_config(requests.class_names, modality, has_row=shows_row(examples, modality)),
    }
    images = {
        f"{IMAGE_FOLDER}/{example.image_name}": example.image for example in examples if example.image is not None
    }
    summary = json.dumps(queue_summary(requests, examples, modality, settings, origin), ensure_ascii=False, indent=2)
    files = {name: text.encode() for name, text in texts.items()}
    return {**images, **files, SUMMARY_FILE: f"{summary}\n".encode()}


def queue_summary(
    requests: LabelRequests,
    examples: Sequence[QueueExample],
    modality: Modality,
    settings: QueueSettings,
    origin: QueueOrigin | None,
) -> Mapping[str, object]:
    """What a queue says of itself; its fingerprint is another one where anything that people see is."""
    strategies = [request.strategy for request in requests.requests]
    asked = [[asdict(example.request), example.check] for example in examples]
    return {
        "format_version": FORMAT_VERSION,
        "modality": modality,
        "num_examples": len(examples),
        "class_names": list(requests.class_names),
        "round_number": max((request.round_number for request in requests.requests), default=0),
        "strategies": {name: strategies.count(name) for name in sorted(set(strategies))},
        "settings": asdict(settings),
        "origin": None if origin is None else asdict(origin),
        "fingerprint": fingerprint_json([asked, list(requests.class_names), asdict(settings)]),
    }


def read_answers(place: Path, checks: Collection[str]) -> tuple[ReadAnswers, list[str]]:
    """Everything that people filled in, in one file or in the files of a folder; and the files' names.

    Rows that do not say who filled them in are by whom the file is named after.

    Parameters
    ----------
    checks
        Of all examples that were asked about.

    Raises
    ------
    ContractError
        If a file cannot be read at all, or there is none to read.
    """
    files = _files(place) if place.is_dir() else [place]
    if not files:
        raise ContractError(f"the labels must be CSV or JSON files, but {place} holds none")
    found = ReadAnswers()
    for file in files:
        data = file.read_bytes()
        annotator = _COPY.sub("", file.stem)
        if file.suffix.lower() in _EXPORTS or data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
            found.extend(read_label_studio(data, file=file.name, annotator=annotator))
        else:
            found.extend(read_sheet(data, file=file.name, annotator=annotator, checks=checks))
    return found, [file.name for file in files]


def _files(folder: Path) -> list[Path]:
    listed = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    workbooks = [path.name for path in listed if path.suffix.lower() in _WORKBOOKS]
    if workbooks:
        raise ContractError(f"{workbooks[0]} must be a CSV, but is a workbook of a spreadsheet: save it as CSV UTF-8")
    own = (SUMMARY_FILE, REJECTED_FILE)
    return [path for path in listed if path.suffix.lower() in _SHEETS + _EXPORTS and path.name not in own]
