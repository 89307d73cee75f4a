"""Mock data by hand: `python -m components.mock_data --help`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from components.shared.runtime.command_line import run

app = typer.Typer(help="Make data from a schema, for tests and CI.", add_completion=False)


@app.callback()
def _commands() -> None:
    """Make data from a schema, for tests and CI."""


@app.command()
def make(
    output: Annotated[Path, typer.Option(help="Folder to write images/ or table.parquet, and problem.yaml to.")],
    schema: Annotated[Path | None, typer.Option(help="A schema.pbtxt; or take --builtin.")] = None,
    builtin: Annotated[
        Literal["image", "text", "tabular"] | None, typer.Option(help="A schema that comes along, for CI.")
    ] = None,
    statistics: Annotated[Path | None, typer.Option(help="TFDV's statistics to resemble: a file or a folder.")] = None,
    modality: Annotated[
        Literal["image", "text", "tabular"] | None, typer.Option(help="Inferred from the schema by default.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="The label's column; inferred by default.")] = None,
    problem: Annotated[Path | None, typer.Option(help="The real data's, for pii, sensitive and slices.")] = None,
    num_examples: Annotated[int, typer.Option(help="Images or rows.")] = 400,
    signal: Annotated[float, typer.Option(help="0: the label is chance; 1: it is easy to learn.")] = 1.0,
    environment: Annotated[str, typer.Option(help="TRAINING, or SERVING for data without the label.")] = "TRAINING",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
) -> None:
    """Make a raw source that ingestion reads, and whose example table keeps to the schema."""
    from components.mock_data.jobs import make_mock_source
    from components.mock_data.mock_source import MockSettings
    from components.mock_data.schema_source import builtin_schema, read_schema, read_statistics
    from components.shared.contracts.problem import read_problem

    settings = MockSettings(
        num_examples=num_examples,
        seed=seed,
        signal=signal,
        environment=environment,
        modality=modality or builtin,
        label=label,
    )
    if schema is not None and builtin is None:
        described = read_schema(schema)
    elif builtin is not None and schema is None:
        described = builtin_schema(builtin)
    else:
        raise ValueError("make must be given --schema or --builtin, one of the two")
    made = make_mock_source(
        schema=described,
        settings=settings,
        output_path=output,
        statistics=None if statistics is None else read_statistics(statistics),
        problem=None if problem is None else read_problem(problem),
    )
    classes = ", ".join(f"{name} {count}" for name, count in list(made.counts.items())[:10])
    typer.echo(f"{made.num_examples} {made.modality} examples   {classes or '(no label)'}")
    if made.counts:
        typer.echo(f"no model is expected to exceed an accuracy of {made.best_accuracy:.3f}")
    typer.echo(f"source: {made.source_path}")
    typer.echo(f"problem: {made.problem_path}")


if __name__ == "__main__":
    run(app)
