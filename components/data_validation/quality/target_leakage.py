"""Target leakage: features that give the label away, as one column alone predicts held-out labels almost without error.

Such a column is mostly written after the fact: a copy of the label, a sum that decides it, a field filled in for one
class only. A model trained on it looks perfect and fails in use.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_validation.quality.single_feature_accuracy import (
    best_cut,
    single_feature_accuracy,
    SingleFeatureAccuracy,
    value_codes,
)
from components.data_validation.tables.arrow_lists import column_kind
from components.data_validation.tables.label_quarters import label_quarters
from components.shared.contracts.verdict import Finding

# A column blocks from this held-out accuracy and its lower 95% bound on: a copy of the label with 1% of noise does, a
# strong but honest column (0.95) does not.
_BLOCKING_ACCURACY, _BLOCKING_ACCURACY_BOUND = 0.98, 0.97
# An accuracy says little where one class is rare. So a column must also avoid this share of the errors of always
# guessing the largest class; from a lower bound of 0.8 on it is worth a note.
_BLOCKING_AVOIDED, _BLOCKING_AVOIDED_BOUND = 0.8, 0.7
_NOTE_AVOIDED_BOUND = 0.8
_MAX_ROWS = 20_000
_SEED = 0
_MAX_SHOWN = 3


def target_leakage_findings(rows: pa.Table, label: pa.Array, *, columns: Sequence[str]) -> list[Finding]:
    """Findings about columns that predict the label (shape (N,), any type) too well, the best predictor first.

    Blocking, or a note for a column that is strong without being near perfect or has too few rows to say. Messages
    show values, so masked columns must be left out. Rows without a label and columns of lists, bytes or structures
    take no part. Whole numbers that never repeat identify rows: of them only counts where they are missing. Of a label
    of floats it is asked which quarter of the labels a row is in: a copy tells that almost without error.
    """
    if rows.num_rows != len(label):
        raise ValueError(f"label must have one value a row, got {len(label)} for {rows.num_rows} rows")
    kept = _sampled_rows(label)
    classes, codes = _classes(label.take(kept))
    if len(classes) < 2:
        return []
    found = []
    for column in columns:
        feature = _feature(pc.take(rows.column(column), kept))
        if feature is not None:
            result = single_feature_accuracy(feature, codes, seed=_SEED)
            if result.avoided_bound >= _NOTE_AVOIDED_BOUND or _blocks(result):
                found.append(
                    _finding(
                        column, result, _meanings(feature, codes, classes), is_number=pa.types.is_floating(label.type)
                    )
                )
    return sorted(found, key=lambda finding: -(finding.effect_size or 0.0))


def _classes(label: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The classes, or of numbers the quarters, and each row's place among them."""
    if pa.types.is_floating(label.type):
        ranges, codes = label_quarters(np.asarray(label, np.float64))
        return np.array(ranges), codes
    return np.unique(np.asarray(label.cast(pa.string()), dtype=str), return_inverse=True)


def _sampled_rows(label: pa.Array) -> np.ndarray:
    labelled = np.flatnonzero(np.asarray(pc.is_valid(label)))
    if len(labelled) <= _MAX_ROWS:
        return labelled
    chosen = np.random.default_rng(_SEED).choice(len(labelled), _MAX_ROWS, replace=False)
    return labelled[np.sort(chosen)]


def _feature(values: pa.ChunkedArray) -> np.ndarray | None:
    """The column as floats or as texts; None where it cannot predict."""
    kind = column_kind(values.type)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if kind in ("integer", "float"):
        numbers = np.asarray(values.cast(pa.float64(), safe=False).to_numpy(), np.float64)
        return np.where(np.isnan(numbers), np.nan, 0.0) if _identifies(numbers) else numbers
    if kind == "time":
        microseconds = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).cast(pa.float64(), safe=False)
        return np.asarray(microseconds.to_numpy(), np.float64)
    return np.asarray(values.cast(pa.string()).to_numpy(), dtype=object) if kind == "category" else None


def _identifies(numbers: np.ndarray) -> bool:
    present = numbers[~np.isnan(numbers)]
    whole = bool(np.isfinite(present).all()) and not (present % 1).any()
    return whole and len(present) > 2 and len(np.unique(present)) == len(present)


def _meanings(feature: np.ndarray, codes: np.ndarray, classes: np.ndarray) -> str:
    """What the column's most frequent values, or its two ranges, mean: `'paid' means 'yes'`."""
    names, groups = value_codes(feature) if feature.dtype == object else _ranges(feature, codes)
    sizes = np.bincount(groups, minlength=len(names))
    shown = [group for group in np.argsort(-sizes, kind="stable")[:_MAX_SHOWN] if sizes[group]]
    means = [str(classes[np.bincount(codes[groups == group]).argmax()]) for group in shown]
    return ", ".join(f"{names[group]} means {mean!r}" for group, mean in zip(shown, means, strict=True))


def _ranges(numbers: np.ndarray, codes: np.ndarray) -> tuple[list[str], np.ndarray]:
    present = ~np.isnan(numbers)
    cut = best_cut(numbers[present], codes[present])
    if cut is None:
        return ["present", "missing"], np.where(present, 0, 1)
    return [f"up to {cut:.4g}", f"above {cut:.4g}", "missing"], np.where(present, np.where(numbers > cut, 1, 0), 2)


def _blocks(result: SingleFeatureAccuracy) -> bool:
    return (
        result.accuracy >= _BLOCKING_ACCURACY
        and result.accuracy_bound >= _BLOCKING_ACCURACY_BOUND
        and result.avoided >= _BLOCKING_AVOIDED
        and result.avoided_bound >= _BLOCKING_AVOIDED_BOUND
    )


def _finding(column: str, result: SingleFeatureAccuracy, meanings: str, *, is_number: bool) -> Finding:
    blocks = _blocks(result)
    predicts = "which quarter of the labels a row is in, for" if is_number else "the label of"
    return Finding(
        kind="quality",
        severity="blocking" if blocks else "note",
        column=column,
        name="FEATURE_GIVES_LABEL_AWAY",
        statistic="accuracy on held-out rows from this column alone",
        value=result.accuracy,
        threshold=_BLOCKING_ACCURACY,
        effect="share of the largest class's errors avoided",
        effect_size=result.avoided,
        message=f"{column!r} alone predicts {predicts} {result.accuracy:.1%} of held-out rows, "
        f"where guessing the largest {'range' if is_number else 'class'} gives {result.majority_share:.1%}: {meanings}",
        remedy=f"if {column!r} is known only once the label is, name it under `ignore` in the problem file; "
        "else check how the label is computed",
        num_current=result.num_rows,
        significant=blocks,
        material=blocks,
    )
