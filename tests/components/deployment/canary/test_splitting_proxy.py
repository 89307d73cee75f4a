from collections import Counter
from collections.abc import Iterator
import contextlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import socket
import threading
import urllib.error
import urllib.request

import pytest

from components.deployment.canary.splitting_proxy import SIDE_HEADER, SplittingProxy


@contextlib.contextmanager
def answering(name: str) -> Iterator[int]:
    """A server that answers its name, the path and the body; `/broken` is a 500."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            content = b" ".join([name.encode(), self.path.encode(), body, self.headers["x-asked"].encode()])
            self.send_response(500 if self.path == "/broken" else 200)
            self.send_header("content-length", str(len(content)))
            self.send_header("x-own", name)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def proxy():
    with (
        answering("old") as stable,
        answering("new") as canary,
        SplittingProxy(stable=("127.0.0.1", stable), canary=("127.0.0.1", canary)) as running,
    ):
        yield running


def asked(proxy, path="/", body=b"what"):
    request = urllib.request.Request(
        f"http://127.0.0.1:{proxy.port}{path}", data=body, headers={"x-asked": "yes"}, method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_all_goes_to_the_stable_server_until_the_canary_gets_a_share(proxy):
    assert Counter(asked(proxy)[1][SIDE_HEADER] for _ in range(20)) == {"stable": 20}
    proxy.percent = 100
    assert Counter(asked(proxy)[1][SIDE_HEADER] for _ in range(20)) == {"canary": 20}
    proxy.percent = 30
    sides = Counter(asked(proxy)[1][SIDE_HEADER] for _ in range(80))
    assert 8 <= sides["canary"] <= 44


def test_requests_and_answers_pass_unchanged(proxy):
    status, headers, content = asked(proxy, "/v2/models/m/infer?x=1", "글".encode())
    assert (status, headers["x-own"]) == (200, "old")
    assert content == "old /v2/models/m/infer?x=1 글 yes".encode()
    assert asked(proxy, "/broken")[0] == 500


def test_a_server_that_is_gone_is_an_error_of_its_side_and_the_other_goes_on():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = unused.getsockname()[1]
    with answering("old") as stable, SplittingProxy(stable=("127.0.0.1", stable), canary=("127.0.0.1", gone)) as proxy:
        proxy.percent = 100
        status, headers, content = asked(proxy)
        assert (status, headers[SIDE_HEADER]) == (502, "canary")
        assert b"the canary server cannot be reached" in content
        proxy.percent = 0
        assert asked(proxy)[0] == 200
