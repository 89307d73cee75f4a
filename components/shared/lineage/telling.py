"""Telling a service of others something: what it does not hear costs a warning and a bounded time, never a run."""

from collections.abc import Callable
import logging
import queue
import threading
from typing import TypeVar

from components.shared.runtime.redaction import masked

logger = logging.getLogger(__name__)

Told = TypeVar("Told")

_LONGEST_REASON = 500


def tell(say: Callable[[], Told], *, service: str, of: str, at_most_s: float) -> Told | None:
    """Tell a service something; None, and one warning in the log, where it did not hear it.

    Parameters
    ----------
    say
        Does the telling. It may raise whatever it likes: a client of others raises what it likes.
    service, of
        Who is told, and of what, for the warning: `MLflow`, `the release 1f`.
    at_most_s
        How long it may take, in seconds. One that takes longer is left behind in its thread, which ends with this
        process at the latest.
    """
    answers: queue.SimpleQueue[tuple[Told | None, str]] = queue.SimpleQueue()

    def attempt() -> None:
        try:
            answers.put((say(), ""))
        except Exception as error:
            answers.put((None, _reason(error)))

    threading.Thread(target=attempt, name=f"tells {service}", daemon=True).start()
    try:
        told, reason = answers.get(timeout=at_most_s)
    except queue.Empty:
        told, reason = None, f"it took longer than {at_most_s:g} s"
    if reason:
        logger.warning("%s was not told of %s, and all else goes on: %s", service, of, reason)
    return told


def _reason(error: Exception) -> str:
    words = " ".join(masked(str(error)).split()) or type(error).__name__
    return words if len(words) <= _LONGEST_REASON else f"{words[:_LONGEST_REASON]}..."
