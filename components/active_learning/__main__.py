"""Active learning by hand: `python -m components.active_learning --help`."""

from pathlib import Path
from typing import Annotated

import typer

from components.active_learning.jobs.export_queue import export_queue as write_queue
from components.active_learning.jobs.import_labels import import_labels as merge_imported
from components.active_learning.jobs.import_labels import ImportOutputs
from components.active_learning.jobs.withdraw_labels import withdraw_labels as take_back
from components.active_learning.queue.settings import QueueSettings
from components.shared.runtime import command_line
from components.shared.runtime.settings import read_settings

app = typer.Typer(help="Spend people's time on labels where it teaches most.", no_args_is_help=True)

Examples = Annotated[Path, typer.Option(help="The example table; it stays as it is.")]
Pool = Annotated[Path | None, typer.Option(help="The pool that rows come from, if not from the table.")]
_SHOWN_FAULTS = 20


@app.command()
def export_queue(
    requests: Annotated[Path, typer.Option(help="Label requests.")],
    pool: Annotated[Path, typer.Option(help="The table that they were chosen from.")],
    queue: Annotated[str, typer.Option(help="Folder or URI to write; one that is there is never written over.")],
    settings: Annotated[Path | None, typer.Option(help="What people see: YAML or JSON.")] = None,
    metrics: Annotated[Path | None, typer.Option(help="JSON file for counts.")] = None,
) -> None:
    """Write a queue for people: a CSV, photos beside it, and Label Studio's tasks and configuration."""
    asked = QueueSettings() if settings is None else read_settings(QueueSettings, settings, what="the queue's settings")
    result = write_queue(requests_path=requests, pool_path=pool, queue_uri=queue, settings=asked, metrics_path=metrics)
    there = "" if result.is_new else " (it was there already, and is as it was)"
    typer.echo(f"{result.num_examples:,} examples to label: {queue}{there}")


@app.command()
def import_labels(
    examples: Examples,
    output: Annotated[Path, typer.Option(help="Folder for examples, splits.parquet, report.html, rejected.csv.")],
    queue: Annotated[str, typer.Option(help="The queue that was exported: a folder or a URI.")] = "",
    labels: Annotated[str, typer.Option(help="What people filled in: a file, a folder of files, or a URI.")] = "",
    pool: Pool = None,
    model_labels: Annotated[Path | None, typer.Option(help="Labels by models that the guard admitted.")] = None,
) -> None:
    """Merge labels into a new version of an example table; exits 1 when too many rows had to be left out."""
    outputs = ImportOutputs(
        examples=output / "examples",
        splits=output / "splits.parquet",
        report=output / "report.html",
        verdict=output / "verdict.json",
        metrics=output / "metrics.json",
        rejected=output / "rejected.csv",
    )
    result = merge_imported(
        examples_path=examples,
        pool_path=pool,
        queue_uri=queue,
        labels_uri=labels,
        model_labels_path=model_labels,
        outputs=outputs,
    )
    for fault in result.faults[:_SHOWN_FAULTS]:
        typer.echo(str(fault))
    if len(result.faults) > _SHOWN_FAULTS:
        typer.echo(f"{len(result.faults) - _SHOWN_FAULTS:,} more: {outputs.report}")
    typer.echo(f"{'passed' if result.passed else 'failed'}: {result.reason}")
    typer.echo(f"new example table: {outputs.examples}\nreport: {outputs.report}")
    if not result.passed:
        raise typer.Exit(command_line.FAILED_CHECK)


@app.command()
def withdraw_labels(
    examples: Examples,
    model_version: Annotated[str, typer.Option(help="As the column label_model names it.")],
    output: Annotated[Path, typer.Option(help="Folder for examples and splits.parquet.")],
    pool: Pool = None,
) -> None:
    """Take back the labels that a model version gave, in a new version of an example table."""
    found = take_back(
        examples_path=examples,
        model_version=model_version,
        output_path=output / "examples",
        splits_path=output / "splits.parquet",
        metrics_path=output / "metrics.json",
        pool_path=pool,
    )
    if found.is_new:
        typer.echo(f"removed {found.num_removed:,} rows, took back {found.num_unlabelled:,} labels of other rows")
    else:
        typer.echo(f"labels by {model_version} were withdrawn before: the table is the same")
    typer.echo(f"new example table: {output / 'examples'}")


if __name__ == "__main__":
    command_line.run(app)
