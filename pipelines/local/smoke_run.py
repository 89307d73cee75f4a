"""The whole training pipeline on mock data, one run a modality, side by side: what CI runs with no real data."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import os
from pathlib import Path
import subprocess
import sys
import threading

from components.shared.contracts.problem import Modality

MODALITIES: tuple[Modality, ...] = ("image", "text", "tabular")
_SOURCES = {"image": "images"}
_TABLE = "table.parquet"


@dataclass(frozen=True, kw_only=True, slots=True)
class SmokeRun:
    """One run: its modality, its folder, and whether every gate let the model through."""

    modality: Modality
    folder: Path
    passed: bool


def chosen_modalities(names: Sequence[str]) -> tuple[Modality, ...]:
    """Modalities by name, each once; all of them where none is named."""
    unknown = [name for name in names if name not in MODALITIES]
    if unknown:
        raise ValueError(f"modality must be one of {', '.join(MODALITIES)}, got {unknown[0]!r}")
    return tuple(modality for modality in MODALITIES if not names or modality in names)


def smoke_runs(modalities: Sequence[Modality], folder: Path, *, num_examples: int, seed: int) -> list[SmokeRun]:
    """Make mock data of each modality, and run the compiled training pipeline on them with the recipe `smoke`.

    A smoke run asks nothing of the models' accuracy. Every run is a process of its own, with one thread for arithmetic:
    side by side they fill the cores, where one alone mostly waits for its steps to import their libraries.
    """
    printing = threading.Lock()

    def one(modality: Modality) -> SmokeRun:
        made, run = folder / modality / "source", folder / modality
        source, problem = made / _SOURCES.get(modality, _TABLE), made / "problem.yaml"
        wanted = ["--builtin", modality, "--num-examples", str(num_examples), "--seed", str(seed)]
        if _relayed(["components.mock_data", "make", *wanted, "--output", str(made)], modality, printing):
            return SmokeRun(modality=modality, folder=run, passed=False)
        data = ["--dataset", str(source), "--problem", str(problem), "--run-dir", str(run)]
        code = _relayed(["pipelines", "run", *data, "--recipe", "smoke", "--seed", str(seed)], modality, printing)
        return SmokeRun(modality=modality, folder=run, passed=code == 0)

    with ThreadPoolExecutor(max_workers=len(modalities)) as pool:
        return list(pool.map(one, modalities))


def _relayed(module_and_arguments: Sequence[str], modality: str, printing: threading.Lock) -> int:
    """Run one of this project's commands, its lines with the modality before them; returns its exit status."""
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", *module_and_arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                with printing:
                    sys.stdout.write(f"{modality:<8}{line.rstrip()}\n")
                    sys.stdout.flush()
        return process.wait()
