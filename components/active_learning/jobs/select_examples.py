"""Choosing which rows of a scored pool people label next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
import logging
from pathlib import Path

import numpy as np

from components.active_learning.label_requests import (
    LabelRequest,
    read_label_requests,
    STRATEGIES,
    Strategy,
    write_label_requests,
)
from components.active_learning.selection.batches import Batch, chosen_batch
from components.active_learning.selection.budget import BatchSettings, is_cold, shares_from
from components.active_learning.selection.pool_reading import (
    contents_of,
    held_out_rows,
    labelled_so_far,
    LabelledSoFar,
    pool_parts,
)
from components.active_learning.selection.pool_rows import PoolRows, UNKNOWN_CONTENT
from components.active_learning.selection.report import selection_report, SelectionContent
from components.active_learning.selection.shortlists import Shortlists, shortlists_of
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.progress import progress
from components.shared.runtime.step_record import keep_results, this_step

logger = logging.getLogger(__name__)

# Rows a strategy that a batch is chosen from: some are near duplicates of others.
_ROWS_A_LABEL, _FEWEST_ROWS, _MOST_ROWS = 10, 2000, 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectionResult:
    """Outcome of `select_examples`: how many rows people are asked about, and what the KFP UI shows."""

    num_requests: int
    metrics: dict[str, float]


def select_examples(
    *,
    predictions_paths: Sequence[str | Path],
    label_requests_path: str | Path,
    report_path: str | Path,
    metrics_path: str | Path,
    budget: int,
    strategies: str = "",
    seed: int = 0,
    round_number: int = 1,
    model_version: str = "",
    examples_path: str | Path | None = None,
    pool_path: str | Path | None = None,
    asked_paths: Sequence[str | Path] = (),
) -> SelectionResult:
    """Choose rows of a pool for people to label: where the model is unsure, unlike one another, a share at random.

    The pool is read once in bounded memory. The same pool, seed and settings choose the same rows, in whatever order
    and parts the pool is stored.

    Parameters
    ----------
    predictions_paths
        Predictions tables of the pool, one or more, of one model. Rows of them that are labelled say what is known
        already.
    label_requests_path, report_path, metrics_path
        Files to write: the label requests, the report (HTML), and what the KFP UI shows (JSON).
    budget
        Labels that are bought, 1 or more.
    strategies
        Shares such as `margin=0.8,random=0.2`, which is the default, or one strategy by name.
    seed
        Decides everything random.
    round_number
        Which round of labelling, from 1.
    model_version
        Version of the model that scored the pool; empty where it has none.
    examples_path
        The example table that was labelled so far: its rows are left out, and with fewer than 20 labels a class the
        model's doubts are not asked for. None where nothing is known of it.
    pool_path
        The pool's example table, whose content ids say which rows are copies; of a table with splits, rows of
        validation and test are left out. None where there is none.
    asked_paths
        Label requests that people have not answered yet: their rows are left out.

    Raises
    ------
    FileNotFoundError
        If a table is not there.
    ValueError
        If one is damaged, the label is a number, or the strategies cannot be had.
    """
    settings = BatchSettings(budget=budget, shares=shares_from(strategies), seed=seed)
    tables = _tables_of_classes(predictions_paths, settings)
    if round_number < 1:
        raise ValueError(f"round_number must be at least 1, got {round_number}")
    labelled = None if examples_path is None else labelled_so_far(ExampleTable(examples_path))
    pool = None if pool_path is None else ExampleTable(pool_path)
    # What a model chooses is no sample: it may not come into the splits that judge.
    held_out = frozenset[str]() if pool is None else held_out_rows(pool)
    lists = _shortlists(tables, labelled, asked_paths, held_out, settings)
    if pool is not None:
        lists = _with_contents(lists, pool)
    names = tables[0].class_names
    cold = labelled is not None and is_cold(sum(labelled.counts.values()), len(names))
    known = () if labelled is None else labelled.content_ids
    batch = chosen_batch(lists, settings, names, cold=cold, known_contents=known)
    requests = _requests(batch, model_version, round_number)
    write_label_requests(label_requests_path, requests, class_names=names)
    metrics = _metrics(requests, lists, batch)
    write_json(metrics_path, metrics)
    content = SelectionContent(
        requests=requests,
        num_rows=lists.num_rows,
        num_left_out=lists.num_left_out,
        num_near_duplicates=batch.num_near_duplicates,
        budget=budget,
        remarks=_remarks(batch, lists, labelled, settings, cold=cold),
    )
    selection_report(content).write(report_path)
    keep_results(this_step(), {"metrics": metrics_path, "report": report_path})
    logger.info("asking about %d of %d rows", len(requests), lists.num_rows)
    return SelectionResult(num_requests=len(requests), metrics=metrics)


def _tables_of_classes(paths: Sequence[str | Path], settings: BatchSettings) -> list[PredictionsTable]:
    if not paths:
        raise ValueError("the pool must be given as one predictions table or more, got none")
    tables = [PredictionsTable(path) for path in paths]
    for table in tables:
        if table.is_regression:
            raise ValueError(
                f"the label must be a class to choose rows by a model's doubts, but {table.path} answers numbers"
            )
        if table.class_names != tables[0].class_names:
            raise ValueError(
                f"all predictions tables must be of one model, but {table.path} has other classes than {tables[0].path}"
            )
        if settings.shares.get("mutual_information") and "mutual_information" not in table.schema.names:
            raise ValueError(
                f"mutual_information must be in {table.path} to choose by it, but it is not: score the pool with "
                "dropout passes, or choose by margin"
            )
    return tables


def _shortlists(
    tables: Sequence[PredictionsTable],
    labelled: LabelledSoFar | None,
    asked_paths: Sequence[str | Path],
    held_out: frozenset[str],
    settings: BatchSettings,
) -> Shortlists:
    asked = {one.example_id for path in asked_paths for one in read_label_requests(path).requests}
    left_out = asked | held_out | (frozenset() if labelled is None else labelled.example_ids)
    size = max(min(_ROWS_A_LABEL * settings.budget, _MOST_ROWS), _FEWEST_ROWS, 2 * settings.budget)
    wanted = [name for name, share in settings.shares.items() if share]
    return shortlists_of(_read(tables, left_out, settings.seed), wanted, size=size)


def _read(
    tables: Sequence[PredictionsTable], left_out: frozenset[str] | set[str], seed: int
) -> Iterator[tuple[PoolRows, np.ndarray]]:
    """The pool's parts, with progress."""
    with progress(tuple[PoolRows, ...](), label="choosing", total=sum(table.num_rows for table in tables)) as bar:
        for rows, is_left_out in pool_parts(tables, left_out, seed=seed):
            yield rows, is_left_out
            bar.update(len(rows))


def _with_contents(lists: Shortlists, pool: ExampleTable) -> Shortlists:
    """The same rows with the content ids that the pool knows."""
    wanted = frozenset(name for rows in lists.by_strategy.values() for name in rows.example_ids.tolist())
    contents = contents_of([pool], wanted)

    def known(rows: PoolRows) -> PoolRows:
        found = [contents.get(name, int(UNKNOWN_CONTENT)) for name in rows.example_ids.tolist()]
        return rows.with_contents(np.array(found, np.uint64))

    return replace(lists, by_strategy={name: known(rows) for name, rows in lists.by_strategy.items()})


def _requests(batch: Batch, model_version: str, round_number: int) -> list[LabelRequest]:
    return [
        LabelRequest(
            example_id=choice.example_id,
            strategy=choice.strategy,
            why=choice.why,
            score=choice.score,
            predicted=choice.predicted,
            probability=choice.probability,
            model_version=model_version,
            round_number=round_number,
        )
        for choice in batch.choices
    ]


def _metrics(requests: Sequence[LabelRequest], lists: Shortlists, batch: Batch) -> dict[str, float]:
    by_strategy: dict[Strategy, int] = dict.fromkeys(STRATEGIES, 0)
    for request in requests:
        by_strategy[request.strategy] += 1
    return {
        "num_requests": float(len(requests)),
        "num_pool_rows": float(lists.num_rows),
        "num_left_out": float(lists.num_left_out),
        "num_near_duplicates": float(batch.num_near_duplicates),
        **{f"num_{name}": float(times) for name, times in by_strategy.items() if times},
    }


def _remarks(
    batch: Batch, lists: Shortlists, labelled: LabelledSoFar | None, settings: BatchSettings, *, cold: bool
) -> list[str]:
    remarks = []
    sample = lists.by_strategy.get("random")
    has_embeddings = sample is not None and bool(sample.embeddings.shape[1])
    if labelled is None:
        remarks.append("What is labelled so far was not given: the model's doubts are taken as they are.")
    elif cold:
        how = "rows that stand for others are" if has_embeddings else "rows drawn at random are"
        remarks.append(
            f"There are {sum(labelled.counts.values()):,} labels, fewer than 20 a class: what a model is unsure of "
            f"says nothing yet, so {how} asked about in its place."
        )
    if sample is not None and not has_embeddings:
        remarks.append("The predictions table has no embeddings: only equal contents are known to be near duplicates.")
    if len(batch.choices) < settings.budget:
        remarks.append(
            f"The pool has only {len(batch.choices):,} rows that differ and are neither labelled nor asked about, "
            f"fewer than the budget of {settings.budget:,}."
        )
    return remarks
