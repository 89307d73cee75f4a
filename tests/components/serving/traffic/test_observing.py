import io
import json
import logging
import time

from components.serving.traffic.access_log import AccessLog
from components.serving.traffic.metrics import REFUSALS, REQUESTS
from components.serving.traffic.observer import Ended, RequestObserver
from components.serving.traffic.ticket import Timing


def ended(**values) -> Ended:
    given = {
        "request_id": "a",
        "protocol": "v2",
        "status": 200,
        "received_bytes": 10,
        "sent_bytes": 20,
        "receive_s": 0.001,
        "total_s": 0.0125,
        "timing": Timing(queue_s=0.002, read_s=0.003, compute_s=0.004, num_rows=2, batch_rows=8),
    }
    return Ended(**{**given, **values})


def observer_of(name: str, access_log: AccessLog | None = None) -> RequestObserver:
    return RequestObserver(name, "v7", class_names=("cat", "dog"), queue_length=lambda: 3, access_log=access_log)


def test_a_line_says_what_became_of_a_request():
    stream = io.BytesIO()
    log = AccessLog(stream)
    observer = observer_of("lines", log)

    observer.ended(ended())
    observer.ended(ended(request_id="evil\n\x1b[31m", status=429, timing=None, reason="queue_wait"))
    log.close()

    first, second = map(json.loads, stream.getvalue().splitlines())
    assert {name: first[name] for name in ("request_id", "model", "version", "protocol", "status", "rows")} == {
        "request_id": "a",
        "model": "lines",
        "version": "v7",
        "protocol": "v2",
        "status": 200,
        "rows": 2,
    }
    assert [first[f"{stage}_ms"] for stage in ("receive", "queue", "read", "compute", "total")] == [1, 2, 3, 4, 12.5]
    assert (second["status"], second["reason"]) == (429, "queue_wait")
    assert b"\x1b" not in stream.getvalue()
    assert "reason" not in first


class Full(io.BytesIO):
    """A stream on a disk that is full at first."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full, self.num_tried = True, 0

    def write(self, content):
        self.num_tried += 1
        if self.is_full:
            raise OSError(28, "No space left on device")
        return super().write(content)


def test_a_full_disk_costs_lines_and_not_the_server(caplog):
    stream = Full()
    log = AccessLog(stream)

    for tried in (1, 2):
        log.write({"large": "a" * 100_000})
        until = time.monotonic() + 10
        while stream.num_tried < tried and time.monotonic() < until:
            time.sleep(0.01)
    stream.is_full = False
    log.write({"status": 200})
    log.close()

    assert json.loads(stream.getvalue().splitlines()[-1]) == {"status": 200}
    assert sum("No space left" in record.getMessage() for record in caplog.records) == 1


def test_requests_and_refusals_are_counted():
    observer = observer_of("counted")
    before = REFUSALS.labels("queue_bytes")._value.get()

    for status, reason in ((200, None), (200, None), (429, "queue_bytes")):
        observer.ended(ended(status=status, reason=reason))

    assert REQUESTS.labels("counted", "v2", "200")._value.get() == 2
    assert REQUESTS.labels("counted", "v2", "429")._value.get() == 1
    assert REFUSALS.labels("queue_bytes")._value.get() == before + 1


def test_refusals_are_logged_now_and_then(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("kserve"), "propagate", True)  # the library's own is not
    observer = observer_of("quiet")

    for _ in range(100):
        observer.refused("the server is busy")

    assert [record.getMessage() for record in caplog.records] == ["refused 1 request: the server is busy"]
