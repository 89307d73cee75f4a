"""Jobs on one table: its statistics, a first schema of it, and its validation against a reviewed one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.jobs.diff_schema_files import diff_result, infer_schema, SchemaDiffResult
from components.data_validation.reports.findings_table import blocking_reason, most_severe_first
from components.data_validation.reports.table_report import schema_report, statistics_report, TableContent
from components.data_validation.schemas.anomalies import anomalies_text
from components.data_validation.schemas.custom_validations import read_custom_validations
from components.data_validation.schemas.schema_evolution import evolved_schema
from components.data_validation.schemas.schema_files import read_schema, write_schema
from components.data_validation.schemas.schema_validation import validate_against_schema
from components.data_validation.statistics.feature_summaries import feature_summaries
from components.data_validation.statistics.profile import profile_table, TableProfile
from components.data_validation.tables.column_roles import ColumnRoles
from components.data_validation.tables.prepared_table import PreparedTable, table_roles
from components.data_validation.tables.source_opening import open_table
from components.shared.contracts.problem import Problem
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.atomic_files import atomic_file, write_text

STATISTICS_FILE = "statistics.pb"


@dataclass(frozen=True, kw_only=True, slots=True)
class StatisticsResult:
    """What `compute_statistics` wrote.

    Attributes
    ----------
    num_rows, num_columns, num_slices
        What was examined.
    remarks
        What was recognised and left out.
    statistics_file, report_file
        A serialized `DatasetFeatureStatisticsList`, and an HTML page.
    """

    num_rows: int
    num_columns: int
    num_slices: int
    remarks: tuple[str, ...]
    statistics_file: Path
    report_file: Path


def compute_statistics(
    *,
    table_uri: str,
    output_path: Path,
    problem: Problem | None = None,
    slices: Sequence[str] = (),
    num_processes: int | None = None,
    beam_options: Sequence[str] | None = None,
    beam_output_uri: str | None = None,
) -> StatisticsResult:
    """Compute the statistics of a table, and of its slices.

    Parameters
    ----------
    table_uri
        CSV, TSV, Parquet or an example table.
    output_path
        Folder to write: `statistics.pb` and `report.html`.
    problem
        What the problem file says.
    slices
        Columns whose values each get statistics of their own.
    num_processes
        Processes to read with; by default one a core, for large tables.
    beam_options
        Apache Beam's options: its runner does the work, without slices; None works in this process.
    beam_output_uri
        Folder or URI that Beam's workers can write to; None for runners on this machine.

    Raises
    ------
    FileNotFoundError
        If there is no table.
    ValueError
        If it cannot be read, a slice is no examined column, or slices are asked of Beam.
    """
    if beam_options is not None:
        if slices:
            raise ValueError("slices must not be asked for where Beam does the work: leave one of the two out")
        content, statistics = _on_beam(table_uri, problem or Problem(), beam_options, beam_output_uri)
    else:
        roles, profile = _profiled(table_uri, problem or Problem(), slices=slices, num_processes=num_processes)
        content, statistics = _content(table_uri, roles, profile), profile.statistics
    with atomic_file(output_path / STATISTICS_FILE) as part:
        part.write_bytes(statistics.SerializeToString())
    statistics_report(content).write(output_path / "report.html")
    return StatisticsResult(
        num_rows=content.num_rows,
        num_columns=len(content.columns),
        num_slices=len(statistics.datasets) - 1,
        remarks=tuple(content.remarks),
        statistics_file=output_path / STATISTICS_FILE,
        report_file=output_path / "report.html",
    )


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
    roles, profile = _profiled(table_uri, problem or Problem())
    masked = [column.name for column in profile.columns if column.kind == "masked"]
    schema = infer_schema(statistics=profile.statistics, label=_label(roles, profile), masked=masked)
    write_schema(output_path, schema)
    return len(schema.feature)


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
    _, profile = _profiled(table_uri, problem or Problem())
    masked = [column.name for column in profile.columns if column.kind == "masked"]
    proposal, differences = evolved_schema(old, profile.statistics, masked=masked)
    write_schema(output_path, proposal)
    return diff_result(differences)


def validate_table(
    *,
    table_uri: str,
    schema_path: Path,
    output_path: Path,
    environment: str = "TRAINING",
    checks_path: Path | None = None,
    problem: Problem | None = None,
) -> Verdict:
    """Validate a table against a reviewed schema, and a user's own checks.

    Parameters
    ----------
    table_uri
        CSV, TSV, Parquet or an example table.
    schema_path
        The reviewed schema.
    output_path
        Folder to write: `statistics.pb`, `anomalies.pbtxt`, `report.html`, `verdict.json`.
    environment
        `TRAINING`, `SERVING`, or another of the schema's own.
    checks_path
        The user's own checks, as YAML; None has none.
    problem
        What the problem file says.

    Returns
    -------
    Verdict
        Findings that block are a result, not an error.

    Raises
    ------
    FileNotFoundError
        If table, schema or checks are not there.
    ValueError
        If one of them cannot be read.
    """
    schema = read_schema(schema_path)
    checks = () if checks_path is None else read_custom_validations(checks_path)
    roles, profile = _profiled(table_uri, problem or Problem())
    masked = [column.name for column in profile.columns if column.kind == "masked"]
    anomalies, findings = validate_against_schema(
        profile.statistics, schema, environment=environment, masked=masked, validations=checks
    )
    reason = blocking_reason(findings)
    fits = f"{profile.num_rows:,} rows in {len(profile.columns)} columns fit the reviewed schema"
    verdict = Verdict(
        check="validation",
        passed=not reason,
        reason=reason or fits,
        findings=most_severe_first(findings),
        remarks=(*roles.remarks, *profile.remarks),
    )
    with atomic_file(output_path / STATISTICS_FILE) as part:
        part.write_bytes(profile.statistics.SerializeToString())
    write_text(output_path / "anomalies.pbtxt", anomalies_text(anomalies))
    schema_report(_content(table_uri, roles, profile), verdict).write(output_path / "report.html")
    write_verdict(output_path / "verdict.json", verdict)
    return verdict


def _profiled(
    table_uri: str, problem: Problem, *, slices: Sequence[str] = (), num_processes: int | None = None
) -> tuple[ColumnRoles, TableProfile]:
    source = open_table(table_uri, spec=problem.table)
    roles = table_roles([source], problem)
    table = PreparedTable(source, roles)
    return roles, profile_table(table, table.columns, slices=slices, num_processes=num_processes)


def _on_beam(
    table_uri: str, problem: Problem, beam_options: Sequence[str], output_uri: str | None
) -> tuple[TableContent, statistics_pb2.DatasetFeatureStatisticsList]:
    from components.data_validation.statistics.beam_statistics import (
        beam_statistics,
    )  # Beam is for those who ask for it

    source = open_table(table_uri, spec=problem.table)
    source.settle()
    roles = table_roles([source], problem)
    table = PreparedTable(source, roles)
    statistics = beam_statistics(table, table.columns, beam_options=beam_options, output_uri=output_uri)
    content = TableContent(
        name=table_uri,
        num_rows=int(statistics.datasets[0].num_examples),
        columns=table.columns,
        summaries=feature_summaries(statistics),
        remarks=(*roles.remarks, *table.remarks),
    )
    return content, statistics


def _label(roles: ColumnRoles, profile: TableProfile) -> str | None:
    names = {column.name for column in profile.columns}
    return roles.label_column if roles.label_column in names else None


def _content(table_uri: str, roles: ColumnRoles, profile: TableProfile) -> TableContent:
    return TableContent(
        name=table_uri,
        num_rows=profile.num_rows,
        columns=profile.columns,
        summaries=feature_summaries(profile.statistics),
        remarks=(*roles.remarks, *profile.remarks),
    )
