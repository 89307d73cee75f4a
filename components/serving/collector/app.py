"""The collector over HTTP: `POST /` takes an event, `GET /metrics` counts, `GET /health/live` and `/health/ready`."""

from collections.abc import AsyncIterator
import contextlib
import logging

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from components.serving.collector.cloud_events import read_event
from components.serving.collector.collector import Collector
from components.serving.collector.journal import JournalFullError

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 96 * 1024 * 1024  # the server's 64 MiB in base64, and what is around them
_IN_FLIGHT_BYTES = 256 * 1024 * 1024
_RETRY_S = "2"


class CollectorApp:
    """Starlette's application of a collector."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._in_flight_bytes = 0
        self.app = Starlette(
            routes=[
                Route("/", self._take, methods=["POST"]),
                Route("/metrics", self._metrics, methods=["GET"]),
                Route("/health/live", self._health, methods=["GET"]),
                Route("/health/ready", self._health, methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        yield
        self._collector.close()

    async def _take(self, request: Request) -> Response:
        body = bytearray()
        try:
            async for chunk in request.stream():
                self._in_flight_bytes += len(chunk)
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    return _refused(413, f"an event must have at most {MAX_BODY_BYTES:,} bytes, got more")
                if self._in_flight_bytes > _IN_FLIGHT_BYTES:
                    return _refused(503, "too many events are on their way: send this one again")
            is_stored = await self._collector.take(read_event(request.headers, bytes(body)))
        except ClientDisconnect:
            return Response(status_code=400)
        except JournalFullError as error:
            return _refused(503, f"the event could not be stored: {error}: send it again")
        except ValueError as error:
            return _refused(400, str(error))
        finally:
            self._in_flight_bytes -= len(body)
        return JSONResponse({"stored": is_stored})

    async def _metrics(self, request: Request) -> Response:
        counts = self._collector.counters()
        lines = [f"# HELP {_NAME} Events by what became of them.", f"# TYPE {_NAME} counter"]
        lines += [f'{_NAME}{{outcome="{name}"}} {count}' for name, count in counts.items()]
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})


_NAME = "pluszero_collector_events_total"


def _refused(status: int, reason: str) -> Response:
    headers = {"Retry-After": _RETRY_S} if status == 503 else None
    return JSONResponse({"error": reason}, status_code=status, headers=headers)
