"""Runs of the training pipeline that tests share: by command, and on a small folder of pictures."""

from collections.abc import Callable, Iterator
import contextlib
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

import numpy as np
from PIL import Image
from typer.testing import CliRunner, Result

from pipelines.__main__ import app

MINUTES_10 = 600
NUM_PER_CLASS = 100


def run(source: Path, run_dir: Path, *options: str) -> Result:
    """Run the pipeline in this process."""
    arguments = ["run", "--dataset", str(source), "--run-dir", str(run_dir), *options]
    return CliRunner().invoke(app, arguments)


def summary_of(run_dir: Path) -> dict[str, Any]:
    """What a run has left for programs."""
    summary: dict[str, Any] = json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
    return summary


@contextlib.contextmanager
def real_run(repository: Path, source: Path, run_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run the pipeline in a process of its own, which is killed where the block ends."""
    command = [sys.executable, "-m", "pipelines", "run", "--dataset", str(source), "--run-dir", str(run_dir)]
    environment = {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"}
    with subprocess.Popen(
        command, cwd=repository, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as runner:
        try:
            yield runner
        finally:
            runner.kill()


def write_pictures(folder: Path, stripes: Callable[..., np.ndarray], *, num_per_class: int = NUM_PER_CLASS) -> Path:
    """A folder a class of striped pictures."""
    for label, name in enumerate(("across", "down")):
        (folder / name).mkdir(parents=True)
        for seed in range(num_per_class):
            Image.fromarray(stripes(label, seed)).save(folder / name / f"{seed:03d}.png")
    return folder
