"""Smoke-tests a training: checks, forecast and budget, before it is paid for."""

from collections.abc import Sequence
from dataclasses import dataclass
import logging
from pathlib import Path
import tempfile
import time

from components.modeling.gpu.devices import choose_device
from components.modeling.gpu.preflight import gpu_preflight
from components.shared.contracts.asked_classes import parse_asked_classes
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.verdict import Finding, Verdict, write_verdict
from components.shared.feature_store.store import FeatureStore
from components.shared.runtime.atomic_files import write_json
from components.training.cost.budget import budget_lines, parse_budget
from components.training.cost.forecast import Forecast, write_forecast
from components.training.cost.forecast_measurement import forecast_training
from components.training.cost.forecast_text import shown_duration
from components.training.smoke.analysis_check import analysis_check
from components.training.smoke.check import failed, holds, SmokeCheck
from components.training.smoke.report import smoke_report
from components.training.smoke.subject import Subject
from components.training.smoke.suite import smoke_checks
from components.training.training_config import TrainingConfig
from components.training.training_run import configured

logger = logging.getLogger(__name__)

_FORECAST = "the full run is forecast"


@dataclass(frozen=True, kw_only=True, slots=True)
class SmokePaths:
    """What a smoke test reads, and the files that it writes.

    Attributes
    ----------
    features
        The feature store.
    examples
        The example table that it was built from; None leaves out what is compared with it.
    report, verdict, metrics, forecast
        HTML and three JSON files, written.
    """

    features: str | Path
    examples: str | Path | None
    report: str | Path
    verdict: str | Path
    metrics: str | Path
    forecast: str | Path


@dataclass(frozen=True, kw_only=True, slots=True)
class SmokeResult:
    """Whether the smoke test passed, why, and how long it took (seconds)."""

    passed: bool
    reason: str
    duration_s: float


def smoke_test(
    paths: SmokePaths,
    *,
    recipe: str,
    training: str,
    budget: str,
    seed: int,
    device: str = "auto",
    asked_classes: str = "",
) -> SmokeResult:
    """Check a training on a tiny sample, forecast what the whole of it takes, and say whether it may be paid for.

    Parameters
    ----------
    paths
        What is read and written.
    recipe
        The recipe of the full run.
    training
        JSON: what the problem file changes of it; empty for nothing.
    budget
        JSON: what the training may take, as the problem file says; empty for no limit.
    seed
        The run's seed.
    device
        `auto`, `cpu` or `cuda`.
    asked_classes
        JSON: the classes that the problem file names for the analysis; empty for none.

    Raises
    ------
    ValueError
        If recipe, settings, budget, device or asked classes are unknown.
    """
    began = time.monotonic()
    store = FeatureStore(paths.features)
    config = configured(store, recipe, training)
    limits = parse_budget(budget)
    asked = parse_asked_classes(asked_classes)
    # A GPU that was asked for is checked first.
    checks = _gpu_checks() if device == "cuda" else []
    forecast = None
    if not _findings(checks):
        table = None if paths.examples is None else ExampleTable(paths.examples)
        more, forecast = _checked(store, config, seed, device, table)
        checks += [analysis_check(store.class_names, asked), *more]
    lines = [] if forecast is None else budget_lines(forecast, limits)
    verdict = _verdict(checks, [line.finding for line in lines if line.finding is not None])
    duration_s = round(time.monotonic() - began, 2)
    report = smoke_report(checks, verdict, config, forecast=forecast, budget=limits, lines=lines, duration_s=duration_s)
    report.write(paths.report)
    write_verdict(paths.verdict, verdict)
    write_forecast(paths.forecast, forecast)
    write_json(paths.metrics, _metrics(checks, forecast, duration_s))
    return SmokeResult(passed=verdict.passed, reason=verdict.reason, duration_s=duration_s)


def _gpu_checks() -> list[SmokeCheck]:
    return [
        SmokeCheck(
            name=check.name,
            outcome="failed" if check.finding else "holds",
            measured=check.measured,
            finding=check.finding,
        )
        for check in gpu_preflight([tempfile.gettempdir()])
    ]


def _checked(
    store: FeatureStore, config: TrainingConfig, seed: int, device: str, table: ExampleTable | None
) -> tuple[list[SmokeCheck], Forecast | None]:
    where = choose_device(device)
    with tempfile.TemporaryDirectory(prefix="smoke-") as scratch:
        subject = Subject(store=store, config=config, seed=seed, device=where, scratch=Path(scratch), table=table)
        checks = list(smoke_checks(subject))
    if _findings(checks):
        return checks, None
    try:
        forecast = forecast_training(store, config, seed=seed, device=where)
    except Exception as error:
        # The full run's batch size and workers are tried here first: they may not fit the machine.
        logger.exception("the forecast stopped")
        trouble = failed(
            f"{type(error).__name__}: {str(error).strip() or 'no message'}".splitlines()[0],
            "the full run's batch size or workers may not fit this machine: read the step's log",
        )
        return [*checks, trouble.named(_FORECAST)], None
    duration = forecast.duration_s
    measured = f"{shown_duration(duration.central)} ({shown_duration(duration.low)} to {shown_duration(duration.high)})"
    return [*checks, holds(measured).named(_FORECAST)], forecast


def _findings(checks: Sequence[SmokeCheck]) -> list[Finding]:
    return [check.finding for check in checks if check.finding is not None]


def _verdict(checks: Sequence[SmokeCheck], over_budget: Sequence[Finding]) -> Verdict:
    findings = sorted([*_findings(checks), *over_budget], key=lambda finding: finding.severity != "blocking")
    passed = not any(finding.severity == "blocking" for finding in findings)
    num_holding = sum(check.outcome == "holds" for check in checks)
    others = len(checks) - num_holding
    reason = f"{num_holding} checks hold" + (f", {others} not applicable or not judged" if others else "")
    if findings:
        first = f"{findings[0].name}: {findings[0].message}; {findings[0].remedy}"
        reason = f"{reason}; {first}" if passed else first
    return Verdict(check="smoke", passed=passed, reason=reason, findings=tuple(findings))


def _metrics(checks: Sequence[SmokeCheck], forecast: Forecast | None, duration_s: float) -> dict[str, float]:
    metrics = {"num_checks": len(checks), "num_failed": len(_findings(checks)), "duration_s": duration_s}
    if forecast is None:
        return metrics
    expected = {
        "forecast_duration_s": forecast.duration_s.central,
        "forecast_cpu_s": forecast.cpu_s.central,
        "forecast_gpu_hours": forecast.gpu_hours.central,
        "forecast_memory_bytes": forecast.memory_bytes.central,
    }
    return {**metrics, **expected}
