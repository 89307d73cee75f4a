"""The job that computes TFDV's statistics of a table and of its slices, here or on Beam."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.data_validation.reports.table_report import statistics_report, TableContent
from components.data_validation.statistics.feature_summaries import feature_summaries
from components.data_validation.statistics.profile import profile_table
from components.data_validation.tables.prepared_table import open_prepared
from components.shared.contracts.problem import Problem
from components.shared.runtime.atomic_files import atomic_file

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
    if beam_options is not None and slices:
        raise ValueError("slices must not be asked for where Beam does the work: leave one of the two out")
    table = open_prepared(table_uri, problem or Problem(), settled=beam_options is not None)
    if beam_options is None:
        profile = profile_table(table, table.columns, slices=slices, num_processes=num_processes)
        statistics, columns, remarks = profile.statistics, profile.columns, profile.remarks
    else:
        # Beam takes seconds to import, and is for those who ask for it.
        from components.data_validation.statistics.beam_statistics import beam_statistics

        columns, remarks = table.columns, table.remarks
        statistics = beam_statistics(table, columns, beam_options=beam_options, output_uri=beam_output_uri)
    content = TableContent(
        name=table_uri,
        num_rows=int(statistics.datasets[0].num_examples),
        columns=columns,
        summaries=feature_summaries(statistics),
        remarks=(*table.roles.remarks, *remarks),
    )
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
