"""What the server logs: one line when it is ready, one line a refused request, whole tracebacks for our own faults."""

import logging
import sys
import warnings

from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady

_CLIENT_FAULTS = (InvalidInput, ModelNotFound, ModelNotReady, NotImplementedError)


def quiet_logs() -> None:
    """Take KServe's and uvicorn's logs down to warnings, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(shorten_refusal)
    for name in ("kserve", "uvicorn"):
        library_logger = logging.getLogger(name)
        library_logger.handlers = [handler]
        library_logger.setLevel(logging.WARNING)
        library_logger.propagate = False
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    # KServe answers with a response class that FastAPI would like to see replaced: nothing a user can mend.
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")


def shorten_refusal(record: logging.LogRecord) -> bool:
    """Turn a client's mistake from a traceback into one line; a logging filter that keeps every record."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, _CLIENT_FAULTS):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args = "refused: %s", (" ".join(str(error).split()),)
        record.exc_info = record.exc_text = None
    return True
