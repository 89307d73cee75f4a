"""Notes what became of each request: in the metrics, and in the access log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, UTC
import logging
import time

from components.serving.traffic.access_log import AccessLog
from components.serving.traffic.metrics import ModelMetrics, REFUSALS
from components.serving.traffic.ticket import Timing

logger = logging.getLogger("kserve")

CLIENT_GONE = 499
_MS = 1000.0
_REFUSALS_LOGGED_EVERY_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a request ended: its HTTP status (of gRPC, what it would be), and a short reason where it was refused."""

    request_id: str
    protocol: str
    status: int
    received_bytes: int
    sent_bytes: int
    receive_s: float
    total_s: float
    timing: Timing | None = None
    reason: str | None = None


class RequestObserver:
    """Notes the requests of one model."""

    def __init__(
        self,
        model_name: str,
        version: str,
        *,
        class_names: Sequence[str],
        queue_length: Callable[[], int],
        access_log: AccessLog | None,
    ) -> None:
        self._name, self._version, self._access_log = model_name, version, access_log
        self.metrics = ModelMetrics(model_name, class_names, queue_length)
        self._refused, self._next_line = 0, 0.0

    def ended(self, ended: Ended) -> None:
        """Note one request."""
        self.metrics.answered(ended.protocol, ended.status)
        if ended.timing is not None and ended.status == 200:
            self.metrics.timed(ended.timing, receive_s=ended.receive_s, total_s=ended.total_s)
        if ended.reason is not None:
            REFUSALS.labels(ended.reason).inc()
        if self._access_log is not None:
            self._access_log.write(self._line(ended))

    def refused(self, sentence: str) -> None:
        """Log that requests are refused for the server's sake, now and then: there may be thousands a second."""
        self._refused += 1
        now = time.monotonic()
        if now >= self._next_line:
            logger.warning("refused %s: %s", f"{self._refused:,} request{'s' if self._refused > 1 else ''}", sentence)
            self._refused, self._next_line = 0, now + _REFUSALS_LOGGED_EVERY_S

    def _line(self, ended: Ended) -> dict[str, object]:
        timing = ended.timing or Timing()
        line: dict[str, object] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request_id": ended.request_id,
            "model": self._name,
            "version": self._version,
            "protocol": ended.protocol,
            "status": ended.status,
            "received_bytes": ended.received_bytes,
            "sent_bytes": ended.sent_bytes,
            "rows": timing.num_rows,
            "batch_rows": timing.batch_rows,
        }
        stages = {
            "receive": ended.receive_s,
            "queue": timing.queue_s,
            "read": timing.read_s,
            "compute": timing.compute_s,
            "total": ended.total_s,
        }
        line.update({f"{stage}_ms": round(seconds * _MS, 2) for stage, seconds in stages.items()})
        if ended.reason is not None:
            line["reason"] = ended.reason
        return line
