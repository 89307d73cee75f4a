"""Opening a queue that people have filled in: its tables, and the labels by models that wait in it."""

from dataclasses import dataclass
from pathlib import Path
import tempfile
from typing import NamedTuple

from components.active_learning.handed_tables import handed_on
from components.active_learning.model_labels import read_model_labels, write_model_labels
from components.active_learning.queue.folder import MODEL_LABELS_FOLDER, read_origin
from components.shared.contracts.bundle import read_config
from components.shared.contracts.bundle_fetch import fetch_bundle
from components.shared.runtime.gpu_placement import WORKSPACE_CLAIM
from components.shared.runtime.step_record import keep_results, this_step
from components.shared.runtime.workspace import check_claim, mounted
from components.shared.tables.sources import local_copy


class OpenedQueue(NamedTuple):
    """Where the steps that come after find the table, the model, the queue, and what people filled in.

    `backbone` is the model's by name: what goes on from it must be the same network.
    """

    examples_uri: str
    model_uri: str
    backbone: str
    queue_uri: str
    labels_uri: str


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueTables:
    """Folders that are written: the example table, its pool, and labels by models, of which there may be none."""

    examples: str | Path
    pool: str | Path
    model_labels: str | Path


def open_queue(
    *, queue_uri: str, labels_uri: str, tables: QueueTables, workspace_claim: str = WORKSPACE_CLAIM
) -> OpenedQueue:
    """Hand the tables of a queue to the steps that merge its labels.

    Parameters
    ----------
    queue_uri
        The queue, as the labelling pipeline wrote it: a path, a `pvc://`, or an fsspec URI.
    labels_uri
        What people filled in; empty where they did in the queue's own folder.
    tables
        What is written.
    workspace_claim
        The volume claim that steps mount, where there is a cluster.

    Raises
    ------
    FileNotFoundError
        If there is no queue, no labels, or a table is gone.
    ContractError
        If the queue does not say what it was made from, or a table is damaged.
    ValueError
        If a place is on another claim or its store cannot be read.
    """
    places = {"queue_uri": queue_uri, "labels_uri": labels_uri.strip() or queue_uri}
    for name, uri in places.items():
        check_claim(name, uri, workspace_claim)
    with tempfile.TemporaryDirectory() as scratch:
        queue = local_copy(queue_uri, scratch, what="the queue")
        origin = read_origin(queue)
        waiting = queue / MODEL_LABELS_FOLDER
        write_model_labels(tables.model_labels, read_model_labels(waiting) if waiting.is_dir() else [])
        fetch_bundle(origin.model_uri, Path(scratch) / "model")
        config = read_config(Path(scratch) / "model")
        if labels_uri.strip():
            local_copy(labels_uri, Path(scratch) / "labels", what="the labels")
    handed_on(origin.examples_uri, tables.examples, what="the example table that the queue was made from")
    handed_on(origin.pool_uri, tables.pool, what="the pool that the queue was made from")
    keep_results(this_step())
    return OpenedQueue(
        examples_uri=origin.examples_uri,
        model_uri=origin.model_uri,
        backbone=config.backbone["name"],
        queue_uri=mounted(queue_uri),
        labels_uri=mounted(places["labels_uri"]),
    )
