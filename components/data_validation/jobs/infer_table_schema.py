"""The job that infers a first schema from a table, for a person to review."""

from pathlib import Path

from components.data_validation.schemas.schema_files import write_schema
from components.data_validation.schemas.schema_inference import training_schema
from components.data_validation.statistics.profile import profile_table
from components.data_validation.tables.arrow_lists import masked_names
from components.data_validation.tables.prepared_table import open_prepared
from components.shared.contracts.problem import Problem


def infer_table_schema(*, table_uri: str, output_path: Path, problem: Problem | None = None) -> int:
    """Infer a schema from a table and write it, for a person to review; returns its number of columns.

    Parameters
    ----------
    table_uri
        CSV, TSV, Parquet or an example table.
    output_path
        File to write, protobuf text.
    problem
        What the problem file says.

    Raises
    ------
    FileNotFoundError
        If there is no table.
    ValueError
        If it cannot be read, or has no rows.
    """
    table = open_prepared(table_uri, problem or Problem())
    profile = profile_table(table, table.columns)
    schema = training_schema(profile.statistics, label=table.roles.label_column, masked=masked_names(profile.columns))
    if not schema.feature:
        raise ValueError("a schema can be inferred only from data with at least one row and column, got none")
    write_schema(output_path, schema)
    return len(schema.feature)
