"""The job that compares two versions of a schema before the new one is accepted."""

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

from components.data_validation.schemas.schema_diff import schema_differences, SchemaDifference
from components.data_validation.schemas.schema_diff_result import SchemaDiffResult
from components.data_validation.schemas.schema_files import read_schema
from components.reporting.page import Report
from components.shared.runtime.atomic_files import write_json

REPORT_FILE = "schema_diff.html"
DIFFERENCES_FILE = "schema_diff.json"
_BREAKS_WORDS = {"old_data": "data of the old schema", "old_consumers": "models of the old schema"}


def diff_schema_files(
    *,
    old_path: str | Path,
    new_path: str | Path,
    output_path: str | Path | None = None,
    masked: Collection[str] = (),
) -> SchemaDiffResult:
    """Compare two versions of a schema file.

    Parameters
    ----------
    old_path, new_path
        The two `schema.pbtxt` files.
    output_path
        Folder to write: `schema_diff.html`, a report, and `schema_diff.json`, the differences; None writes neither.
    masked
        Columns that may hold personal data: their values are not compared.

    Returns
    -------
    SchemaDiffResult
        A breaking difference is a result, not an error.

    Raises
    ------
    FileNotFoundError
        If one of the files is not there.
    ValueError
        If one of them is no schema.
    """
    differences = schema_differences(read_schema(old_path), read_schema(new_path), masked=masked)
    result = SchemaDiffResult(differences)
    if output_path is not None:
        folder = Path(output_path)
        records = [{**asdict(item), "breaking": item.breaking} for item in differences]
        write_json(folder / DIFFERENCES_FILE, {"breaking": result.breaking, "differences": records})
        _report(result).write(folder / REPORT_FILE)
    return result


def _report(result: SchemaDiffResult) -> Report:
    report = Report("Schema differences", subtitle="What the new schema changes, and what each change breaks")
    report.verdict(not result.breaking, result.reason)
    report.facts(
        {
            "differences": len(result.differences),
            "break old data": sum("old_data" in item.breaks for item in result.differences),
            "break old models": sum("old_consumers" in item.breaks for item in result.differences),
        }
    )
    if result.differences:
        rows = [
            [item.column or "–", item.what.replace("_", " "), _breaks(item), item.message]
            for item in result.differences
        ]
        report.heading("Differences")
        report.table(["column", "change", "breaks", "what"], rows)
    return report


def _breaks(difference: SchemaDifference) -> str:
    return " and ".join(_BREAKS_WORDS[who] for who in difference.breaks) or "nothing"
