"""Ingestion by hand: `python -m components.data_ingestion --help`."""

from pathlib import Path
from typing import Annotated

import typer

from components.shared.contracts.problem import Problem, read_problem
from components.shared.runtime.command_line import FAILED_CHECK, run

app = typer.Typer(help="Turn data into the example table.", no_args_is_help=True, add_completion=False)

_SOURCE = typer.Option(help="digits, pets, or a folder of images or a table: a local path or an fsspec URI.")
_LOG = typer.Option(help="The serving log: a local folder or an fsspec URI.")
_START = typer.Option(help="Start of the window, ISO 8601 or back from its end such as -7d.")
_END = typer.Option(help="End of the window, ISO 8601.")
_PROBLEM = typer.Option(help="Problem file; without one everything is inferred.")


@app.command()
def ingest(
    source: Annotated[str, _SOURCE],
    output: Annotated[Path, typer.Option(help="Folder for examples, splits.parquet, report.html and verdict.json.")],
    problem: Annotated[Path | None, _PROBLEM] = None,
) -> None:
    """Write the example table of a data source and the pool of what has no label, with a report and a verdict."""
    from components.data_ingestion.jobs.ingest_examples import ingest_examples, IngestionOutputs

    outputs = IngestionOutputs(
        examples=output / "examples",
        report=output / "report.html",
        verdict=output / "verdict.json",
        splits=output / "splits.parquet",
    )
    result = ingest_examples(source=source, problem=_problem(problem), outputs=outputs)
    for split, labels in result.counts.items():
        shown = ", ".join(f"{label or '(no label)'} {count}" for label, count in list(labels.items())[:10])
        typer.echo(f"{split:<11} {sum(labels.values()):>7}   {shown}{', ...' if len(labels) > 10 else ''}")
    if result.num_pool:
        typer.echo(f"{'pool':<11} {result.num_pool:>7}   (no label)")
    typer.echo(f"{'passed' if result.passed else 'failed'}: {result.reason}")
    typer.echo(f"report: {output / 'report.html'}")
    if not result.passed:
        raise typer.Exit(FAILED_CHECK)


@app.command()
def labels(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV or Parquet: label, and request_id or an identifier.")
    ],
    serving_log: Annotated[str, _LOG],
    problems: Annotated[Path, typer.Option(help="CSV to write labels to that found no row.")] = Path("problems.csv"),
    start: Annotated[str, _START] = "",
    end: Annotated[str, _END] = "",
    label_version: Annotated[int, typer.Option(help="Version of the label's definition.")] = 1,
    source: Annotated[str, typer.Option(help="Who labelled: person, model or rule.")] = "person",
) -> None:
    """Join late labels to the rows that were served, and keep them beside the serving log."""
    from components.data_ingestion.jobs.add_labels import add_late_labels

    counts = add_late_labels(
        file,
        serving_log,
        problems,
        window_start=start,
        window_end=end,
        label_version=label_version,
        label_source=source,
    )
    typer.echo(
        f"{counts.num_labels:,} labels: {counts.num_joined:,} found their row, {counts.num_new:,} of them new, "
        f"{counts.num_repeated:,} repeated"
    )
    if counts.problems:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts.problems.items())
        typer.echo(f"{sum(counts.problems.values()):,} found none ({kinds}): {problems}")
        raise typer.Exit(FAILED_CHECK)


@app.command()
def collect(
    serving_log: Annotated[str, _LOG],
    examples: Annotated[Path, typer.Option(help="Example table whose model was served, a folder.")],
    output: Annotated[Path, typer.Option(help="Folder for examples, pool and metrics.json.")],
    start: Annotated[str, _START] = "",
    end: Annotated[str, _END] = "",
) -> None:
    """Turn a window of the serving log into a pool, and its labelled rows into a new version of an example table."""
    from components.data_ingestion.jobs.collect_examples import collect_examples, CollectionOutputs

    outputs = CollectionOutputs(examples=output / "examples", pool=output / "pool", metrics=output / "metrics.json")
    result = collect_examples(
        serving_log=serving_log, examples=examples, outputs=outputs, window_start=start, window_end=end
    )
    for name, count in result.numbers.items():
        typer.echo(f"{name.removeprefix('num_').replace('_', ' '):<20} {count:>9,}")


@app.command()
def fingerprint(source: Annotated[str, _SOURCE], problem: Annotated[Path | None, _PROBLEM] = None) -> None:
    """Print the fingerprint of the data, which changes whenever they do."""
    from components.shared.contracts.data_fingerprint import data_fingerprint

    typer.echo(data_fingerprint(source, _problem(problem)))


def _problem(path: Path | None) -> Problem:
    return Problem() if path is None else read_problem(path)


if __name__ == "__main__":
    run(app)
