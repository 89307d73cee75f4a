"""Label requests as a queue for people: a CSV, photos beside it, and Label Studio's tasks and configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
import logging
from pathlib import Path
import tempfile

import fsspec

from components.active_learning.label_requests import LabelRequests, read_label_requests, write_label_requests
from components.active_learning.model_labels import ModelLabel, read_model_labels, write_model_labels
from components.active_learning.queue.examples import modality_of, queue_examples
from components.active_learning.queue.folder import (
    MODEL_LABELS_FOLDER,
    queue_files,
    QueueOrigin,
    REQUESTS_FOLDER,
    SUMMARY_FILE,
)
from components.active_learning.queue.settings import QueueSettings
from components.shared.contracts.example_table import ExampleTable
from components.shared.runtime.atomic_files import atomic_folder, write_json
from components.shared.runtime.errors import ContractError
from components.shared.runtime.local_files import local_files
from components.shared.runtime.settings import parse_settings
from components.shared.runtime.workspace import mounted
from components.shared.tables.sources import readable_store_errors

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportResult:
    """Outcome of `export_queue`.

    Attributes
    ----------
    is_new
        Whether the queue was written; else the same one is there already, perhaps filled in, and was left alone.
    """

    num_examples: int
    is_new: bool
    metrics: dict[str, float]


def export_queue(
    *,
    requests_path: str | Path,
    pool_path: str | Path,
    queue_uri: str,
    metrics_path: str | Path | None = None,
    examples_path: str | Path | None = None,
    settings: QueueSettings | str = "",
    model_labels_path: str | Path | None = None,
    origin: QueueOrigin | None = None,
) -> ExportResult:
    """Write a queue; one that is there already is never written over.

    Parameters
    ----------
    requests_path
        Label requests.
    pool_path
        The table that they were chosen from: a pool, or one with splits and unlabelled rows.
    queue_uri
        Folder to write: a path, a `pvc://`, or an fsspec URI.
    metrics_path
        JSON file for counts; None writes none.
    examples_path
        Another table that requests may be of; None for none.
    settings
        `QueueSettings`, or their YAML or JSON.
    model_labels_path
        Labels by a model that wait beside the queue until people's are merged; None for none.
    origin
        What the queue was made from, for the run that goes on from it; None where nobody says.

    Raises
    ------
    FileNotFoundError
        If a table or the requests are not there.
    ValueError
        If one of them is damaged, a request is of no example, labels are numbers, or another queue lies at `queue_uri`.
    """
    if isinstance(settings, str):
        settings = parse_settings(QueueSettings, settings, where="the queue's settings")
    requests = read_label_requests(requests_path)
    tables = [ExampleTable(path) for path in (pool_path, examples_path) if path is not None]
    if tables[0].info.task == "regression" or not requests.class_names:
        raise ContractError(f"labels that people choose must be classes, but those of {tables[0].path} are numbers")
    examples = queue_examples(requests.requests, tables, with_images=True)
    files = queue_files(requests, examples, modality_of(tables), settings, origin)
    waiting = [] if model_labels_path is None else read_model_labels(model_labels_path)
    is_new = _write(queue_uri, files, requests, waiting)
    logger.info("%d examples to label: %s%s", len(examples), queue_uri, "" if is_new else " (there already)")
    metrics = {"num_examples_to_label": float(len(examples)), "num_classes": float(len(requests.class_names))}
    if metrics_path is not None:
        write_json(metrics_path, metrics)
    return ExportResult(num_examples=len(examples), is_new=is_new, metrics=metrics)


def _write(queue_uri: str, files: dict[str, bytes], requests: LabelRequests, waiting: Sequence[ModelLabel]) -> bool:
    if not queue_uri.strip():
        raise ValueError("the queue must be written to a path or a URI, got nothing")
    with readable_store_errors(f"the queue {queue_uri} must be a folder that can be read"):
        filesystem, root = fsspec.core.url_to_fs(mounted(queue_uri.strip()))
        is_there = filesystem.isfile(f"{root}/{SUMMARY_FILE}")
        summary = filesystem.cat_file(f"{root}/{SUMMARY_FILE}") if is_there else None
        is_empty = not filesystem.exists(root) or not filesystem.ls(root)
    if summary == files[SUMMARY_FILE]:
        return False
    if is_there or ("://" not in queue_uri and not is_empty):
        raise ContractError(
            f"the queue must get a folder of its own, but there is another one at {queue_uri}, which people may have "
            "filled in: give another folder"
        )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_label_requests(folder / REQUESTS_FOLDER, requests.requests, class_names=requests.class_names)
        write_model_labels(folder / MODEL_LABELS_FOLDER, waiting)
        tables = {name: file.read_bytes() for name, file in local_files(folder)}
        all_files = tables | files
        if "://" in mounted(queue_uri.strip()):
            _put(filesystem, root, all_files, queue_uri)
        else:
            _write_local(Path(root), all_files)
    return True


def _write_local(folder: Path, files: dict[str, bytes]) -> None:
    with atomic_folder(folder, replace=False) as part:
        for name, data in files.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_bytes(data)


def _put(filesystem: fsspec.AbstractFileSystem, root: str, files: dict[str, bytes], queue_uri: str) -> None:
    """Write files to a store, in their order: the summary last."""
    with readable_store_errors(f"the queue {queue_uri} must be a folder that can be written"):
        for name, data in files.items():
            filesystem.makedirs(f"{root}/{name}".rpartition("/")[0], exist_ok=True)
            filesystem.pipe_file(f"{root}/{name}", data)
