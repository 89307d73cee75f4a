"""What every process needs: atomic files, locks, fingerprints, progress, command line, container images.

Whoever imports a module of it is a process of ours: from then on an error that nobody catches is printed masked, and a
step on a cluster leaves it for the page of its run.
"""

import contextlib
import os
import sys
from types import TracebackType


def _print_masked(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        # Nothing to mask, and a process that is interrupted must end as one.
        sys.__excepthook__(kind, error, trace)
        return
    from components.shared.runtime.redaction import print_masked

    if "PLUSZERO_RUN_ID" in os.environ:
        from components.shared.runtime.step_record import keep_error

        # What is wrong with the workspace must not hide what is wrong with the step.
        with contextlib.suppress(Exception):
            keep_error(error)
    print_masked(kind, error, trace)


# Steps run under kfp's own executor, so no door of ours lies between a job's error and a pod's log.
if sys.excepthook is sys.__excepthook__:
    sys.excepthook = _print_masked
