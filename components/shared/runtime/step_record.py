"""What a step on a cluster leaves on the workspace for the page of its run: `RUNS_DIR/RUN_ID/STEP`.

KFP hands no artifact to the task that runs at a run's end, whatever has failed. So a step's results are copied there by
the gate behind it, or by a step of its own where no gate follows. These are never taken from a cache, so that what a
cached step made is there as well. A step that fails leaves its error there itself (`components.shared.runtime`).

Where there is no cluster the variables are not set, and nothing is left: whoever runs a pipeline on a desk sees its
steps.
"""

from collections.abc import Mapping
from datetime import datetime, UTC
import os
from pathlib import Path
import re
import shutil
from typing import Any

from components.shared.runtime.atomic_files import atomic_folder, write_json
from components.shared.runtime.gpu_placement import WORKSPACE_PATH
from components.shared.runtime.redaction import masked, masked_strings

RUN_VARIABLE = "PLUSZERO_RUN_ID"
STEP_VARIABLE = "PLUSZERO_STEP"
RUNS_VARIABLE = "PLUSZERO_RUNS_DIR"

# What is kept of no step, but of the run: its parameters.
ASKED = "what was asked"

FORMAT_VERSION = 1
RECORD_FILE = "record.json"
KIND_FILES = {"verdict": "verdict.json", "metrics": "metrics.json", "report": "report.html"}
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


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


def this_step() -> str:
    """The name of this step, as people see it; empty where no cluster said so."""
    return os.environ.get(STEP_VARIABLE, "")


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
        Its `verdict`, `metrics` and `report`, copied as far as they are there.
    facts
        What else there is to say of it, as JSON: the release's URI, for one.
    error
        The sentence that it failed with.
    """
    with atomic_folder(run / re.sub(r"[^a-z0-9]+", "-", step.lower()).strip("-")) as part:
        for kind, file in (files or {}).items():
            if Path(file).is_file():
                shutil.copyfile(file, part / KIND_FILES[kind])
        record = {
            "format_version": FORMAT_VERSION,
            "step": step,
            "kept_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "facts": masked_strings(dict(facts or {}), masked),
            "error": masked(error),
        }
        write_json(part / RECORD_FILE, record)


def keep_error(error: BaseException) -> None:
    """Keep the error that ends this step, where it runs on a cluster."""
    run, step = this_run(), this_step()
    if run is not None and step:
        keep_step(run, step, error=str(error) or type(error).__name__)
