"""Builds the feature store and the embeddings table from an example table."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import logging
from pathlib import Path
import shutil
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from components.feature_engineering.contact_sheet import contact_sheet
from components.feature_engineering.policies import standard_policy
from components.feature_engineering.preparation import choose_preparation, Preparation
from components.modeling.augmentation import Augmenter
from components.modeling.backbones import BackboneConfig, build_classifier, EFFICIENTNET_LITE0
from components.modeling.devices import choose_device
from components.modeling.preprocessing import normalize, prepare_image, Preprocessing
from components.reporting.page import Report
from components.shared.atomic_files import atomic_folder
from components.shared.cores import available_cores
from components.shared.embeddings_table import EmbeddingsWriter
from components.shared.errors import ContractError
from components.shared.example_table import ExampleTable
from components.shared.feature_store import ImageStore, ImageStoreWriter, link_store, UNLABELLED
from components.shared.fingerprints import fingerprint_files, fingerprint_json
from components.shared.problem import SPLIT_NAMES
from components.shared.progress import progress
from components.shared.source_fingerprint import job_fingerprint

logger = logging.getLogger(__name__)

_BATCH_ROWS = 256
_EMBEDDING_BATCH_ROWS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureStoreResult:
    """What was built: how many examples, for which backbone, at which size (pixels)."""

    num_examples: int
    backbone: str
    image_size: int


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
    """Decode and resize every image once.

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
        A folder of a volume that all steps mount: the images go there, under a name made of the examples and their
        preparation, and `features_path` links to them. Empty: they go to `features_path` itself.

    Raises
    ------
    ValueError
        If the examples are not images or the backbone is unknown.
    """
    table = _image_table(examples_path)
    preparation = choose_preparation(backbone, median_side_px=_median_side_px(table))
    policy = standard_policy()
    size = preparation.preprocessing.image_size
    logger.info("backbone %s at %d px (asked for: %s)", preparation.backbone.name, size, backbone)
    described = _described(preparation, policy, table)
    if feature_dir:
        folder = Path(feature_dir) / _content_name(Path(examples_path), described)
        if not _is_store(folder):
            # Left by somebody who deleted files in it: a build that was killed leaves nothing of this name.
            shutil.rmtree(folder, ignore_errors=True)
            with atomic_folder(folder, replace=False) as part:
                _write_store(part, table, preparation, described)
        link_store(features_path, folder)
    else:
        _write_store(features_path, table, preparation, described)
    _report(features_path, preparation, policy).write(report_path)
    return FeatureStoreResult(num_examples=table.num_rows, backbone=preparation.backbone.name, image_size=size)


def _write_store(path: str | Path, table: ExampleTable, preparation: Preparation, described: dict[str, Any]) -> None:
    size = preparation.preprocessing.image_size
    with ImageStoreWriter(
        path, class_names=table.info.class_names, image_shape=(size, size, 3), preparation=described
    ) as writer:
        index = {name: number for number, name in enumerate(table.info.class_names)}
        for batch, images_BHWC in _prepared_batches(table, preparation.preprocessing, _BATCH_ROWS, "decoding"):
            labels = [UNLABELLED if label is None else index[label] for label in batch["label"].to_pylist()]
            writer.write(
                example_ids=batch["example_id"].to_pylist(),
                splits=batch["split"].to_pylist(),
                labels=labels,
                images_BHWC=images_BHWC,
            )


def _content_name(examples: Path, described: dict[str, Any]) -> str:
    """A folder's name that is the same for the same images, prepared in the same way by the same code."""
    files = [(path.name, path) for path in sorted(examples.iterdir()) if path.is_file()]
    code = job_fingerprint("components.feature_engineering.jobs", "_write_store")
    return fingerprint_json({"examples": fingerprint_files(files), "preparation": described, "code": code})


def _is_store(folder: Path) -> bool:
    try:
        ImageStore(folder)
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
    preprocessing = choose_preparation(backbone, median_side_px=_median_side_px(table)).preprocessing
    network = build_classifier(config, num_classes=2, load_pretrained=True).to(where).eval()
    embedding_size = network.head.in_features
    with (
        torch.inference_mode(),
        EmbeddingsWriter(embeddings_path, embedding_size=embedding_size, embedder=backbone) as writer,
    ):
        for batch, images_BHWC in _prepared_batches(table, preprocessing, _EMBEDDING_BATCH_ROWS, "embedding"):
            images = normalize(torch.from_numpy(images_BHWC).to(where), preprocessing.normalization)
            writer.write(
                example_ids=batch["example_id"].to_pylist(),
                splits=batch["split"].to_pylist(),
                embeddings_BD=network.embed(images).float().cpu().numpy(),
            )
    return EmbeddingsResult(num_examples=table.num_rows, embedding_size=embedding_size)


def _image_table(path: str | Path) -> ExampleTable:
    table = ExampleTable(path)
    if table.info.modality != "image":
        raise ValueError(
            f"features are built from images, but the examples at {path} are {table.info.modality}: "
            "the training pipeline takes images"
        )
    return table


def _median_side_px(table: ExampleTable) -> float:
    sizes = table.read(["image_width", "image_height"])
    if not sizes.num_rows:
        raise ValueError("features must be built from at least one example, got an empty example table")
    return float(np.median(np.minimum(sizes.column(0).to_numpy(), sizes.column(1).to_numpy())))


def _prepared_batches(
    table: ExampleTable, preprocessing: Preprocessing, batch_rows: int, label: str
) -> Iterator[tuple[dict[str, pa.Array], np.ndarray]]:
    columns = ["example_id", "split", "label", "image"]
    with ThreadPoolExecutor(max_workers=available_cores()) as pool:
        batches = table.iter_batches(columns, batch_rows=batch_rows)
        for batch in progress(batches, label=label, total=-(-table.num_rows // batch_rows), unit="batch"):
            named = {name: batch.column(number) for number, name in enumerate(columns)}
            images = pool.map(lambda data: prepare_image(data, preprocessing), named["image"].to_pylist())
            yield named, np.stack(list(images))


def _described(preparation: Preparation, policy: dict[str, Any], table: ExampleTable) -> dict[str, Any]:
    return {
        "backbone": preparation.backbone.to_dict(),
        "preprocessing": preparation.preprocessing.to_dict(),
        "augmentation": policy,
        "label_version": table.info.label_version,
    }


def _report(features_path: str | Path, preparation: Preparation, policy: dict[str, Any]) -> Report:
    store = ImageStore(features_path)
    settings = preparation.preprocessing
    report = Report("Features", subtitle="Decoded and resized once; training reads them memory-mapped every epoch.")
    report.facts(
        {
            "examples": len(store),
            "image size, px": settings.image_size,
            "resize": settings.resize,
            "normalisation": settings.normalization,
            "backbone": preparation.backbone.name,
            "size, MB": round(len(store) * settings.image_size**2 * 3 / 1e6, 1),
        }
    )
    report.table(["split", "examples"], [[split, int((store.splits == split).sum())] for split in SPLIT_NAMES])
    report.heading("Augmentation")
    names = [str(step["__class_fullname__"]).rsplit(".", 1)[-1] for step in policy["transform"]["transforms"]]
    report.paragraph(f"Policy standard: {', '.join(names)}. Training sees a new variant of every image in every epoch.")
    report.gallery(contact_sheet(store, Augmenter(policy)), caption="As stored, then three variants of each:")
    return report
