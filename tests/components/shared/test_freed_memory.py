import os
import subprocess
import sys

import pytest

from components.shared.freed_memory import KEPT_BYTES

ROUNDS = """
import resource
from components.shared.freed_memory import keep_freed_memory
{first}
def touch():
    return [bytearray(2 << 20) for _ in range(8)]
touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(first: str, **environment: str) -> int:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", ROUNDS.format(first=first)]
    return int(subprocess.run(command, env={**clean, **environment}, capture_output=True, check=True, text=True).stdout)


def test_memory_that_was_freed_is_used_again_without_a_fault():
    assert KEPT_BYTES > 16 << 20
    assert faults("assert keep_freed_memory()") < faults("") / 10


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"])
def test_what_the_environment_says_stands(name):
    given = {name: "131072"}
    assert faults("assert not keep_freed_memory()", **given) > faults("", **given) / 2
