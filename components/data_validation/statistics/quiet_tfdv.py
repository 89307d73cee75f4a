"""The one place that imports TensorFlow Data Validation: on the CPU, and without its start-up talk.

Importing it takes seconds, so it is imported by the modules that call it, never by a face or a command line.
"""

from collections.abc import Iterator
import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings

# TensorFlow reads these when it is loaded: statistics need no GPU, and its start-up notes are not for our users.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""


@contextlib.contextmanager
def _without_import_talk() -> Iterator[None]:
    """Hold back prints, log lines and warnings, and leave the logging handlers as they were."""
    handlers = list(logging.root.handlers)
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        silence = io.StringIO()
        with warnings.catch_warnings(), contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        logging.root.handlers[:] = handlers


@contextlib.contextmanager
def _without_native_talk() -> Iterator[None]:
    """Hold back what compiled libraries write to standard error by themselves; a failure shows it."""
    sys.stderr.flush()
    shown = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(shown, held.read())
            raise
        finally:
            os.dup2(shown, 2)
            os.close(shown)


with _without_native_talk(), _without_import_talk():
    import tensorflow_data_validation as tfdv

__all__ = ["tfdv"]
