"""Evidently's DataDriftPreset at its defaults on pairs of CSV files: what `drift_calibration` runs in its environment.

`python evidently_preset.py FOLDER` prints one line of JSON: the drifted columns of each pair, and the seconds it took.
"""

from collections.abc import Mapping
import json
from pathlib import Path
import sys
import time
from typing import Any

from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
import pandas as pd


def drifted_columns(reference: pd.DataFrame, current: pd.DataFrame) -> list[str]:
    numbers = list(reference.select_dtypes("number").columns)
    categories = [name for name in reference.columns if name not in numbers]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    sides = [Dataset.from_pandas(side, data_definition=definition) for side in (current, reference)]
    metrics = Report([DataDriftPreset()]).run(*sides).dict()["metrics"]
    columns = [metric for metric in metrics if metric["config"]["type"].endswith(":ValueDrift")]
    drifted = [metric["config"]["column"] for metric in columns if is_drifted(metric)]
    (count,) = (metric["value"]["count"] for metric in metrics if "DriftedColumnsCount" in metric["metric_name"])
    if len(drifted) != count or len(columns) != reference.shape[1]:
        raise RuntimeError(f"void: {len(drifted)} drifted columns were read from a report that counts {count}")
    return drifted


def is_drifted(metric: Mapping[str, Any]) -> bool:
    """Whether Evidently calls a column drifted: a p-value below the threshold, or a distance from it on."""
    value, threshold = metric["value"], metric["config"]["threshold"]
    return value < threshold if "p_value" in metric["config"]["method"] else value >= threshold


def main() -> None:
    folder = Path(sys.argv[1])
    drifted = []
    elapsed_s = 0.0
    for path in sorted(folder.glob("reference-*.csv")):
        sides = pd.read_csv(path), pd.read_csv(path.with_name(path.name.replace("reference", "current")))
        started = time.perf_counter()
        drifted.append(drifted_columns(*sides))
        elapsed_s += time.perf_counter() - started
    print(json.dumps({"drifted": drifted, "elapsed_s": elapsed_s}))


if __name__ == "__main__":
    main()
