import logging
import sys

from kserve.errors import InvalidInput

from components.serving.server.quiet_log import shorten_refusal


def logged(error: Exception) -> str:
    try:
        raise error
    except type(error):
        record = logging.LogRecord("kserve", logging.ERROR, "f", 1, "while %s", ("'a@b.io'",), sys.exc_info())
    assert shorten_refusal(record)
    return logging.Formatter().format(record)


def test_a_refusal_is_one_line_without_values():
    assert logged(InvalidInput("column 'fare' must be a number, got \"it's\" of a@b.io")) == (
        "refused: column '...' must be a number, got '...' of <e-mail>"
    )


def test_a_fault_keeps_its_traceback_and_loses_values():
    shown = logged(ValueError("could not convert string to float: 'private words'"))
    assert shown.startswith("while '...'\nTraceback (most recent call last):\n  File ")
    assert "raise error" in shown
    assert shown.endswith("ValueError: could not convert string to float: '...'")
