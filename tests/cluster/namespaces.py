"""Linux namespaces for a cluster: processes, mounts and a network that end with their first process."""

from collections.abc import Sequence
import contextlib
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import signal
import time

_PATIENCE_S = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Namespaces:
    """Namespaces by their first process: when it ends, Linux ends the others and drops mounts and network.

    Attributes
    ----------
    holder
        The process that made them and waits for the first.
    pid
        The first process, as the machine sees it.
    started
        When it started, in clock ticks since boot: another process that gets its number later is not taken for it.
    """

    holder: int
    pid: int
    started: int

    @classmethod
    def make(cls, pause: Path, log: Path, *, end_with_caller: bool) -> "Namespaces":
        """Start `pause` as the first process of new namespaces.

        Parameters
        ----------
        pause
            A program that reaps the processes that are left to it.
        log
            A file for what it says.
        end_with_caller
            Whether they end with the calling process, however that ends.
        """
        leash = ["setpriv", "--pdeathsig", "KILL"] if end_with_caller else []
        new = ["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]
        holder = _spawn([*leash, "unshare", *new, str(pause)], log)
        give_up = time.monotonic() + _PATIENCE_S
        while time.monotonic() < give_up and _start_time(holder) is not None:
            for pid in _children(holder):
                if _program(pid) == pause:
                    return cls(holder=holder, pid=pid, started=_start_time(pid) or 0)
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):
            os.kill(holder, signal.SIGKILL)
        _reap(holder)
        raise RuntimeError(
            f"namespaces could not be made: {log.read_text(encoding='utf-8').strip() or 'unshare hangs'}"
        )

    @classmethod
    def load(cls, file: Path) -> "Namespaces | None":
        """Those that `save` wrote, if it did."""
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, file: Path) -> None:
        """Write them to a file."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    def alive(self) -> bool:
        """Whether the first process is still there."""
        return _start_time(self.pid) == self.started

    def processes(self) -> list[int]:
        """Numbers of the processes inside, as the machine sees them, and of the one that holds them."""
        inside = _pid_namespace(self.pid)
        pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
        return [self.holder, *(pid for pid in pids if inside and _pid_namespace(pid) == inside)]

    def command(self, command: Sequence[str]) -> list[str]:
        """The command that runs `command` inside."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--ipc", "--uts", "--", *command]

    def end(self) -> None:
        """End all processes inside; Linux shows the first as ended only when all others have ended."""
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
        give_up = time.monotonic() + _PATIENCE_S
        while self.alive():
            if time.monotonic() > give_up:
                raise RuntimeError(f"the cluster's processes must end when process {self.pid} is killed, they run on")
            time.sleep(0.02)
        _reap(self.holder)


def _spawn(command: Sequence[str], log: Path) -> int:
    """Start a process that may outlive this one, in a session of its own."""
    output = (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), output, (os.POSIX_SPAWN_DUP2, 1, 2)]
    return os.posix_spawnp(command[0], command, os.environ, file_actions=actions, setsid=True)


def _reap(pid: int) -> None:
    """Take note of the end of a process, where it was ours."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the name: state, parent ..."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _start_time(pid: int) -> int | None:
    try:
        state, *rest = _stat(pid)
    except OSError:
        return None
    return None if state in "ZX" else int(rest[18])


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _program(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return None


def _pid_namespace(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return None
