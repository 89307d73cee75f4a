"""What a way of choosing would have saved: rounds of labelling with an oracle, on examples that are labelled."""

from dataclasses import dataclass
import logging
import math
from pathlib import Path

from components.active_learning.rounds.comparison import compared_rounds, RoundsComparison
from components.active_learning.rounds.labelled_rows import read_labelled_rows
from components.active_learning.rounds.report import rounds_report
from components.active_learning.rounds.simulated_rounds import RoundsSettings
from components.active_learning.selection.budget import BatchSettings, shares_from
from components.modeling.gpu.devices import choose_device
from components.shared.contracts.example_table import ExampleTable
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.json_values import without_nan
from components.shared.runtime.progress import progress
from components.shared.runtime.step_record import keep_results, this_step

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulationResult:
    """Outcome of `simulate_labelling`: what the curves say, in a sentence, and what the KFP UI shows."""

    verdict: str
    advice: str
    metrics: dict[str, float]


def simulate_labelling(
    *,
    examples_path: str | Path,
    rounds_path: str | Path,
    report_path: str | Path,
    metrics_path: str | Path,
    start_labels: int = 200,
    budget: int = 2000,
    batch: int = 100,
    num_seeds: int = 10,
    seed: int = 0,
    strategies: str = "",
    price_a_label: float | None = None,
    value_a_point: float | None = None,
    device: str = "auto",
) -> SimulationResult:
    """Buy labels in rounds from an oracle, by a strategy and at random, with the cheap model of the modality.

    Parameters
    ----------
    examples_path
        An example table of classes: the labels of its training rows are the oracle, its test rows the judge. Only
        labels that people gave count.
    rounds_path, report_path, metrics_path
        Files to write: the curves (JSON), the report (HTML), and what the KFP UI shows (JSON).
    start_labels, budget, batch
        Labels at the start, at the end (those of the start included), and a round.
    num_seeds, seed
        Runs of each side, and the first of their seeds.
    strategies
        As of `select_examples`; mutual information is not known of cheap models.
    price_a_label, value_a_point
        Of one label, and of a point of accuracy, in one currency; None where not known.
    device
        `auto`, `cpu` or `cuda`: where features of photos are computed.

    Raises
    ------
    FileNotFoundError
        If the table is not there.
    ValueError
        If the label is a number, rows or seeds are too few, or the strategies cannot be had.
    """
    settings = RoundsSettings(start_labels=start_labels, budget=budget, batch=batch)
    shares = BatchSettings(budget=batch, shares=shares_from(strategies)).shares
    if shares.get("mutual_information"):
        raise ValueError("strategies must do without mutual_information here: a cheap model has none; choose by margin")
    if num_seeds < 1:
        raise ValueError(f"num_seeds must be at least 1, got {num_seeds}")
    rows = read_labelled_rows(ExampleTable(examples_path), device=choose_device(device))
    with progress(tuple[int, ...](), label="buying labels", total=2 * num_seeds, unit="run") as bar:
        found = compared_rounds(
            rows,
            shares,
            settings,
            seeds=range(seed, seed + num_seeds),
            price_a_label=price_a_label,
            value_a_point=value_a_point,
            told=lambda: bar.update(1),
        )
    metrics = _metrics(found)
    told = {"format_version": FORMAT_VERSION, "model": rows.model_name, **found.to_dict()}
    write_json(rounds_path, without_nan(told))
    write_json(metrics_path, metrics)
    report = rounds_report(found, model_name=rows.model_name, num_train=len(rows), num_test=len(rows.test_labels))
    report.write(report_path)
    keep_results(this_step(), {"metrics": metrics_path, "report": report_path})
    logger.info("%s", found.verdict)
    return SimulationResult(verdict=found.verdict, advice=found.next_batch.reason, metrics=metrics)


def _metrics(found: RoundsComparison) -> dict[str, float]:
    """Those that are defined."""
    metrics = {
        "accuracy": float(found.chosen[:, -1].mean()),
        "accuracy_random": float(found.at_random[:, -1].mean()),
        "label_ratio": found.ratio.ratio,
        "label_ratio_high": found.ratio.high,
        "gain_next_batch": found.next_batch.gain.mean,
    }
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
