"""Validation by hand: `python -m components.data_validation validate --examples DIR --output OUT`."""

from pathlib import Path
from typing import Annotated

import typer

from components.shared.command_line import FAILED_CHECK, run

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Validate data before a model sees them.")


@app.callback()
def _family() -> None:
    """Validate data before a model sees them."""


@app.command()
def validate(
    examples: Annotated[Path, typer.Option(help="Folder of the example table.")],
    output: Annotated[Path, typer.Option(help="Folder to write statistics, schema, anomalies, report and verdict to.")],
) -> None:
    """Validate the splits of an example table against the schema of its training split.

    Exits 0 when it passed, 1 when a finding blocks, 2 when the table cannot be read.
    """
    from components.data_validation.jobs import validate_examples  # TFDV takes seconds to import

    result = validate_examples(
        examples_path=examples,
        statistics_path=output / "statistics",
        schema_path=output / "schema.pbtxt",
        anomalies_path=output / "anomalies",
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
    )
    typer.echo(f"{'passed' if result.passed else 'blocked'}: {result.reason}")
    typer.echo(f"report: {output / 'report.html'}")
    if not result.passed:
        raise typer.Exit(FAILED_CHECK)


if __name__ == "__main__":
    run(app)
