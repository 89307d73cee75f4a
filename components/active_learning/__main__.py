"""Active learning by hand: `python -m components.active_learning --help`."""

from pathlib import Path
from typing import Annotated

import typer

from components.active_learning.jobs.choose_model import Candidate
from components.active_learning.jobs.choose_model import choose_model as choose
from components.active_learning.jobs.compare_labels import compare_labels as compare
from components.shared.runtime import command_line

METRICS_FILE = "metrics.json"

app = typer.Typer(
    help="Choose what people label next, let models label with a guard, and compare stored labels with a model.",
    no_args_is_help=True,
)

Output = Annotated[Path, typer.Option(help="Folder to write.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


@app.callback()
def _commands() -> None:
    """Keep the commands' names, however few there are."""


@app.command()
def compare_labels(
    examples: Annotated[Path, typer.Option(help="An example table with labels by people and by models.")],
    predictions: Annotated[Path, typer.Option(help="The predictions table of the model that is being trained.")],
    output: Output,
    initial_predictions: Annotated[
        Path | None, typer.Option(help="The predictions table of the model that wrote labels.")
    ] = None,
    max_rows: Annotated[int | None, typer.Option(help="Examples whose evidence is looked at.")] = None,
    device: Device = "auto",
) -> None:
    """List where stored labels and the model differ, as a table to correct, and how much accuracy only seems so."""
    result = compare(
        examples_path=examples,
        predictions_path=predictions,
        disagreements_path=output / "disagreements.csv",
        comparison_path=output / "label_comparison.json",
        report_path=output / "report.html",
        metrics_path=output / METRICS_FILE,
        initial_predictions_path=initial_predictions,
        max_rows=max_rows,
        device=device,
    )
    by_heart = sum(item.by_heart for item in result.found)
    typer.echo(
        f"{len(result.found) - by_heart:,} stored labels differ from the model, {by_heart:,} more are suspected: "
        f"{output / 'disagreements.csv'}"
    )
    for sentence in result.gain.sentences():
        typer.echo(sentence)
    typer.echo(f"report: {output / 'report.html'}")


@app.command()
def choose_model(
    examples: Annotated[Path, typer.Option(help="An example table with people's labels in its validation split.")],
    candidate: Annotated[
        list[str], typer.Option(help="NAME=PREDICTIONS, two or more times, the simplest candidate first.")
    ],
    output: Output,
) -> None:
    """Choose the first candidate, unless another is better on people's validation labels by more than chance."""
    result = choose(
        examples_path=examples,
        candidates=[_candidate(text) for text in candidate],
        choice_path=output / "model_choice.json",
        report_path=output / "report.html",
        metrics_path=output / METRICS_FILE,
    )
    typer.echo(result.choice.reason)
    typer.echo(f"report: {output / 'report.html'}")


def _candidate(text: str) -> Candidate:
    name, separator, path = text.partition("=")
    if not separator or not name.strip() or not path.strip():
        raise ValueError(f"a candidate must be NAME=PREDICTIONS, got {text!r}")
    return Candidate(name=name.strip(), predictions_path=path.strip())


if __name__ == "__main__":
    command_line.run(app)
