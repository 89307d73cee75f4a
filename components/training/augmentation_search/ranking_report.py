"""The report of a search among augmentation policies."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.reporting.page import Cell, Report
from components.training.augmentation_search.ranking import Interval, RankedAugmentationPolicy, Ranking
from components.training.augmentation_search.trials import TrialResult


def ranking_report(ranked: Ranking, results: Mapping[str, Sequence[TrialResult]]) -> Report:
    """The search's report, from the ranking and every policy's trials: winner, ranked table with intervals, trials."""
    first = next(iter(results.values()))[0]
    metric, num_rows = first.trial.metric, len(first.scores)
    report = Report("Augmentation search", subtitle="Short trainings with the same budget, repeated with other seeds.")
    report.verdict(True, ranked.reason)
    report.facts(
        {
            "policy to train with": ranked.winner,
            "policies": len(results),
            "trainings each": len(results[first.trial.name]),
            "epochs each": first.trial.epochs,
            "validation examples": num_rows,
        }
    )
    report.heading("Ranking")
    report.table(
        ["place", "policy", f"mean {_shown(metric)}", "95% interval", "behind the first", "interval", "told apart"],
        [_row(place, policy) for place, policy in enumerate(ranked.policies, start=1)],
        caption="Intervals count both other seeds and other validation examples. Those of the differences hold for all "
        "pairs together: a policy is told from the first where its interval lies above 0.",
    )
    report.heading("Trainings")
    report.table(
        ["policy", "accuracy", "lowest", "highest", "log loss", "seconds each"],
        [_trials_row(name, trials) for name, trials in results.items()],
    )
    return report


def _row(place: int, policy: RankedAugmentationPolicy) -> list[Cell]:
    told = "first" if place == 1 else "no" if policy.is_tied else "yes, worse"
    lag = policy.behind
    behind: list[Cell] = ["", ""] if place == 1 else [round(lag.mean, 4), _range(lag)]
    return [place, policy.name, round(policy.score.mean, 4), _range(policy.score), *behind, told]


def _trials_row(name: str, trials: Sequence[TrialResult]) -> list[Cell]:
    accuracies = [trial.accuracy for trial in trials]
    return [
        name,
        round(float(np.mean(accuracies)), 4),
        round(min(accuracies), 4),
        round(max(accuracies), 4),
        round(float(np.mean([trial.log_loss for trial in trials])), 4),
        round(float(np.mean([trial.duration_s for trial in trials])), 1),
    ]


def _range(interval: Interval) -> str:
    return f"{interval.low:.4f} to {interval.high:.4f}"


def _shown(metric: str) -> str:
    return "accuracy" if metric == "accuracy" else "log probability of the label"
