"""Active learning by hand: `python -m components.active_learning --help`."""

from pathlib import Path
from typing import Annotated

import typer

from components.active_learning.jobs.choose_model import Candidate
from components.active_learning.jobs.choose_model import choose_model as choose
from components.active_learning.jobs.compare_labels import compare_labels as compare
from components.active_learning.jobs.export_queue import export_queue as write_queue
from components.active_learning.jobs.import_labels import import_labels as merge_imported
from components.active_learning.jobs.import_labels import ImportOutputs
from components.active_learning.jobs.select_examples import select_examples
from components.active_learning.jobs.simulate_labelling import simulate_labelling
from components.active_learning.jobs.withdraw_labels import withdraw_labels as take_back
from components.active_learning.jobs.write_pseudo_labels import write_pseudo_labels
from components.active_learning.queue.settings import QueueSettings
from components.shared.runtime import command_line
from components.shared.runtime.settings import read_settings

app = typer.Typer(
    help="Spend people's time on labels where it teaches most, and let no wrong label in.", no_args_is_help=True
)

METRICS_FILE = "metrics.json"
Strategies = Annotated[str, typer.Option(help="Shares such as margin=0.8,random=0.2, which is the default mix.")]
Seed = Annotated[int, typer.Option(help="Decides everything random.")]
Output = Annotated[Path, typer.Option(help="Folder to write.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
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


@app.command()
def pseudo_label(
    examples: Annotated[Path, typer.Option(help="The example table that the model was trained on.")],
    pool: Annotated[Path, typer.Option(help="A table of rows without labels.")],
    predictions: Annotated[Path, typer.Option(help="The model's predictions of the validation split.")],
    pool_predictions: Annotated[Path, typer.Option(help="The model's predictions of the pool.")],
    model_version: Annotated[str, typer.Option(help="Version of the model that answered.")],
    output: Output,
    round_number: Annotated[int, typer.Option(help="Round of labelling, from 1.")] = 1,
    audit_requests: Annotated[str, typer.Option(help="Label requests whose random share people labelled.")] = "",
    max_pool_rows: Annotated[int | None, typer.Option(help="Rows of the pool that are looked at.")] = None,
    device: Device = "auto",
) -> None:
    """Let a model label a pool where that is shown to help; a refusal says why, and is no failure."""
    result = write_pseudo_labels(
        examples_path=examples,
        pool_path=pool,
        predictions_path=predictions,
        pool_predictions_path=pool_predictions,
        model_version=model_version,
        round_number=round_number,
        requests_path=audit_requests,
        max_pool_rows=max_pool_rows,
        device=device,
        labels_path=output / "model_labels",
        evidence_path=output / "evidence.json",
        report_path=output / "report.html",
        verdict_path=output / "verdict.json",
        metrics_path=output / METRICS_FILE,
    )
    typer.echo(f"{result.reason}\nreport: {output / 'report.html'}")


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
