"""What the server logs: one line when it is ready, one line a refused request, whole tracebacks for our own faults.

No line quotes a request: messages are logged without what stands in quotes.
"""

import logging
import re
import sys
import traceback
import warnings

from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady

from components.shared.runtime.redaction import masked

_QUOTED = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"")
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
        record.msg, record.args = "refused: %s", (_without_values(" ".join(str(error).split())),)
        record.exc_info = record.exc_text = None
    elif error is not None:
        record.msg, record.args = _without_values(record.getMessage()), ()
        record.exc_info, record.exc_text = None, _traceback(error)
    else:
        record.msg, record.args = masked(record.getMessage()), ()
    return True


def _traceback(error: BaseException) -> str:
    """The traceback of a fault and of what caused it; their messages may quote the request, our code does not."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    # What Python prints of our code is indented; what is not is a heading or a message.
    return "\n".join(line if line.startswith(" ") else _without_values(line) for line in lines)


def _without_values(message: str) -> str:
    return masked(_QUOTED.sub("'...'", message))
