"""Target leakage: features that give the label away, as one column alone predicts held-out labels almost without error.

Such a column is mostly written after the fact: a copy of the label, a sum that decides it, a field filled in for one
class only. A model trained on it looks perfect and fails in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_validation.quality.single_feature_accuracy import (
    best_cut,
    single_feature_accuracy,
    SingleFeatureAccuracy,
    value_codes,
)
from components.shared.contracts.verdict import Finding

_MAX_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetLeakageSettings:
    """From where a single column predicts too well.

    Attributes
    ----------
    blocking_accuracy, blocking_accuracy_bound
        Held-out accuracy and its lower 95% bound, 0 to 1, from which a column blocks. 0.98 lets a copy with 1% noise
        block, and a strong but honest column (0.95) not.
    blocking_avoided, blocking_avoided_bound
        Share of the errors of always guessing the largest class that the column avoids, and its lower bound, 0 to 1:
        an accuracy says little where one class is rare.
    note_avoided_bound
        Lower bound of that share from which a column is worth a note.
    max_rows
        Rows looked at; more are sampled.
    seed
        Of the sampling and of the halves.
    """

    blocking_accuracy: float = 0.98
    blocking_accuracy_bound: float = 0.97
    blocking_avoided: float = 0.8
    blocking_avoided_bound: float = 0.7
    note_avoided_bound: float = 0.8
    max_rows: int = 20_000
    seed: int = 0

    def __post_init__(self) -> None:
        shares = (
            self.blocking_accuracy,
            self.blocking_accuracy_bound,
            self.blocking_avoided,
            self.blocking_avoided_bound,
            self.note_avoided_bound,
        )
        if any(not 0.0 < share <= 1.0 for share in shares):
            raise ValueError(f"accuracies and shares must lie above 0 and be at most 1, got {shares}")
        if self.max_rows < 2:
            raise ValueError(f"max_rows must be at least 2, got {self.max_rows!r}")


def target_leakage_findings(
    rows: pa.Table, label: pa.Array, *, columns: Sequence[str], settings: TargetLeakageSettings | None = None
) -> list[Finding]:
    """Findings about columns that predict the label (shape (N,), any type) too well, the best predictor first.

    Blocking, or a note for a column that is strong without being near perfect or has too few rows to say. Messages
    show values, so masked columns must be left out. Rows without a label and columns of lists, bytes or structures
    take no part. Whole numbers that never repeat identify rows: of them only counts where they are missing.
    """
    if rows.num_rows != len(label):
        raise ValueError(f"label must have one value a row, got {len(label)} for {rows.num_rows} rows")
    settings = settings or TargetLeakageSettings()
    kept = _sampled_rows(label, settings)
    classes, codes = np.unique(np.asarray(label.take(kept).cast(pa.string()), dtype=str), return_inverse=True)
    if len(classes) < 2:
        return []
    found = []
    for column in columns:
        feature = _feature(pc.take(rows.column(column), kept))
        if feature is not None:
            result = single_feature_accuracy(feature, codes, seed=settings.seed)
            if result.avoided_bound >= settings.note_avoided_bound or _blocks(result, settings):
                found.append(_finding(column, result, _meanings(feature, codes, classes), settings))
    return sorted(found, key=lambda finding: -(finding.effect_size or 0.0))


def _sampled_rows(label: pa.Array, settings: TargetLeakageSettings) -> np.ndarray:
    labelled = np.flatnonzero(np.asarray(pc.is_valid(label)))
    if len(labelled) <= settings.max_rows:
        return labelled
    chosen = np.random.default_rng(settings.seed).choice(len(labelled), settings.max_rows, replace=False)
    return labelled[np.sort(chosen)]


def _feature(values: pa.ChunkedArray) -> np.ndarray | None:
    """The column as floats or as texts; None where it cannot predict."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    values = values.cast(kind)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = np.asarray(values.cast(pa.float64(), safe=False).to_numpy(), np.float64)
        return np.where(np.isnan(numbers), np.nan, 0.0) if _identifies(numbers) else numbers
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        seconds = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).cast(pa.float64(), safe=False)
        return np.asarray(seconds.to_numpy(), np.float64)
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_boolean)
    if not any(holds(kind) for holds in texts):
        return None
    return np.asarray(values.cast(pa.string()).to_numpy(), dtype=object)


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


def _blocks(result: SingleFeatureAccuracy, settings: TargetLeakageSettings) -> bool:
    return (
        result.accuracy >= settings.blocking_accuracy
        and result.accuracy_bound >= settings.blocking_accuracy_bound
        and result.avoided >= settings.blocking_avoided
        and result.avoided_bound >= settings.blocking_avoided_bound
    )


def _finding(column: str, result: SingleFeatureAccuracy, meanings: str, settings: TargetLeakageSettings) -> Finding:
    blocks = _blocks(result, settings)
    return Finding(
        kind="quality",
        severity="blocking" if blocks else "note",
        column=column,
        name="FEATURE_GIVES_LABEL_AWAY",
        statistic="accuracy on held-out rows from this column alone",
        value=result.accuracy,
        threshold=settings.blocking_accuracy,
        effect="share of the largest class's errors avoided",
        effect_size=result.avoided,
        message=f"{column!r} alone predicts the label of {result.accuracy:.1%} of held-out rows, "
        f"where guessing the largest class gives {result.majority_share:.1%}: {meanings}",
        remedy=f"if {column!r} is known only once the label is, name it under `ignore` in the problem file; "
        "else check how the label is computed",
        num_current=result.num_rows,
        significant=blocks,
        material=blocks,
    )
