"""Ranks the augmentation policies of a search by its trials, and writes the winner into the problem file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from components.shared.contracts.problem import PROBLEM_FILE, problem_from
from components.shared.runtime.atomic_files import write_json, write_text
from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings_text import settings_yaml, written_settings
from components.shared.runtime.step_record import keep_results, this_step
from components.training.augmentation_search.ranking import Ranking, ranking
from components.training.augmentation_search.ranking_report import ranking_report
from components.training.augmentation_search.trials import choice_of, read_trial_result, SearchMetric, TrialResult

RANKING_CONTRACT = "policy_ranking"
_FORMAT_VERSION = 1
_BOUNDS: dict[SearchMetric, tuple[float, float]] = {"accuracy": (0.0, 1.0), "log_loss": (-np.inf, 0.0)}


class Artifact(Protocol):
    """What kfp hands over for a file."""

    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedSearch:
    """The augmentation policy to train with, why, and the text of the problem file that says so."""

    winner: str
    reason: str
    problem: str


def rank_augmentation_policies(
    *,
    results: Sequence[str | Path | Artifact],
    problem: str,
    report_path: str | Path,
    ranking_path: str | Path,
    problem_path: str | Path,
) -> RankedSearch:
    """Rank the augmentation policies of a search.

    Parameters
    ----------
    results
        The trials' results: files, or artifacts that have a `path`, as a loop's outputs come.
    problem
        The problem file's text; empty where everything is inferred.
    report_path, ranking_path, problem_path
        Files, written: the report, the ranking as JSON, and the problem file with the winner as its
        `preparation.augmentation`.

    Raises
    ------
    ContractError
        If the trials do not belong together: other seeds or other rows for one of the augmentation policies.
    """
    files = [result if isinstance(result, str | Path) else result.path for result in results]
    tried = sorted(map(read_trial_result, files), key=lambda result: result.trial.seed)
    by_policy = _by_policy(tried)
    scores = {name: np.array([result.scores for result in trials]) for name, trials in by_policy.items()}
    first = tried[0].trial
    ranked = ranking(scores, kept=first.name, bounds=_BOUNDS[first.metric])
    chosen = with_augmentation_policy(problem, choice_of(by_policy[ranked.winner][0].trial))
    write_json(Path(ranking_path), _described(ranked, by_policy))
    write_text(Path(problem_path), chosen)
    ranking_report(ranked, by_policy).write(report_path)
    keep_results(this_step(), {"report": report_path, "ranking": ranking_path, "problem_file": problem_path})
    return RankedSearch(winner=ranked.winner, reason=ranked.reason, problem=chosen)


def with_augmentation_policy(problem: str, policy: Any) -> str:
    """A problem file's text (YAML, JSON or empty) with another augmentation policy, a name or its content."""
    written = written_settings(problem, where=PROBLEM_FILE)
    problem_from(written)
    content = dict(written.content or {})
    content["preparation"] = {**(content.get("preparation") or {}), "augmentation": policy}
    return settings_yaml(content)


def _by_policy(results: Sequence[TrialResult]) -> dict[str, list[TrialResult]]:
    """Results of each policy, in the order of the seeds; policies in the order of the plan."""
    by_policy: dict[str, list[TrialResult]] = {}
    for result in results:
        by_policy.setdefault(result.trial.name, []).append(result)
    seeds = {name: [result.trial.seed for result in trials] for name, trials in by_policy.items()}
    sizes = {len(result.scores) for result in results}
    first = next(iter(seeds.values()), [])
    if len(sizes) != 1 or any(of_policy != first for of_policy in seeds.values()):
        raise ContractError(
            f"every policy must have been tried with the same seeds on the same rows, got seeds {seeds} and "
            f"{sorted(sizes)} rows"
        )
    return by_policy


def _described(ranked: Ranking, by_policy: dict[str, list[TrialResult]]) -> dict[str, Any]:
    return {
        "contract": RANKING_CONTRACT,
        "format_version": _FORMAT_VERSION,
        "metric": next(iter(by_policy.values()))[0].trial.metric,
        **asdict(ranked),
        "content": {name: trials[0].trial.policy for name, trials in by_policy.items()},
    }
