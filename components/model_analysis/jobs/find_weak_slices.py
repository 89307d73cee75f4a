"""Finding slices of examples on which a scored model errs more than elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
import logging
import math
from pathlib import Path
from typing import get_args, Literal

import numpy as np
import pyarrow as pa

from components.model_analysis.slices.embedding_clusters import embedding_clusters, EmbeddingClusters
from components.model_analysis.slices.expected_errors import errors_expected_by_confidence
from components.model_analysis.slices.found_slices import WeakSlice, WeakSlices
from components.model_analysis.slices.given_figures import given_figures, GivenSlice
from components.model_analysis.slices.report import slices_report, SlicesReportContent, summary
from components.model_analysis.slices.typical_values import typical_of_clusters
from components.model_analysis.slices.weak_slices import find_weak_slices as search_weak_slices
from components.model_analysis.slices.weak_slices import SearchSettings
from components.model_analysis.slices.words import NOUNS, sentence, slice_words
from components.model_analysis.traits.example_traits import traits_of
from components.model_analysis.traits.pinned_masks import pinned_masks
from components.shared.contracts.example_rows import example_ids_of, groups_of
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_origin import are_by_people, LABEL_SOURCE
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.step_record import keep_results, this_step
from components.shared.tables.given_slices import slice_masks
from components.shared.tables.personal_columns import kept_columns, masked_texts

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
MAX_ROWS = 20_000
ErrorOfNumbers = Literal["absolute", "squared"]
_SPLITS = ("validation", "test")


@dataclass(frozen=True, kw_only=True, slots=True)
class WeakSlicesResult:
    """Outcome of `find_weak_slices`: a sentence on what was found, and what the KFP UI shows."""

    summary: str
    metrics: dict[str, float]
    num_slices: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Judged:
    """N examples with an error: columns, errors (N,) and what is expected, groups (N,), clusters, what was left out."""

    columns: dict[str, pa.Array]
    errors: np.ndarray
    expected: np.ndarray | None
    groups: np.ndarray | None
    clusters: tuple[EmbeddingClusters, ...]
    given: dict[str, pa.Array]
    pinned: dict[str, np.ndarray]
    remarks: tuple[str, ...] = field(default=())


def find_weak_slices(
    *,
    examples_path: str | Path,
    predictions_path: str | Path,
    slices_path: str | Path,
    report_path: str | Path,
    metrics_path: str | Path,
    splits: Sequence[str] = _SPLITS,
    error: ErrorOfNumbers = "absolute",
    settings: SearchSettings | None = None,
    max_rows: int = MAX_ROWS,
) -> WeakSlicesResult:
    """Find where a model is weak, by what its examples are like.

    Parameters
    ----------
    examples_path
        The example table that was scored.
    predictions_path
        The model's predictions table.
    slices_path, report_path, metrics_path
        Files to write: slices with their conditions and figures (JSON), the report (HTML), what the KFP UI shows
        (JSON).
    splits
        Whose examples are looked at.
    error
        Of a number: `absolute` or `squared`.
    settings
        Of the search.
    max_rows
        Of more labelled examples a sample is looked at.

    Raises
    ------
    FileNotFoundError
        If a table is not there.
    ValueError
        If a table is damaged, a scored example is not in the example table, or a setting cannot be used.
    """
    if error not in get_args(ErrorOfNumbers):
        raise ValueError(f"error must be absolute or squared, got {error!r}")
    asked = settings or SearchSettings()
    examples, table = ExampleTable(examples_path), PredictionsTable(predictions_path)
    judged = _judged(examples, table, tuple(splits), error, max_rows, asked.seed)
    found = search_weak_slices(
        judged.columns, judged.errors, groups=judged.groups, expected=judged.expected, settings=asked
    )
    given, too_small = given_figures(
        {"": judged.pinned} | {name: slice_masks({name: values}) for name, values in judged.given.items()},
        judged.errors,
        min_examples=asked.min_examples,
        is_share=found.is_share,
    )
    noun = NOUNS[examples.info.modality]
    content = SlicesReportContent(
        found=found,
        noun=noun,
        error_name=f"mean {error} error" if table.is_regression else "share wrong",
        given=given,
        too_small=too_small,
        typical=typical_of_clusters(found, judged.columns),
        remarks=judged.remarks,
    )
    metrics = _metrics(found)
    write_json(slices_path, _slices_json(found, judged, given, noun))
    slices_report(content).write(report_path)
    write_json(metrics_path, metrics)
    keep_results(this_step(), {"metrics": metrics_path, "report": report_path})
    said = summary(found, noun=noun)
    logger.info("%s", said)
    return WeakSlicesResult(summary=said, metrics=metrics, num_slices=len(found.slices))


def _judged(
    examples: ExampleTable, table: PredictionsTable, splits: tuple[str, ...], error: str, max_rows: int, seed: int
) -> _Judged:
    errors, is_counted = _errors(table, splits, error)
    by_people = are_by_people(table, splits)
    rows = np.flatnonzero(is_counted & by_people)
    num_left_out = len(errors) - len(rows)
    rng = np.random.default_rng(seed)
    remarks = []
    if num_left_out:
        remarks.append(f"{num_left_out:,} examples without a label that people gave and the model knows were left out.")
    if len(rows) > max_rows:
        remarks.append(f"Of {len(rows):,} labelled examples a sample of {max_rows:,} was looked at.")
        rows = np.sort(rng.permutation(rows)[:max_rows])
    ids = example_ids_of(table, splits).take(pa.array(rows)).to_pylist()
    traits = traits_of(examples, ids, splits=splits) if ids else None
    columns = {} if traits is None else _shown_columns(traits, kept_columns(examples.schema))
    embeddings = _embeddings(table, splits, rows)
    clusters = embedding_clusters(embeddings, rng) if len(rows) else []
    given = [name for name in examples.info.columns_of("slice", "sensitive") if name in columns]
    groups = groups_of(examples, table, splits)
    return _Judged(
        columns=columns | {found.column: found.members(embeddings) for found in clusters},
        errors=errors[rows],
        expected=None if table.is_regression else _expected(table, splits, rows, errors),
        groups=None if groups is None else groups[rows],
        clusters=tuple(clusters),
        given={name: columns[name] for name in given if name != LABEL_SOURCE},
        pinned=pinned_masks(examples, ids, splits=splits),
        remarks=tuple(remarks),
    )


def _errors(table: PredictionsTable, splits: tuple[str, ...], error: str) -> tuple[np.ndarray, np.ndarray]:
    """The error of each example, shape (N,), and whether it has one, shape (N,), bool."""
    if table.is_regression:
        apart = np.abs(table.numbers("label", splits=splits) - table.numbers("predicted", splits=splits))
        return apart**2 if error == "squared" else apart, np.isfinite(apart)
    read = table.read(["label", "predicted"], splits=splits)
    labels, predicted = (np.array(read.column(number).to_pylist(), dtype=object) for number in range(2))
    return (labels != predicted).astype(np.float64), np.isin(labels, table.class_names)


def _expected(table: PredictionsTable, splits: tuple[str, ...], rows: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """The error that the model's confidence leads one to expect of some rows, shape (len(rows),)."""
    probabilities = table.probabilities(splits=splits)[rows]
    confidence = probabilities.max(axis=1) if len(rows) else np.zeros(0)
    return errors_expected_by_confidence(confidence, errors[rows])


def _shown_columns(traits: pa.Table, kept: frozenset[str]) -> dict[str, pa.Array]:
    """Columns that slices can be made of; recognised personal data are placeholders, which no slice is made of."""
    found = {}
    for name in traits.column_names[1:]:
        values = traits.column(name).combine_chunks()
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if pa.types.is_large_string(values.type):
            values = values.cast(pa.string())
        if pa.types.is_string(values.type) and name not in kept:
            values = masked_texts(values)
        found[name] = values
    return found


def _embeddings(table: PredictionsTable, splits: tuple[str, ...], rows: np.ndarray) -> np.ndarray:
    """Shape (N, D), float32; D is 0 where the model gives none."""
    column = table.read(["embedding"], splits=splits).column(0).combine_chunks().take(pa.array(rows, pa.int64()))
    flat = np.asarray(column.flatten(), dtype=np.float32)
    return flat.reshape(len(rows), -1) if len(rows) else np.zeros((0, 0), np.float32)


def _metrics(found: WeakSlices) -> dict[str, float]:
    named = {
        "num_examples": float(found.num_examples),
        "num_weak_slices": float(len(found.slices)),
        "error": found.error,
    }
    if found.slices:
        worst = found.slices[0].figures
        named |= {
            "weakest_error": worst.error,
            "weakest_difference": worst.difference,
            "weakest_difference_low": worst.difference_low,
            "weakest_num_examples": float(worst.num_examples),
        }
    return {name: value for name, value in named.items() if math.isfinite(value)}


def _slices_json(found: WeakSlices, judged: _Judged, given: Sequence[GivenSlice], noun: str) -> dict[str, object]:
    used = {condition.column for item in found.slices for condition in item.conditions}
    return {
        "format_version": FORMAT_VERSION,
        "num_examples": found.num_examples,
        "error": found.error if math.isfinite(found.error) else None,
        "is_share": found.is_share,
        "columns": list(found.columns),
        "num_conditions": found.num_conditions,
        "slices": [_named(item, found.is_share, noun) for item in found.slices],
        "given": [item.to_json() for item in given],
        "cluster_centres": {item.column: item.centres.tolist() for item in judged.clusters if item.column in used},
        "remarks": list(judged.remarks),
    }


def _named(item: WeakSlice, is_share: bool, noun: str) -> dict[str, object]:
    words = slice_words(item.conditions, noun=noun)
    told = sentence(words, item.figures, is_share=is_share, expected=item.expected)
    return {"name": words, "sentence": told, **item.to_json()}
