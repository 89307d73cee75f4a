"""A look at a cluster before a run: `python -m components.cluster check`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from components.shared.contracts.cluster_spec import ClusterSpec, OBJECT_STORE_SECRET
from components.shared.contracts.problem import read_problem
from components.shared.runtime.command_line import FAILED_CHECK, run
from components.shared.runtime.container_images import image, IMAGE_NAMES, image_pull_secrets
from components.shared.runtime.gpu_placement import WORKSPACE_CLAIM

app = typer.Typer(help="Look at a cluster before a run.", no_args_is_help=True, add_completion=False)


@app.callback()
def cluster() -> None:
    """Look at a cluster before a run."""


@app.command()
def check(
    namespace: Annotated[str, typer.Option(help="Where steps and predictors run.")] = "pluszero",
    profile: Annotated[Literal["gpu", "cpu", "nodes"], typer.Option(help="Of the compiled pipeline.")] = "gpu",
    problem: Annotated[Path | None, typer.Option(help="The problem file, for its section cluster:.")] = None,
    claim: Annotated[str, typer.Option(help="The run's workspace_claim.")] = WORKSPACE_CLAIM,
    account: Annotated[str, typer.Option(help="That steps run as: pipeline-runner or default-editor.")] = "",
    overlay: Annotated[
        Path | None, typer.Option(help="Ask instead whether the cluster takes every object of this overlay.")
    ] = None,
    pull: Annotated[bool, typer.Option(help="Also let a node pull each image, by a pod that ends at once.")] = False,
    pull_timeout_s: Annotated[float, typer.Option(help="How long a pull may take, in seconds.")] = 1800,
    kubeconfig: Annotated[Path | None, typer.Option(help="By default kubectl's own.")] = None,
    context: Annotated[str | None, typer.Option(help="Of the kubeconfig; by default its current one.")] = None,
) -> None:
    """Say on a line each what a run needs of a cluster, what was found, and what mends it; changes nothing.

    Exits 0 where nothing stands in the way of a run, 1 where something does, 2 when the input is wrong or no cluster
    answers.
    """
    from components.cluster.answers import passed
    from components.cluster.api import KubernetesApi
    from components.cluster.facts import Wanted
    from components.cluster.look import looked_at
    from components.cluster.overlay import overlay_answers, rendered_overlay
    from components.cluster.pull import pull_answers

    spec = ClusterSpec() if problem is None else read_problem(problem).cluster
    api = KubernetesApi(kubeconfig=kubeconfig, context=context)
    images = tuple(image(name) for name in IMAGE_NAMES)
    if overlay is not None:
        answers = overlay_answers(api, rendered_overlay(overlay))
    else:
        wanted = Wanted(
            namespace=namespace,
            profile=profile,
            claim=claim,
            secret=spec.secret if problem is not None else OBJECT_STORE_SECRET,
            images=() if pull else images,
            spec=spec,
            account=account,
        )
        answers = looked_at(api, wanted)
    if pull:
        secrets = image_pull_secrets()
        answers += pull_answers(
            api, images, namespace=namespace, pull_secrets=secrets, timeout_s=pull_timeout_s, said=_progress
        )
    for answer in answers:
        typer.echo(f"  {answer.line()}")
    if not passed(answers):
        raise typer.Exit(FAILED_CHECK)


def _progress(line: str) -> None:
    typer.echo(f"  … {line}", err=True)


if __name__ == "__main__":
    run(app)
