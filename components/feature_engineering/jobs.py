"""Builds the feature store and the embeddings table from an example table."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import logging
from pathlib import Path
import shutil
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from components.feature_engineering.features_report import features_report
from components.feature_engineering.policies import standard_policy
from components.feature_engineering.preparation import choose_preparation, Preparation
from components.modeling.backbone_config import BackboneConfig, EFFICIENTNET_LITE0
from components.modeling.classifier import build_classifier, Classifier
from components.modeling.devices import choose_device
from components.modeling.features import Features
from components.shared.atomic_files import atomic_folder
from components.shared.cores import available_cores
from components.shared.embeddings_table import EmbeddingsWriter
from components.shared.errors import ContractError
from components.shared.example_table import ExampleTable
from components.shared.feature_blocks import joined_inputs
from components.shared.feature_store import FeatureStore, FeatureStoreWriter, link_store, UNLABELLED
from components.shared.fingerprints import fingerprint_files, fingerprint_json
from components.shared.progress import progress
from components.shared.source_fingerprint import job_fingerprint

logger = logging.getLogger(__name__)

_BATCH_ROWS = 512
_PART_ROWS = 16
_EMBEDDING_BATCH_ROWS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureStoreResult:
    """What was built: how many examples of which modality, for which backbone."""

    num_examples: int
    modality: str
    backbone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingsResult:
    """How many examples were embedded, and how long a vector is."""

    num_examples: int
    embedding_size: int


def build_feature_store(
    *,
    examples_path: str | Path,
    backbone: str,
    features_path: str | Path,
    report_path: str | Path,
    feature_dir: str = "",
) -> FeatureStoreResult:
    """Prepare every example once: decode and resize images, turn text into tokens, scale and code tables.

    Parameters
    ----------
    examples_path
        The example table.
    backbone
        See `choose_preparation`.
    features_path
        The feature store's folder, written.
    report_path
        The HTML report, written.
    feature_dir
        A folder of a volume that all steps mount: the examples go there, under a name made of the examples and their
        preparation, and `features_path` links to them. Empty: they go to `features_path` itself.

    Raises
    ------
    ValueError
        If the backbone is unknown or takes another modality, or an example cannot be prepared.
    """
    table = ExampleTable(examples_path)
    preparation = choose_preparation(backbone, table)
    policy = standard_policy() if table.info.modality == "image" else None
    logger.info("backbone %s (asked for: %s)", preparation.backbone.name, backbone)
    described = _described(preparation, policy, table)
    if feature_dir:
        folder = Path(feature_dir) / _content_name(Path(examples_path), described)
        if not _is_store(folder):
            # Left by somebody who deleted files in it: a build that was killed leaves nothing of this name.
            shutil.rmtree(folder, ignore_errors=True)
            with atomic_folder(folder, replace=False) as part:
                _write_store(part, table, preparation.features, described)
        link_store(features_path, folder)
    else:
        _write_store(features_path, table, preparation.features, described)
    features_report(FeatureStore(features_path), preparation).write(report_path)
    return FeatureStoreResult(
        num_examples=table.num_rows, modality=table.info.modality, backbone=preparation.backbone.name
    )


def _write_store(path: str | Path, table: ExampleTable, features: Features, described: dict[str, Any]) -> None:
    with FeatureStoreWriter(
        path,
        modality=table.info.modality,
        class_names=table.info.class_names,
        input_specs=features.input_specs,
        preparation=described,
        feature_files=features.files(),
    ) as writer:
        index = {name: number for number, name in enumerate(table.info.class_names)}
        for batch, inputs in _prepared_batches(table, features, _BATCH_ROWS, "preparing"):
            labels = [UNLABELLED if label is None else index[label] for label in batch["label"].to_pylist()]
            writer.write(
                example_ids=batch["example_id"].to_pylist(),
                splits=batch["split"].to_pylist(),
                labels=labels,
                inputs=inputs,
            )


def _content_name(examples: Path, described: dict[str, Any]) -> str:
    """A folder's name that is the same for the same images, prepared in the same way by the same code."""
    files = [(path.name, path) for path in sorted(examples.iterdir()) if path.is_file()]
    code = job_fingerprint("components.feature_engineering.jobs", "_write_store")
    return fingerprint_json({"examples": fingerprint_files(files), "preparation": described, "code": code})


def _is_store(folder: Path) -> bool:
    try:
        FeatureStore(folder)
    except (FileNotFoundError, ContractError):
        return False
    return True


def embed_examples(
    *, examples_path: str | Path, embeddings_path: str | Path, backbone: str = EFFICIENTNET_LITE0, device: str = "auto"
) -> EmbeddingsResult:
    """Turn every image into a vector with a pretrained network.

    Parameters
    ----------
    examples_path
        The example table.
    embeddings_path
        The embeddings table's folder, written.
    backbone
        A backbone with published weights.
    device
        `auto`, `cpu` or `cuda`.

    Raises
    ------
    ValueError
        If the examples are not images or the backbone has no published weights.
    """
    table = _image_table(examples_path)
    where = choose_device(device)
    config = BackboneConfig(name=backbone, pretrained=True, frozen=True)
    features = choose_preparation(backbone, table).features
    network = build_classifier(config, features, num_classes=2, load_pretrained=True).to(where).eval()
    embedding_size = _embedding_size(network, features, where)
    with (
        torch.inference_mode(),
        EmbeddingsWriter(embeddings_path, embedding_size=embedding_size, embedder=backbone) as writer,
    ):
        for batch, inputs in _prepared_batches(table, features, _EMBEDDING_BATCH_ROWS, "embedding"):
            writer.write(
                example_ids=batch["example_id"].to_pylist(),
                splits=batch["split"].to_pylist(),
                embeddings_BD=_embedded(network, features, inputs, where),
            )
    return EmbeddingsResult(num_examples=table.num_rows, embedding_size=embedding_size)


def _embedded(
    network: Classifier, features: Features, inputs: Mapping[str, np.ndarray], device: torch.device
) -> np.ndarray:
    on_device = {name: torch.from_numpy(value).to(device) for name, value in inputs.items()}
    embeddings, _ = network.embed_and_score(*features.tensors(on_device))
    return embeddings.float().cpu().numpy()


def _embedding_size(network: Classifier, features: Features, device: torch.device) -> int:
    with torch.inference_mode():
        blank = {name: spec.empty(1, length=1) for name, spec in features.input_specs.items()}
        return _embedded(network, features, blank, device).shape[1]


def _image_table(path: str | Path) -> ExampleTable:
    table = ExampleTable(path)
    if table.info.modality != "image":
        raise ValueError(f"examples to embed must be images, got {table.info.modality} at {path}")
    return table


def _prepared_batches(
    table: ExampleTable, features: Features, batch_rows: int, label: str
) -> Iterator[tuple[dict[str, pa.Array], dict[str, np.ndarray]]]:
    columns = ["example_id", "split", "label", *features.columns]
    with ThreadPoolExecutor(max_workers=available_cores()) as pool:
        batches = table.iter_batches(columns, batch_rows=batch_rows)
        for batch in progress(batches, label=label, total=-(-table.num_rows // batch_rows), unit="batch"):
            parts = [batch.slice(start, _PART_ROWS) for start in range(0, batch.num_rows, _PART_ROWS)]
            prepared = pool.map(features.prepare, [dict(zip(columns, part.columns, strict=True)) for part in parts])
            named = dict(zip(columns, batch.columns, strict=True))
            yield named, joined_inputs(list(prepared), features.input_specs)


def _described(preparation: Preparation, policy: dict[str, Any] | None, table: ExampleTable) -> dict[str, Any]:
    return {
        "backbone": preparation.backbone.to_dict(),
        "preprocessing": preparation.features.to_dict(),
        "augmentation": policy,
        "label_version": table.info.label_version,
    }
