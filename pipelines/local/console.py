"""What a person sees while a pipeline runs: a line a step, and the running step's progress."""

import shutil
import sys
import time
from typing import TextIO

from components.reporting.run_pages.step import Step, Watcher

_SECONDS_BETWEEN_LINES = 20.0
_NAME_WIDTH = 22


class Console:
    """Prints steps as they go: in place on a terminal, plain lines elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._in_place = self._stream.isatty()
        self._last_line_s = 0.0

    def watcher(self) -> Watcher:
        """What a run calls."""
        return Watcher(started=self._started, progressed=self._progressed, ended=self._ended)

    def _started(self, step: Step) -> None:
        self._last_line_s = time.monotonic()
        if self._in_place:
            self._write(f"  … {step.name}")

    def _progressed(self, step: Step, line: str) -> None:
        if self._in_place:
            text = f"  … {step.name:<{_NAME_WIDTH}} {line}"
            self._write(f"\r\033[K{text[: shutil.get_terminal_size().columns - 1]}")
        elif time.monotonic() - self._last_line_s > _SECONDS_BETWEEN_LINES:
            self._last_line_s = time.monotonic()
            self._write(f"    {step.name}: {line[:110]}\n")

    def _ended(self, step: Step) -> None:
        mark = {"succeeded": "✓", "failed": "✗"}[step.status]
        note = "cached" if step.cached else f"{step.duration_s:.1f} s"
        begin = "\r\033[K" if self._in_place else ""
        self._write(f"{begin}  {mark} {step.name:<{_NAME_WIDTH}} {note:>9}\n")
        if step.error:
            self._write(f"    {step.error}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
