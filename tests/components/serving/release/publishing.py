"""Publishes in processes of their own, which are killed or halted at a moment; run by the tests, not collected.

A moment is a change of the model root: its number, counted from 0 as Python announces them, before they happen.
"""

from collections.abc import Callable
import json
import os
from pathlib import Path
import signal
import sys

from components.serving.release.store import publish

CHANGES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "fcntl.flock", "shutil.rmtree")


def published(bundle: str, root: Path, evaluation: str) -> bool:
    """Publish with an evaluation, which makes a version of its own; whether it is new."""
    files = {"evaluation.json": evaluation.encode()}
    release = publish(
        bundle, model_root=str(root), model_name="pets", files=files, inference_service=lambda version, uri: f"{uri}\n"
    )
    return release.is_new


def at_changes(root: Path, act: Callable[[str, int, str], None]) -> None:
    """Call `act` with each change of the root in this process: its name, its number and its path."""
    number = -1

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal number
        paths = [str(given) for given in arguments if isinstance(given, str | os.PathLike)]
        if event in CHANGES and (event == "fcntl.flock" or any(str(root) in path for path in paths)):
            number += 1
            act(event, number, paths[-1] if paths else "")

    sys.addaudithook(heard)


def in_child(run: Callable[[], bool]) -> int:
    """Process that runs a function: it ends with 0 where that returns true, 3 where false, 1 where it raises."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if run() else 3
        finally:
            os._exit(status)
    return child


def killed_at(bundle: str, root: Path, moment: int) -> bool:
    """Publish in a child that is killed at a moment; whether that came."""

    def run() -> bool:
        at_changes(
            root, lambda _event, number, _path: os.kill(os.getpid(), signal.SIGKILL) if number == moment else None
        )
        return published(bundle, root, "first")

    return os.WIFSIGNALED(os.waitpid(in_child(run), 0)[1])


def halted_before_release(bundle: str, root: Path, evaluation: str) -> int:
    """Publish in a child that halts before the release appears."""

    def halt(event: str, _number: int, path: str) -> None:
        if event == "os.rename" and Path(path).parent == root / "pets" and not Path(path).name.startswith("."):
            os.kill(os.getpid(), signal.SIGSTOP)

    def run() -> bool:
        at_changes(root, halt)
        return published(bundle, root, evaluation)

    child = in_child(run)
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    return child


def ended(child: int) -> int:
    """Let a halted child go on; its exit status."""
    os.kill(child, signal.SIGCONT)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kills(bundle: str, scratch: Path) -> object:
    """Kill a publish at every moment; after each, publish another version. How many moments there were."""
    moment = 0
    while killed_at(bundle, scratch / str(moment), moment):
        published(bundle, scratch / str(moment), "second")
        moment += 1
    return moment


def rivals(bundle: str, scratch: Path) -> object:
    """Four publish the same version at once; how each ended."""
    children = [halted_before_release(bundle, scratch, "first") for _ in range(4)]
    return sorted(ended(child) for child in children)


def neighbours(bundle: str, scratch: Path) -> object:
    """One publishes from beginning to end while another is halted; how each ended."""
    child = halted_before_release(bundle, scratch, "first")
    return [published(bundle, scratch, "second"), ended(child)]


if __name__ == "__main__":
    case, given_bundle, given_scratch = sys.argv[1:]
    cases = {"kills": kills, "rivals": rivals, "neighbours": neighbours}
    sys.stdout.write(json.dumps(cases[case](given_bundle, Path(given_scratch).resolve())))
