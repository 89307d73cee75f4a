"""Pipelines by hand: `python -m pipelines --help`."""

from collections.abc import Mapping
import os
from pathlib import Path
import re
from typing import Annotated, Any, Literal, TYPE_CHECKING

import typer

from components.shared.contracts.champion import read_champion
from components.shared.contracts.data_fingerprint import data_fingerprint
from components.shared.contracts.problem import Problem, read_problem
from components.shared.contracts.releases import open_releases
from components.shared.contracts.user_files import problem_text, search_text, text_of
from components.shared.runtime.atomic_files import read_json
from components.shared.runtime.command_line import FAILED_CHECK, run
from components.shared.runtime.container_images import LIST_VARIABLE
from components.shared.runtime.fingerprints import fingerprint_bytes, fingerprint_json, fingerprint_source
from components.shared.runtime.redaction import masked_uris
from components.shared.serving_log.time_window import parse_window
from components.shared.tables.personal_key import keyed_hash
from components.shared.tables.sources import (
    check_folder,
    check_source,
    companion_uri,
    EMBEDDED_SOURCES,
)

if TYPE_CHECKING:
    from pipelines.local.run import LocalRun

Dataset = Annotated[str, typer.Option(help="digits, pets, a path or a URI.")]
ProblemFile = Annotated[Path | None, typer.Option(help="The problem file; without one everything is inferred.")]
Seed = Annotated[int, typer.Option(help="Decides everything random.")]
RunDir = Annotated[Path | None, typer.Option(help="The run's folder; by default runs/ with the data's name.")]
Runner = Annotated[
    Literal["local", "docker"], typer.Option(help="Steps run in environments (local) or in images (docker).")
]

app = typer.Typer(help="Compile pipelines, or run one on this machine.", no_args_is_help=True, add_completion=False)


@app.command("compile")
def compile_command(
    output: Annotated[Path, typer.Option(help="Folder for the YAML.")] = Path("build"),
    images: Annotated[
        Path | None, typer.Option(help="A list of the images, by registry and digest: make push-images writes one.")
    ] = None,
) -> None:
    """Compile every pipeline for every profile, as YAML for the KFP UI and as objects for kubectl."""
    if images is not None:
        # Faces read it when they are imported.
        os.environ[LIST_VARIABLE] = str(images.resolve())
    from pipelines.compiling import compile_manifests, compile_pipelines

    for file in [*compile_pipelines(output), *compile_manifests(output)]:
        typer.echo(f"  {file}")


@app.command("run")
def run_command(
    dataset: Dataset = "digits",
    problem: ProblemFile = None,
    run_dir: RunDir = None,
    recipe: Annotated[str, typer.Option(help="full, fine_tune or smoke.")] = "full",
    backbone: Annotated[str, typer.Option(help="auto, or a backbone by name; see the README.")] = "auto",
    seed: Seed = 0,
    runner: Runner = "local",
) -> None:
    """Run the training pipeline, each step in its image or in its image's environment."""
    from components.reporting.run_pages.training_run_summary import TrainingRunSummary
    from pipelines.local.run import LocalRun

    source = dataset if dataset in EMBEDDED_SOURCES else _absolute(dataset)
    folder = (run_dir or _default_folder(source, prefix="")).resolve()
    settings = {"recipe": recipe, "backbone": backbone, "seed": seed, "model_name": _model_name(source)}
    typer.echo(f"Training on {masked_uris(source)}")
    _run(
        LocalRun(
            package="training-cpu",
            run_summary=TrainingRunSummary(source=source),
            folder=folder,
            arguments=lambda: _training_arguments(source, problem, settings, folder),
            sources=_read_from_outside(source, problem),
            in_containers=runner == "docker",
            looked_at=lambda: _looked_at(folder, source, problem),
        )
    )


@app.command("search")
def search_command(
    dataset: Dataset = "digits",
    problem: ProblemFile = None,
    search: Annotated[
        Path | None, typer.Option(help="What is tried, YAML: policies, repeats, epochs, max_examples, metric.")
    ] = None,
    train_winner: Annotated[bool, typer.Option(help="Whether a training with the winner follows.")] = False,
    run_dir: RunDir = None,
    backbone: Annotated[str, typer.Option(help="auto, or a backbone for images by name.")] = "auto",
    seed: Seed = 0,
    runner: Runner = "local",
) -> None:
    """Find the augmentation policy that images are learnt best with, by short trainings."""
    from components.reporting.run_pages.search_run_summary import SearchRunSummary
    from pipelines.local.run import LocalRun

    source = dataset if dataset in EMBEDDED_SOURCES else _absolute(dataset)
    folder = (run_dir or _default_folder(source, prefix="search-")).resolve()
    settings = {"backbone": backbone, "seed": seed, "model_name": _model_name(source)}
    searched = {"search": search_text(search), "train_winner": train_winner}
    typer.echo(f"Searching policies for {masked_uris(source)}")
    _run(
        LocalRun(
            package="augmentation-search-cpu",
            run_summary=SearchRunSummary(source=source),
            folder=folder,
            arguments=lambda: {**_training_arguments(source, problem, settings, folder), **searched},
            sources=_read_from_outside(source, problem),
            in_containers=runner == "docker",
            looked_at=lambda: _looked_at(folder, source, problem),
        )
    )


@app.command("smoke")
def smoke_command(
    modality: Annotated[
        list[str] | None, typer.Option(help="image, text or tabular; may be repeated. All by default.")
    ] = None,
    run_dir: Annotated[Path, typer.Option(help="Folder for the runs.")] = Path("runs/smoke"),
    num_examples: Annotated[int, typer.Option(help="Mock examples of each.")] = 400,
    seed: Annotated[int, typer.Option(help="Decides the data and the training.")] = 0,
) -> None:
    """Run the training pipeline on mock data of each modality: no real data, no network."""
    from pipelines.local.smoke_run import chosen_modalities, smoke_runs

    runs = smoke_runs(chosen_modalities(modality or []), run_dir.resolve(), num_examples=num_examples, seed=seed)
    for ended in runs:
        typer.echo(f"  {'✓' if ended.passed else '✗'} {ended.modality:<8} {ended.folder / 'report.html'}")
    if not all(ended.passed for ended in runs):
        raise typer.Exit(FAILED_CHECK)


@app.command("monitor")
def monitor_command(
    model: Annotated[str, typer.Option(help="The published model bundle, a path or a URI.")],
    log: Annotated[str, typer.Option(help="The serving log, a path or a URI.")],
    start: Annotated[
        str, typer.Option(help="Where the window begins: ISO 8601, or -24h or -7d before its end; else the log's.")
    ] = "",
    end: Annotated[str, typer.Option(help="Where the window ends, in ISO 8601; else the log's end.")] = "",
    settings: Annotated[Path | None, typer.Option(help="Drift settings, a YAML or JSON file.")] = None,
    run_dir: RunDir = None,
    runner: Runner = "local",
) -> None:
    """Run the monitoring pipeline: a window of served traffic against what its model was trained on.

    Exits 0 when nothing material has changed, 1 when the gate has stopped the run, 2 when the input is wrong.
    """
    from components.reporting.run_pages.monitoring_run_summary import MonitoringRunSummary
    from pipelines.local.run import LocalRun

    model_uri, log_uri = _absolute(model), _absolute(log)
    run_summary = MonitoringRunSummary(serving_log=log_uri, model=model_uri, window=parse_window(start, end))
    folder = (run_dir or _default_folder(log_uri, prefix="monitoring-")).resolve()
    typer.echo(f"Monitoring {masked_uris(model_uri)} by {masked_uris(log_uri)}")
    parameters = {"window_start": start, "window_end": end, "settings": text_of(settings)}
    _run(
        LocalRun(
            package="monitoring",
            run_summary=run_summary,
            folder=folder,
            arguments=lambda: _monitoring_arguments(model_uri, log_uri, parameters),
            sources=(model_uri, log_uri),
            in_containers=runner == "docker",
        )
    )


@app.command("label")
def label_command(
    examples: Annotated[str, typer.Option(help="The example table that the model was trained on, a path or a URI.")],
    model: Annotated[str, typer.Option(help="The published model bundle, a path or a URI.")],
    queue: Annotated[str, typer.Option(help="A folder or URI of its own that the queue is written to.")],
    pool: Annotated[str, typer.Option(help="The pool; by default the unlabelled rows of the table.")] = "",
    round_number: Annotated[int, typer.Option(help="Which round of labelling, from 1.")] = 1,
    previous_queue: Annotated[str, typer.Option(help="The queue of the round before, whose random rows audit.")] = "",
    settings: Annotated[Path | None, typer.Option(help="The round's settings, a YAML or JSON file.")] = None,
    run_dir: RunDir = None,
    seed: Seed = 0,
) -> None:
    """Run the labelling pipeline: score a pool, choose what people label, and write the queue for them."""
    from components.reporting.run_pages.labelling_run_summary import LabellingRunSummary
    from pipelines.local.run import LocalRun

    named = {"examples_uri": examples, "model_uri": model, "queue_uri": queue, "unlabelled_pool_uri": pool}
    places = {name: _absolute(uri) for name, uri in {**named, "round_before_uri": previous_queue}.items()}
    examples_uri, model_uri, queue_uri = (places[name] for name in ("examples_uri", "model_uri", "queue_uri"))
    folder = (run_dir or _default_folder(examples_uri, prefix="labelling-")).resolve()
    typer.echo(f"Choosing what people label by {masked_uris(model_uri)}")
    parameters = {**places, "round_number": round_number, "seed": seed, "settings": text_of(settings)}
    _run(
        LocalRun(
            package="labelling-cpu",
            run_summary=LabellingRunSummary(examples=examples_uri, model=model_uri, queue=queue_uri),
            folder=folder,
            arguments=lambda: parameters,
            sources=tuple(filter(None, places.values())),
            in_containers=False,
        )
    )


@app.command("learn")
def learn_command(
    queue: Annotated[str, typer.Option(help="The queue that `label` wrote, a path or a URI.")],
    labels: Annotated[str, typer.Option(help="What people filled in; by default the queue's own folder.")] = "",
    problem: ProblemFile = None,
    run_dir: RunDir = None,
    recipe: Annotated[str, typer.Option(help="full, fine_tune or smoke.")] = "full",
    model_name: Annotated[str, typer.Option(help="Name of the model.")] = "model",
    seed: Seed = 0,
) -> None:
    """Run the training pipeline from a filled-in queue: merge, train on and anew, choose, analyse, publish."""
    from components.reporting.run_pages.training_run_summary import TrainingRunSummary
    from pipelines.local.run import LocalRun

    queue_uri, labels_uri = _absolute(queue), _absolute(labels)
    folder = (run_dir or _default_folder(queue_uri, prefix="learning-")).resolve()
    typer.echo(f"Learning from {masked_uris(labels_uri or queue_uri)}")
    parameters = {
        "labelling_queue_uri": queue_uri,
        "people_labels_uri": labels_uri,
        "problem": problem_text(problem),
        "recipe": recipe,
        "seed": seed,
        "model_name": model_name,
        "model_root": str(folder / "models"),
        "checkpoint_dir": str(folder / "checkpoints"),
        "feature_dir": "",
    }
    _run(
        LocalRun(
            package="labelled-training-cpu",
            run_summary=TrainingRunSummary(source=queue_uri),
            folder=folder,
            arguments=lambda: parameters,
            sources=tuple(filter(None, (queue_uri, labels_uri))),
            in_containers=False,
        )
    )


@app.command("image")
def image_command(
    code: Annotated[Path, typer.Option(help="The folder of your modules, or of your package.")],
    function: Annotated[list[str], typer.Option(help="What may run, team_models:build for one; may be repeated.")],
    registry: Annotated[
        str, typer.Option(envvar="PLUSZERO_IMAGE_REGISTRY", help="Where your images belong, registry/team.")
    ] = "localhost",
    tag: Annotated[str | None, typer.Option(help="By default the project's, and a digest of the code.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="A list of the project's images, a release's images.txt for one.")
    ] = None,
    push: Annotated[bool, typer.Option(help="Push the images, and name them by digest.")] = False,
    output: Annotated[Path, typer.Option(help="The list of images that compile --images takes.")] = Path(
        "build/custom-images.txt"
    ),
) -> None:
    """Build images with your own code, from the project's training and serving images."""
    if images is not None:
        os.environ[LIST_VARIABLE] = str(images.resolve())
    from pipelines.custom_image.build import build_images, Target, write_list
    from pipelines.custom_image.code import CustomCode
    from pipelines.local.image_engine import BuildError, engine

    own = CustomCode(folder=code, functions=tuple(function))
    target = Target(registry=registry, tag=tag)
    try:
        built = build_images(engine(), own, target, log_folder=output.parent, is_pushed=push)
    except BuildError as error:
        raise ValueError(str(error)) from error
    write_list(built, output)
    for reference in built:
        typer.echo(f"  {reference}")
    typer.echo(f"  {output}: pluszero compile --images {output}")


@app.command("submit")
def submit_command(
    package: Annotated[Path, typer.Argument(help="A compiled pipeline, build/training-gpu.yaml for one.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE, each a parameter of the pipeline.")] = None,
    host: Annotated[
        str,
        typer.Option(envvar="KF_PIPELINES_ENDPOINT", help="Where Kubeflow Pipelines answers, http://localhost:8888."),
    ] = "",
    namespace: Annotated[str, typer.Option(help="Your profile, where Kubeflow has profiles.")] = "",
    experiment: Annotated[str, typer.Option(help="What runs are grouped by.")] = "Default",
    run_name: Annotated[str, typer.Option(help="Name of the run; by default the version and the time.")] = "",
) -> None:
    """Upload a compiled pipeline to Kubeflow Pipelines, run it, and print where to look.

    The environment variable PLUSZERO_KFP_TOKEN holds the token, where one is asked for.
    """
    from pipelines.submission.package import read_package
    from pipelines.submission.server import kfp_server
    from pipelines.submission.submit import submit

    read = read_package(package)
    given, server = read.arguments(arguments or []), kfp_server(host, namespace=namespace)
    submitted = submit(read, given, server, experiment=experiment, run_name=run_name)
    typer.echo(f"  version  {read.version} of {read.name}, {'uploaded' if submitted.is_new else 'which was there'}")
    typer.echo(f"  run      {submitted.run_id}")
    typer.echo(f"  look at  {masked_uris(submitted.run_url)}")


def _training_arguments(source: str, problem: Path | None, settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    checked = Problem() if problem is None else read_problem(problem)
    check_source(source)
    # Another key gives other hashes of personal data: what is cached under the one before is not of this run.
    read = [data_fingerprint(source, checked), keyed_hash("the key of this run")]
    return {
        **settings,
        "model_data": source,
        "data_fingerprint": fingerprint_json(read),
        "checkpoint_dir": str(folder / "checkpoints"),
        "model_root": str(folder / "models"),
        # Here steps share the disk: an artifact is passed by its path, not copied.
        "feature_dir": "",
        "problem": problem_text(problem),
    }


def _read_from_outside(source: str, problem: Path | None) -> tuple[str, ...]:
    """The data, and what the problem file names beside them; a problem file that is wrong is reported by the run."""
    try:
        like = None if problem is None else read_problem(problem).split.like
        corpus = _own_corpus(problem)
    except (ValueError, FileNotFoundError):
        like = corpus = None
    named = (None if like is None else companion_uri(source, like), corpus)
    return (source, *(uri for uri in named if uri is not None))


def _looked_at(folder: Path, source: str, problem: Path | None) -> dict[str, str]:
    """What steps look at that no argument says: the champion's version, and a team's own sentences about people."""
    seen = {}
    champion = read_champion(open_releases(str(folder / "models"), _model_name(source)))
    if champion is not None:
        seen["compare_with_champion"] = champion.version
    corpus = _own_corpus(problem)
    if corpus is not None and Path(corpus).is_file():
        seen["assess_language_bias"] = fingerprint_source(corpus)
    return seen


def _own_corpus(problem: Path | None) -> str | None:
    return None if problem is None else read_problem(problem).language_bias.corpus


def _monitoring_arguments(model_uri: str, log_uri: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    check_folder(model_uri, what="the model bundle")
    check_folder(log_uri, what="the serving log")
    return {
        **parameters,
        "model_uri": model_uri,
        "serving_log_uri": log_uri,
        "data_fingerprint": fingerprint_json([fingerprint_source(model_uri), fingerprint_source(log_uri)]),
    }


def _absolute(uri: str) -> str:
    """A path that means the same everywhere; what is no path, nothing included, stays as it is."""
    return uri if "://" in uri or not uri.strip() else str(Path(uri).resolve())


def _default_folder(source: str, *, prefix: str) -> Path:
    """`runs/<prefix><data>`, with a digest of the data's address where another of that name has been run there."""
    last = prefix + (_last_step(source) or "root")
    folder = Path("runs", last)
    summary = folder / "summary.json"
    if summary.is_file() and read_json(summary, what="the run's summary")["dataset"]["source"] != masked_uris(source):
        return folder.with_name(f"{last}-{fingerprint_bytes(os.fsencode(source))[:6]}")
    return folder


def _model_name(source: str) -> str:
    """A name that KServe accepts, from the source's."""
    plain = re.sub(r"[^a-z0-9]+", "-", _last_step(source).lower())[:40].strip("-")
    return plain if plain[:1].isalpha() else f"model-{plain}".rstrip("-")


def _last_step(source: str) -> str:
    """The last step of a path or URI; what a URI asks for beyond its path, a signature for one, names nothing."""
    path = source.partition("?")[0] if "://" in source else source
    return path.rstrip("/").rpartition("/")[2]


def _run(local_run: "LocalRun") -> None:
    """Run a pipeline, say what came of it, and exit as it ended."""
    from pipelines.local.run import run_here

    summary = run_here(local_run)
    typer.echo("")
    for gate in summary["gates"]:
        typer.echo(f"  {'✓' if gate['passed'] else '✗'} {gate['name']:<12} {gate['reason']}")
    for name, line in local_run.run_summary.lines(summary).items():
        typer.echo(f"  {name:<8} {line}")
    typer.echo(f"  report   {summary['report']}")
    typer.echo("  passed" if summary["passed"] else f"  failed: {summary['error']}")
    if not summary["passed"]:
        raise typer.Exit(FAILED_CHECK)


if __name__ == "__main__":
    run(app)
