"""Validation's jobs, paths in and paths out; one module each, or one for a few that belong together."""

from components.data_validation.comparison_job import compare_tables, ComparisonPaths, ComparisonResult
from components.data_validation.drift_detection_job import detect_drift
from components.data_validation.monitoring.monitoring_inputs import check_monitoring_inputs
from components.data_validation.schema_jobs import diff_schema_files
from components.data_validation.sufficiency_job import assess_sufficiency, SufficiencyResult
from components.data_validation.table_jobs import (
    compute_statistics,
    evolve_schema,
    infer_table_schema,
    validate_table,
)
from components.data_validation.validation_job import validate_examples, ValidationResult

__all__ = [
    "ComparisonPaths",
    "ComparisonResult",
    "SufficiencyResult",
    "ValidationResult",
    "assess_sufficiency",
    "check_monitoring_inputs",
    "compare_tables",
    "compute_statistics",
    "detect_drift",
    "diff_schema_files",
    "evolve_schema",
    "infer_table_schema",
    "validate_examples",
    "validate_table",
]
