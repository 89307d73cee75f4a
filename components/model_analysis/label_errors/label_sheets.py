"""Lists for people: the correction queue, and the random sample of the audit, as CSV files that a spreadsheet opens.

What they show of the examples is masked, and no cell runs as a formula: `components.shared.contracts.shown_examples`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.model_analysis.label_errors.ranking import RankedLabel
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.merge_labels import CORRECTED, ID, VERDICT
from components.shared.contracts.shown_examples import write_sheet

# fmt: off
_QUEUE_COLUMNS = (
    ID, "split", "given_label", "suggested_label", VERDICT, CORRECTED, "score", "suspected", "why", "label_source",
)
# fmt: on
_AUDIT_COLUMNS = (ID, "given_label", VERDICT, CORRECTED)
_AUDIT_SEED = 19


def audit_sample(ranked: Sequence[RankedLabel], num_rows: int) -> list[RankedLabel]:
    """Labels drawn at random, always the same of the same labels, in random order: any beginning is a sample too."""
    by_id = sorted(ranked, key=lambda label: label.example_id)
    drawn = np.random.default_rng(_AUDIT_SEED).permutation(len(by_id))[:num_rows]
    return [by_id[row] for row in drawn.tolist()]


def write_queue(path: str | Path, labels: Sequence[RankedLabel], examples: ExampleTable) -> None:
    """The correction queue: what to look at first, with empty columns for what a person says."""
    told: list[dict[str, object]] = [
        {
            ID: label.example_id,
            "split": label.split,
            "given_label": label.given,
            "suggested_label": label.suggested,
            VERDICT: "",
            CORRECTED: "",
            "score": f"{label.score:.4f}",
            "suspected": "yes" if label.is_suspected else "no",
            "why": label.why,
            "label_source": label.source,
        }
        for label in labels
    ]
    write_sheet(path, _QUEUE_COLUMNS, told, examples)


def write_audit(path: str | Path, labels: Sequence[RankedLabel], examples: ExampleTable) -> None:
    """The audit's sample; it does not say what is suspected, so that the person judges alone."""
    told: list[dict[str, object]] = [
        {ID: label.example_id, "given_label": label.given, VERDICT: "", CORRECTED: ""} for label in labels
    ]
    write_sheet(path, _AUDIT_COLUMNS, told, examples)
