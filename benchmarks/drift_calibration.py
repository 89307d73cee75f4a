"""How often a drift check alarms where there is no drift, and how often it finds one: ours, Evidently's and TFDV's.

`.venv-validation/bin/python -m benchmarks.drift_calibration` draws both sides of 20 mixed columns from one source,
again and again, at three sizes. Ours, the whole comparison of two files with findings of every kind counted, is held to
its promise: at a stated 5%, 2-8% of the runs have a significant finding, and at most 8% one that is more than a note.
Evidently is no dependency: it gets an environment of its own under build/, and where there is no network only ours and
TFDV's figures are printed.
"""

from collections.abc import Callable, Iterator, Mapping
import contextlib
from dataclasses import dataclass
import io
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time
from typing import Annotated

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from components.data_validation.comparison.dataset_comparison import ComparisonOptions
from components.data_validation.jobs.compare_tables import compare_tables, ComparisonPaths
from components.drift.drift_settings import DriftSettings

REPOSITORY = Path(__file__).resolve().parents[1]
EVIDENTLY_FOLDER = REPOSITORY / "build" / "evidently"
EVIDENTLY = "evidently==0.7.23"
TFDV_THRESHOLD = 0.01
CATEGORY_SIZES = (2, 5, 10, 20, 50)
SHIFTED_COLUMN = "normal_0"
MIN_SAMPLE = 50

Table = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarms:
    """Shares of runs with a finding, and the seconds one run took; peers have one key."""

    significant: float
    material: float | None = None
    run_s: float


def draw_table(num_rows: int, rng: np.random.Generator, *, shift: float = 0.0) -> Table:
    """20 columns: floats with nan, and objects with None; `shift` is added to one normal column."""
    factor = rng.normal(size=num_rows)
    table = {f"normal_{i}": rng.normal(size=num_rows) for i in range(3)}
    table |= {f"lognormal_{i}": rng.lognormal(sigma=1 + i / 2, size=num_rows) for i in range(3)}
    table |= {f"correlated_{i}": factor + (i + 1) / 2 * rng.normal(size=num_rows) for i in range(4)}
    table |= {
        f"zero_inflated_{i}": np.where(rng.random(num_rows) < 0.6 + i / 5, 0.0, rng.exponential(size=num_rows))
        for i in range(2)
    }
    table |= {f"integer_{i}": rng.poisson(2.0 * 5**i, num_rows).astype(float) for i in range(3)}
    table |= {f"category_{size}": skewed_categories(size, num_rows, rng) for size in CATEGORY_SIZES}
    table[SHIFTED_COLUMN] = table[SHIFTED_COLUMN] + shift
    table["normal_1"][rng.random(num_rows) < 0.05] = np.nan
    table["lognormal_1"][rng.random(num_rows) < 0.2] = np.nan
    table["category_5"][rng.random(num_rows) < 0.02] = None
    return table


def skewed_categories(size: int, num_rows: int, rng: np.random.Generator) -> np.ndarray:
    weights = 1.0 / np.arange(1, size + 1) ** 1.2
    names = np.array([f"value {i}" for i in range(size)], dtype=object)
    return rng.choice(names, num_rows, p=weights / weights.sum())


def as_arrow(table: Table) -> pa.Table:
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in table.items()})


def pairs(num_rows: int, repeats: int, *, shift: float = 0.0) -> Iterator[tuple[int, Table, Table]]:
    """The same pairs of tables for whoever compares them."""
    for repeat in range(repeats):
        rng = np.random.default_rng((num_rows, repeat))
        yield repeat, draw_table(num_rows, rng), draw_table(num_rows, rng, shift=shift)


def our_alarms(num_rows: int, repeats: int, rate: float, *, shift: float = 0.0) -> Alarms:
    """The whole comparison of two Parquet files, findings of every kind counted."""
    found = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):  # its progress bars
        folder = Path(name)
        for repeat, *sides in pairs(num_rows, repeats, shift=shift):
            for side, table in zip(("reference", "current"), sides, strict=True):
                pq.write_table(as_arrow(table), folder / f"{side}.parquet")
            result = compare_tables(
                reference_uri=str(folder / "reference.parquet"),
                current_uri=str(folder / "current.parquet"),
                paths=ComparisonPaths.under(folder / "out"),
                options=ComparisonOptions(
                    drift=DriftSettings(false_alarm_rate=rate, min_sample=MIN_SAMPLE, seed=repeat)
                ),
                num_processes=1,
            )
            counted = [finding for finding in result.findings if not shift or finding.column == SHIFTED_COLUMN]
            significant = [finding for finding in counted if finding.significant]
            alarmed = [finding for finding in counted if finding.severity != "note"]
            found.append((bool(significant or alarmed), bool(alarmed)))
    significant_share, alarmed_share = np.mean(found, axis=0)
    run_s = (time.perf_counter() - started) / repeats
    return Alarms(significant=significant_share, material=alarmed_share, run_s=run_s)


def tfdv_alarms(num_rows: int, repeats: int, *, shift: float = 0.0) -> Alarms:
    """Plain TFDV with drift comparators at the tutorial's threshold."""
    import tensorflow_data_validation as tfdv

    found = []
    started = time.perf_counter()
    for _, *sides in pairs(num_rows, repeats, shift=shift):
        reference, current = (tfdv.generate_statistics_from_dataframe(pd.DataFrame(side), n_jobs=1) for side in sides)
        schema = tfdv.infer_schema(reference)
        for name, values in sides[0].items():
            comparator = tfdv.get_feature(schema, name).drift_comparator
            measure = comparator.infinity_norm if values.dtype == object else comparator.jensen_shannon_divergence
            measure.threshold = TFDV_THRESHOLD
        anomalies = tfdv.validate_statistics(current, schema, previous_statistics=reference).drift_skew_info
        drifted = {
            info.path.step[0]
            for info in anomalies
            if any(measurement.value > measurement.threshold for measurement in info.drift_measurements)
        }
        found.append(SHIFTED_COLUMN in drifted if shift else bool(drifted))
    share = float(np.mean(found))
    return Alarms(significant=share, run_s=(time.perf_counter() - started) / repeats)


def evidently_python() -> Path | None:
    """The interpreter of Evidently's own environment, made where it is not there; None where that cannot be."""
    python = EVIDENTLY_FOLDER / "bin" / "python"
    installed = [str(python), "-c", "import evidently.presets"]
    try:
        if python.exists() and subprocess.run(installed, capture_output=True).returncode == 0:
            return python
        subprocess.run([sys.executable, "-m", "venv", str(EVIDENTLY_FOLDER)], check=True, capture_output=True)
        install = [str(python), "-m", "pip", "install", "--quiet", EVIDENTLY, "pandas<3"]
        subprocess.run(install, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"Evidently could not be installed, so its figures are left out: {error}")
        return None
    return python


def evidently_alarms(python: Path, num_rows: int, repeats: int, *, shift: float = 0.0) -> Alarms:
    """Evidently's preset at its defaults, on the same tables as CSV files."""
    with tempfile.TemporaryDirectory() as folder:
        for repeat, *sides in pairs(num_rows, repeats, shift=shift):
            for side, table in zip(("reference", "current"), sides, strict=True):
                pd.DataFrame(table).to_csv(Path(folder) / f"{side}-{repeat}.csv", index=False)
        output = subprocess.run(
            [str(python), "-W", "ignore", str(REPOSITORY / "benchmarks" / "evidently_preset.py"), folder],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DO_NOT_TRACK": "1"},
        ).stdout
    result = json.loads(output.splitlines()[-1])
    found = [SHIFTED_COLUMN in drifted if shift else bool(drifted) for drifted in result["drifted"]]
    if len(found) != repeats:
        raise RuntimeError(f"void: Evidently compared {len(found)} pairs of {repeats}")
    share = float(np.mean(found))
    return Alarms(significant=share, run_s=result["elapsed_s"] / repeats)


def print_row(name: str, num_rows: int, repeats: int, alarms: Alarms) -> None:
    both_keys = "" if alarms.material is None else f"{alarms.material:.1%}"
    print(
        f"{name:<28} {num_rows:6d} {repeats:8d} {alarms.significant:8.1%} {both_keys:>10} {alarms.run_s:10.3f}",
        flush=True,
    )


def print_head(title: str) -> None:
    print(f"\n{title}\n{'':<28} {'rows':>6} {'repeats':>8} {'alarm':>8} {'both keys':>10} {'s a run':>10}")


def print_peers(python: Path | None, num_rows: int, repeats: int, *, shift: float = 0.0) -> None:
    peers: list[tuple[str, Callable[[], Alarms]]] = [
        (f"TFDV at {TFDV_THRESHOLD}", lambda: tfdv_alarms(num_rows, repeats, shift=shift))
    ]
    if python is not None:
        peers.insert(0, ("Evidently's preset", lambda: evidently_alarms(python, num_rows, repeats, shift=shift)))
    for name, alarms in peers:
        print_row(name, num_rows, repeats, alarms())


def main(
    repeats: Annotated[int, typer.Option(help="No-drift runs of ours at each size.", min=1)] = 500,
    peer_repeats: Annotated[int, typer.Option(help="Runs of the others, which cost more; 0 for none.", min=0)] = 20,
    power_repeats: Annotated[int, typer.Option(help="Runs with one shifted column.", min=1)] = 200,
    false_alarm_rate: Annotated[
        float, typer.Option(help="The stated rate, of which a fifth goes to the exact tests.")
    ] = 0.05,
    sizes: Annotated[list[int] | None, typer.Option(help="Rows a side.")] = None,
) -> None:
    """Measure false alarms and power, ours beside Evidently's and TFDV's."""
    python = evidently_python() if peer_repeats else None
    print_head(f"No drift: share of runs with any alarm (ours: {false_alarm_rate:.0%} stated)")
    for num_rows in sizes or (100, 500, 5000):
        print_row("ours", num_rows, repeats, our_alarms(num_rows, repeats, false_alarm_rate))
        if peer_repeats:
            print_peers(python, num_rows, peer_repeats)
    print_head("One column of 20 shifted by 0.5 standard deviations: share of runs that name it")
    print_row("ours", 500, power_repeats, our_alarms(500, power_repeats, false_alarm_rate, shift=0.5))
    if peer_repeats:
        print_peers(python, 500, peer_repeats, shift=0.5)


if __name__ == "__main__":
    typer.run(main)
