"""The job that validates a table against a reviewed schema and a user's own checks."""

from pathlib import Path

from components.data_validation.jobs.compute_statistics import STATISTICS_FILE
from components.data_validation.quality.column_checks import missing_word_findings
from components.data_validation.reports.findings_table import blocking_reason, most_severe_first
from components.data_validation.reports.table_report import schema_report, TableContent
from components.data_validation.schemas.anomalies import anomalies_text
from components.data_validation.schemas.custom_validations import read_custom_validations
from components.data_validation.schemas.schema_files import read_schema
from components.data_validation.schemas.schema_validation import validate_against_schema
from components.data_validation.statistics.feature_summaries import feature_summaries
from components.data_validation.statistics.profile import profile_table
from components.data_validation.tables.arrow_lists import masked_names
from components.data_validation.tables.prepared_table import open_prepared
from components.shared.contracts.problem import Problem
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.atomic_files import atomic_file, write_text


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
    table = open_prepared(table_uri, problem or Problem())
    profile = profile_table(table, table.columns)
    masked = masked_names(profile.columns)
    anomalies, findings = validate_against_schema(
        profile.statistics, schema, environment=environment, masked=masked, validations=checks
    )
    summaries = feature_summaries(profile.statistics)
    known = () if problem is None else problem.table.missing
    roles = {column.name: column.role for column in profile.columns}
    findings = (*findings, *missing_word_findings([summaries], roles, known=known))
    reason = blocking_reason(findings)
    fits = f"{profile.num_rows:,} rows in {len(profile.columns)} columns fit the reviewed schema"
    verdict = Verdict(
        check="validation",
        passed=not reason,
        reason=reason or fits,
        findings=most_severe_first(findings),
        remarks=(*table.roles.remarks, *profile.remarks),
    )
    content = TableContent(
        name=table_uri,
        num_rows=profile.num_rows,
        columns=profile.columns,
        summaries=summaries,
        remarks=verdict.remarks,
    )
    with atomic_file(output_path / STATISTICS_FILE) as part:
        part.write_bytes(profile.statistics.SerializeToString())
    write_text(output_path / "anomalies.pbtxt", anomalies_text(anomalies))
    schema_report(content, verdict).write(output_path / "report.html")
    write_verdict(output_path / "verdict.json", verdict)
    return verdict
