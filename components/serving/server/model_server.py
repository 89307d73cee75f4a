"""The model server: one bundle behind `kserve.ModelServer`, over V1 and V2 REST and V2 gRPC."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
import logging
import os
import signal
import sys
import threading

from grpc import aio
from kserve import ModelServer
from kserve.model_server import app
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.server import GRPCServer
from kserve.protocol.grpc.servicer import InferenceServicer

from components.modeling.predictor import load_predictor
from components.serving.server.bundle_model import BundleModel
from components.serving.server.compute_threads import limit_compute_threads
from components.serving.server.config import address_of, check_ports, ServerConfig
from components.serving.server.http_rules import add_http_rules, MAX_BODY_BYTES
from components.serving.server.quiet_log import quiet_logs
from components.serving.server.request_validation import BundleDataPlane, FixedRepository
from components.shared.contracts.bundle import bundle_version
from components.shared.contracts.operating_threshold import operating_threshold

logger = logging.getLogger(__name__)

_GRACE_PERIOD_S = 10
_READY_POLL_S = 0.02


def serve(config: ServerConfig, *, until_stdin_closes: bool = False) -> None:
    """Serve a bundle until the process is told to stop (SIGTERM, SIGINT).

    With `until_stdin_closes` also when standard input ends, which it does when the process that holds it dies. Raises
    FileNotFoundError if there is no bundle, ValueError if it cannot be used or a port is taken.
    """
    quiet_logs()
    check_ports(config)
    limit_compute_threads()
    predictor = load_predictor(config.model_dir, device=config.device)
    predictor.predict(predictor.empty_inputs(1))  # what the first request would wait for
    threshold = operating_threshold(config.model_dir, predictor.class_names)
    model = BundleModel(config.model_name, predictor, version=bundle_version(config.model_dir), threshold=threshold)
    if until_stdin_closes:
        threading.Thread(target=_stop_when_stdin_closes, daemon=True).start()
    try:
        BundleServer(config).start([model])
    except SystemExit as error:  # how uvicorn says that it could not listen
        if error.code:
            raise ValueError(f"the server could not listen on {address_of(config.host, config.http_port)}") from error


class BundleServer(ModelServer):
    """`kserve.ModelServer` with strict decoding, on an address of choice, that says when it is ready."""

    def __init__(self, config: ServerConfig) -> None:
        super().__init__(
            http_port=config.http_port,
            grpc_port=config.grpc_port,
            workers=1,
            enable_grpc=False,  # KServe's gRPC server listens on all addresses; ours is added in _serve
            enable_docs_url=False,
            enable_latency_logging=False,
            grace_period=_GRACE_PERIOD_S,
        )
        self.dataplane = BundleDataPlane(model_registry=self.registered_models)
        self.model_repository_extension = FixedRepository(self.registered_models)
        self._config = config
        add_http_rules(app)

    async def _serve(self) -> None:
        self._rest_server.config.host = self._config.host
        self._grpc_server = _AddressedGRPCServer(self)
        self.servers.append(self._grpc_server.start(self.max_threads))
        await asyncio.gather(*self.servers, self._announce())

    async def _announce(self) -> None:
        while not (self._rest_server._server.started and self._grpc_server.started):
            await asyncio.sleep(_READY_POLL_S)
        config = self._config
        logger.info(
            "serving %s from %s: http://%s, gRPC %s",
            config.model_name,
            config.model_dir,
            address_of(config.host, config.http_port),
            address_of(config.host, config.grpc_port),
        )


class _AddressedGRPCServer(GRPCServer):
    """KServe's gRPC server on one address, alone on its port, with the body limit of HTTP."""

    def __init__(self, server: BundleServer) -> None:
        super().__init__(
            server.grpc_port,
            server.dataplane,
            server.model_repository_extension,
            kwargs={},
            grace_period=server.grace_period,
        )
        self._address = address_of(server._config.host, server.grpc_port)
        self.started = False

    async def start(self, max_workers: int) -> None:
        self._server = aio.server(
            ThreadPoolExecutor(max_workers=max_workers),
            interceptors=(ExceptionToStatusInterceptor(),),
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", MAX_BODY_BYTES),
                ("grpc.max_send_message_length", MAX_BODY_BYTES),
            ],
        )
        servicer = InferenceServicer(self._data_plane, self._model_repository_extension)
        add_GRPCInferenceServiceServicer_to_server(servicer, self._server)
        try:
            self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise ValueError(f"the server could not listen on {self._address}") from error
        await self._server.start()
        self.started = True
        await self._server.wait_for_termination()


def _stop_when_stdin_closes() -> None:
    while sys.stdin.buffer.read(4096):
        continue
    os.kill(os.getpid(), signal.SIGTERM)
