"""The model server: bundles behind KServe's protocols, over V1 and V2 REST and V2 gRPC."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

from kserve import ModelRepository
from kserve.model_server import app
from kserve.protocol.rest.server import RESTServer
import uvicorn

from components.modeling.images.photo_measures import measured_photos
from components.modeling.prepared_model import PreparedModel
from components.serving.server.bundle_model import BundleModel
from components.serving.server.compute_speed import fastest_model
from components.serving.server.compute_threads import compute_threads
from components.serving.server.config import address_of, check_ports, ServerConfig
from components.serving.server.grpc_endpoint import GRPCEndpoint
from components.serving.server.http_rules import add_http_rules
from components.serving.server.quiet_log import quiet_logs
from components.serving.server.request_validation import BundleDataPlane, FixedRepository
from components.serving.server.rest_endpoint import InferenceEndpoints
from components.serving.server.start_page import example_curl, start_page
from components.serving.traffic.access_log import AccessLog
from components.serving.traffic.connection import bounded_protocol, BoundedServer
from components.serving.traffic.limits import TrafficLimits
from components.serving.traffic.metrics import REFUSALS, show_held, show_log_counters
from components.serving.traffic.traffic import Traffic
from components.shared.contracts.bundle import bundle_version
from components.shared.contracts.embedding_reference import read_embedding_reference
from components.shared.contracts.operating_threshold import operating_threshold
from components.shared.runtime.freed_memory import keep_freed_memory
from components.shared.serving_log.recorder import RecorderLimits, RequestRecorder
from components.shared.serving_log.served_request import ServedModel

logger = logging.getLogger(__name__)

_READY_POLL_S = 0.02
_LOG_CLOSE_S = 10.0
# Longer than a proxy's, so that it is the proxy that closes a connection that nobody uses.
_KEEP_ALIVE_S = 65


def serve(config: ServerConfig, *, until_stdin_closes: bool = False) -> None:
    """Serve a bundle until the process is told to stop (SIGTERM, SIGINT).

    With `until_stdin_closes` also when standard input ends, which it does when the process that holds it dies. Raises
    FileNotFoundError if there is no bundle, ValueError if it cannot be used or a port is taken.
    """
    quiet_logs()
    keep_freed_memory()
    check_ports(config)
    predictor, speed = fastest_model(
        config.model_dir, device=config.device, num_threads=compute_threads(), max_difference=config.max_difference
    )
    version = bundle_version(config.model_dir)
    limits = TrafficLimits(drain_s=config.drain_seconds)
    with contextlib.ExitStack() as stack:
        traffic = Traffic(limits=limits, access_log=stack.enter_context(_access_log()) if config.access_log else None)
        show_held(lambda: traffic.gate.num_requests, lambda: traffic.gate.held_bytes)
        model = BundleModel(
            config.model_name,
            predictor,
            version=version,
            threshold=operating_threshold(config.model_dir, predictor.class_names),
            traffic=traffic,
            max_rows=speed.max_rows,
            recorder=stack.enter_context(_recorder(config, predictor, version)) if config.log_dir else None,
        )
        if until_stdin_closes:
            threading.Thread(target=_stop_when_stdin_closes, daemon=True).start()
        try:
            BundleServer(config, limits=limits).start([model])
        except SystemExit as error:  # how uvicorn says that it could not listen
            if error.code:
                where = address_of(config.host, config.http_port)
                raise ValueError(f"the server could not listen on {where}") from error


@contextlib.contextmanager
def _access_log() -> Iterator[AccessLog]:
    log = AccessLog()
    try:
        yield log
    finally:
        log.close()


@contextlib.contextmanager
def _recorder(config: ServerConfig, predictor: PreparedModel, version: str) -> Iterator[RequestRecorder]:
    reference = read_embedding_reference(config.model_dir)
    if reference is None and config.log_payload.kind == "sampled":
        logger.warning("drift picks no payloads: the bundle does not say where embeddings lie; train the model again")
    recorder = RequestRecorder(
        str(config.log_dir),
        ServedModel.of_bundle(predictor.config, name=config.model_name, version=version, reference=reference),
        policy=config.log_payload,
        limits=RecorderLimits(retention_days=config.retention_days),
        measure=measured_photos if predictor.features.modality == "image" else None,
    )
    show_log_counters(recorder.counters)
    try:
        yield recorder
    finally:
        if not recorder.close(_LOG_CLOSE_S):
            logger.warning("the serving log did not take everything in time: the next start brings the rest in")


class BundleServer:
    """KServe's application and gRPC service for bundles, on an address of choice, that says when it is ready."""

    def __init__(self, config: ServerConfig, *, limits: TrafficLimits | None = None) -> None:
        self._config, self._limits = config, limits or TrafficLimits()
        self._models = ModelRepository()
        self._dataplane = BundleDataPlane(model_registry=self._models)
        extension = FixedRepository(self._models)
        add_http_rules(app)
        RESTServer("kserve.model_server:app", self._dataplane, extension, config.http_port).create_application()
        self._endpoints = InferenceEndpoints(app, self._dataplane)
        self._rest = _DrainingServer(
            self._uvicorn_config(),
            drain_s=self._limits.drain_s,
            begin_drain=self._begin_drain,
            end_beside=self._stop_grpc,
        )
        self._grpc = GRPCEndpoint(
            address_of(config.host, config.grpc_port),
            self._dataplane,
            extension,
            max_requests=self._limits.max_requests,
        )

    def start(self, models: Sequence[BundleModel]) -> None:
        """Serve them until told to stop; then everything that was accepted is answered first."""
        for model in models:
            self._models.update(model)
        if len(models) == 1:
            self._endpoints.start_page = self._start_page(models[0])
        gc.collect()
        gc.freeze()  # the loaded libraries and the model are not looked through again at every collection
        with asyncio.Runner(loop_factory=self._rest.config.get_loop_factory()) as runner:
            runner.run(self._serve())
        for model in models:
            model.close()

    async def _serve(self) -> None:
        await self._grpc.start()
        announced = asyncio.create_task(self._announce())
        try:
            await self._rest.serve()
        finally:
            announced.cancel()
            await self._stop_grpc()

    async def _stop_grpc(self) -> None:
        await self._grpc.stop(grace_s=self._limits.answer_timeout_s)

    def _uvicorn_config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self._endpoints,
            host=self._config.host,
            port=self._config.http_port,
            http=bounded_protocol(self._limits, lambda reason: REFUSALS.labels(reason).inc()),
            lifespan="off",
            log_config=None,  # quiet_logs has seen to it
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(self._limits.answer_timeout_s) + 1,
        )

    def _begin_drain(self) -> None:
        self._endpoints.draining = self._dataplane.draining = True

    def _start_page(self, model: BundleModel) -> bytes:
        config = self._config
        return start_page(
            model_name=model.name,
            version=model.version,
            modality=model.modality,
            input_types=model.get_input_types(),
            model_dir=config.model_dir,
            url=_url(config),
        )

    async def _announce(self) -> None:
        while not self._rest.started:
            await asyncio.sleep(_READY_POLL_S)
        config = self._config
        logger.info(
            "serving %s from %s: %s, gRPC %s",
            config.model_name,
            config.model_dir,
            _url(config),
            address_of(config.host, config.grpc_port),
        )
        for model in self._models.get_models().values():
            curl = example_curl(_url(config), model.name, model.modality, model.get_input_types())
            logger.info("a page to try it: %s/ - from a shell: %s", _url(config), curl)


class _DrainingServer(BoundedServer):
    """uvicorn's server that says at a signal that it is not ready, and stops listening a while later.

    Meanwhile it answers, and asks its clients to close their connections: a load balancer takes a moment to send no
    more requests. A second signal ends the wait.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        drain_s: float,
        begin_drain: Callable[[], None],
        end_beside: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(config)
        self._drain_s, self._begin_drain, self._end_beside = drain_s, begin_drain, end_beside
        self._drain_until: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the drain, or end it."""
        if self._drain_until is None:
            self._begin_drain()
            self._drain_until = time.monotonic() + self._drain_s
        else:
            self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was accepted over both protocols at the same time, so that the grace of one holds for both."""
        await asyncio.gather(super().shutdown(sockets), self._end_beside())

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second: whether to end."""
        if self._drain_until is not None and time.monotonic() >= self._drain_until:
            return True
        return await super().on_tick(counter)


def _url(config: ServerConfig) -> str:
    return f"http://{address_of(config.host, config.http_port)}"


def _stop_when_stdin_closes() -> None:
    while sys.stdin.buffer.read(4096):
        continue
    os.kill(os.getpid(), signal.SIGTERM)
