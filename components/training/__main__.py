"""Training by hand: `python -m components.training --help`."""

import json
from pathlib import Path
import tempfile
from typing import Annotated, Any

import typer

from components.shared.runtime.command_line import FAILED_CHECK, run

app = typer.Typer(help="Check a GPU, smoke-test a training, or train.", no_args_is_help=True, add_completion=False)

Features = Annotated[Path, typer.Option(help="Feature store, a folder.")]
Output = Annotated[Path, typer.Option(help="Folder to write to.")]
Recipe = Annotated[str, typer.Option(help="full, fine_tune or smoke.")]
Problem = Annotated[Path | None, typer.Option(help="Problem file: its sections training and budget are read.")]
Seed = Annotated[int, typer.Option(help="Decides everything random.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


@app.command()
def preflight(
    folder: Annotated[list[Path] | None, typer.Option(help="Folder that must have free disk; may be repeated.")] = None,
) -> None:
    """Check that this machine has a GPU that works, with driver, shared memory and disk."""
    from components.modeling.gpu.preflight import gpu_preflight

    checks = gpu_preflight(folder or [Path(tempfile.gettempdir())])
    for check in checks:
        remedy = f"; {check.finding.remedy}" if check.finding else ""
        typer.echo(f"  {'failed' if check.finding else 'holds':<8} {check.name}: {check.measured}{remedy}")
    if any(check.finding for check in checks):
        raise typer.Exit(FAILED_CHECK)


@app.command()
def smoke(
    features: Features,
    output: Output,
    examples: Annotated[Path | None, typer.Option(help="Example table; compared with the feature store.")] = None,
    recipe: Recipe = "full",
    problem: Problem = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train one iteration and one epoch on a tiny sample, look for bugs, and forecast the full training."""
    from components.training.jobs.smoke_test import smoke_test, SmokePaths

    sections = _sections(problem)
    result = smoke_test(
        SmokePaths(
            features=features,
            examples=examples,
            report=output / "report.html",
            verdict=output / "verdict.json",
            metrics=output / "metrics.json",
            forecast=output / "forecast.json",
        ),
        recipe=recipe,
        training=json.dumps(sections["training"]),
        budget=json.dumps(sections["budget"]),
        asked_classes=_asked_classes(problem),
        seed=seed,
        device=device,
    )
    typer.echo(f"{'passed' if result.passed else 'failed'}: {result.reason} ({result.duration_s} s)")
    if not result.passed:
        raise typer.Exit(FAILED_CHECK)


@app.command()
def train(
    features: Features,
    output: Output,
    checkpoint_dir: Annotated[str, typer.Option(help="Folder or URI for checkpoints; OUTPUT/checkpoints.")] = "",
    recipe: Recipe = "full",
    problem: Problem = None,
    forecast: Annotated[Path | None, typer.Option(help="The smoke test's forecast, to compare with.")] = None,
    splits: Annotated[Path | None, typer.Option(help="Ingestion's splits.parquet, kept in the bundle.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train a model; an interrupted training goes on from its last checkpoint. Exits 143 when told to stop."""
    from components.training.jobs.train_model import train_model, TrainingInputs, TrainingOutputs
    from components.training.trainer.callbacks import TrainingInterruptedError
    from components.training.trainer.worker import INTERRUPTED

    try:
        result = train_model(
            TrainingInputs(features=features, forecast=forecast, splits=splits),
            TrainingOutputs(
                model=output / "model",
                report=output / "report.html",
                metrics=output / "metrics.json",
                logs=output / "tensorboard",
            ),
            recipe=recipe,
            training=json.dumps(_sections(problem)["training"]),
            seed=seed,
            checkpoint_dir=checkpoint_dir or str(output / "checkpoints"),
            device=device,
        )
    except TrainingInterruptedError as error:
        typer.echo(f"interrupted: {error}", err=True)
        raise typer.Exit(INTERRUPTED) from error
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in result.metrics.items())
    typer.echo(f"{result.backbone}: {metrics}; bundle in {output / 'model'}")


def _asked_classes(problem: Path | None) -> str:
    from components.shared.contracts.asked_classes import asked_classes
    from components.shared.contracts.problem import Problem, read_problem

    said = Problem() if problem is None else read_problem(problem)
    return asked_classes(said.target, said.fairness).to_json()


def _sections(problem: Path | None) -> dict[str, Any]:
    from components.shared.contracts.problem import Problem, read_problem

    return (Problem() if problem is None else read_problem(problem)).to_dict()


if __name__ == "__main__":
    run(app)
