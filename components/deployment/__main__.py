"""Deployment by hand: `python -m components.deployment rehearse --stable A --candidate B ...`."""

from pathlib import Path
from typing import Annotated, TYPE_CHECKING

import typer

from components.shared.runtime.command_line import FAILED_CHECK, run

if TYPE_CHECKING:
    from components.deployment.jobs.rehearse_release import RehearsalResult

app = typer.Typer(help="Bring releases live, and take them back.", add_completion=False, no_args_is_help=True)


@app.callback()
def main() -> None:
    """Bring releases live, and take them back."""


@app.command()
def rehearse(
    stable: Annotated[Path, typer.Option(help="The bundle that is in use.")],
    candidate: Annotated[Path, typer.Option(help="The bundle that may replace it.")],
    examples: Annotated[Path, typer.Option(help="Example table with held-out examples to ask about.")],
    predictions: Annotated[Path, typer.Option(help="Predictions table: which examples are held out.")],
    output: Annotated[Path, typer.Option(help="Folder for report.html, verdict.json and judge.json.")],
    settings: Annotated[Path | None, typer.Option(help="YAML or JSON: steps, requests_a_step, tolerances.")] = None,
    seed: Annotated[int, typer.Option(help="Of the choice which request goes where.")] = 0,
) -> None:
    """Serve both on this machine, split traffic step by step, and promote the candidate or roll it back.

    Example: python -m components.deployment rehearse --stable models/pets/A --candidate models/pets/B \
    --examples EXAMPLES --predictions PREDICTIONS --output out
    """
    from components.deployment.jobs.rehearse_release import rehearse_release
    from components.shared.contracts.canary_settings import CanarySettings
    from components.shared.runtime.settings import parse_settings

    found = None
    if settings is not None:
        found = parse_settings(CanarySettings, settings.read_text(encoding="utf-8"), where=f"the settings {settings}")
    result = rehearse_release(
        stable_path=stable,
        candidate_path=candidate,
        examples_path=examples,
        predictions_path=predictions,
        output_path=output,
        settings=found,
        seed=seed,
    )
    _say(result, output)
    if not result.promoted:
        raise typer.Exit(FAILED_CHECK)


@app.command()
def rehearse_run(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a run that published: runs/digits.")],
    candidate: Annotated[
        Path | None, typer.Option(help="A bundle; by default the release itself, then a twin that answers wrong.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the choice which request goes where.")] = 0,
) -> None:
    """Rehearse beside the release that a run on this machine published, on the run's own held-out examples.

    Example: python -m components.deployment rehearse-run runs/digits --candidate runs/other/models/digits/VERSION
    """
    import tempfile

    from components.deployment.jobs.rehearse_release import rehearse_release, REHEARSED
    from components.deployment.rehearsal.mislabelled_twin import write_mislabelled_twin
    from components.deployment.rehearsal.published_run import published_run

    found = published_run(run_dir)
    output = run_dir / "rehearsal"
    as_expected = True
    with tempfile.TemporaryDirectory(prefix="twin-") as scratch:
        twin = Path(scratch) / "bundle"
        if candidate is None:
            write_mislabelled_twin(found.release, twin)
        asked = {"good": found.release, "bad": twin} if candidate is None else {"candidate": candidate}
        for name, bundle in asked.items():
            result = rehearse_release(
                stable_path=found.release,
                candidate_path=bundle,
                examples_path=found.examples,
                predictions_path=found.predictions,
                output_path=output / name,
                settings=REHEARSED,
                seed=seed,
            )
            _say(result, output / name)
            as_expected &= result.promoted == (name != "bad")
    if not as_expected:
        raise typer.Exit(FAILED_CHECK)


def _say(result: "RehearsalResult", output: Path) -> None:
    ended = "promoted" if result.promoted else "rolled back"
    typer.echo(f"{ended} after {result.requests:,} requests: {result.reason}")
    typer.echo(f"report: {output / 'report.html'}")


if __name__ == "__main__":
    run(app)
