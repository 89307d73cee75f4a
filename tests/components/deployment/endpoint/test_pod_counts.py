"""What is read of servers' metrics."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading

import pytest

from components.deployment.canary.side_counts import SideCounts
from components.deployment.endpoint.pod_counts import counts_of, PodCounts

METRICS = """
# TYPE pluszero_requests_total counter
pluszero_requests_total{model_name="pets",protocol="v2",status="200"} %d
pluszero_requests_total{model_name="pets",protocol="v2",status="500"} 2
pluszero_requests_total{model_name="pets",protocol="v2",status="400"} 7
pluszero_requests_total{model_name="other",protocol="v2",status="200"} 99
pluszero_request_seconds_bucket{model_name="pets",stage="total",le="0.01"} 3
pluszero_request_seconds_bucket{model_name="pets",stage="total",le="0.1"} %d
pluszero_request_seconds_bucket{model_name="pets",stage="total",le="+Inf"} %d
pluszero_request_seconds_bucket{model_name="pets",stage="queue",le="+Inf"} 50
pluszero_predictions_total{model_name="pets",label="cat"} %d
pluszero_predictions_total{model_name="pets",label="dog"} 4
"""


def metrics(answered, cats):
    return METRICS % (answered, answered, answered, cats)


def pod(uid, version="1"):
    return {"metadata": {"name": uid, "uid": uid, "labels": {"app.kubernetes.io/version": version}}, "status": {}}


@pytest.fixture
def told():
    """What a server says, and where it says it."""
    said = {"text": ""}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if said["text"] else 503)
            self.end_headers()
            self.wfile.write(said["text"].encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield said, lambda _: server.server_address
    server.shutdown()
    server.server_close()
    thread.join()


def test_requests_errors_latency_and_answers_are_those_of_the_model():
    found = counts_of(metrics(10, 6), "pets")
    assert (found.requests, found.errors) == (12, 2)
    assert found.seconds == {0.01: 3, 0.1: 7}
    assert found.predictions == {"cat": 6, "dog": 4}


def test_a_look_counts_what_was_done_since_the_one_before_and_a_server_that_began_anew_from_its_start(told):
    said, address = told
    counts = PodCounts("pets", address)
    said["text"] = metrics(10, 6)
    assert counts.since_last([pod("a")], "1") == SideCounts()
    said["text"] = metrics(15, 11)
    found = counts.since_last([pod("a")], "1")
    assert (found.requests, found.errors, found.seconds, found.predictions) == (5, 0, {0.1: 5}, {"cat": 5})
    said["text"] = metrics(4, 2)
    assert counts.since_last([pod("a")], "1").requests == 6
    said["text"] = ""
    assert counts.since_last([pod("a")], "1") == SideCounts()
    said["text"] = metrics(5, 3)
    restored = PodCounts("pets", address)
    restored.restore(counts.state())
    assert restored.since_last([pod("a")], "1").requests == 1
    assert restored.since_last([pod("a", version="2")], "1") == SideCounts()


def test_rows_of_one_request_are_one_answer_by_their_shares(told):
    said, address = told
    counts = PodCounts("pets", address)
    said["text"] = metrics(10, 6)
    counts.since_last([pod("a")], "1")
    said["text"] = metrics(13, 3006)
    assert counts.since_last([pod("a")], "1").predictions == {"cat": 3}
