"""From an example table to a feature store: in parallel, in bounded memory, and only what is not there yet.

Pictures cost a millisecond each, so their rows are found again by the bytes that they were made from: in parts that a
killed build left, in the store that lies there, and in stores beside it. Texts and tables are prepared anew: that costs
less than looking for them.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
import contextlib
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
import itertools
import logging
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from components.modeling.custom_features import CustomFeatures
from components.modeling.features import base_features, Features
from components.modeling.images.features import ImageFeatures
from components.modeling.images.normalization import ChannelCounts, ChannelStatistics
from components.shared.contracts.example_table import ExampleTable
from components.shared.feature_store.prepared_rows import content_key, PreparedRows, row_checks
from components.shared.feature_store.store import FeatureStore, UNLABELLED
from components.shared.feature_store.writer import ContentKeys, FeatureStoreWriter, PART_BYTES
from components.shared.runtime.code_fingerprint import job_fingerprint
from components.shared.runtime.cores import available_cores
from components.shared.runtime.errors import ContractError
from components.shared.runtime.fingerprints import fingerprint_json
from components.shared.runtime.folder_lock import folder_lock
from components.shared.runtime.freed_memory import keep_freed_memory
from components.shared.runtime.progress import progress

logger = logging.getLogger(__name__)

Columns = dict[str, pa.Array]
Inputs = dict[str, np.ndarray]
PreparedChunk = tuple[Columns, Inputs, ContentKeys | None]
Item = TypeVar("Item")
Result = TypeVar("Result")

_CHUNK_ROWS = {"image": 64, "text": 1024, "tabular": 8192}  # a thread's at once; smaller ones wait for each other more
_CHUNK_BYTES = 8 << 20  # raw, or prepared
_READ_ROWS = {"image": 64, "text": 4096, "tabular": 32768}  # reading few at a time costs more than twice as much
_CHUNKS_READ = 4
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


def prepared_chunks(
    table: ExampleTable, features: Features, *, chunk_rows: int, label: str
) -> Iterator[tuple[Columns, Inputs]]:
    """Columns and inputs of a table in its order, prepared on all cores, a few chunks of `chunk_rows` ahead.

    The columns are `example_id`, `split`, `label` and those that `features` read; `label` is for the progress bar.
    """

    def prepared(columns: Columns) -> tuple[Columns, Inputs]:
        return columns, features.prepare(columns)

    chunks = table.iter_batches(_columns_read(features), batch_rows=_CHUNKS_READ * chunk_rows)
    yield from _mapped_chunks(prepared, chunks, lambda batch: chunk_rows, total=table.num_rows, label=label)


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


def _write_rows(
    writer: FeatureStoreWriter,
    table: ExampleTable,
    features: Features,
    prepared: PreparedRows | None,
    levels: ChannelCounts | None,
) -> int:
    def made(columns: Columns) -> tuple[list[PreparedChunk], ValueError | None]:
        if prepared is None:
            return [(columns, features.prepare(columns), None)], None
        return _made_before_error(columns, features, prepared)

    def rows_of(batch: pa.RecordBatch) -> int:
        return _even_rows(batch, _CHUNK_ROWS[table.info.modality], features)

    index = {name: number for number, name in enumerate(table.info.class_names)}
    num_reused = 0
    batches = table.iter_batches(_columns_read(features), batch_rows=_READ_ROWS[table.info.modality])
    chunks = _mapped_chunks(made, batches, rows_of, total=table.num_rows, label="preparing")
    with contextlib.closing(chunks):
        for columns, inputs, contents in _until_error(chunks):
            writer.write(
                example_ids=columns["example_id"].to_pylist(),
                splits=columns["split"].to_pylist(),
                labels=[UNLABELLED if label is None else index[label] for label in columns["label"].to_pylist()],
                inputs=inputs,
                contents=contents,
            )
            if levels is not None:
                levels.add(inputs["image"][np.array(columns["split"].to_pylist()) == "train"])
            num_reused += int(contents.are_reused.sum()) if contents is not None else 0
    return num_reused


def _until_error(chunks: Iterable[tuple[list[PreparedChunk], ValueError | None]]) -> Iterator[PreparedChunk]:
    """What was made of all chunks; the first error is raised when all before it was taken."""
    for made, error in chunks:
        yield from made
        if error is not None:
            raise error


def _made_before_error(
    columns: Columns, features: Features, prepared: PreparedRows
) -> tuple[list[PreparedChunk], ValueError | None]:
    """A chunk as one piece; where that fails, row by row up to the first that cannot be prepared, and its error."""
    try:
        return [_made_or_reused(columns, features, prepared)], None
    except ValueError:
        made: list[PreparedChunk] = []
        for row in range(len(columns["label"])):
            one = {name: column.slice(row, 1) for name, column in columns.items()}
            try:
                made.append(_made_or_reused(one, features, prepared))
            except ValueError as error:
                return made, error
        return made, None


def _made_or_reused(columns: Columns, features: Features, prepared: PreparedRows) -> PreparedChunk:
    [payload] = features.columns
    keys = [content_key(value or b"") for value in columns[payload].to_pylist()]
    inputs = {name: spec.uninitialized(len(keys)) for name, spec in features.input_specs.items()}
    found = prepared.copy_into(inputs, keys)
    if not found.any():
        inputs = features.prepare(columns)
    elif not found.all():
        missing = np.flatnonzero(~found)
        chosen = {name: column.take(pa.array(missing)) for name, column in columns.items()}
        for name, values in features.prepare(chosen).items():
            inputs[name][missing] = values
    return columns, inputs, ContentKeys(keys=keys, checks=row_checks(inputs), are_reused=found)


def _columns_read(features: Features) -> list[str]:
    return ["example_id", "split", "label", *features.columns]


def _mapped_chunks(
    function: Callable[[Columns], Result],
    batches: Iterable[pa.RecordBatch],
    rows_of: Callable[[pa.RecordBatch], int],
    *,
    total: int,
    label: str,
) -> Generator[Result]:
    """A function's results for batches in chunks of `rows_of` them; the bar counts examples that were read."""
    counted: tuple[Columns, ...] = ()
    with progress(counted, label=label, total=total) as bar:

        def chunks() -> Iterator[Columns]:
            for batch in batches:
                rows = rows_of(batch)
                for start in range(0, batch.num_rows, rows):
                    yield dict(zip(batch.schema.names, batch.slice(start, rows).columns, strict=True))
                bar.update(batch.num_rows)

        yield from _mapped_ahead(function, chunks())


def _even_rows(batch: pa.RecordBatch, most: int, features: Features) -> int:
    """Rows of each chunk of a batch: equally many, and so few that neither raw nor prepared ones are large."""
    prepared_bytes = sum(spec.num_bytes for spec in features.input_specs.values())
    row_bytes = max(batch.nbytes // max(batch.num_rows, 1), prepared_bytes, 1)
    num_chunks = -(-batch.num_rows // max(min(most, _CHUNK_BYTES // row_bytes), 1))
    return max(-(-batch.num_rows // max(num_chunks, 1)), 1)


def _mapped_ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`map` on all cores, in order, with two items more in hand: `ThreadPoolExecutor.map` would read all items."""
    num_threads = available_cores()
    remaining = iter(items)
    with ThreadPoolExecutor(num_threads) as pool:
        ahead: deque[Future[Result]] = deque(
            pool.submit(function, item) for item in itertools.islice(remaining, num_threads + 2)
        )
        try:
            while ahead:
                result = ahead.popleft().result()
                ahead.extend(pool.submit(function, item) for item in itertools.islice(remaining, 1))
                yield result
        finally:
            for future in ahead:
                future.cancel()
