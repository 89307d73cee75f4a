"""Imports that are killed: `python -m tests.components.active_learning.jobs.killed_imports FOLDER NUM_KILLS SEED`.

Each import is a process of its own, which gets SIGKILL at a random moment of the time that an import takes. After each
kill the folder of the new version must hold nothing, or the whole version, and the old one must be as it was.
"""

from collections.abc import Callable
import hashlib
import os
from pathlib import Path
import random
import signal
import sys
import time
import traceback

from tests.components.active_learning.queue.planted_faults import filled_sheet, sheet_bytes
from tests.components.active_learning.queue.small_queues import small_queue

NUM_POOL, NUM_ASKED = 3000, 600


def main(folder: Path, num_kills: int, seed: int) -> None:
    """Kill imports, and print how many left the old version and how many the new one."""
    # Arrow's threads do not survive a fork: whatever uses it runs in a process of its own.
    assert wait(forked(lambda: prepare(folder))) == 0
    out = folder / "out"
    began = time.monotonic()
    assert wait(forked(lambda: run_import(folder, "whole"))) == 0
    takes_s = time.monotonic() - began
    old, new = digest(folder / "examples"), digest(folder / "whole" / "examples")
    chance = random.Random(seed)
    num_old = num_new = 0
    for _ in range(num_kills):
        child = forked(lambda: run_import(folder, "out"))
        time.sleep(chance.uniform(0.0, 1.1) * takes_s)
        os.kill(child, signal.SIGKILL)
        wait(child)
        assert digest(folder / "examples") == old
        if (out / "examples").exists():
            assert digest(out / "examples") == new
            num_new += 1
            (out / "examples").rename(folder / f"new-{num_new}")
        else:
            num_old += 1
    assert wait(forked(lambda: run_import(folder, "out"))) == 0
    assert digest(out / "examples") == new
    sys.stdout.write(f"{num_old} {num_new}\n")


def prepare(folder: Path) -> None:
    queue = small_queue(folder, num_pool=NUM_POOL, num_asked=NUM_ASKED)
    (folder / "kim.csv").write_bytes(sheet_bytes(*filled_sheet(queue.sheet(), queue.answers)))


def run_import(folder: Path, name: str) -> None:
    from components.active_learning.jobs.import_labels import import_labels, ImportOutputs

    out = folder / name
    outputs = ImportOutputs(
        examples=out / "examples",
        splits=out / "splits.parquet",
        report=out / "report.html",
        verdict=out / "verdict.json",
        metrics=out / "metrics.json",
        rejected=out / "rejected.csv",
    )
    import_labels(
        examples_path=folder / "examples",
        pool_path=folder / "pool",
        queue_uri=str(folder / "queue"),
        labels_uri=str(folder / "kim.csv"),
        outputs=outputs,
    )


def forked(work: Callable[[], None]) -> int:
    """Identifier of a process that does `work` and ends with 0, or with 1 where it fails."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def wait(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return status


def digest(folder: Path) -> str:
    """Names and contents of a folder's files, as one digest."""
    lines = [f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in sorted(folder.iterdir())]
    return "\n".join(lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
