"""Active learning by hand: `python -m components.active_learning --help`."""

from pathlib import Path
from typing import Annotated

import typer

from components.active_learning.jobs.select_examples import select_examples
from components.active_learning.jobs.simulate_labelling import simulate_labelling
from components.shared.runtime import command_line

app = typer.Typer(
    help="Choose what people label next, or simulate what a choice would have saved.", no_args_is_help=True
)

Output = Annotated[Path, typer.Option(help="Folder to write.")]
Strategies = Annotated[str, typer.Option(help="Shares such as margin=0.8,random=0.2, which is the default mix.")]
Seed = Annotated[int, typer.Option(help="Decides everything random.")]


@app.callback()
def family() -> None:
    """Choose what people label next, or simulate what a choice would have saved."""


@app.command()
def select(
    predictions: Annotated[list[Path], typer.Option(help="Predictions table of the pool; may be repeated.")],
    budget: Annotated[int, typer.Option(help="Labels that are bought.")],
    output: Output,
    examples: Annotated[Path | None, typer.Option(help="The example table that was labelled so far.")] = None,
    pool: Annotated[Path | None, typer.Option(help="The pool's example table: which rows are copies.")] = None,
    asked: Annotated[
        list[Path] | None, typer.Option(help="Label requests that are not answered yet; may be repeated.")
    ] = None,
    strategies: Strategies = "",
    seed: Seed = 0,
    round_number: Annotated[int, typer.Option(help="Which round of labelling, from 1.")] = 1,
    model_version: Annotated[str, typer.Option(help="Version of the model that scored the pool.")] = "",
) -> None:
    """Choose rows of a scored pool for people to label, each with the reason."""
    result = select_examples(
        predictions_paths=predictions,
        label_requests_path=output / "label_requests",
        report_path=output / "report.html",
        metrics_path=output / "metrics.json",
        budget=budget,
        strategies=strategies,
        seed=seed,
        round_number=round_number,
        model_version=model_version,
        examples_path=examples,
        pool_path=pool,
        asked_paths=asked or (),
    )
    typer.echo(f"asking about {result.num_requests:,} rows: {output / 'label_requests'}")
    typer.echo(f"report: {output / 'report.html'}")


@app.command()
def simulate(
    examples: Annotated[Path, typer.Option(help="An example table whose labels play the oracle.")],
    output: Output,
    start_labels: Annotated[int, typer.Option(help="Labels at the start.")] = 200,
    budget: Annotated[int, typer.Option(help="Labels at the end, those of the start included.")] = 2000,
    batch: Annotated[int, typer.Option(help="Labels a round.")] = 100,
    num_seeds: Annotated[int, typer.Option(help="Runs of each side.")] = 10,
    seed: Seed = 0,
    strategies: Strategies = "",
    price_a_label: Annotated[float | None, typer.Option(help="What a label costs.")] = None,
    value_a_point: Annotated[float | None, typer.Option(help="What a point of accuracy is worth.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Buy labels in rounds from an oracle, by a strategy and at random, and draw the learning curves."""
    result = simulate_labelling(
        examples_path=examples,
        rounds_path=output / "rounds.json",
        report_path=output / "report.html",
        metrics_path=output / "metrics.json",
        start_labels=start_labels,
        budget=budget,
        batch=batch,
        num_seeds=num_seeds,
        seed=seed,
        strategies=strategies,
        price_a_label=price_a_label,
        value_a_point=value_a_point,
        device=device,
    )
    typer.echo(result.verdict)
    typer.echo(result.advice)
    typer.echo(f"report: {output / 'report.html'}")


if __name__ == "__main__":
    command_line.run(app)
