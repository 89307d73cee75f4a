"""How the collector listens, and stops."""

from collections.abc import Iterable
import logging
import signal
import sys

import uvicorn

from components.serving.collector.app import CollectorApp
from components.serving.collector.collector import Collector, CollectorConfig
from components.serving.traffic.connection import bounded_protocol, BoundedServer
from components.serving.traffic.limits import TrafficLimits
from components.shared.contracts.bundle import BundleConfig, read_config
from components.shared.runtime.redaction import mask_record
from components.shared.tables.personal_key import KEY_VARIABLE, personal_key

logger = logging.getLogger(__name__)

_GRACE_PERIOD_S = 10


def listen(config: CollectorConfig, *, host: str, port: int) -> None:
    """Take events until the process is told to stop (SIGTERM, SIGINT); then what was taken is brought into the log.

    Raises
    ------
    ValueError
        If another collector has the log's spool, or the address cannot be used.
    OSError
        If the spool cannot be written.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(mask_record)
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    _check_key(config)
    collector = Collector(config)
    options = {"log_config": None, "access_log": False, "timeout_graceful_shutdown": _GRACE_PERIOD_S}
    protocol = bounded_protocol(TrafficLimits(), lambda reason: logger.warning("a connection was ended: %s", reason))
    application = CollectorApp(collector).app
    server = BoundedServer(uvicorn.Config(application, host=host, port=port, http=protocol, **options))  # type: ignore[arg-type]
    # uvicorn raises the signal that stopped it once more, when all is done: that is no error.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        server.run()
    except SystemExit as error:  # how uvicorn says that it could not listen
        raise ValueError(f"--port {port} must be free on {host}, but it cannot be used") from error


def _check_key(config: CollectorConfig) -> None:
    """Find the key of personal data before the first event needs it."""
    if not any("pii" in roles for model in config.models.values() for roles in model.column_roles.values()):
        return
    try:
        personal_key()
    except OSError as error:
        raise ValueError(
            f"{KEY_VARIABLE} must be set where models have columns of personal data, for no key can be kept here"
        ) from error


def models_of(given: Iterable[str]) -> dict[str, BundleConfig]:
    """Bundles' configs by name, of `NAME=BUNDLE` each; ValueError if one is of another form."""
    found = {}
    for text in given:
        name, equals, folder = text.partition("=")
        if not equals or not name or not folder:
            raise ValueError(f"--model must be NAME=BUNDLE, the InferenceService's name and a folder, got {text!r}")
        found[name] = read_config(folder)
    return found
