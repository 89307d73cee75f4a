"""Pipelines by hand: `python -m pipelines --help`."""

from collections.abc import Iterator
import contextlib
import fcntl
import os
from pathlib import Path
import re
from typing import Annotated, Any, Literal, TYPE_CHECKING

import typer

from components.shared.atomic_files import read_json
from components.shared.command_line import FAILED_CHECK, run
from components.shared.fingerprints import fingerprint_bytes
from components.shared.problem import Problem, read_problem
from components.shared.sources import check_source, data_fingerprint, EMBEDDED_SOURCES

if TYPE_CHECKING:
    from pipelines.containers import Confinement

Runner = Literal["local", "docker"]

app = typer.Typer(help="Compile pipelines, or run one on this machine.", no_args_is_help=True, add_completion=False)


@app.command("compile")
def compile_command(
    output: Annotated[Path, typer.Option(help="Folder for the YAML.")] = Path("build"),
) -> None:
    """Compile every pipeline for every profile, as YAML for the KFP UI and as objects for kubectl."""
    from pipelines.compiling import compile_manifests, compile_pipelines

    for file in [*compile_pipelines(output), *compile_manifests(output)]:
        typer.echo(f"  {file}")


@app.command("run")
def run_command(
    dataset: Annotated[str, typer.Option(help="digits, pets, a path or a URI.")] = "digits",
    problem: Annotated[Path | None, typer.Option(help="The problem file; without one everything is inferred.")] = None,
    run_dir: Annotated[Path | None, typer.Option(help="The run's folder; runs/<dataset> by default.")] = None,
    recipe: Annotated[str, typer.Option(help="full, fine_tune or smoke.")] = "full",
    backbone: Annotated[str, typer.Option(help="auto, small_cnn, efficientnet_lite0 or timm:<name>.")] = "auto",
    seed: Annotated[int, typer.Option(help="Decides everything random.")] = 0,
    runner: Annotated[Runner, typer.Option(help="Steps run in environments (local) or in images (docker).")] = "local",
) -> None:
    """Run the training pipeline, each step in its image or in its image's environment."""
    source = dataset if dataset in EMBEDDED_SOURCES or "://" in dataset else str(Path(dataset).resolve())
    folder = (run_dir or _default_folder(source)).resolve()
    settings = {"recipe": recipe, "backbone": backbone, "seed": seed, "model_name": _model_name(source)}
    typer.echo(f"Training on {source}")
    with _sole_run(folder):
        summary = _run(source, problem, settings, folder, runner)
    _print_summary(summary)
    if not summary["passed"]:
        raise typer.Exit(FAILED_CHECK)


def _arguments(source: str, problem: Path | None, settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    checked = Problem() if problem is None else read_problem(problem)
    check_source(source)
    return {
        **settings,
        "source": source,
        "data_fingerprint": data_fingerprint(source, test_file=checked.split.test_file),
        "checkpoint_dir": str(folder / "checkpoints"),
        "model_root": str(folder / "models"),
        # Here steps share the disk: an artifact is passed by its path, not copied.
        "feature_dir": "",
        "problem": "" if problem is None else problem.read_text(encoding="utf-8-sig"),
    }


def _default_folder(source: str) -> Path:
    """`runs/<dataset>`, with a digest of the source behind it where another source of that name has been run there."""
    last = source.rstrip("/").rpartition("/")[2] or "root"
    folder = Path("runs", last)
    summary = folder / "summary.json"
    if summary.is_file() and read_json(summary, what="the run's summary")["dataset"]["source"] != source:
        return folder.with_name(f"{last}-{fingerprint_bytes(os.fsencode(source))[:6]}")
    return folder


def _model_name(source: str) -> str:
    """A name that KServe accepts, from the source's."""
    last = source.rstrip("/").rpartition("/")[2]
    plain = re.sub(r"[^a-z0-9]+", "-", last.lower())[:40].strip("-")
    return plain if plain[:1].isalpha() else f"model-{plain}".rstrip("-")


def _run(source: str, problem: Path | None, settings: dict[str, Any], folder: Path, runner: Runner) -> dict[str, Any]:
    from pipelines.compiling import compile_pipelines
    from pipelines.console import Console
    from pipelines.local import run_pipeline, Step
    from pipelines.run_report import write_run
    from pipelines.source_images import tag_with_source

    steps: list[Step] = []
    error = ""
    # A runner that is killed cannot write: until it ends, nothing must say that an earlier run has passed.
    write_run(steps, run_dir=folder, source=source, error="the run has not ended, or was killed")
    try:
        arguments = _arguments(source, problem, settings, folder)
        package = {path.stem: path for path in compile_pipelines(folder / "compiled")}["training-cpu"]
        run_pipeline(
            tag_with_source(package.read_text(encoding="utf-8"), in_containers=runner == "docker"),
            arguments,
            run_dir=folder,
            watcher=Console().watcher(),
            steps=steps,
            confinement=_confinement(source, folder) if runner == "docker" else None,
        )
    except BaseException as stopped:
        error = str(stopped) or "the run was interrupted"
        raise
    finally:
        error = next((f"{step.name}: {step.error}" for step in steps if step.status == "failed"), error)
        summary = write_run(steps, run_dir=folder, source=source, error=error)
    return summary


def _confinement(source: str, folder: Path) -> "Confinement":
    """Steps see the run's folders and the data, and a network only where the data are remote."""
    from pipelines.containers import Confinement

    local_path = None if source in EMBEDDED_SOURCES or "://" in source else Path(source)
    # A table's companions, a test file for one, lie beside it.
    readable = () if local_path is None else (local_path if local_path.is_dir() else local_path.parent,)
    return Confinement(
        run=fingerprint_bytes(os.fsencode(folder))[:16],
        writable=tuple(folder / name for name in ("artifacts", "workspace", "checkpoints", "models")),
        readable=readable,
        network="://" in source or source == "pets",
    )


@contextlib.contextmanager
def _sole_run(folder: Path) -> Iterator[None]:
    """Hold the run folder's lock: two runs in one folder would write over each other."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"{folder} must be free, but another run is at work in it: choose another RUN_DIR"
            ) from None
        yield


def _print_summary(summary: dict[str, Any]) -> None:
    data = summary["dataset"]
    typer.echo("")
    if "num_examples" in data:
        counts = ", ".join(f"{data[split]:,} {split}" for split in ("train", "validation", "test"))
        typer.echo(f"  data     {data['num_examples']:,} examples in {len(data['classes'])} classes ({counts})")
    for gate in summary["gates"]:
        typer.echo(f"  {'✓' if gate['passed'] else '✗'} {gate['name']:<12} {gate['reason']}")
    shown = {name: summary["metrics"].get(name) for name in ("accuracy", "macro_f1", "roc_auc")}
    if any(value is not None for value in shown.values()):
        typer.echo(
            "  metrics  " + ", ".join(f"{name} {value:.4f}" for name, value in shown.items() if value is not None)
        )
    if summary["model_dir"]:
        typer.echo(f"  model    {summary['model_dir']}")
    if summary["inference_service"]:
        typer.echo(f"  deploy   kubectl apply -f {summary['inference_service']}")
    typer.echo(f"  report   {summary['report']}")
    typer.echo("  passed" if summary["passed"] else f"  failed: {summary['error']}")


if __name__ == "__main__":
    run(app)
