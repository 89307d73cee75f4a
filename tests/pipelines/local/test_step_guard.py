"""A step never outlives whoever started it."""

import contextlib
from pathlib import Path
import subprocess
import sys
import time

import pytest

GUARD = ("-I", "-S", "pipelines/local/step_guard.py")
SLEEPER = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def guarded(repository, *command):
    return subprocess.Popen(
        [sys.executable, *GUARD, *command], cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the latter where it goes while it is read
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


@pytest.mark.parametrize("status", [0, 3])
def test_the_steps_status_is_passed_on(repository, status):
    with guarded(repository, sys.executable, "-c", f"raise SystemExit({status})") as guard:
        assert guard.wait(30) == status


def test_a_step_killed_by_a_signal_says_which(repository):
    with guarded(repository, "sh", "-c", "kill -9 $$") as guard:
        assert guard.wait(30) == 128 + 9


def test_a_step_and_its_children_end_when_the_parent_does(repository):
    with guarded(repository, "sh", "-c", f"{sys.executable} -c '{SLEEPER}'; true") as guard:
        pid = int(guard.stdout.readline())
        assert alive(pid)
        guard.stdin.close()
        assert gone_within(pid, 20)


def test_a_step_that_ignores_the_request_is_killed(repository):
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
    with guarded(repository, sys.executable, "-c", stubborn) as guard:
        pid = int(guard.stdout.readline())
        guard.stdin.close()
        assert gone_within(pid, 30)


def test_a_killed_parent_takes_its_step_along(repository):
    parent = (
        "import subprocess, sys, time; subprocess.Popen("
        f"[sys.executable, *{GUARD!r}, sys.executable, '-c', {SLEEPER!r}], stdin=subprocess.PIPE); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=repository, stdout=subprocess.PIPE, text=True) as runner:
        pid = int(runner.stdout.readline())
        runner.kill()
        assert gone_within(pid, 20)
