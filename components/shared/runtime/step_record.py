"""What a step on a cluster leaves on the workspace for the page of its run: `RUNS_DIR/RUN_ID/STEP`.

KFP hands no artifact to the task that runs at a run's end, whatever has failed. So results are copied there: those of
a check by the gate behind it, which is never taken from a cache, those of other steps by themselves. A step that fails
leaves its error there (`components.shared.runtime`). What is wrong with the workspace stops no run and hides no error.

Where there is no cluster the variables are not set, and nothing is left: whoever runs a pipeline on a desk sees its
steps.
"""

from collections.abc import Mapping
from datetime import datetime, UTC
import logging
import os
from pathlib import Path
import re
import shutil
from typing import Any

from components.shared.runtime.atomic_files import atomic_folder, write_json
from components.shared.runtime.gpu_placement import WORKSPACE_PATH
from components.shared.runtime.redaction import masked, masked_strings

logger = logging.getLogger(__name__)

RUN_VARIABLE = "PLUSZERO_RUN_ID"
STEP_VARIABLE = "PLUSZERO_STEP"
RUNS_VARIABLE = "PLUSZERO_RUNS_DIR"

# What is kept of no step, but of the run.
RUN_PARAMETERS = "parameters of the run"

FORMAT_VERSION = 1
RECORD_FILE = "record.json"
KIND_FILES = {
    "verdict": "verdict.json",
    "metrics": "metrics.json",
    "report": "report.html",
    "ranking": "ranking.json",
    "curves": "curves.json",
    "problem_file": "problem.yaml",
}
FROM_CACHE = "from_cache"
# Of a step's facts: names of steps that this run has none of.
SKIPPED = "skipped"
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_KFP_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def this_run() -> Path | None:
    """Where this run's steps leave what they made; None where no cluster said which run it is.

    The folder is below `PLUSZERO_RUNS_DIR`, by default `runs` of the workspace.

    Raises
    ------
    ValueError
        If the run's id cannot be a folder's name.
    """
    run_id = os.environ.get(RUN_VARIABLE, "")
    if not run_id:
        return None
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"{RUN_VARIABLE} must be letters, digits, '.', '_' and '-', got {run_id!r}")
    return Path(os.environ.get(RUNS_VARIABLE) or f"{WORKSPACE_PATH}/runs") / run_id


def is_of_another_run(artifact: str | Path) -> bool:
    """Whether an artifact's path names another run than this one: it came out of KFP's cache.

    KFP keeps what a run makes in `PIPELINE/RUN_ID/...`. False where there is no cluster, or the path names no run.
    """
    run = this_run()
    named = [part for part in Path(artifact).parts if _KFP_ID.fullmatch(part)]
    return run is not None and bool(named) and run.name not in named


def this_step() -> str:
    """The name of this step, as people see it; empty where no cluster said so."""
    return os.environ.get(STEP_VARIABLE, "")


def tell_apart(detail: str) -> None:
    """Let this step, one of several of its name, leave what it leaves under a name of its own: `NAME: DETAIL`."""
    step = this_step()
    if step:
        os.environ[STEP_VARIABLE] = f"{step}: {detail}"


def keep_step(
    run: Path,
    step: str,
    *,
    files: Mapping[str, str | Path] | None = None,
    facts: Mapping[str, Any] | None = None,
    error: str = "",
) -> None:
    """Keep what a step left, in place of what an earlier try of it left; its words are masked.

    Parameters
    ----------
    run
        The run's folder, see `this_run`.
    step
        The step's name as people see it: `train model`.
    files
        Its files by their kind (`KIND_FILES`), copied as far as they are there.
    facts
        What else there is to say of it, as JSON: the release's URI, for one.
    error
        The sentence that it failed with.

    Raises
    ------
    ValueError
        If `step` has no letter or digit to call a folder by.
    """
    with atomic_folder(_folder(run, step)) as part:
        for kind, file in (files or {}).items():
            if Path(file).is_file():
                shutil.copyfile(file, part / KIND_FILES[kind])
        record = {
            "format_version": FORMAT_VERSION,
            "step": step,
            "kept_at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "facts": masked_strings(dict(facts or {}), masked),
            "error": masked(error),
        }
        write_json(part / RECORD_FILE, record)


def keep_results(
    step: str, files: Mapping[str, str | Path | None] | None = None, facts: Mapping[str, Any] | None = None
) -> None:
    """Keep what a step made, where it runs on a cluster; a workspace that cannot be written is a warning.

    Parameters
    ----------
    step
        The step's name as people see it, `this_step()` for this one's. Nothing is kept where it is empty.
    files, facts
        See `keep_step`; files that are None are left out.
    """
    run = this_run()
    if run is None or not step:
        return
    made = {kind: path for kind, path in (files or {}).items() if path is not None}
    try:
        keep_step(run, step, files=made, facts=facts)
        if this_step() not in ("", step):
            # An earlier try of this one may have left its error.
            shutil.rmtree(_folder(run, this_step()), ignore_errors=True)
    except (OSError, ValueError) as error:
        logger.warning("the page of the run will lack the step %r: %s", step, error)


def forget_step() -> None:
    """Take away what this step left, such as the error of an earlier try of it; where no cluster runs it, nothing."""
    run, step = this_run(), this_step()
    if run is not None and step:
        shutil.rmtree(_folder(run, step), ignore_errors=True)


def keep_error(error: BaseException) -> None:
    """Keep the error that ends this step, where it runs on a cluster."""
    run, step = this_run(), this_step()
    if run is not None and step:
        keep_step(run, step, error=str(error) or type(error).__name__)


def _folder(run: Path, step: str) -> Path:
    name = re.sub(r"[^a-z0-9]+", "-", step.lower()).strip("-")
    if not name:
        raise ValueError(f"a step's name must have a small letter or a digit, got {step!r}")
    return run / name
