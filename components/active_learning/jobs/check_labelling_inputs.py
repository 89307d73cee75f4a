"""The check of a labelling run's parameters, and its tables, before anything is computed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import json
from pathlib import Path
import tempfile
from typing import NamedTuple

from components.active_learning.handed_tables import handed_on
from components.active_learning.label_requests import LabelRequest, read_label_requests, write_label_requests
from components.active_learning.labelling_settings import parse_labelling
from components.active_learning.queue.folder import REQUESTS_FOLDER
from components.shared.contracts.bundle import bundle_version, BundleConfig, read_config
from components.shared.contracts.bundle_fetch import fetch_bundle
from components.shared.contracts.example_table import ExampleTable
from components.shared.runtime.errors import ContractError
from components.shared.runtime.gpu_placement import WORKSPACE_CLAIM
from components.shared.runtime.workspace import check_claim, mounted
from components.shared.tables.sources import check_writable, local_copy


@dataclass(frozen=True, kw_only=True, slots=True)
class LabellingPlaces:
    """Where a round's tables, model and queues lie: paths, `pvc://` or fsspec URIs.

    An empty pool is the table's own unlabelled rows; an empty previous queue is none.
    """

    examples_uri: str
    pool_uri: str
    model_uri: str
    queue_uri: str
    previous_queue_uri: str = ""


class CheckedLabellingInputs(NamedTuple):
    """What the steps after the check work with.

    Attributes
    ----------
    examples_uri, pool_uri, model_uri, queue_uri
        Where steps find them: a place on the workspace as a path.
    model_version
        Of the bundle.
    budget, strategies, dropout_passes, pseudo_labels
        See `LabellingSettings`.
    queue_settings
        What people see, as JSON.
    """

    examples_uri: str
    pool_uri: str
    model_uri: str
    queue_uri: str
    model_version: str
    budget: int
    strategies: str
    dropout_passes: int
    pseudo_labels: bool
    queue_settings: str


def check_labelling_inputs(
    *,
    places: LabellingPlaces,
    settings: str,
    examples_path: str | Path,
    pool_path: str | Path,
    previous_requests_path: str | Path,
    workspace_claim: str = WORKSPACE_CLAIM,
) -> CheckedLabellingInputs:
    """Check a round's parameters, and hand its tables to the steps that come after.

    Parameters
    ----------
    places
        The tables, the model, and where the queue is written: one object is written there and deleted.
    settings
        `LabellingSettings` as YAML or JSON; empty for the defaults.
    examples_path, pool_path
        Folders that the two tables are written to; files on the same disk are linked, not copied.
    previous_requests_path
        Folder for the label requests of the round before; there are none in it where there was no such round.
    workspace_claim
        The volume claim that steps mount, where there is a cluster.

    Raises
    ------
    FileNotFoundError
        If a table or the bundle is not there.
    ContractError
        If one is damaged, labels are numbers, or pool, table and model do not fit one another.
    ValueError
        If a setting is wrong, or the queue cannot be written.
    """
    asked = parse_labelling(settings)
    for name, uri in asdict(places).items():
        check_claim(name, uri, workspace_claim)
    pool_uri = places.pool_uri.strip() or places.examples_uri
    examples = handed_on(places.examples_uri, examples_path, what="the example table")
    pool = handed_on(pool_uri, pool_path, what="the pool")
    with tempfile.TemporaryDirectory() as scratch:
        fetch_bundle(mounted(places.model_uri), scratch)
        config, version = read_config(scratch), bundle_version(scratch)
    _check_fit(examples, pool, config, places.model_uri)
    _hand_on_requests(places.previous_queue_uri, previous_requests_path, config.class_names)
    check_writable("queue_uri", mounted(places.queue_uri))
    return CheckedLabellingInputs(
        examples_uri=mounted(places.examples_uri),
        pool_uri=mounted(pool_uri),
        model_uri=mounted(places.model_uri),
        queue_uri=mounted(places.queue_uri),
        model_version=version,
        budget=asked.budget,
        strategies=asked.strategies,
        dropout_passes=asked.dropout_passes,
        pseudo_labels=asked.pseudo_labels,
        queue_settings=json.dumps(asdict(asked.queue), sort_keys=True),
    )


def _hand_on_requests(queue_uri: str, path: str | Path, class_names: Sequence[str]) -> None:
    asked: Sequence[LabelRequest] = ()
    if queue_uri.strip():
        with tempfile.TemporaryDirectory() as scratch:
            queue = local_copy(queue_uri, scratch, what="the queue of the round before")
            asked = read_label_requests(queue / REQUESTS_FOLDER).requests
    write_label_requests(path, asked, class_names=class_names)


def _check_fit(examples: ExampleTable, pool: ExampleTable, config: BundleConfig, model_uri: str) -> None:
    if examples.info.task == "regression":
        raise ContractError(f"labels that are bought must be classes, but those of {examples.path} are numbers")
    if examples.info.is_pool:
        raise ContractError("examples_uri must be a table with splits, but is a pool: give it as the unlabelled pool")
    if pool.num_rows == 0:
        raise ContractError(
            "the pool must hold at least one example, but holds none: leave pool_uri empty where the table's own rows "
            "without a label are the pool"
        )
    for name, modality in (("the pool", pool.info.modality), (f"the model {model_uri}", config.modality)):
        if modality != examples.info.modality:
            raise ContractError(f"{name} must be of {examples.info.modality} examples, as the table is, got {modality}")
    unknown = sorted(set(examples.info.class_names) ^ set(config.class_names))
    if unknown:
        raise ContractError(
            f"the model {model_uri} must know the classes of the table, but {', '.join(unknown)} are of one alone"
        )
