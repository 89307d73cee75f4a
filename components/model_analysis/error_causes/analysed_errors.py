"""What the analysis of errors gives: each error with its causes, the shares of causes, and groups of errors."""

from collections.abc import Mapping, Sequence
import csv
from dataclasses import dataclass, field
import io
from typing import Any

import numpy as np

from components.model_analysis.error_causes.cause_names import CAUSES, REMEDIES
from components.model_analysis.error_causes.cause_shares import CauseShare
from components.model_analysis.error_causes.causes import ErrorCauses
from components.model_analysis.error_causes.error_clusters import ErrorCluster
from components.shared.runtime.redaction import masked
from components.shared.tables.spreadsheet_cells import guarded_cell

FORMAT_VERSION = 1
_COLUMNS = (
    "example_id", "label", "predicted", "probability", "label_source", "cause", "cause_weight", "evidence",
    "other_causes", "group", "nearest_training",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AnalysedError:
    """One wrong prediction; `probability` is that of the predicted class.

    Attributes
    ----------
    causes
        The suspected ones, the likeliest first.
    nearest
        Identifier, label and cosine similarity of the nearest training examples, the nearest first.
    shown
        What a report may show: a photo's bytes, a text with personal data masked, values of columns.
    influence
        Words or columns that moved the model, with the fall of the predicted class's probability without them; None
        where it was not asked.
    saliency
        Shape (G, G), 0 to 1, of a photo; None where it was not asked.
    group
        The trait that it shares with other errors; empty for none.
    """

    example_id: str
    label: str
    predicted: str
    probability: float
    label_source: str
    causes: ErrorCauses
    nearest: Sequence[tuple[str, str, float]] = ()
    shown: Mapping[str, Any] = field(default_factory=dict)
    influence: Sequence[tuple[str, float]] | None = None
    saliency: np.ndarray | None = None
    group: str = ""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ErrorAnalysis:
    """All that was found.

    `num_errors` counts the wrong answers of `num_examples` labelled test examples; `errors` are those that were
    analysed, drawn by chance where there were more than the bound.
    """

    modality: str
    num_examples: int
    num_errors: int
    errors: Sequence[AnalysedError]
    shares: Sequence[CauseShare]
    clusters: Sequence[ErrorCluster]
    summary: str
    remarks: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "format_version": FORMAT_VERSION,
            "num_examples": self.num_examples,
            "num_errors": self.num_errors,
            "num_analysed": len(self.errors),
            "summary": self.summary,
            "causes": [
                {
                    "cause": share.cause, "num_errors": share.num_errors, "share": share.share,
                    "low": share.low, "high": share.high, "remedy": REMEDIES[share.cause],
                }
                for share in self.shares
            ],
            "groups": [
                {
                    "words": cluster.words, "num_errors": len(cluster.rows), "share_of_errors": cluster.share_of_errors,
                    "share_of_held_out": cluster.share_of_usual,
                    "example_ids": [self.errors[row].example_id for row in cluster.rows],
                }
                for cluster in self.clusters
            ],
            "errors": [_error_json(error) for error in self.errors],
            "remarks": list(self.remarks),
        }  # fmt: skip

    def metrics(self) -> dict[str, float]:
        """What the KFP UI shows: counts of errors, and the share of each cause."""
        counts = {"num_errors": float(self.num_errors), "num_analysed": float(len(self.errors))}
        return counts | {f"share_{share.cause}": share.share for share in self.shares}


def errors_csv(errors: Sequence[AnalysedError]) -> str:
    """The errors as a CSV for a spreadsheet: texts that begin like a formula are guarded."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for error in errors:
        first = error.causes.first
        others = "; ".join(f"{CAUSES[cause.cause]} {cause.weight:.2f}" for cause in error.causes.causes[1:])
        nearest = "; ".join(f"{name} ({label}, {similarity:.2f})" for name, label, similarity in error.nearest)
        row = (
            error.example_id, error.label, error.predicted, round(error.probability, 4), error.label_source,
            first.cause, round(first.weight, 3), first.evidence, others, error.group, nearest,
        )  # fmt: skip
        writer.writerow([guarded_cell(masked(value) if isinstance(value, str) else value) for value in row])
    return file.getvalue()


def _error_json(error: AnalysedError) -> dict[str, Any]:
    return {
        "example_id": error.example_id,
        "label": error.label,
        "predicted": error.predicted,
        "probability": error.probability,
        "label_source": error.label_source or None,
        "causes": [
            {"cause": cause.cause, "kind": cause.kind or None, "weight": cause.weight, "evidence": cause.evidence}
            for cause in error.causes.causes
        ],
        "nearest_training": [
            {"example_id": name, "label": label, "similarity": similarity} for name, label, similarity in error.nearest
        ],
        "influence": None if error.influence is None else [list(item) for item in error.influence],
        "group": error.group or None,
    }
