"""A store with S3's protocol for tests: objects in memory, conditional writes as S3 has them, one bucket."""

from collections.abc import Iterator
import contextlib
from datetime import datetime, UTC
from email.utils import format_datetime
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

BUCKET = "bucket"


class Store(ThreadingHTTPServer):
    """The store: its objects, and when each was written, by key; `takes_puts`: how many more it takes, None for all."""

    daemon_threads = True

    def __init__(self, *, has_conditions: bool, takes_puts: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.objects: dict[str, bytes] = {}
        self.times: dict[str, datetime] = {}
        self.writing = threading.Lock()
        self.has_conditions = has_conditions
        self.takes_puts = takes_puts

    @property
    def address(self) -> str:
        """For s3fs's `endpoint_url`."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.takes_puts == 0:
            return self._answer_error(403, "AccessDenied")
        if self.server.takes_puts is not None:
            self.server.takes_puts -= 1
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
            self.server.times[self._key()] = datetime.now(UTC)
        return self._answer(200, b"", ETag=_tag(content))

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            return self._answer(200, self._listing(query.get("prefix", [""])[0], query.get("delimiter", [""])[0]))
        found = self.server.objects.get(self._key())
        if found is None:
            return self._answer_error(404, "NoSuchKey")
        written = format_datetime(self.server.times[self._key()], usegmt=True)
        return self._answer(200, found, **{"ETag": _tag(found), "Last-Modified": written})

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
            f"<LastModified>{self.server.times[key]:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
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
def s3_server(*, has_conditions: bool = True, takes_puts: int | None = None) -> Iterator[Store]:
    """Run a store while the block lasts.

    Without conditions it answers 501 to conditional writes, as some stores with S3's protocol do; with `takes_puts` it
    answers 403 to any write after so many.
    """
    server = Store(has_conditions=has_conditions, takes_puts=takes_puts)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
