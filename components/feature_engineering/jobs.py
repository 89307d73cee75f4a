"""Builds the feature store and the embeddings table from an example table."""

from collections.abc import Mapping
from dataclasses import dataclass
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from components.feature_engineering.chunked_preparation import prepared_chunks
from components.feature_engineering.features_report import features_report
from components.feature_engineering.preparation import choose_preparation, Preparation
from components.feature_engineering.store_building import BuildCounts, content_digest, write_store
from components.modeling.answers import TARGET
from components.modeling.augmentation.named_policies import policy_from
from components.modeling.backbone_config import BackboneConfig, EFFICIENTNET_LITE0
from components.modeling.classifier import build_classifier, Classifier
from components.modeling.features import base_features, Features
from components.modeling.gpu.devices import choose_device, tensors_on
from components.modeling.preparation_settings import (
    DEFAULT_POLICY,
    preparation_settings_from_text,
    PreparationSettings,
    value_cleaning_from_text,
)
from components.modeling.task import fit_target_scale
from components.shared.contracts.embeddings_table import EmbeddingsWriter
from components.shared.contracts.example_table import ExampleTable
from components.shared.feature_store.index import link_store
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.code_fingerprint import job_fingerprint
from components.shared.runtime.custom_code import custom_code_fingerprint
from components.shared.runtime.fingerprints import fingerprint_files, fingerprint_json
from components.shared.runtime.step_record import keep_results, this_step

logger = logging.getLogger(__name__)

_DIGEST_CHARACTERS = 16
_EMBEDDING_BATCH_ROWS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureStoreResult:
    """What was built: how many examples of which modality, for which backbone, and how many were there already."""

    num_examples: int
    modality: str
    backbone: str
    num_prepared: int
    num_reused: int


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
    preparation: str = "",
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
    preparation
        JSON: what the problem file says of preparation, and how values of tables were cleaned, as
        `preparation_section` gives it; empty leaves it to the examples.
    feature_dir
        A folder of a volume that all steps mount: the examples go there, under a name made of the examples and their
        preparation, and `features_path` links to them. Empty: they go to `features_path` itself. Images that an
        earlier build prepared in the same way, finished or not, are taken over from there.

    Raises
    ------
    ValueError
        If the backbone is unknown or takes another modality, a setting is wrong, or an example cannot be prepared.
    """
    table = ExampleTable(examples_path)
    settings = preparation_settings_from_text(preparation)
    prepared = choose_preparation(backbone, table, settings, value_cleaning_from_text(preparation))
    logger.info("backbone %s (asked for: %s)", prepared.backbone.name, backbone)
    described = _described(prepared, _augmentation_policy(prepared.features, settings), table)
    if feature_dir:
        folder, counts = _shared_store(Path(feature_dir), Path(examples_path), table, prepared.features, described)
        link_store(features_path, folder)
    else:
        counts = write_store(features_path, table, prepared.features, described)
    features_report(FeatureStore(features_path)).write(report_path)
    keep_results(this_step(), {"report": report_path})
    return FeatureStoreResult(
        num_examples=table.num_rows,
        modality=table.info.modality,
        backbone=prepared.backbone.name,
        num_prepared=counts.num_prepared,
        num_reused=counts.num_reused,
    )


def _augmentation_policy(features: Features, settings: PreparationSettings) -> dict[str, Any] | None:
    """The augmentation policy of images, as the store keeps it."""
    if features.modality != "image":
        return None
    wanted = DEFAULT_POLICY if settings.augmentation is None else settings.augmentation
    policy = policy_from(wanted, image_size=base_features(features).image_size)
    return None if policy is None else dict(policy)


def _shared_store(
    volume: Path, examples: Path, table: ExampleTable, features: Features, described: dict[str, Any]
) -> tuple[Path, BuildCounts]:
    """The folder of a volume that holds these examples, written where it is not there or not whole."""
    digest = content_digest(features)
    prefix = f"{digest[:_DIGEST_CHARACTERS]}-" if digest else ""
    folder = volume / f"{prefix}{_content_name(examples, described)}"
    siblings = [other for other in sorted(volume.glob(f"{prefix}*")) if other != folder] if digest else []
    return folder, write_store(folder, table, features, described, siblings=siblings, is_addressed=True)


def _content_name(examples: Path, described: dict[str, Any]) -> str:
    """A folder's name that is the same for the same images, prepared in the same way by the same code."""
    files = [(path.name, path) for path in sorted(examples.iterdir()) if path.is_file()]
    code = job_fingerprint("components.feature_engineering.store_building", "write_store")
    function = described["preprocessing"].get("function")
    custom = None if function is None else custom_code_fingerprint(function)
    return fingerprint_json({"examples": fingerprint_files(files), "preparation": described, "code": [code, custom]})


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
        chunks = prepared_chunks(table, features, chunk_rows=_EMBEDDING_BATCH_ROWS, label="embedding")
        for columns, inputs in chunks:
            writer.write(
                example_ids=columns["example_id"].to_pylist(),
                splits=columns["split"].to_pylist(),
                embeddings_BD=_embedded(network, features, inputs, where),
            )
    return EmbeddingsResult(num_examples=table.num_rows, embedding_size=embedding_size)


def _embedded(
    network: Classifier, features: Features, inputs: Mapping[str, np.ndarray], device: torch.device
) -> np.ndarray:
    embeddings, _ = network.embed_and_score(*features.tensors(tensors_on(device, inputs)))
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


def _described(preparation: Preparation, policy: dict[str, Any] | None, table: ExampleTable) -> dict[str, Any]:
    return {
        "backbone": preparation.backbone.to_dict(),
        "preprocessing": {**preparation.features.to_dict(), **_target(table)},
        "augmentation": policy,
        "label_version": table.info.label_version,
        "label": dict(table.info.label),
        "source_roles": {name: list(roles) for name, roles in table.info.source_roles.items()},
        "repairs": [repair.to_dict() for repair in table.info.repairs],
    }


def _target(table: ExampleTable) -> dict[str, Any]:
    """The scale of a label that is a number, fitted to the training rows."""
    if table.info.task != "regression":
        return {}
    labels = table.read(["label"], splits=["train"]).column(0)
    return {TARGET: fit_target_scale(labels.to_numpy()).to_dict()}
