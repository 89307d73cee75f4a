import os
import subprocess
import sys

import pytest

ROUNDS = """
import resource
import threading
from components.shared.runtime.freed_memory import keep_freed_memory
{first}
def rounds(number):
    for _ in range(number):
        [bytearray(2 << 20) for _ in range(8)]
def measured():
    rounds(2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    rounds(20)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
{run}
"""
IN_THREAD = "thread = threading.Thread(target=measured); thread.start(); thread.join()"


def faults(first: str, run: str = "measured()", **environment: str) -> int:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", ROUNDS.format(first=first, run=run)]
    return int(subprocess.run(command, env={**clean, **environment}, capture_output=True, check=True, text=True).stdout)


@pytest.mark.parametrize("run", ["measured()", IN_THREAD])
def test_memory_that_was_freed_is_used_again_without_a_fault(run):
    assert faults("assert keep_freed_memory()", run) < faults("", run) / 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ("MALLOC_MMAP_THRESHOLD_", "131072"),
        ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072"),
    ],
)
def test_what_the_environment_says_stands(name, value):
    given = {name: value}
    assert faults("assert not keep_freed_memory()", **given) > faults("", **given) / 2


def test_settings_of_other_things_leave_it_on():
    assert faults("assert keep_freed_memory()", GLIBC_TUNABLES="glibc.pthread.rseq=0") < faults("") / 10
