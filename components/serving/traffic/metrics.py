"""What the server counts, for Prometheus: KServe's `/metrics` shows it beside KServe's own."""

from collections import Counter as Counts
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from kserve.metrics import get_labels, PRE_HIST_TIME, PREDICT_HIST_TIME
import numpy as np
from prometheus_client import Counter, Gauge, Histogram, Summary

from components.serving.traffic.ticket import Timing

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64)

REQUESTS = Counter("pluszero_requests", "Requests by protocol and HTTP status", ["model_name", "protocol", "status"])
REFUSALS = Counter("pluszero_refusals", "Requests and connections that were refused, by reason", ["reason"])
STAGES = Histogram(
    "pluszero_request_seconds", "Seconds of a request by stage", ["model_name", "stage"], buckets=_SECONDS
)
BATCH_ROWS = Histogram("pluszero_batch_rows", "Rows of the largest batch of a request", ["model_name"], buckets=_ROWS)
PREDICTED = Counter("pluszero_predictions", "Answers by class", ["model_name", "label"])
PREDICTED_NUMBERS = Summary("pluszero_predicted_numbers", "Numbers that were answered", ["model_name"])
QUEUE = Gauge("pluszero_queue_requests", "Requests that wait to be computed", ["model_name"])
HELD_REQUESTS = Gauge("pluszero_held_requests", "Requests that are accepted and not yet answered")
HELD_BYTES = Gauge("pluszero_held_bytes", "Bytes of their bodies")
LOG_RECORDS = Gauge("pluszero_log_records", "Answers received for the serving log, stored in it and lost", ["outcome"])


class ModelMetrics:
    """One model's metrics, looked up once."""

    def __init__(self, model_name: str, class_names: Sequence[str], queue_length: Callable[[], int]) -> None:
        self._name = model_name
        self._stages = {
            stage: STAGES.labels(model_name, stage) for stage in ("receive", "queue", "read", "compute", "total")
        }
        self._batch_rows = BATCH_ROWS.labels(model_name)
        self._read, self._predict = (
            metric.labels(**get_labels(model_name)) for metric in (PRE_HIST_TIME, PREDICT_HIST_TIME)
        )
        self._labels = {label: PREDICTED.labels(model_name, label) for label in class_names}
        self._numbers = PREDICTED_NUMBERS.labels(model_name)
        self._requests: dict[tuple[str, int], Counter] = {}
        QUEUE.labels(model_name).set_function(queue_length)

    def answered(self, protocol: str, status: int) -> None:
        """Count a request by how it ended; 499 is a client that hung up."""
        key = (protocol, status)
        if key not in self._requests:
            self._requests[key] = REQUESTS.labels(self._name, protocol, str(status))
        self._requests[key].inc()

    def timed(self, timing: Timing, *, receive_s: float, total_s: float) -> None:
        """Note the stages of a request that was answered."""
        for stage, seconds in (
            ("receive", receive_s),
            ("queue", timing.queue_s),
            ("read", timing.read_s),
            ("compute", timing.compute_s),
            ("total", total_s),
        ):
            self._stages[stage].observe(seconds)
        self._read.observe(timing.read_s)
        self._predict.observe(timing.compute_s)
        self._batch_rows.observe(timing.batch_rows)

    def predicted(self, labels: Sequence[str] | None, numbers_N: np.ndarray | None) -> None:
        """Count what was answered: classes, or numbers."""
        if numbers_N is not None:
            for number in numbers_N.tolist():
                self._numbers.observe(number)
        for label, count in Counts(labels or ()).items():
            self._labels[label].inc(count)


def refused_without_model(protocol: str, status: int) -> None:
    """Count a request that reached no model: a path or a name that this server does not have. Neither is a label."""
    REQUESTS.labels("", protocol, str(status)).inc()


def show_held(num_requests: Callable[[], int], num_bytes: Callable[[], int]) -> None:
    """Show what a server holds."""
    HELD_REQUESTS.set_function(num_requests)
    HELD_BYTES.set_function(num_bytes)


def show_log_counters(counters: Callable[[], Mapping[str, int]]) -> None:
    """Show the counters of a serving log, by name."""
    for name in counters():
        LOG_RECORDS.labels(name).set_function(partial(_counter, counters, name))


def _counter(counters: Callable[[], Mapping[str, int]], name: str) -> float:
    return counters()[name]
