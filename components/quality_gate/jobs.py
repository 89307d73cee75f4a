"""Reads a verdict, keeps it for the page of the run, and stops the run where it did not pass."""

import logging
from pathlib import Path

from components.shared.contracts.verdict import read_verdict
from components.shared.runtime.errors import QualityGateError
from components.shared.runtime.step_record import FROM_CACHE, is_of_another_run, keep_results

logger = logging.getLogger(__name__)


def quality_gate(
    *,
    verdict_path: str | Path,
    step: str = "",
    metrics_path: str | Path | None = None,
    report_path: str | Path | None = None,
) -> None:
    """Log that the check before this gate passed, or stop the run.

    Parameters
    ----------
    verdict_path
        The check's verdict.
    step
        Name of the step that checked: what it made is kept under it for the page of a run on a cluster; empty where the
        run has none.
    metrics_path, report_path
        What else the check made.

    Raises
    ------
    QualityGateError
        If the check did not pass; the message is its name and reason.
    FileNotFoundError
        If there is no verdict.
    ContractError
        If the file is not a verdict.
    """
    verdict = read_verdict(verdict_path)
    made = {"verdict": verdict_path, "metrics": metrics_path, "report": report_path}
    keep_results(step, made, {FROM_CACHE: True} if is_of_another_run(verdict_path) else None)
    if not verdict.passed:
        raise QualityGateError(f"{verdict.check}: {verdict.reason}")
    logger.info("%s passed: %s", verdict.check, verdict.reason)
