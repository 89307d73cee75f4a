"""KServe's gRPC service on one address, alone on its port, with the body limit of HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc import aio
from kserve.errors import ModelNotFound
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.model_repository_extension import ModelRepositoryExtension

from components.serving.traffic.admission import RefusedError, TOO_MANY_REQUESTS
from components.serving.traffic.limits import MAX_BODY_BYTES
from components.serving.traffic.metrics import refused_without_model


class GRPCEndpoint:
    """The gRPC server; more than `max_requests` at once are refused before they are read."""

    def __init__(
        self, address: str, dataplane: DataPlane, extension: ModelRepositoryExtension, *, max_requests: int
    ) -> None:
        self._address, self._max_requests = address, max_requests
        self._servicer = InferenceServicer(dataplane, extension)
        self._server: aio.Server | None = None

    async def start(self) -> None:
        """Listen; ValueError where the address is taken."""
        server = aio.server(
            ThreadPoolExecutor(max_workers=1),
            interceptors=(_RefusalInterceptor(),),
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", MAX_BODY_BYTES),
                ("grpc.max_send_message_length", MAX_BODY_BYTES),
            ],
            maximum_concurrent_rpcs=self._max_requests,
        )
        add_GRPCInferenceServiceServicer_to_server(self._servicer, server)
        try:
            server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise ValueError(f"the server could not listen on {self._address}") from error
        await server.start()
        self._server = server

    async def stop(self, *, grace_s: float) -> None:
        """Take no more requests, and answer those that were accepted."""
        if self._server is not None:
            await self._server.stop(grace_s)


class _RefusalInterceptor(ExceptionToStatusInterceptor):
    """KServe's statuses, and those of requests that were not admitted."""

    async def handle_exception(
        self, ex: Exception, request_or_iterator: Any, context: grpc.ServicerContext, method_name: str
    ) -> None:
        """Answer with the status of what went wrong."""
        if isinstance(ex, ModelNotFound):
            refused_without_model("grpc", 404)
        if isinstance(ex, RefusedError):
            busy = ex.refusal.status == TOO_MANY_REQUESTS
            code = grpc.StatusCode.RESOURCE_EXHAUSTED if busy else grpc.StatusCode.UNAVAILABLE
            await context.abort(code, ex.refusal.sentence)
        await super().handle_exception(ex, request_or_iterator, context, method_name)
