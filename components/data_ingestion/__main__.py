"""Ingestion by hand: `python -m components.data_ingestion --help`."""

from pathlib import Path
from typing import Annotated

import typer

from components.shared.contracts.problem import Problem, read_problem
from components.shared.runtime.command_line import FAILED_CHECK, run

app = typer.Typer(help="Turn data into the example table.", no_args_is_help=True, add_completion=False)

_SOURCE = typer.Option(help="digits, pets, or a folder of images or a table: a local path or an fsspec URI.")
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
def fingerprint(source: Annotated[str, _SOURCE], problem: Annotated[Path | None, _PROBLEM] = None) -> None:
    """Print the fingerprint of the data, which changes whenever they do."""
    from components.shared.contracts.data_fingerprint import data_fingerprint

    typer.echo(data_fingerprint(source, _problem(problem)))


def _problem(path: Path | None) -> Problem:
    return Problem() if path is None else read_problem(path)


if __name__ == "__main__":
    run(app)
