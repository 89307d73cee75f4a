"""The message that says a run has failed: why, where to look, and where its page is."""

import os

from components.reporting.run_pages.run_report import failure_reason, Summary
from components.shared.lineage.webhook import post_message
from components.shared.runtime.redaction import masked

# Where people look at runs: an address in which {run} stands for the run's id.
RUN_LINK_VARIABLE = "PLUSZERO_RUN_LINK"


def notify_failure(summary: Summary, *, kind: str, run: str, report: str) -> None:
    """Post that a run has failed, where the environment names a webhook; a run that has passed posts nothing.

    Parameters
    ----------
    summary
        The run's summary, as `write_run` has returned it.
    kind, run
        What kind of run it is, in words, and which one.
    report
        Where its page is: a path, or a URI.
    """
    if summary["passed"]:
        return
    reason = masked(failure_reason(summary)) or "it did not end"
    link = os.environ.get(RUN_LINK_VARIABLE, "").strip().replace("{run}", run)
    text = "\n".join([f"{kind} {run} has failed: {reason}", *filter(None, [link, f"Report: {report}"])])
    post_message(text, {"passed": False, "kind": kind, "run": run, "reason": reason, "link": link, "report": report})
