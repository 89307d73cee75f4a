"""Validation's job: an example table in; statistics, schema, anomalies, report and verdict out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.data_validation.comparison.dataset_profile import (
    BASELINE_FILE,
    DatasetProfile,
    profiled_dataset,
    write_baseline,
)
from components.data_validation.comparison.split_comparison import split_mismatch_findings, split_row_findings
from components.data_validation.quality.column_checks import column_findings, missing_word_findings
from components.data_validation.quality.label_rates import label_rate_findings
from components.data_validation.quality.split_checks import split_findings
from components.data_validation.quality.table_label_rates import table_label_rates
from components.data_validation.reports.findings_table import blocking_reason, most_severe_first
from components.data_validation.reports.validation_report import ReportContent, validation_report
from components.data_validation.schemas.anomalies import anomalies_text, anomaly_findings, Comparison, split_anomalies
from components.data_validation.schemas.materiality import Materiality
from components.data_validation.schemas.schema_inference import schema_text, training_schema
from components.data_validation.tables.arrow_lists import EXAMINED_ROLES, ExaminedColumn, masked_names
from components.data_validation.tables.column_roles import ColumnRoles, roles_of_examples
from components.data_validation.tables.prepared_table import PreparedTable
from components.data_validation.tables.source_opening import open_table
from components.data_validation.tables.table_source import TableSource
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.contracts.verdict import Finding, Verdict, write_verdict
from components.shared.runtime.atomic_files import atomic_folder, write_files, write_json, write_text

EVALUATION_SPLITS = ("validation", "test")


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidationResult:
    """What `validate_examples` found.

    Attributes
    ----------
    passed
        Whether no finding blocks.
    reason
        One sentence that a person can act on.
    num_findings, num_blocking, num_warnings
        All findings, and those of the two upper severities.
    num_features
        Columns examined.
    num_examples
        Examples by split.
    """

    passed: bool
    reason: str
    num_findings: int
    num_blocking: int
    num_warnings: int
    num_features: int
    num_examples: Mapping[str, int]

    @property
    def metrics(self) -> dict[str, float]:
        """The counts under the names that the step's metrics have."""
        return {
            "num_findings": float(self.num_findings),
            "num_blocking": float(self.num_blocking),
            "num_warnings": float(self.num_warnings),
            "num_features": float(self.num_features),
            **{f"num_examples_{split}": float(count) for split, count in self.num_examples.items()},
        }


def validate_examples(
    *,
    examples_path: str | Path,
    statistics_path: str | Path,
    schema_path: str | Path,
    anomalies_path: str | Path,
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path | None = None,
) -> ValidationResult:
    """Validate the splits of an example table against the schema of its training split.

    Parameters
    ----------
    examples_path
        The example table's folder.
    statistics_path
        Folder to write: `<split>.pb`, a serialized `DatasetFeatureStatisticsList` a split, and `sample.parquet`, a
        sample of the training rows that later data are compared with.
    schema_path
        File to write: the schema as protobuf text.
    anomalies_path
        Folder to write: `<split>.pbtxt`, TFDV's anomalies of the validation and the test split.
    report_path
        HTML file to write.
    verdict_path
        JSON file to write: passed or not, why, and the findings.
    metrics_path
        JSON file to write: the counts of the result; None writes none.

    Returns
    -------
    ValidationResult
        Findings that block are a result, not an error.

    Raises
    ------
    FileNotFoundError
        If there is no example table at `examples_path`.
    ContractError
        If the table is damaged or of another version.
    """
    table = ExampleTable(examples_path)
    source = open_table(str(examples_path))
    roles = roles_of_examples(table.info, source.schema, kept=source.kept)
    splits = _profiled_splits(source, roles)
    checked = _checked(splits, table)
    counts = table.counts()
    is_regression = table.info.task == "regression"
    findings = split_findings(counts, table.info.class_names, materiality=Materiality(), is_regression=is_regression)
    rates = table_label_rates(table)
    findings += [*checked.findings, *label_rate_findings(rates)]
    train = splits["train"]
    verdict = _verdict(findings, num_examples=table.num_rows, num_features=len(train.columns))
    content = ReportContent(
        verdict=verdict,
        modality=table.info.modality,
        columns=train.columns,
        unexamined=_unexamined(table.info, roles),
        counts=counts,
        summaries={split: dataset.summaries for split, dataset in splits.items()},
        label_rates=rates,
    )
    texts = {f"{split}.pbtxt": anomalies_text(item).encode() for split, item in checked.anomalies.items()}
    _write_statistics(statistics_path, splits)
    write_files(anomalies_path, texts)
    write_text(schema_path, schema_text(checked.schema))
    validation_report(content).write(report_path)
    write_verdict(verdict_path, verdict)
    result = _result(verdict, train.columns, {split: sum(by_label.values()) for split, by_label in counts.items()})
    if metrics_path is not None:
        write_json(metrics_path, result.metrics)
    return result


@dataclass(frozen=True, kw_only=True, slots=True)
class _Checked:
    schema: schema_pb2.Schema
    anomalies: Mapping[str, anomalies_pb2.Anomalies]
    findings: list[Finding]


def _unexamined(info: ExampleTableInfo, roles: ColumnRoles) -> dict[str, str]:
    """Columns that would take part but for their type."""
    wanted = set(info.columns_of(*EXAMINED_ROLES))
    return {name: why for name, why in roles.left_out.items() if name in wanted}


def _profiled_splits(source: TableSource, roles: ColumnRoles) -> dict[str, DatasetProfile]:
    prepared = PreparedTable(source, roles)
    return {split: profiled_dataset(prepared, roles, splits=[split], name=split) for split in SPLIT_NAMES}


def _checked(splits: Mapping[str, DatasetProfile], table: ExampleTable) -> _Checked:
    train = splits["train"]
    roles = {column.name: column.role for column in train.columns}
    summaries = {split: dataset.summaries for split, dataset in splits.items()}
    masked = masked_names(train.columns)
    schema = training_schema(train.statistics, masked=masked)
    anomalies = {split: split_anomalies(splits[split].statistics, schema) for split in EVALUATION_SPLITS}
    findings: list[Finding] = []
    for split, found in anomalies.items():
        comparison = Comparison(
            current_name=f"the {split} split",
            reference=summaries["train"],
            current=summaries[split],
            roles=roles,
            num_comparisons=len(train.columns) * len(EVALUATION_SPLITS),
            whole_groups=bool(table.info.columns_of("group")),
            materiality=Materiality(),
        )
        findings += anomaly_findings(found, comparison)
    findings += column_findings(summaries, roles)
    findings += missing_word_findings(summaries.values(), roles)
    findings += split_mismatch_findings(splits)
    findings += split_row_findings(splits, table)
    return _Checked(schema=schema, anomalies=anomalies, findings=findings)


def _write_statistics(path: str | Path, splits: Mapping[str, DatasetProfile]) -> None:
    """Statistics of every split, and the training rows that later data are compared with."""
    with atomic_folder(path) as folder:
        for split, dataset in splits.items():
            (folder / f"{split}.pb").write_bytes(dataset.statistics.SerializeToString())
        write_baseline(folder / BASELINE_FILE, splits["train"])


def _verdict(findings: Sequence[Finding], *, num_examples: int, num_features: int) -> Verdict:
    ordered = most_severe_first(findings)
    reason = blocking_reason(ordered)
    fits = f"{num_examples:,} examples in {num_features} columns fit the training schema"
    noted = f"; {len(ordered)} findings, none of them blocking" if ordered else ""
    return Verdict(check="validation", passed=not reason, reason=reason or fits + noted, findings=ordered)


def _result(verdict: Verdict, columns: Sequence[ExaminedColumn], num_examples: Mapping[str, int]) -> ValidationResult:
    severities = [finding.severity for finding in verdict.findings]
    return ValidationResult(
        passed=verdict.passed,
        reason=verdict.reason,
        num_findings=len(severities),
        num_blocking=severities.count("blocking"),
        num_warnings=severities.count("warning"),
        num_features=len(columns),
        num_examples=num_examples,
    )
