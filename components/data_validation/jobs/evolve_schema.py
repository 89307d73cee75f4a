"""The job that proposes the next version of a reviewed schema from a newer table."""

from pathlib import Path

from components.data_validation.schemas.schema_diff_result import SchemaDiffResult
from components.data_validation.schemas.schema_evolution import evolved_schema
from components.data_validation.schemas.schema_files import read_schema, write_schema
from components.data_validation.statistics.profile import profile_table
from components.data_validation.tables.arrow_lists import masked_names
from components.data_validation.tables.prepared_table import open_prepared
from components.shared.contracts.problem import Problem


def evolve_schema(
    *, schema_path: Path, table_uri: str, output_path: Path, problem: Problem | None = None
) -> SchemaDiffResult:
    """Propose the next version of a reviewed schema, one that a newer table fits, and say what it would break.

    Parameters
    ----------
    schema_path
        The schema that is in use.
    table_uri
        The newer table: CSV, TSV, Parquet or an example table.
    output_path
        File to write: the proposal, for a person to accept or not.
    problem
        What the problem file says.

    Returns
    -------
    SchemaDiffResult
        What the proposal changes; a breaking change is a result, not an error.

    Raises
    ------
    FileNotFoundError
        If schema or table are not there.
    ValueError
        If one of them cannot be read.
    """
    old = read_schema(schema_path)
    table = open_prepared(table_uri, problem or Problem())
    profile = profile_table(table, table.columns)
    proposal, differences = evolved_schema(old, profile.statistics, masked=masked_names(profile.columns))
    write_schema(output_path, proposal)
    return SchemaDiffResult(differences)
