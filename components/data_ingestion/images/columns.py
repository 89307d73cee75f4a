"""The columns that an image example has beside the image, and what the problem file makes of them."""

from collections.abc import Mapping

import pyarrow as pa

from components.data_ingestion.images.measures import IMAGE_MEASURES, ImageRecord
from components.shared.contracts.example_table import ColumnRole
from components.shared.contracts.problem import Problem
from components.shared.runtime.redaction import masked_personal
from components.shared.tables.personal_key import keyed_hash

SOURCE_NAME = "source_name"
IMAGE_COLUMNS: dict[str, pa.DataType] = {SOURCE_NAME: pa.string(), **IMAGE_MEASURES}


def image_column_roles(problem: Problem) -> dict[str, ColumnRole]:
    """`{column: role}` of the example table, without the columns that the problem file ignores.

    Refuses a problem file that asks for what only a table has.
    """
    told = {"label.expression": problem.label.expression, "text": problem.text, "id": problem.id, "time": problem.time}
    for key, value in {**told, "features": problem.features, "split.test_file": problem.split.test_file}.items():
        if value:
            raise ValueError(f"the problem file's {key} needs a table, but the source holds images")
    if problem.label.column is not None and problem.label.column in problem.pii:
        raise ValueError(
            "the label must not be under `pii` in the problem file, for nothing is learned from hashes: write "
            "`pii: {label: keep}`"
        )
    for name in problem.named_columns():
        if name not in IMAGE_COLUMNS and not (name == "label" and "label" in (problem.label.column, *problem.pii_keep)):
            raise ValueError(
                f"the problem file names the column {name!r}, but images have only label, {', '.join(IMAGE_COLUMNS)}"
            )
    return {name: _role(name, problem) for name in IMAGE_COLUMNS if name not in problem.ignore}


def image_values(name: str, record: ImageRecord) -> Mapping[str, str | int | float]:
    """Values of an image's columns; `name` is what is kept of its path, relative to the source."""
    return {SOURCE_NAME: name, **dict(zip(IMAGE_MEASURES, record.values, strict=True))}


def shown_name(name: str, problem: Problem) -> str:
    """What is kept of an image's path: as it is, hashed, or without what is recognised as personal."""
    if SOURCE_NAME in problem.pii_keep:
        return name
    return keyed_hash(name) if SOURCE_NAME in problem.pii else masked_personal(name)


def _role(name: str, problem: Problem) -> ColumnRole:
    if name in problem.pii:
        return "pii"
    if name in problem.sensitive:
        return "sensitive"
    if name in problem.slices:
        return "slice"
    return "metadata" if name == SOURCE_NAME else "derived"
