"""Preparing a table on all cores, in chunks of bounded memory; rows that an earlier build prepared are copied."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
import contextlib
import itertools
from typing import TypeVar

import numpy as np
import pyarrow as pa

from components.modeling.features import Features
from components.shared.contracts.example_table import ExampleTable
from components.shared.feature_store.prepared_rows import content_key, PreparedRows, row_checks
from components.shared.feature_store.writer import ContentKeys
from components.shared.runtime.cores import available_cores
from components.shared.runtime.progress import progress

Columns = dict[str, pa.Array]
Inputs = dict[str, np.ndarray]
PreparedChunk = tuple[Columns, Inputs, ContentKeys | None]
Item = TypeVar("Item")
Result = TypeVar("Result")

_CHUNK_ROWS = {"image": 64, "text": 1024, "tabular": 8192}  # a thread's at once; smaller ones wait for each other more
_CHUNK_BYTES = 8 << 20  # raw, or prepared
_READ_ROWS = {"image": 64, "text": 4096, "tabular": 32768}  # reading few at a time costs more than twice as much
_CHUNKS_READ = 4


def prepared_chunks(
    table: ExampleTable, features: Features, *, chunk_rows: int, label: str
) -> Iterator[tuple[Columns, Inputs]]:
    """Columns and inputs of a table in its order, prepared on all cores, a few chunks of `chunk_rows` ahead.

    The columns are `example_id`, `split`, `label`, `label_source` and those that `features` read; `label` is for the
    progress bar.
    """

    def prepared(columns: Columns) -> tuple[Columns, Inputs]:
        return columns, features.prepare(columns)

    chunks = table.iter_batches(_columns_read(features), batch_rows=_CHUNKS_READ * chunk_rows)
    yield from _mapped_chunks(prepared, chunks, lambda batch: chunk_rows, total=table.num_rows, label=label)


def prepared_or_reused_chunks(
    table: ExampleTable, features: Features, earlier: PreparedRows | None
) -> Generator[PreparedChunk]:
    """Columns, inputs and content keys of a table in its order; rows that `earlier` holds are copied from there.

    An error is raised once all rows before it were given. Content keys are None where `earlier` is.
    """

    def made(columns: Columns) -> tuple[list[PreparedChunk], ValueError | None]:
        if earlier is None:
            return [(columns, features.prepare(columns), None)], None
        return _made_before_error(columns, features, earlier)

    def rows_of(batch: pa.RecordBatch) -> int:
        return _even_rows(batch, _CHUNK_ROWS[table.info.modality], features)

    batches = table.iter_batches(_columns_read(features), batch_rows=_READ_ROWS[table.info.modality])
    with contextlib.closing(_mapped_chunks(made, batches, rows_of, total=table.num_rows, label="preparing")) as chunks:
        for pieces, error in chunks:
            yield from pieces
            if error is not None:
                raise error


def _made_before_error(
    columns: Columns, features: Features, earlier: PreparedRows
) -> tuple[list[PreparedChunk], ValueError | None]:
    """A chunk as one piece; where that fails, row by row up to the first that cannot be prepared, and its error."""
    try:
        return [_made_or_reused(columns, features, earlier)], None
    except ValueError:
        made: list[PreparedChunk] = []
        for row in range(len(columns["label"])):
            one = {name: column.slice(row, 1) for name, column in columns.items()}
            try:
                made.append(_made_or_reused(one, features, earlier))
            except ValueError as error:
                return made, error
        return made, None


def _made_or_reused(columns: Columns, features: Features, earlier: PreparedRows) -> PreparedChunk:
    [payload] = features.columns
    keys = [content_key(value or b"") for value in columns[payload].to_pylist()]
    inputs = {name: spec.uninitialized(len(keys)) for name, spec in features.input_specs.items()}
    found = earlier.copy_into(inputs, keys)
    if not found.any():
        inputs = features.prepare(columns)
    elif not found.all():
        missing = np.flatnonzero(~found)
        chosen = {name: column.take(pa.array(missing)) for name, column in columns.items()}
        for name, values in features.prepare(chosen).items():
            inputs[name][missing] = values
    return columns, inputs, ContentKeys(keys=keys, checks=row_checks(inputs), are_reused=found)


def _columns_read(features: Features) -> list[str]:
    return list(dict.fromkeys(["example_id", "split", "label", "label_source", *features.columns]))


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
