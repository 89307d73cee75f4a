"""Command lines that tests run in this process: the same door as `python -m`, without the seconds of a start."""

import contextlib
import io
import subprocess
import sys
from unittest.mock import patch

import typer

from components.shared.runtime.command_line import run


def run_command(app: typer.Typer, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """What a command prints and how it ends; what is logged goes to pytest."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    words = ["command", *map(str, arguments)]
    with patch.object(sys, "argv", words), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run(app)
        except SystemExit as ended:
            status = int(ended.code or 0)
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())
