"""Comparing a scored model with the champion of its name, on the same examples."""

from dataclasses import asdict, dataclass
import logging
from pathlib import Path
import tempfile
from typing import Any, TYPE_CHECKING

import numpy as np

from components.model_analysis.champion.report import champion_report, ChampionReportContent
from components.model_analysis.gate.champion_comparison import (
    ChampionComparison,
    compared_with_champion,
    MIN_SLICE_EXAMPLES,
)
from components.model_analysis.gate.champion_gate import (
    ComparedRows,
    judge_against_champion,
    no_baseline,
    nothing_to_compare,
)
from components.model_analysis.gate.smoke_gate import judge_smoke, SMOKE_RECIPE
from components.shared.contracts.bundle_fetch import fetch_bundle
from components.shared.contracts.champion import read_champion
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.releases import check_release, open_releases
from components.shared.contracts.target_spec import parse_target, TargetSpec
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime.atomic_files import write_json

if TYPE_CHECKING:
    from components.model_analysis.champion.paired_answers import PairedAnswers

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionResult:
    """Outcome of `compare_with_champion`.

    Attributes
    ----------
    passed, reason
        The gate's decision.
    champion
        The version that was compared with; empty where there is no baseline.
    metrics
        What the KFP UI shows; empty where there is no baseline.
    """

    passed: bool
    reason: str
    champion: str
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Compared:
    """A verdict with what it rests on; None where there is no baseline, or nothing to compare."""

    verdict: Verdict
    champion: str = ""
    rows: ComparedRows | None = None
    comparison: ChampionComparison | None = None
    only_champion_right: tuple[str, ...] = ()


def compare_with_champion(
    *,
    examples_path: str | Path,
    predictions_path: str | Path,
    model_name: str,
    model_root: str,
    target: TargetSpec | str,
    comparison_path: str | Path,
    report_path: str | Path,
    verdict_path: str | Path,
    metrics_path: str | Path,
    recipe: str = "",
    device: str = "auto",
    min_slice_examples: int = MIN_SLICE_EXAMPLES,
) -> ChampionResult:
    """Decide whether a model is good enough to take the champion's place.

    Parameters
    ----------
    examples_path
        The example table that the model was evaluated on; the champion answers the same test examples.
    predictions_path
        The model's predictions table, as `evaluate_model` wrote it.
    model_name, model_root
        Where the champion is looked for; see `open_releases`.
    target
        Its metric, margin and `strict`; also as the JSON that `parse_target` reads.
    comparison_path, report_path, verdict_path, metrics_path
        Files to write: every comparison (JSON), the report (HTML), the verdict, and what the KFP UI shows (JSON).
    recipe
        How the model was trained: a `smoke` run is compared, and not refused.
    device
        `auto`, `cpu` or `cuda`.
    min_slice_examples
        Slices of fewer test examples are too small to judge.

    Returns
    -------
    ChampionResult
        A model that is worse is a result with `passed` False, not an error.

    Raises
    ------
    FileNotFoundError
        If a table, or the release that the champion pointer names, is not there.
    ValueError
        If a table or the release is damaged, the name, the root or the target cannot be used, or the store cannot be
        read.
    """
    asked = parse_target(target) if isinstance(target, str) else target
    examples, table = ExampleTable(examples_path), PredictionsTable(predictions_path)
    asked = asked.for_task(is_regression=table.is_regression)
    found = _compared(examples, table, asked, model_name, model_root, device, min_slice_examples)
    verdict = found.verdict
    if recipe == SMOKE_RECIPE and found.rows is not None:
        verdict = judge_smoke(verdict, num_examples=table.num_rows)
    metrics = _metrics(found)
    write_json(comparison_path, _comparison_json(found, asked))
    content = ChampionReportContent(
        verdict=verdict,
        model_name=model_name,
        champion=found.champion,
        rows=found.rows,
        comparison=found.comparison,
        only_champion_right=found.only_champion_right,
    )
    champion_report(content).write(report_path)
    write_json(metrics_path, metrics)
    write_verdict(verdict_path, verdict)
    logger.info("%s: %s", "passed" if verdict.passed else "failed", verdict.reason)
    return ChampionResult(passed=verdict.passed, reason=verdict.reason, champion=found.champion, metrics=metrics)


def _compared(
    examples: ExampleTable,
    table: PredictionsTable,
    target: TargetSpec,
    model_name: str,
    model_root: str,
    device: str,
    min_slice_examples: int,
) -> _Compared:
    releases = open_releases(model_root, model_name)
    champion = read_champion(releases)
    if champion is None:
        return _Compared(verdict=no_baseline(f"{model_name} has no champion yet"))
    check_release(releases, champion.version)
    # A first model has no champion, and does not wait for torch.
    from components.model_analysis.champion.answers import champion_answers, NotComparableError

    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "champion"
        fetch_bundle(releases.uri_of(champion.version), bundle)
        try:
            answers = champion_answers(examples, table, bundle, target, device=device)
        except NotComparableError as error:
            return _Compared(verdict=no_baseline(f"the champion {champion.version} {error}"))
    return _judged(answers, target, champion.version, min_slice_examples)


def _judged(answers: "PairedAnswers", target: TargetSpec, champion: str, min_slice_examples: int) -> _Compared:
    rows = answers.counts
    if answers.why_none:
        return _Compared(verdict=no_baseline(answers.why_none), champion=champion, rows=rows)
    if not rows.num_compared:
        return _Compared(verdict=nothing_to_compare(rows, champion), champion=champion, rows=rows)
    comparison = compared_with_champion(
        answers.pair, target, slices=answers.slices, min_slice_examples=min_slice_examples
    )
    return _Compared(
        verdict=judge_against_champion(comparison, target, champion=champion, rows=rows),
        champion=champion,
        rows=rows,
        comparison=comparison,
        only_champion_right=answers.only_champion_right(),
    )


def _metrics(found: _Compared) -> dict[str, float]:
    if found.comparison is None or found.rows is None:
        return {}
    overall = found.comparison.overall
    named = {
        "challenger": overall.found.challenger,
        "champion": overall.found.champion,
        "difference": overall.found.difference,
        "difference_low": overall.found.low,
        "difference_high": overall.found.high,
        "smallest_detectable_difference": overall.detectable,
        "num_compared": float(found.rows.num_compared),
    }
    return {name: value for name, value in named.items() if np.isfinite(value)}


def _comparison_json(found: _Compared, target: TargetSpec) -> dict[str, Any]:
    compared = found.comparison
    return {
        "format_version": FORMAT_VERSION,
        "champion": found.champion or None,
        "passed": found.verdict.passed,
        "reason": found.verdict.reason,
        "target": asdict(target),
        "examples": None if found.rows is None else asdict(found.rows),
        "overall": None if compared is None else compared.overall.to_json(),
        "slices": [] if compared is None else [item.to_json() for item in compared.slices],
        "too_small_to_judge": {} if compared is None else compared.too_small,
    }
