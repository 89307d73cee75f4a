"""Label requests as a queue for people: a CSV, photos beside it, and Label Studio's tasks and configuration."""

from collections.abc import Mapping, Sequence
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
from components.shared.runtime.atomic_files import atomic_folder, write_files, write_json
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
    has_new_model_labels
        Whether other labels by a model waited beside a queue that is there already, and were replaced.
    """

    num_examples: int
    is_new: bool
    has_new_model_labels: bool
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
    """Write a queue; one that is there already is never written over, but labels by a model that wait beside it are.

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
        Labels by a model that wait beside the queue until people's are merged; of a queue that is there already they
        are replaced. None for none, or for those that are there.
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
    waiting = None if model_labels_path is None else read_model_labels(model_labels_path)
    place = _place(queue_uri)
    is_new = not _is_there(place, files[SUMMARY_FILE])
    has_new_model_labels = not is_new and waiting is not None and _replace_model_labels(place, waiting)
    if is_new:
        _write(place, files, requests, waiting or [])
    told = " (there already, with new labels by the model)" if has_new_model_labels else " (there already)"
    logger.info("%d examples to label: %s%s", len(examples), queue_uri, "" if is_new else told)
    metrics = {"num_examples_to_label": float(len(examples)), "num_classes": float(len(requests.class_names))}
    if metrics_path is not None:
        write_json(metrics_path, metrics)
    return ExportResult(
        num_examples=len(examples), is_new=is_new, has_new_model_labels=has_new_model_labels, metrics=metrics
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a queue lies: as it was given, the file system, and the folder there."""

    uri: str
    filesystem: fsspec.AbstractFileSystem
    root: str

    @property
    def is_local(self) -> bool:
        return "://" not in mounted(self.uri)


def _place(queue_uri: str) -> _Place:
    uri = queue_uri.strip()
    if not uri:
        raise ValueError("the queue must be written to a path or a URI, got nothing")
    with readable_store_errors(f"the queue {uri} must be a folder that can be read"):
        filesystem, root = fsspec.core.url_to_fs(mounted(uri))
    return _Place(uri=uri, filesystem=filesystem, root=root)


def _is_there(place: _Place, summary: bytes) -> bool:
    """Whether this very queue is there; ContractError where another one is."""
    with readable_store_errors(f"the queue {place.uri} must be a folder that can be read"):
        is_there = place.filesystem.isfile(f"{place.root}/{SUMMARY_FILE}")
        found = place.filesystem.cat_file(f"{place.root}/{SUMMARY_FILE}") if is_there else None
        is_empty = not place.filesystem.exists(place.root) or not place.filesystem.ls(place.root)
    if found == summary:
        return True
    if is_there or ("://" not in place.uri and not is_empty):
        raise ContractError(
            f"the queue must get a folder of its own, but there is another one at {place.uri}, which people may have "
            "filled in: give another folder"
        )
    return False


def _write(place: _Place, files: Mapping[str, bytes], requests: LabelRequests, waiting: Sequence[ModelLabel]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_label_requests(folder / REQUESTS_FOLDER, requests.requests, class_names=requests.class_names)
        tables = {name: file.read_bytes() for name, file in local_files(folder)}
    all_files = {**tables, **_model_label_files(waiting), **files}
    if place.is_local:
        _write_local(Path(place.root), all_files)
    else:
        _put(place, all_files)


def _model_label_files(waiting: Sequence[ModelLabel]) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as scratch:
        write_model_labels(Path(scratch) / MODEL_LABELS_FOLDER, waiting)
        return {name: file.read_bytes() for name, file in local_files(Path(scratch))}


def _replace_model_labels(place: _Place, waiting: Sequence[ModelLabel]) -> bool:
    """Put other labels by a model beside a queue that is there; False where they are the same ones.

    No person fills them in, and the merge reads them when people are done: the latest are those that count.
    """
    files, folder = _model_label_files(waiting), f"{place.root}/{MODEL_LABELS_FOLDER}"
    with readable_store_errors(f"the queue {place.uri} must be a folder that can be read"):
        names = place.filesystem.find(folder) if place.filesystem.exists(folder) else []
        found = {f"{MODEL_LABELS_FOLDER}/{name.rpartition('/')[2]}": place.filesystem.cat_file(name) for name in names}
    if found == files:
        return False
    if place.is_local:
        write_files(folder, {name.removeprefix(f"{MODEL_LABELS_FOLDER}/"): data for name, data in files.items()})
        return True
    _put(place, files)
    with readable_store_errors(f"the queue {place.uri} must be a folder that can be written"):
        for name in sorted(found.keys() - files.keys()):
            place.filesystem.rm_file(f"{place.root}/{name}")
    return True


def _write_local(folder: Path, files: Mapping[str, bytes]) -> None:
    with atomic_folder(folder, replace=False) as part:
        for name, data in files.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_bytes(data)


def _put(place: _Place, files: Mapping[str, bytes]) -> None:
    """Write files to a store, in their order: the summary last."""
    with readable_store_errors(f"the queue {place.uri} must be a folder that can be written"):
        for name, data in files.items():
            place.filesystem.makedirs(f"{place.root}/{name}".rpartition("/")[0], exist_ok=True)
            place.filesystem.pipe_file(f"{place.root}/{name}", data)
