"""Validation's job: an example table in; statistics, schema, anomalies, report and verdict out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_validation.anomalies import anomalies_text, anomaly_findings, Comparison, split_anomalies
from components.data_validation.arrow_lists import examined_columns, ExaminedColumn, unexamined_columns
from components.data_validation.column_checks import column_findings
from components.data_validation.feature_summaries import feature_summaries, FeatureSummary
from components.data_validation.materiality import Materiality
from components.data_validation.report import ReportContent, validation_report
from components.data_validation.schema import schema_text, training_schema
from components.data_validation.split_checks import split_findings
from components.data_validation.streaming_statistics import rows_per_batch, split_statistics
from components.shared.atomic_files import atomic_folder, write_json, write_text
from components.shared.example_table import ExampleTable, ExampleTableInfo
from components.shared.problem import SPLIT_NAMES
from components.shared.progress import progress
from components.shared.verdict import Finding, Verdict, write_verdict

EVALUATION_SPLITS = ("validation", "test")
_SEVERITIES = ("blocking", "warning", "note")


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
        Folder to write: `<split>.pb`, a serialized `DatasetFeatureStatisticsList` a split.
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
    columns = examined_columns(table.info, table.schema)
    examined = _examine(table, columns)
    counts = table.counts()
    findings = _findings(table.info, columns, counts, examined)
    verdict = _verdict(findings, num_examples=table.num_rows, num_features=len(columns))
    content = ReportContent(
        verdict=verdict,
        modality=table.info.modality,
        columns=columns,
        unexamined=unexamined_columns(table.info, table.schema),
        counts=counts,
        summaries=examined.summaries,
    )
    protos = {f"{split}.pb": item.SerializeToString() for split, item in examined.statistics.items()}
    texts = {f"{split}.pbtxt": anomalies_text(item).encode() for split, item in examined.anomalies.items()}
    _write_folder(statistics_path, protos)
    _write_folder(anomalies_path, texts)
    write_text(schema_path, schema_text(examined.schema))
    validation_report(content).write(report_path)
    write_verdict(verdict_path, verdict)
    result = _result(verdict, columns, {split: sum(by_label.values()) for split, by_label in counts.items()})
    if metrics_path is not None:
        write_json(metrics_path, result.metrics)
    return result


@dataclass(frozen=True, kw_only=True, slots=True)
class _Examined:
    statistics: Mapping[str, statistics_pb2.DatasetFeatureStatisticsList]
    summaries: Mapping[str, Mapping[str, FeatureSummary]]
    schema: schema_pb2.Schema
    anomalies: Mapping[str, anomalies_pb2.Anomalies]


def _examine(table: ExampleTable, columns: Sequence[ExaminedColumn]) -> _Examined:
    batch_rows = rows_per_batch(len(columns))
    batches = table.iter_batches(["split", *(column.name for column in columns)], batch_rows=batch_rows)
    num_batches = -(-table.num_rows // batch_rows)
    shown = progress(batches, label="computing statistics", total=num_batches, unit="batch")
    statistics = split_statistics(shown, columns, splits=SPLIT_NAMES)
    masked = [column.name for column in columns if column.kind == "masked"]
    schema = training_schema(statistics["train"], masked=masked)
    return _Examined(
        statistics=statistics,
        summaries={split: feature_summaries(statistics[split]) for split in SPLIT_NAMES},
        schema=schema,
        anomalies={split: split_anomalies(statistics[split], schema) for split in EVALUATION_SPLITS},
    )


def _findings(
    info: ExampleTableInfo,
    columns: Sequence[ExaminedColumn],
    counts: Mapping[str, Mapping[str, int]],
    examined: _Examined,
) -> list[Finding]:
    materiality = Materiality()
    roles = {column.name: column.role for column in columns}
    findings = split_findings(counts, info.class_names, materiality=materiality)
    for split, anomalies in examined.anomalies.items():
        comparison = Comparison(
            split=split,
            reference=examined.summaries["train"],
            current=examined.summaries[split],
            roles=roles,
            num_comparisons=len(columns) * len(examined.anomalies),
            whole_groups=bool(info.columns_of("group")),
            materiality=materiality,
        )
        findings += anomaly_findings(anomalies, comparison)
    return findings + column_findings(examined.summaries, roles)


def _verdict(findings: Sequence[Finding], *, num_examples: int, num_features: int) -> Verdict:
    ordered = tuple(sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity)))
    blocking = [finding for finding in ordered if finding.severity == "blocking"]
    if blocking:
        more = f" (and {len(blocking) - 1} more blocking findings)" if len(blocking) > 1 else ""
        return Verdict(check="validation", passed=False, reason=blocking[0].message + more, findings=ordered)
    reason = f"{num_examples:,} examples in {num_features} columns fit the training schema"
    if ordered:
        reason += f"; {len(ordered)} findings, none of them blocking"
    return Verdict(check="validation", passed=True, reason=reason, findings=ordered)


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


def _write_folder(path: str | Path, files: Mapping[str, bytes]) -> None:
    with atomic_folder(path) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
