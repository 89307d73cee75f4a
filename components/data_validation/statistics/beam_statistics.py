"""The same statistics on an Apache Beam runner, for tables past one machine: Flink, Spark, Dataflow by options.

Nothing but the numbers of row groups travels in the graph: each worker opens the files itself. So files and output
must lie where the workers can reach them, and the workers need this project installed.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
import tempfile

import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.statistics.quiet_tfdv import tfdv
from components.data_validation.statistics.streaming_statistics import (
    histogram_buckets,
    rows_per_batch,
    statistics_options,
)
from components.data_validation.tables.arrow_lists import as_value_lists, ExaminedColumn
from components.data_validation.tables.table_source import TablePart, TableSource

# Beam must come after the module that keeps its import quiet.
# isort: split
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

_OUTPUT = "statistics.pb"
_PART_ROWS = 262_144


def beam_statistics(
    table: TableSource,
    columns: Sequence[ExaminedColumn],
    *,
    beam_options: Sequence[str] = (),
    output_uri: str | None = None,
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """What `StatisticsAccumulator` computes, by Beam; quantiles differ within the sketches' tolerance.

    Files must lie at a path or URI that the workers can read; a text file is one part, which one worker reads.
    `beam_options` are Beam's own, `["--runner=FlinkRunner", "--flink_master=HOST:8081"]` say; none runs Beam in this
    process. `output_uri` is a folder or URI that the workers can write to; None takes a temporary one, for runners on
    this machine. `ValueError` if a file cannot be read in this process; other runners raise their own error.
    """
    if output_uri is not None:
        return _run(table, columns, beam_options, f"{output_uri.rstrip('/')}/{_OUTPUT}")
    with tempfile.TemporaryDirectory() as folder:
        return _run(table, columns, beam_options, str(Path(folder) / _OUTPUT))


def _run(
    table: TableSource, columns: Sequence[ExaminedColumn], beam_options: Sequence[str], output: str
) -> statistics_pb2.DatasetFeatureStatisticsList:
    parts = table.parts(max(1, -(-(table.num_rows or 0) // _PART_ROWS)))
    options = PipelineOptions(list(beam_options), save_main_session=False)
    with beam.Pipeline(options=options) as pipeline:
        statistics = (
            pipeline
            | "Parts" >> beam.Create(parts)
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.FlatMap(partial(_value_lists, table=table, columns=tuple(columns)))
            | "Statistics" >> tfdv.GenerateStatistics(statistics_options(histogram_buckets(len(columns))))
        )
        _ = statistics | "Write" >> tfdv.WriteStatisticsToBinaryFile(output)
    result = tfdv.load_stats_binary(output)
    result.datasets[0].name = table.name
    return result


def _value_lists(part: TablePart, *, table: TableSource, columns: Sequence[ExaminedColumn]) -> Iterator[pa.RecordBatch]:
    names = [column.name for column in columns]
    for batch in table.iter_batches(names, part=part, batch_rows=rows_per_batch(len(names))):
        yield as_value_lists(batch, columns)
