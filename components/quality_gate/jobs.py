"""Reads a verdict and stops the run where it did not pass."""

import logging
from pathlib import Path

from components.shared.contracts.verdict import read_verdict
from components.shared.runtime.errors import QualityGateError

logger = logging.getLogger(__name__)


def quality_gate(*, verdict_path: str | Path) -> None:
    """Log that the check before this gate passed, or stop the run.

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
    if not verdict.passed:
        raise QualityGateError(f"{verdict.check}: {verdict.reason}")
    logger.info("%s passed: %s", verdict.check, verdict.reason)
