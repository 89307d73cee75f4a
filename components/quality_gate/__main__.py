"""The gate by hand: `python -m components.quality_gate verdict.json`."""

from pathlib import Path
from typing import Annotated

import typer

from components.shared.runtime.command_line import FAILED_CHECK, run

app = typer.Typer(help="Exit 0 where a verdict passed, 1 where it did not.", add_completion=False)


@app.command()
def check(verdict: Annotated[Path, typer.Argument(help="A verdict.json.")]) -> None:
    """Say what a check decided."""
    from components.quality_gate.jobs import quality_gate
    from components.shared.runtime.errors import QualityGateError

    try:
        quality_gate(verdict_path=verdict)
    except QualityGateError as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(FAILED_CHECK) from None


if __name__ == "__main__":
    run(app)
