"""What statistics and calibrated drift of two large tables cost beside pyarrow's basic statistics of the same two.

Prints time, processor time of all processes, memory and the gain of a second process, all measured in one run after
imports: `.venv-validation/bin/python -m benchmarks.validation_speed`. What comes out is checked before times are read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
import json
from pathlib import Path
import resource
from statistics import median
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from components.data_validation.comparison.drift_features import binned_features, joint_vectors
from components.data_validation.statistics.feature_summaries import feature_summaries
from components.data_validation.statistics.profile import profile_table, TableProfile
from components.data_validation.tables.arrow_lists import column_kind, ExaminedColumn
from components.data_validation.tables.source_opening import open_table
from components.drift.comparison import compare_features

FOLDER = Path("build/validation-speed")
NUM_ROWS = 1_000_000
ROUNDS = 5
DRIFTED = "n1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Medians over the rounds: wall clock and processor time of all processes, in seconds."""

    wall_s: float
    cpu_s: float


def table_of(num_rows: int, *, seed: int, shift: float = 0.0) -> pa.Table:
    """Eight columns of numbers, one with missing values and one shifted, and two of texts."""
    rng = np.random.default_rng(seed)
    columns = {
        "n0": pa.array(rng.normal(size=num_rows), mask=rng.random(num_rows) < 0.03),
        DRIFTED: rng.lognormal(1.0 + shift, 1.0, num_rows),
        "n2": rng.integers(0, 1000, num_rows),
        "n3": rng.normal(50.0, 10.0, num_rows),
        "n4": rng.exponential(size=num_rows),
        "n5": rng.integers(0, 24, num_rows),
        "n6": rng.uniform(size=num_rows),
        "n7": np.where(rng.random(num_rows) < 0.4, 0.0, rng.gamma(2.0, size=num_rows)),
        "s0": pa.array([f"kind-{k}" for k in range(8)]).take(pa.array(rng.integers(0, 8, num_rows))),
        "s1": pa.array([f"city-{k:04d}" for k in range(500)]).take(pa.array(rng.integers(0, 500, num_rows))),
    }
    return pa.table(columns)


def write_tables() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, shift in (("reference", 0.0), ("current", 0.2)):
        table = table_of(NUM_ROWS, seed=len(name), shift=shift)
        pq.write_table(table, FOLDER / f"{name}.parquet", row_group_size=131_072)
        pa_csv.write_csv(table, FOLDER / f"{name}.csv")
    with pq.ParquetWriter(FOLDER / "four.parquet", table.schema) as writer:
        for seed in range(4):
            writer.write_table(table_of(NUM_ROWS, seed=seed), row_group_size=131_072)


def basic_statistics(table: pa.Table) -> dict[str, tuple[Any, ...]]:
    """What `describe` and `value_counts` say, by pyarrow."""
    found: dict[str, tuple[Any, ...]] = {}
    for name, column in zip(table.schema.names, table.columns, strict=True):
        counts = pc.count(column).as_py(), column.null_count
        if pa.types.is_string(column.type):
            found[name] = (*counts, pc.value_counts(column))
        else:
            quantiles = pc.tdigest(column, q=[step / 10 for step in range(11)])
            found[name] = (*counts, pc.min_max(column), pc.mean(column).as_py(), pc.stddev(column), quantiles)
    return found


def pyarrow_side(suffix: str) -> list[dict[str, tuple[Any, ...]]]:
    read = {"parquet": pq.read_table, "csv": pa_csv.read_csv}[suffix]
    return [basic_statistics(read(FOLDER / f"{name}.{suffix}")) for name in ("reference", "current")]


def our_profile(path: Path, num_processes: int | None = None) -> TableProfile:
    source = open_table(str(path))
    columns = [
        ExaminedColumn(name=field.name, role="feature", kind=column_kind(field.type) or "category")
        for field in source.schema
    ]
    return profile_table(source, columns, num_processes=num_processes)


def our_side(suffix: str) -> list[TableProfile]:
    """Statistics of both tables and their calibrated comparison; void where the planted drift is not found, alone."""
    profiles = [our_profile(FOLDER / f"{name}.{suffix}") for name in ("reference", "current")]
    features = binned_features(
        profiles[0].sample,
        profiles[1].sample,
        reference_columns=profiles[0].columns,
        current_columns=profiles[1].columns,
    )
    compared = compare_features(features, joint=joint_vectors(features, profiles[0].columns))
    alarms = [name for name, found in compared.features.items() if found.significant and found.material]
    if alarms != [DRIFTED]:
        raise RuntimeError(f"void: drift was planted in {DRIFTED} alone, and found in {alarms}")
    return profiles


def cost_of(works: Sequence[Callable[[], object]], rounds: int = ROUNDS) -> list[Cost]:
    """Costs of several works, done in turns so that what else the machine does falls on all of them."""
    costs: list[list[tuple[float, float]]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, found in zip(works, costs, strict=True):
            started, cpu_started = time.perf_counter(), cpu_s()
            work()
            if number:  # the first round warms up
                found.append((time.perf_counter() - started, cpu_s() - cpu_started))
    return [Cost(wall_s=median(wall for wall, _ in found), cpu_s=median(cpu for _, cpu in found)) for found in costs]


def cpu_s() -> float:
    """Processor time of this process and of those it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def check_outputs(suffix: str) -> None:
    """Void where the two disagree on counts or means."""
    for profile, peer in zip(our_side(suffix), pyarrow_side(suffix), strict=True):
        for name, summary in feature_summaries(profile.statistics).items():
            present, missing = peer[name][:2]
            same = (summary.num_examples - summary.num_missing, summary.num_missing) == (present, missing)
            if summary.value_counts:
                same &= summary.num_unique == len(peer[name][2])
            else:
                same &= bool(np.isclose(summary.mean, peer[name][3]))
            if not same:
                raise RuntimeError(f"void: statistics of {name} in the {suffix} tables differ from pyarrow's")


def peak_mib(path: Path) -> tuple[float, float]:
    """Memory of a fresh process that profiles a table: after its imports, and at its peak."""
    command = [sys.executable, "-m", "benchmarks.validation_speed", "--peak", str(path)]
    return tuple(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def print_peak(path: Path) -> None:
    imported = own_peak_mib()
    if our_profile(path, num_processes=1).num_rows % NUM_ROWS:
        raise RuntimeError("void: rows are missing")
    print(json.dumps([imported, own_peak_mib()]))


def own_peak_mib() -> float:
    """Peak of this process alone: what `getrusage` says begins with the memory of the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    write_tables()
    print(f"two tables of {NUM_ROWS:,} rows, 8 columns of numbers and 2 of texts; medians of {ROUNDS} rounds")
    for suffix, bar in (("parquet", 3.0), ("csv", 3.0)):
        check_outputs(suffix)
        peer, ours = cost_of([partial(pyarrow_side, suffix), partial(our_side, suffix)])
        print(f"{suffix:8} pyarrow, basic statistics     {peer.wall_s:6.2f} s {peer.cpu_s:6.2f} CPU-s")
        print(f"{suffix:8} statistics, calibrated drift  {ours.wall_s:6.2f} s {ours.cpu_s:6.2f} CPU-s")
        print(f"{suffix:8} ratio {ours.wall_s / peer.wall_s:.2f} wall, {ours.cpu_s / peer.cpu_s:.2f} CPU (bar {bar})")
    one, two = cost_of([partial(our_profile, FOLDER / "four.parquet", n) for n in (1, 2)], rounds=3)
    print(f"4M rows  one process {one.wall_s:.2f} s, two {two.wall_s:.2f} s: {one.wall_s / two.wall_s:.2f} (bar 1.6)")
    print(f"4M rows  one process {one.cpu_s:.2f} CPU-s, two {two.cpu_s:.2f} CPU-s")
    small, large = (peak_mib(FOLDER / f"{name}.parquet") for name in ("reference", "four"))
    print(f"memory   1M rows {small[1]:.0f} MiB, 4M rows {large[1]:.0f} MiB: {large[1] / small[1]:.2f} (bar 1.2)")
    print(f"memory   of which {small[0]:.0f} MiB are there once everything is imported")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print_peak(Path(sys.argv[2]))
    else:
        main()
