"""Jobs about schemas: inferred from statistics, and two versions of a file compared before the new one is accepted."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_validation.schemas.schema_diff import schema_differences, SchemaDifference
from components.data_validation.schemas.schema_files import read_schema
from components.data_validation.schemas.schema_inference import training_schema
from components.reporting.page import Report
from components.shared.runtime.atomic_files import write_json

REPORT_FILE = "schema_diff.html"
DIFFERENCES_FILE = "schema_diff.json"
_BREAKS_WORDS = {"old_data": "data of the old schema", "old_consumers": "models of the old schema"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaDiffResult:
    """What `diff_schema_files` found.

    Attributes
    ----------
    breaking
        Whether any difference breaks old data or old consumers.
    differences
        All of them, by column.
    table
        The same as text, a line a difference, to be printed.
    """

    breaking: bool
    differences: tuple[SchemaDifference, ...]
    table: str


def infer_schema(
    *,
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    label: str | None,
    masked: Collection[str] = (),
) -> schema_pb2.Schema:
    """A first schema for a person to review.

    Parameters
    ----------
    statistics
        Of the data that the schema is to describe, one data set.
    label
        The label's column, absent when serving; None where there is none.
    masked
        Columns that may hold personal data: they get no domain.

    Returns
    -------
    schema_pb2.Schema
        As `training_schema` gives it.

    Raises
    ------
    ValueError
        If there are no rows, or the label is not among the columns.
    """
    schema = training_schema(statistics, label=label, masked=masked)
    names = [feature.name for feature in schema.feature]
    if not names:
        raise ValueError("a schema can be inferred only from data with at least one row and column, got none")
    if label is not None and label not in names:
        raise ValueError(f"label must be one of the columns ({', '.join(names[:20])}), got {label!r}")
    return schema


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
    result = diff_result(differences)
    if output_path is not None:
        folder = Path(output_path)
        records = [{**asdict(item), "breaking": item.breaking} for item in differences]
        write_json(folder / DIFFERENCES_FILE, {"breaking": result.breaking, "differences": records})
        _report(result).write(folder / REPORT_FILE)
    return result


def diff_result(differences: tuple[SchemaDifference, ...]) -> SchemaDiffResult:
    """Differences with what they come to."""
    return SchemaDiffResult(
        breaking=any(difference.breaking for difference in differences),
        differences=differences,
        table=_text_table(differences),
    )


def _text_table(differences: Sequence[SchemaDifference]) -> str:
    if not differences:
        return "the two schemas say the same"
    return "\n".join(
        f"{'BREAKING' if item.breaking else 'ok':<8}  {item.what:<19}  {item.message}" for item in differences
    )


def _report(result: SchemaDiffResult) -> Report:
    report = Report("Schema differences", subtitle="What the new schema changes, and what each change breaks")
    report.verdict(not result.breaking, _reason(result.differences))
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


def _reason(differences: Sequence[SchemaDifference]) -> str:
    breaking = [item for item in differences if item.breaking]
    if breaking:
        more = f" (and {len(breaking) - 1} more breaking differences)" if len(breaking) > 1 else ""
        return breaking[0].message + more
    if differences:
        return f"{len(differences)} differences, none of them breaking"
    return "the two schemas say the same"


def _breaks(difference: SchemaDifference) -> str:
    return " and ".join(_BREAKS_WORDS[who] for who in difference.breaks) or "nothing"
