"""The job that compares two tables: what a model was trained on, or an earlier span, with what there is now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from components.data_validation.comparison.dataset_comparison import (
    compare_datasets,
    ComparisonOptions,
    DatasetComparison,
)
from components.data_validation.comparison.dataset_profile import DatasetProfile, profiled_dataset
from components.data_validation.quality.personal_data_masking import statistics_without_values
from components.data_validation.reports.comparison_report import comparison_report, ComparisonContent, DatasetContent
from components.data_validation.reports.sample_payloads import sample_images, sample_texts
from components.data_validation.schemas.anomalies import anomalies_text
from components.data_validation.schemas.schema_inference import schema_text
from components.data_validation.tables.column_roles import ColumnRoles
from components.data_validation.tables.prepared_table import payload_columns, PreparedTable, table_roles
from components.data_validation.tables.source_opening import open_table
from components.data_validation.tables.table_source import TableSource
from components.reporting.page import Picture
from components.shared.contracts.problem import Problem
from components.shared.contracts.verdict import Finding, FindingKind, write_verdict
from components.shared.runtime.atomic_files import write_files, write_json, write_text


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonPaths:
    """Where a comparison's outputs go.

    Attributes
    ----------
    statistics
        Folder: `reference.pb` and `current.pb`.
    schema
        File: the schema that the current dataset was held against, as protobuf text.
    anomalies
        Folder: `current.pbtxt`, TFDV's anomalies.
    report
        HTML file.
    verdict
        JSON file.
    metrics
        JSON file; None writes none.
    """

    statistics: Path
    schema: Path
    anomalies: Path
    report: Path
    verdict: Path
    metrics: Path | None = None

    @classmethod
    def under(cls, folder: Path) -> "ComparisonPaths":
        """The usual names in one folder."""
        return cls(
            statistics=folder / "statistics",
            schema=folder / "schema.pbtxt",
            anomalies=folder / "anomalies",
            report=folder / "report.html",
            verdict=folder / "verdict.json",
            metrics=folder / "metrics.json",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonResult:
    """What a comparison found.

    Attributes
    ----------
    passed, outcome, reason
        As in the verdict.
    num_reference, num_current
        Rows of the two datasets.
    num_columns
        Columns whose distributions were compared.
    largest_effect
        The largest effect of a single column; 0 where none was compared.
    findings
        All findings.
    remarks
        What was recognised, assumed and left out.
    """

    passed: bool
    outcome: str
    reason: str
    num_reference: int
    num_current: int
    num_columns: int
    largest_effect: float
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]

    @property
    def metrics(self) -> dict[str, float]:
        """Counts under the names that the step's metrics have."""
        severities = [finding.severity for finding in self.findings]
        kinds = [finding.kind for finding in self.findings if finding.severity != "note"]
        return {
            "num_findings": float(len(self.findings)),
            "num_blocking": float(severities.count("blocking")),
            "num_warnings": float(severities.count("warning")),
            **{f"num_{kind}": float(kinds.count(kind)) for kind in get_args(FindingKind)},
            "num_reference": float(self.num_reference),
            "num_current": float(self.num_current),
            "num_features": float(self.num_columns),
            "largest_effect": self.largest_effect,
        }


def compare_tables(
    *,
    reference_uri: str,
    current_uri: str,
    paths: ComparisonPaths,
    problem: Problem | None = None,
    current_problem: Problem | None = None,
    options: ComparisonOptions | None = None,
    num_processes: int | None = None,
) -> ComparisonResult:
    """Compare two tables.

    Parameters
    ----------
    reference_uri, current_uri
        CSV, TSV, Parquet (a file or a folder) or an example table.
    paths
        Where the outputs go.
    problem
        What the problem file says; by default everything is recognised, and said.
    current_problem
        The problem file of the current dataset where it is another one: its label may be defined anew, and it has
        repairs of its own.
    options
        How they are compared.
    num_processes
        Processes to read with; by default as many as there are cores, for large tables.

    Returns
    -------
    ComparisonResult
        Findings that block are a result, not an error.

    Raises
    ------
    FileNotFoundError
        If a table is not there.
    ValueError
        If a table cannot be read, or the problem file names a column that neither has.
    """
    problem, options = problem or Problem(), options or ComparisonOptions()
    payload = payload_columns(problem)
    repairs = problem.repairs, (current_problem or problem).repairs
    sources = [
        open_table(uri, spec=problem.table, repairs=own, payload=payload)
        for uri, own in zip((reference_uri, current_uri), repairs, strict=True)
    ]
    roles = table_roles(sources, problem)
    versions = problem.label.version, (current_problem or problem).label.version
    tables = [PreparedTable(sources[0], roles)]
    tables[0].check_label()
    current_roles, said = _current_roles(roles, sources, current_problem)
    tables.append(PreparedTable(sources[1], current_roles))
    names = _dataset_names(sources)
    datasets = [
        profiled_dataset(
            table,
            dataset_roles,
            name=name,
            label_version=version,
            by_key=options.relation == "serving",
            num_processes=num_processes,
        )
        for table, dataset_roles, name, version in zip(tables, (roles, current_roles), names, versions, strict=True)
    ]
    compared = compare_datasets(datasets[0], datasets[1], options, remarks=(*roles.remarks, *said))
    contents = [
        dataset_content(dataset, table=table, roles=roles, compared=compared)
        for dataset, table in zip(datasets, tables, strict=True)
    ]
    return write_comparison(
        compared,
        datasets=(datasets[0], datasets[1]),
        contents=(contents[0], contents[1]),
        options=options,
        left_out=roles.left_out,
        paths=paths,
    )


def dataset_content(
    dataset: DatasetProfile,
    *,
    table: PreparedTable | None = None,
    roles: ColumnRoles | None = None,
    compared: DatasetComparison,
) -> DatasetContent:
    """What the report shows of a dataset; its payloads where the images or texts have drifted.

    Parameters
    ----------
    dataset
        The dataset.
    table, roles
        Where its payloads can be read; None where they cannot.
    compared
        What was found.
    """
    images: tuple[Picture, ...] = ()
    texts: tuple[str, ...] = ()
    drifted = any(finding.severity == "blocking" for finding in compared.verdict.findings)
    if table is not None and roles is not None and drifted:
        images = tuple(sample_images(table))
        texts = tuple(sample_texts(table, roles, hidden=dataset.hidden_columns))
    return DatasetContent(
        name=dataset.name, num_rows=dataset.num_rows, summaries=dataset.summaries, pictures=images, texts=texts
    )


def write_comparison(
    compared: DatasetComparison,
    *,
    datasets: tuple[DatasetProfile, DatasetProfile],
    contents: tuple[DatasetContent, DatasetContent],
    options: ComparisonOptions,
    left_out: Mapping[str, str],
    paths: ComparisonPaths,
) -> ComparisonResult:
    """Write what a comparison leaves, the verdict last, and return its result."""
    content = ComparisonContent(
        verdict=compared.verdict,
        reference=contents[0],
        current=contents[1],
        comparison=compared.comparison,
        features=compared.features,
        settings=options.drift,
        masked=frozenset(name for dataset in datasets for name in dataset.hidden_columns),
        left_out=left_out,
    )
    names = ("reference.pb", "current.pb")
    write_files(
        paths.statistics,
        {
            name: statistics_without_values(dataset.statistics, content.masked).SerializeToString()
            for name, dataset in zip(names, datasets, strict=True)
        },
    )
    write_files(paths.anomalies, {"current.pbtxt": anomalies_text(compared.anomalies).encode()})
    write_text(paths.schema, schema_text(compared.schema))
    comparison_report(content).write(paths.report)
    result = _result(compared, datasets)
    if paths.metrics is not None:
        write_json(paths.metrics, result.metrics)
    write_verdict(paths.verdict, compared.verdict)
    return result


def _current_roles(
    roles: ColumnRoles, sources: Sequence[TableSource], problem: Problem | None
) -> tuple[ColumnRoles, tuple[str, ...]]:
    """The roles with the label as the current dataset's own problem file defines it, and what is to be said of it.

    A label that cannot be computed from columns that changed their type is absent: the schema says what happened.
    """
    if problem is not None and sources[1].info is None:
        roles = replace(roles, label=table_roles(sources[1:], problem).label)
    try:
        PreparedTable(sources[1], roles).check_label()
    except ValueError as error:
        return replace(roles, label=None), (f"the label is not computed: {error}",)
    return roles, ()


def _dataset_names(sources: Sequence[TableSource]) -> list[str]:
    """The files' names; their paths where the names are the same."""
    names = [source.name for source in sources]
    return names if names[0] != names[1] else [source.uri for source in sources]


def _result(compared: DatasetComparison, datasets: tuple[DatasetProfile, DatasetProfile]) -> ComparisonResult:
    effects = [feature.effect_size for feature in compared.comparison.features.values()]
    verdict = compared.verdict
    return ComparisonResult(
        passed=verdict.passed,
        outcome=verdict.outcome,
        reason=verdict.reason,
        num_reference=datasets[0].num_rows,
        num_current=datasets[1].num_rows,
        num_columns=len(compared.comparison.features),
        largest_effect=max((effect for effect in effects if effect == effect), default=0.0),
        findings=verdict.findings,
        remarks=verdict.remarks,
    )
