"""The edge of every command: mistakes become one sentence on standard error and an exit status."""

import logging
import os
import sys

import typer

FAILED_CHECK = 1
BAD_INPUT = 2


def run(app: typer.Typer) -> None:
    """Run a command-line application.

    Exits 0 when it worked, 1 when a check failed, 2 when the input was wrong. With `PLUSZERO_DEBUG=1` the whole
    traceback is shown instead.

    Parameters
    ----------
    app
        The application; its commands raise `ValueError`, `TypeError` or `OSError` for a user's mistake.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    app.pretty_exceptions_enable = False
    try:
        app(standalone_mode=True)
    except (ValueError, TypeError, OSError) as error:
        if os.environ.get("PLUSZERO_DEBUG"):
            raise
        typer.echo(f"error: {_sentence(error)}", err=True)
        sys.exit(BAD_INPUT)


def _sentence(error: ValueError | TypeError | OSError) -> str:
    """The system's own errors say a number first; a person wants to know which file, and why."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename} can be neither read nor written: {error.strerror}"
    return str(error)
