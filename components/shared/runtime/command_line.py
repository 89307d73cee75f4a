"""Entry point of every command line: a user's mistake becomes one sentence on standard error and an exit status."""

import logging
import os
import sys

import typer

from components.shared.runtime.redaction import mask_record, masked

FAILED_CHECK = 1
BAD_INPUT = 2


def run(app: typer.Typer) -> None:
    """Run a command-line application: exit status 0 when it worked, 1 when a check failed, 2 when the input was wrong.

    Commands raise `ValueError`, `TypeError` or `OSError` for a user's mistake. `PLUSZERO_DEBUG=1` shows the traceback.
    What is logged and what is said of an error is masked: no value of the data, no password.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.addFilter(mask_record)
    app.pretty_exceptions_enable = False
    try:
        app(standalone_mode=True)
    except (ValueError, TypeError, OSError) as error:
        if os.environ.get("PLUSZERO_DEBUG"):
            raise
        typer.echo(f"error: {masked(_sentence(error))}", err=True)
        sys.exit(BAD_INPUT)


def _sentence(error: ValueError | TypeError | OSError) -> str:
    """The system's own errors begin with a number; say which file it is and why instead."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename} can be neither read nor written: {error.strerror}"
    return str(error)
