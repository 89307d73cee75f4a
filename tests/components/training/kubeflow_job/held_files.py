"""A node that locks a file and sleeps: whether it lives is whether the file is locked, also where nobody reaps it."""

import fcntl
from pathlib import Path

# Run with FOLDER and PET_NODE_RANK in its environment.
HOLDS_A_FILE = """
import fcntl
import os
import pathlib
import time

held = open(pathlib.Path(os.environ["FOLDER"], os.environ["PET_NODE_RANK"]), "w")
fcntl.flock(held, fcntl.LOCK_EX)
held.write("held")
held.flush()
time.sleep(120)
"""


def is_held(path: Path) -> bool:
    """Whether a living process holds the file."""
    if not path.exists() or not path.read_text():
        return False
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
