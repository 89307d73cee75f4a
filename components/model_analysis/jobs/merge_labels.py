"""Merging corrected labels into a new version of an example table, with the metric before and after."""

from dataclasses import dataclass
import logging
from pathlib import Path

import numpy as np

from components.drift.paired_shares import paired_shares, PairedDifference
from components.shared.contracts.example_rows import groups_of, looked_up
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_matching import LabelMatcher
from components.shared.contracts.label_origin import is_person
from components.shared.contracts.label_versions.merging import MergedLabels
from components.shared.contracts.merge_labels import merge_labels, read_corrections
from components.shared.contracts.predictions_table import PredictionsTable

logger = logging.getLogger(__name__)

_TEST = ("test",)


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeResult:
    """Outcome of `merge_corrected_labels`.

    Attributes
    ----------
    merged
        What was changed.
    accuracy
        The model's accuracy on the test split, by the corrected labels (`challenger`) and the old ones (`champion`),
        with the difference and its 95 % interval; None without a predictions table.
    """

    merged: MergedLabels
    accuracy: PairedDifference | None


def merge_corrected_labels(
    *,
    examples_path: str | Path,
    corrections: str | Path,
    output_path: str | Path,
    predictions_path: str | Path | None = None,
) -> MergeResult:
    """Merge corrections into a new example table, and say what they change in the metric.

    Parameters
    ----------
    examples_path
        The example table; it stays as it is.
    corrections
        A correction queue or an audit that people filled in; see `read_corrections`.
    output_path
        Folder of the new table.
    predictions_path
        A model's predictions table, to judge it by both labels: of the test examples that people labelled before and
        after.

    Raises
    ------
    FileNotFoundError
        If a table or the corrections are not there.
    ValueError
        If one is damaged, or a correction does not fit the table.
    """
    examples = ExampleTable(examples_path)
    table = None if predictions_path is None else PredictionsTable(predictions_path)
    merged = merge_labels(examples, read_corrections(corrections), output_path)
    logger.info(
        "%d labels changed, %d removed, %d confirmed", merged.num_changed, merged.num_removed, merged.num_confirmed
    )
    accuracy = None if table is None else accuracy_by_both(table, examples, ExampleTable(output_path))
    return MergeResult(merged=merged, accuracy=accuracy)


def accuracy_by_both(table: PredictionsTable, before: ExampleTable, after: ExampleTable) -> PairedDifference:
    """Accuracy of a model's answers by the labels of two versions of a table, on the same test examples."""
    matcher = LabelMatcher(table.class_names)
    predicted = table.read(["predicted"], splits=_TEST).column(0).to_pylist()
    sides, counted = [], np.ones(len(predicted), bool)
    for version in (before, after):
        names = [matcher.name(name) for name in looked_up(version, table, "label", _TEST).to_pylist()]
        by_people = [is_person(source) for source in looked_up(version, table, "label_source", _TEST).to_pylist()]
        counted &= np.array([name is not None for name in names], bool) & np.array(by_people, bool)
        sides.append(np.array([name == answer for name, answer in zip(names, predicted, strict=True)], bool))
    groups = groups_of(before, table, _TEST)
    old, new = (side[counted] for side in sides)
    return paired_shares(new, old, None if groups is None else groups[counted])
