"""A small HTTP server that speaks the part of KFP's API, v2beta1, by which its client uploads a pipeline and runs it.

Paths, names of fields and statuses are those of `backend/api/v2beta1/*.proto` and of the API server of KFP 2.17.
"""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import threading
from urllib.parse import parse_qs, unquote, urlsplit

API = "/apis/v2beta1"


@dataclass
class KfpState:
    """What the server holds, and what it was asked; `refusal` is a status and a body for everything but `healthz`."""

    multi_user: bool = False
    token: str = ""
    refusal: tuple[int, str] | None = None
    page: str | None = None
    pipelines: list[dict] = field(default_factory=list)
    versions: list[dict] = field(default_factory=list)
    experiments: list[dict] = field(default_factory=list)
    runs: list[dict] = field(default_factory=list)
    packages: list[bytes] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


class _Refused(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    state: KfpState

    def do_GET(self):
        self._answer("GET")

    def do_POST(self):
        self._answer("POST")

    def _answer(self, method):
        path, self.query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.state.requests.append(f"{method} {path}")
        try:
            self._send(200, json.dumps(self._handled(method, path.removeprefix(API))))
        except _Refused as refused:
            self._send(*refused.args)

    def _handled(self, method, path):
        state = self.state
        if state.page is not None:
            raise _Refused(200, state.page, "text/html")
        if state.token and self.headers.get("Authorization") != f"Bearer {state.token}":
            raise _Refused(401, self._error(16, f"no valid token in {self.headers.get('Authorization')}"))
        if (method, path) == ("GET", "/healthz"):
            return {"multi_user": state.multi_user}
        if state.refusal:
            raise _Refused(*state.refusal)
        if method == "GET" and path.startswith("/pipelines/names/"):
            return self._pipeline_of(unquote(path.rpartition("/")[2]), self.query.get("namespace", [""])[0])
        if method == "GET" and path.endswith("/versions"):
            named = self._named()
            found = [each for each in state.versions if each["pipeline_id"] == path.split("/")[2]]
            return self._listed("pipeline_versions", [each for each in found if named in (None, each["name"])])
        if (method, path) == ("GET", "/experiments"):
            named, space = self._named(), self.query.get("namespace", [""])[0]
            found = [each for each in state.experiments if each["display_name"] == named and each["namespace"] == space]
            return self._listed("experiments", found)
        made = {"/pipelines": state.pipelines, "/experiments": state.experiments, "/runs": state.runs}
        if method == "POST" and path in made:
            return self._made(made[path], path.strip("/").removesuffix("s"), json.loads(self.body))
        if (method, path) == ("POST", "/pipelines/upload_version"):
            return self._uploaded()
        raise _Refused(404, self._error(5, "Not Found"))

    def _pipeline_of(self, name, namespace):
        for each in self.state.pipelines:
            if (each["name"], each.get("namespace", "")) == (name, namespace):
                return each
        raise _Refused(404, self._error(5, f"Pipeline {name} not found"))

    def _uploaded(self):
        named = {"name": self.query["name"][0], "pipeline_id": self.query["pipelineid"][0]}
        if any(each["name"] == named["name"] for each in self.state.versions):
            raise _Refused(409, json.dumps({"error_message": "Failed to create a pipeline version"}))
        form = message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + self.body)
        (part,) = form.get_payload()
        assert part.get_param("name", header="Content-Disposition") == "uploadfile"
        self.state.packages.append(part.get_payload(decode=True))
        return self._made(self.state.versions, "pipeline_version", {**named, "display_name": named["name"]})

    def _made(self, held, kind, told):
        made = {"namespace": "", **told, f"{kind}_id": f"{kind}-{len(held) + 1}"}
        held.append(made)
        return made

    def _named(self):
        """What a filter asks for, a name as written in JSON."""
        if "filter" not in self.query:
            return None
        (predicate,) = json.loads(self.query["filter"][0])["predicates"]
        assert predicate["operation"] in (1, "EQUALS")
        assert predicate["key"] in ("name", "display_name")
        return predicate["stringValue"]

    @staticmethod
    def _listed(key, found):
        return {key: found, "total_size": len(found)} if found else {}

    @staticmethod
    def _error(code, message):
        return json.dumps({"error": message, "code": code, "message": message, "details": []})

    def _send(self, status, text, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format, *args):  # noqa: A002
        """Say nothing."""


@contextlib.contextmanager
def running(state: KfpState) -> Iterator[str]:
    """Run the server; yields its address."""
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
