"""A store with S3's protocol for tests: objects in memory, conditional writes as S3 has them, one bucket."""

from collections.abc import Iterator
import contextlib
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

BUCKET = "bucket"
_TIME = "2026-05-01T09:30:00.000Z"
_HTTP_TIME = "Fri, 01 May 2026 09:30:00 GMT"


class _Store(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *, has_conditions: bool, is_read_only: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.objects: dict[str, bytes] = {}
        self.writing = threading.Lock()
        self.has_conditions = has_conditions
        self.is_read_only = is_read_only


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Store

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.is_read_only:
            return self._answer_error(403, "AccessDenied")
        wanted = self.headers.get("If-Match")
        with self.server.writing:
            found = self.server.objects.get(self._key())
            if not self.server.has_conditions and (wanted or self.headers.get("If-None-Match")):
                return self._answer_error(501, "NotImplemented")
            if wanted is not None and (found is None or wanted != _tag(found)):
                return self._answer_error(412, "PreconditionFailed", "<Condition>If-Match</Condition>")
            if self.headers.get("If-None-Match") == "*" and found is not None:
                return self._answer_error(412, "PreconditionFailed", "<Condition>If-None-Match</Condition>")
            self.server.objects[self._key()] = content
        return self._answer(200, b"", ETag=_tag(content))

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            return self._answer(200, self._listing(query.get("prefix", [""])[0], query.get("delimiter", [""])[0]))
        found = self.server.objects.get(self._key())
        if found is None:
            return self._answer_error(404, "NoSuchKey")
        return self._answer(200, found, **{"ETag": _tag(found), "Last-Modified": _HTTP_TIME})

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._key(), None)
        self._answer(204, b"")

    def do_POST(self) -> None:
        """Delete the objects that the body lists."""
        listed = ElementTree.fromstring(self.rfile.read(int(self.headers["Content-Length"])))
        for key in listed.iter():
            if key.tag.rpartition("}")[2] == "Key":
                self.server.objects.pop(key.text or "", None)
        self._answer(200, b"<DeleteResult></DeleteResult>")

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")

    def _listing(self, prefix: str, delimiter: str) -> bytes:
        files, folders = [], set()
        for key in sorted(key for key in self.server.objects if key.startswith(prefix)):
            head, below, _ = key.removeprefix(prefix).partition(delimiter or "\0")
            if below:
                folders.add(prefix + head + delimiter)
            else:
                files.append((key, self.server.objects[key]))
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size><ETag>{escape(_tag(content))}</ETag>"
            f"<LastModified>{_TIME}</LastModified></Contents>"
            for key, content in files
        )
        common = "".join(
            f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in sorted(folders)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}{common}</ListBucketResult>".encode()

    def _answer_error(self, status: int, code: str, more: str = "") -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message>{more}</Error>".encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


@contextlib.contextmanager
def s3_server(*, has_conditions: bool = True, is_read_only: bool = False) -> Iterator[str]:
    """Run a store while the block lasts; yields its address, for s3fs's `endpoint_url`.

    Without conditions it answers 501 to conditional writes, as some stores with S3's protocol do; read-only it answers
    403 to any write.
    """
    server = _Store(has_conditions=has_conditions, is_read_only=is_read_only)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
