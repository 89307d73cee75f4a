"""One run of a pipeline on this machine, from the check of its arguments to its summary and its page."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
from dataclasses import dataclass
import fcntl
import os
from pathlib import Path
from typing import Any, TYPE_CHECKING

from components.reporting.run_pages.failure_notice import notify_failure
from components.reporting.run_pages.run_report import RunSummary, Summary, write_run
from components.reporting.run_pages.step import Step
from components.reporting.run_pages.tracking import track_run
from components.shared.lineage.run_tracking import own_run
from components.shared.runtime.fingerprints import fingerprint_bytes
from components.shared.runtime.redaction import masked
from components.shared.tables.sources import EMBEDDED_SOURCES
from pipelines.compiling import compile_pipeline
from pipelines.local.cache_key import tag_with_source
from pipelines.local.console import Console
from pipelines.local.runner import run_pipeline

if TYPE_CHECKING:
    from pipelines.local.containers import Confinement

_WRITTEN = ("artifacts", "workspace", "checkpoints", "models")


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalRun:
    """What is run, and where.

    `package` names the compiled pipeline, `training-cpu` for one; `arguments` checks the user's parameters and gives
    the pipeline's; `sources` are the paths and URIs of everything that steps read from outside. `looked_at` says by
    face what a step looks at that no argument says: another text, and it runs again.
    """

    package: str
    run_summary: RunSummary
    folder: Path
    arguments: Callable[[], dict[str, Any]]
    sources: tuple[str, ...]
    in_containers: bool
    looked_at: Callable[[], dict[str, str]] = dict


def run_here(run: LocalRun) -> Summary:
    """Run a pipeline; its page and its summary, which is returned, are written whatever happens.

    A step or a gate that fails is a result, not an error. ValueError where another run is at work in the folder or a
    parameter is wrong; OSError where something is not there.
    """
    name = f"{run.run_summary.title}: {run.folder.name}"
    with _sole_run(run.folder), own_run(name) as own_run_id:
        steps: list[Step] = []
        identity: dict[str, Any] = {}
        error = ""
        # A runner that is killed cannot write: until it ends, nothing must say that an earlier run has passed.
        write_run(steps, run_dir=run.folder, run_summary=run.run_summary, error="the run has not ended, or was killed")
        try:
            _run_steps(run, steps, identity)
        except BaseException as stopped:
            error = masked(str(stopped)) or "the run was interrupted"
            raise
        finally:
            error = next((f"{step.name}: {step.error}" for step in steps if step.status == "failed"), error)
            summary = write_run(steps, run_dir=run.folder, run_summary=run.run_summary, error=error, identity=identity)
            notify_failure(
                summary, kind=run.run_summary.title, run=run.folder.name, report=str(run.folder / "report.html")
            )
            track_run(steps, summary, own_run_id=own_run_id)
    return summary


def _run_steps(run: LocalRun, steps: list[Step], identity: dict[str, Any]) -> None:
    arguments = run.arguments()
    identity |= arguments
    package = compile_pipeline(run.package, run.folder / "compiled")
    run_pipeline(
        tag_with_source(
            package.read_text(encoding="utf-8"), in_containers=run.in_containers, looked_at=run.looked_at()
        ),
        arguments,
        run_dir=run.folder,
        watcher=Console().watcher(),
        steps=steps,
        confinement=_confinement(run.sources, run.folder) if run.in_containers else None,
    )


def _confinement(sources: Sequence[str], folder: Path) -> "Confinement":
    """Steps see the run's folders and the data, and a network only where the data are remote."""
    from pipelines.local.containers import Confinement

    local_paths = [Path(source) for source in sources if source not in EMBEDDED_SOURCES and "://" not in source]
    return Confinement(
        run=fingerprint_bytes(os.fsencode(folder))[:16],
        writable=tuple(folder / name for name in _WRITTEN),
        # A table's companions, a test file for one, lie beside it.
        readable=tuple(path if path.is_dir() else path.parent for path in local_paths),
        network=any("://" in source or source == "pets" for source in sources),
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
