"""Runs a step's command, and stops it when the process that started this one ends.

The parent keeps the other end of standard input open. When it closes, because the parent has ended in whatever way, the
step and everything it started is stopped: first asked to, then killed. Only the standard library is used, for this
starts once a step.
"""

import os
import signal
import subprocess
import sys
import threading

_GRACE_S = 5.0


def main(command: list[str]) -> int:
    """Run `command` in a session of its own; return its exit status, 128 + n where signal n ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    step = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    signal.signal(signal.SIGTERM, lambda *_: _stop(step))
    threading.Thread(target=_stop_when_parent_ends, args=(step,), daemon=True).start()
    status = step.wait()
    return status if status >= 0 else 128 - status


def _stop_when_parent_ends(step: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    _stop(step)


def _stop(step: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(step.pid, number)
            step.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return
    os._exit(128 + signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
