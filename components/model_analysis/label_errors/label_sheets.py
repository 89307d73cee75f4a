"""Lists for people: the correction queue, and the random sample of the audit, as CSV files that a spreadsheet opens.

Personal columns are left out, personal data in texts are masked, and no cell runs as a formula.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from components.model_analysis.label_errors.ranking import RankedLabel
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.merge_labels import CORRECTED, ID, VERDICT
from components.shared.contracts.shown_examples import shown_values
from components.shared.runtime.atomic_files import write_text
from components.shared.tables.spreadsheet_cells import guarded_csv

_AUDIT_SEED = 19


def audit_sample(ranked: Sequence[RankedLabel], num_rows: int) -> list[RankedLabel]:
    """Labels drawn at random, always the same of the same labels, in random order: any beginning is a sample too."""
    by_id = sorted(ranked, key=lambda label: label.example_id)
    drawn = np.random.default_rng(_AUDIT_SEED).permutation(len(by_id))[:num_rows]
    return [by_id[row] for row in drawn.tolist()]


def write_queue(path: str | Path, labels: Sequence[RankedLabel], examples: ExampleTable) -> None:
    """The correction queue: what to look at first, with empty columns for what a person says."""
    told = [
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
    _write(path, told, labels, examples)


def write_audit(path: str | Path, labels: Sequence[RankedLabel], examples: ExampleTable) -> None:
    """The audit's sample; it does not say what is suspected, so that the person judges alone."""
    told = [{ID: label.example_id, "given_label": label.given, VERDICT: "", CORRECTED: ""} for label in labels]
    _write(path, told, labels, examples)


def _write(
    path: str | Path, told: Sequence[Mapping[str, str]], labels: Sequence[RankedLabel], examples: ExampleTable
) -> None:
    shown = shown_values(examples, [label.example_id for label in labels]) if labels else {}
    known = list(told[0]) if told else [ID, "given_label", VERDICT, CORRECTED]
    names = {name: name if name not in known else f"{name} (column)" for name in shown}
    rows = [[*cells.values(), *(shown[name][row] for name in names)] for row, cells in enumerate(told)]
    write_text(path, guarded_csv([*known, *names.values()], rows))
