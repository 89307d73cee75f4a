"""Deployment by hand: `python -m components.deployment rehearse --stable A --candidate B ...`."""

from pathlib import Path
from typing import Annotated, TYPE_CHECKING

import typer

from components.shared.lineage.announcements import REGISTRY_VARIABLE
from components.shared.runtime.command_line import FAILED_CHECK, run

if TYPE_CHECKING:
    from components.deployment.jobs.rehearse_release import RehearsalResult

Registry = Annotated[
    str, typer.Option(envvar=REGISTRY_VARIABLE, help="Kubeflow Model Registry to tell of it, an address.")
]

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


@app.command()
def deploy(
    model_name: Annotated[str, typer.Argument(metavar="NAME", help="The model, and its InferenceService.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The release.")],
    model_root: Annotated[str, typer.Option(help="Where releases are: a folder or a URI such as s3://bucket/models.")],
    examples: Annotated[Path, typer.Option(help="Example table with held-out examples to ask about.")],
    predictions: Annotated[Path, typer.Option(help="Predictions table of that release: what it must answer.")],
    problem: Annotated[Path, typer.Option(help="Problem file whose deploy section says where and how.")],
    output: Annotated[Path, typer.Option(help="Folder for report.html, verdict.json, metrics.json and rollout.json.")],
    run: Annotated[str, typer.Option(help="Name of this rollout: the same name again goes on where it was.")],
    kubeconfig: Annotated[Path | None, typer.Option(help="Which cluster; by default that of this pod.")] = None,
    registry: Registry = "",
) -> None:
    """Bring a release live as the pipeline's last step does, from where the servers' pods can be reached.

    Example: python -m components.deployment deploy pets 1f3c --model-root s3://bucket/models --examples EXAMPLES \
    --predictions PREDICTIONS --problem problem.yaml --output out --run by-hand-1
    """
    import json
    import tempfile

    from components.deployment.jobs.deploy_release import deploy_release, DeployOutputs, ToDeploy
    from components.shared.contracts.bundle_fetch import fetch_bundle
    from components.shared.contracts.problem import read_problem
    from components.shared.contracts.releases import check_release, open_releases

    asked = read_problem(problem)
    if asked.deploy is None:
        raise ValueError(f"the problem file {problem} must have a deploy section, which says where and how, got none")
    releases = open_releases(model_root, model_name)
    check_release(releases, version)
    outputs = DeployOutputs(
        report=output / "report.html",
        verdict=output / "verdict.json",
        metrics=output / "metrics.json",
        rollout=output / "rollout.json",
    )
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        bundle = Path(scratch) / "bundle"
        fetch_bundle(releases.uri_of(version), bundle)
        given = ToDeploy(
            model=bundle,
            examples=examples,
            predictions=predictions,
            model_name=model_name,
            model_root=model_root,
            registry=registry,
        )
        result = deploy_release(
            given, outputs, deploy=json.dumps(asked.to_dict()["deploy"]), run=run, kubeconfig=kubeconfig
        )
    typer.echo(result.reason)
    typer.echo(f"report: {outputs.report}")
    if not result.passed:
        raise typer.Exit(FAILED_CHECK)


@app.command()
def rollback(
    model_name: Annotated[str, typer.Argument(metavar="NAME", help="The model, and its InferenceService.")],
    namespace: Annotated[str, typer.Option(help="Where it is.")],
    reason: Annotated[str, typer.Option(help="Why, in words.")],
    kubeconfig: Annotated[Path | None, typer.Option(help="Which cluster; by default kubectl's own.")] = None,
    context: Annotated[str | None, typer.Option(help="Which context of it.")] = None,
    take_over: Annotated[bool, typer.Option(help="Overwrite fields that others have set.")] = False,
    by: Annotated[str | None, typer.Option(help="Who says so; by default your user name.")] = None,
    registry: Registry = "",
) -> None:
    """Take a canary back; where there is none, the release in use, for the one before it.

    Example: pluszero rollback pets --namespace live --reason "wrong answers on night photos"
    """
    from components.cluster.api import KubernetesApi
    from components.deployment.endpoint.cluster_endpoint import ClusterEndpoint
    from components.deployment.jobs.roll_back import move_champion, roll_back
    from components.shared.runtime.this_user import this_user

    said_by = by or this_user()
    api = KubernetesApi(kubeconfig=kubeconfig, context=context)
    done = roll_back(ClusterEndpoint(api, namespace=namespace, name=model_name, take_over=take_over), reason=reason)
    typer.echo(f"{model_name} in {namespace}: {done.taken_back} is taken back, {done.stable} has the traffic")
    try:
        move_champion(done, model_name=model_name, reason=reason, by=said_by, registry=registry)
    except (FileNotFoundError, ValueError) as error:
        typer.echo(
            f"the champion was not moved, for its store cannot be used from here ({error}): where it can, "
            f"`pluszero promote {model_name} {done.stable} --model-root {done.model_root} --reason ...`",
            err=True,
        )
    else:
        typer.echo(f"champion of {model_name}: {done.stable}")


def _say(result: "RehearsalResult", output: Path) -> None:
    ended = "promoted" if result.promoted else "rolled back"
    typer.echo(f"{ended} after {result.requests:,} requests: {result.reason}")
    typer.echo(f"report: {output / 'report.html'}")


if __name__ == "__main__":
    run(app)
