"""The labels of a model version, taken back in a new version of the example table."""

import logging
from pathlib import Path

from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_versions import withdrawal
from components.shared.contracts.label_versions.folder import check_no_other, version_folder
from components.shared.contracts.label_versions.withdrawal import WithdrawnLabels
from components.shared.contracts.split_record import write_split_record
from components.shared.runtime.atomic_files import write_json

logger = logging.getLogger(__name__)


def withdraw_labels(
    *,
    examples_path: str | Path,
    model_version: str,
    output_path: str | Path,
    splits_path: str | Path,
    metrics_path: str | Path,
    pool_path: str | Path | None = None,
) -> WithdrawnLabels:
    """Write a new version of an example table without the labels that a model version gave.

    Parameters
    ----------
    examples_path
        The example table; it stays as it is.
    model_version
        As the column `label_model` names it.
    output_path, splits_path, metrics_path
        The new table, its split record, and counts as JSON.
    pool_path
        The pool that rows came from: they leave the table; without it they stay, unlabelled.

    Raises
    ------
    FileNotFoundError
        If a table is not there.
    ValueError
        If no label is by that model version, or another table lies at `output_path`.
    """
    table = ExampleTable(examples_path)
    pool = None if pool_path is None else ExampleTable(pool_path)
    with version_folder(output_path, table) as part:
        found = withdrawal.withdraw_labels(table, model_version, part, pool=pool)
        check_no_other(output_path, part)
        write_split_record(splits_path, ExampleTable(part))
        write_json(metrics_path, {"num_rows_removed": found.num_removed, "num_rows_unlabelled": found.num_unlabelled})
    logger.info("%d rows removed, %d labels taken back", found.num_removed, found.num_unlabelled)
    return found
