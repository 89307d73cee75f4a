"""From an example table to a feature store: only what is not there yet.

Images cost a millisecond each, so their rows are found again by the bytes that they were made from: in parts that a
killed build left, in the store that lies there, and in stores beside it. Texts and tables are prepared anew: that costs
less than looking for them.
"""

from collections.abc import Sequence
import contextlib
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np

from components.feature_engineering.chunked_preparation import Columns, prepared_or_reused_chunks
from components.modeling.custom_features import CustomFeatures
from components.modeling.features import base_features, Features
from components.modeling.images.channel_statistics import ChannelCounts, ChannelStatistics
from components.modeling.images.features import ImageFeatures
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo
from components.shared.feature_store.prepared_rows import PreparedRows
from components.shared.feature_store.store import FeatureStore, UNLABELLED
from components.shared.feature_store.writer import FeatureStoreWriter, PART_BYTES
from components.shared.runtime.code_fingerprint import job_fingerprint
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_json
from components.shared.runtime.folder_lock import folder_lock
from components.shared.runtime.freed_memory import keep_freed_memory

logger = logging.getLogger(__name__)

_NOT_IN_PIXELS = ("normalization", "channel_mean", "channel_std", "fourier")
_DECODERS = ("pillow", "simplejpeg", "torch")
_TEMPORARY = ".part-*.part"


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildCounts:
    """Examples that a build prepared, and those that it took over from an earlier one."""

    num_prepared: int
    num_reused: int


def content_digest(features: Features) -> str | None:
    """How images become the pixels that are stored: settings, code and the versions of the decoders.

    Normalisation and Fourier settings are left out: they act on the device and change no stored pixel. None for texts,
    tables and what a custom function derives, which are always prepared anew.
    """
    if not isinstance(features, ImageFeatures):
        return None
    settings = {name: value for name, value in features.to_dict().items() if name not in _NOT_IN_PIXELS}
    return fingerprint_json({"settings": settings, "code": _code(), "decoders": [version(name) for name in _DECODERS]})


def write_store(
    path: str | Path,
    table: ExampleTable,
    features: Features,
    described: dict[str, Any],
    *,
    siblings: Sequence[Path] = (),
    is_addressed: bool = False,
    part_bytes: int = PART_BYTES,
) -> BuildCounts:
    """Write a feature store; a build that was killed goes on where it was.

    One process at a time writes a folder; another one waits.

    Parameters
    ----------
    path
        The store's folder.
    table, features
        The examples, and how they are prepared.
    described
        The store's `preparation`.
    siblings
        Folders of other stores whose rows may be used.
    is_addressed
        Whether the folder's name says what is in it: a whole store that lies there is then kept.
    part_bytes
        About how large a part grows: what a kill can lose. The build holds one in memory, and a few chunks a core.
    """
    keep_freed_memory()
    folder, digest = Path(path), content_digest(features)
    with folder_lock(folder) as is_held:
        if is_addressed and _is_store(folder):
            return BuildCounts(num_prepared=0, num_reused=table.num_rows)
        for left in folder.glob(_TEMPORARY) if is_held else ():
            left.unlink(missing_ok=True)
        prepared = None
        if digest is not None:
            prepared = PreparedRows([folder, *siblings], digest=digest, specs=features.input_specs)
        with FeatureStoreWriter(
            folder,
            modality=table.info.modality,
            class_names=table.info.class_names,
            input_specs=features.input_specs,
            preparation=described,
            feature_files=features.files(),
            is_regression=table.info.task == "regression",
            prepared=prepared,
            digest=digest,
            part_bytes=part_bytes,
            keep_index=is_addressed,
        ) as writer:
            levels = _levels_to_count(features)
            num_reused = _write_rows(writer, table, features, prepared, levels)
            if levels is not None:
                fitted = with_channel_statistics(features, levels.statistics())
                writer.describe({**described, "preprocessing": fitted.to_dict()})
    counts = BuildCounts(num_prepared=table.num_rows - num_reused, num_reused=num_reused)
    logger.info("%d examples prepared, %d taken over from earlier builds", counts.num_prepared, counts.num_reused)
    return counts


@cache
def _code() -> str:
    """Fingerprint of what makes pixels; reading it takes as long as some hundred images."""
    return job_fingerprint("components.modeling.images.features", "prepare_image")


def _is_store(folder: Path) -> bool:
    try:
        FeatureStore(folder)
    except (FileNotFoundError, ContractError):
        return False
    return True


def with_channel_statistics(features: Features, statistics: ChannelStatistics) -> Features:
    """Features of images that are normalised by the training images' own statistics."""
    if isinstance(features, CustomFeatures):
        return features.with_base(with_channel_statistics(features.base, statistics))
    assert isinstance(features, ImageFeatures)
    (mean_r, mean_g, mean_b), (std_r, std_g, std_b) = statistics.mean, statistics.std
    return replace(features, channel_mean=(mean_r, mean_g, mean_b), channel_std=(std_r, std_g, std_b))


def _levels_to_count(features: Features) -> ChannelCounts | None:
    """A counter of the training images' grey levels, where the normalisation needs their statistics."""
    base = base_features(features)
    needed = isinstance(base, ImageFeatures) and base.normalization == "channel"
    return ChannelCounts() if needed else None


def _labels_to_learn(columns: Columns) -> list[Any]:
    """Labels of a chunk; none in validation and test where a model or a rule gave it: nothing is measured on those."""
    read = zip(*(columns[name].to_pylist() for name in ("label", "split", "label_source")), strict=True)
    return [label if split == "train" or source in (None, "person") else None for label, split, source in read]


def _write_rows(
    writer: FeatureStoreWriter,
    table: ExampleTable,
    features: Features,
    prepared: PreparedRows | None,
    levels: ChannelCounts | None,
) -> int:
    num_reused = 0
    with contextlib.closing(prepared_or_reused_chunks(table, features, prepared)) as chunks:
        for columns, inputs, contents in chunks:
            writer.write(
                example_ids=columns["example_id"].to_pylist(),
                splits=columns["split"].to_pylist(),
                labels=_stored_labels(_labels_to_learn(columns), table.info),
                inputs=inputs,
                contents=contents,
            )
            if levels is not None:
                levels.add(inputs["image"][np.array(columns["split"].to_pylist()) == "train"])
            num_reused += int(contents.are_reused.sum()) if contents is not None else 0
    return num_reused


def _stored_labels(labels: Sequence[Any], info: ExampleTableInfo) -> list[int] | list[float]:
    """Labels as the store holds them: class indices, or numbers."""
    if info.task == "regression":
        return [math.nan if label is None else label for label in labels]
    index = {name: number for number, name in enumerate(info.class_names)}
    return [UNLABELLED if label is None else index[label] for label in labels]
