"""The disagreement table as a CSV that people correct and `read_corrections` reads back."""

from collections.abc import Sequence
import math
from pathlib import Path

from components.active_learning.disagreement.disagreements import Disagreement
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.merge_labels import CORRECTED, ID, VERDICT
from components.shared.contracts.shown_examples import write_sheet

# fmt: off
COLUMNS = (
    ID, "split", "true_label", "class_result", "probability", VERDICT, CORRECTED, "suspected_wrong", "more_probable",
    "score", "why", "label_source", "learnt_by_heart", "given_label",
)
# fmt: on


def write_correction_sheet(path: str | Path, found: Sequence[Disagreement], examples: ExampleTable) -> None:
    """Write disagreements in their order, with two empty columns for what a person says.

    `true_label` and `given_label` are both the stored label: the first is what teams call it, by the second
    `read_corrections` knows whether a corrected label is another.
    """
    told: list[dict[str, object]] = [
        {
            ID: item.example_id,
            "split": item.split,
            "true_label": item.true_label,
            "class_result": item.class_result,
            "probability": f"{item.probability:.4f}",
            VERDICT: "",
            CORRECTED: "",
            "suspected_wrong": item.suspected,
            "more_probable": item.more_probable,
            "score": "" if math.isnan(item.score) else f"{item.score:.4f}",
            "why": item.why,
            "label_source": item.source,
            "learnt_by_heart": "yes" if item.by_heart else "no",
            "given_label": item.true_label,
        }
        for item in found
    ]
    write_sheet(path, COLUMNS, told, examples)
