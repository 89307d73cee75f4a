"""A bundle as a KServe model: V1 and V2 requests in, answers in its `AnswerFormat` out."""

import asyncio
from collections.abc import Sequence
import time
from typing import Any

from kserve import InferRequest, InferResponse
from kserve.errors import InvalidInput
from kserve.model import InferenceModel, InferenceVerb

from components.modeling.answers import Prediction
from components.modeling.prepared_model import PreparedModel
from components.serving.server.answer_formats import answer_format, PredictionParts
from components.serving.server.compute_threads import usable_cores
from components.serving.server.exchange import Exchange, new_request_id, request_bytes
from components.serving.server.payloads import payloads_for
from components.serving.server.request_context import Context, context_columns
from components.serving.server.request_rows import ReadRows
from components.serving.traffic.admission import RefusedError
from components.serving.traffic.batch_plan import MAX_ROWS
from components.serving.traffic.batching import BatchingWorker
from components.serving.traffic.observer import CLIENT_GONE, Ended, RequestObserver
from components.serving.traffic.ticket import Ticket
from components.serving.traffic.traffic import Traffic
from components.shared.contracts.operating_threshold import OperatingThreshold
from components.shared.serving_log.recorder import RequestRecorder
from components.shared.serving_log.served_request import ServedRequest

_MAX_READERS = 4


class BundleModel(InferenceModel):
    """Answers KServe's requests with a `PreparedModel`, which prepares and computes as training does.

    Reading, preparation and prediction run in a thread of their own: the event loop stays free for health checks, and
    two requests never compete for the same cores. What waits together is computed together.
    """

    def __init__(
        self,
        name: str,
        predictor: PreparedModel,
        *,
        version: str,
        threshold: OperatingThreshold | None = None,
        traffic: Traffic | None = None,
        max_rows: int = MAX_ROWS,
        recorder: RequestRecorder | None = None,
    ) -> None:
        super().__init__(name)
        self.version = version
        self.traffic = traffic or Traffic()
        self.modality = predictor.features.modality
        self._recorder = recorder
        self.format = answer_format(predictor, threshold)
        self.context_columns = context_columns(predictor.config.column_roles)
        self.payloads = payloads_for(predictor.features, predictor.config.repairs)
        self.repaired_payloads = payloads_for(predictor.features)
        self.input_names = tuple(str(given["name"]) for given in self.payloads.input_types)
        self._worker = BatchingWorker(
            predictor.predict,
            PredictionParts(),
            predictor.features.input_specs,
            observe=self.traffic.gate.observe,
            num_readers=min(usable_cores(), _MAX_READERS),
            max_rows=max_rows,
        )
        self.observer = RequestObserver(
            name,
            version,
            class_names=predictor.class_names,
            queue_length=lambda: self._worker.queue_length,
            access_log=self.traffic.access_log,
        )
        self.ready = True

    def get_input_types(self) -> list[dict[str, Any]]:
        """Inputs for the metadata endpoint."""
        return self.payloads.input_types

    def get_output_types(self) -> list[dict[str, Any]]:
        """Outputs for the metadata endpoint."""
        return self.format.output_types

    async def __call__(
        self, body: Any, headers: dict[str, str] | None = None, verb: InferenceVerb = InferenceVerb.PREDICT
    ) -> tuple[dict[str, Any] | InferResponse, dict[str, str]]:
        """Answer a request that is decoded, as those of gRPC are; `InvalidInput` or `RefusedError` where it is not."""
        assert verb is InferenceVerb.PREDICT
        began, num_bytes = time.monotonic(), request_bytes(body) if isinstance(body, InferRequest) else 0
        exchange = Exchange(
            self,
            decode=lambda: body,
            encode=lambda answer: answer,
            num_bytes=num_bytes,
            request_id=new_request_id(headers or {}),
        )
        timing, status, reason, admission = None, 500, None, None
        try:
            admission = self.traffic.gate.admit(num_bytes)
            ticket = self.submit(exchange)
            timing = ticket.timing
            answer = await ticket.answer
            status = 200
            return answer, {}
        except InvalidInput:
            status, reason = 400, "invalid"
            raise
        except RefusedError as refused:
            status, reason = refused.refusal.status, refused.refusal.reason
            self.observer.refused(str(refused))
            raise
        except asyncio.CancelledError:
            status = CLIENT_GONE
            raise
        finally:
            if admission is not None:
                admission.release()
            total_s = time.monotonic() - began
            self.observer.ended(
                Ended(
                    request_id=exchange.request_id,
                    protocol="grpc",
                    status=status,
                    received_bytes=num_bytes,
                    sent_bytes=0,
                    receive_s=0.0,
                    total_s=total_s,
                    timing=timing,
                    reason=reason,
                )
            )

    def submit(self, exchange: Exchange) -> Ticket:
        """Queue a request that was admitted."""
        return self._worker.submit(exchange, timeout_s=self.traffic.limits.answer_timeout_s)

    def record(
        self,
        request_id: str,
        rows: ReadRows,
        contexts: Sequence[Context] | None,
        answers: Prediction,
        labels: Sequence[str] | None,
    ) -> None:
        """Hand an answer to the serving log, where there is one."""
        if self._recorder is None:
            return
        names = sorted({name for context in contexts or () for name in context})
        self._recorder.offer(
            ServedRequest(
                request_id=request_id,
                time_ns=time.time_ns(),
                features=rows.columns,
                labels=labels,
                probabilities=None if labels is None else answers.probabilities_BK,
                predictions=answers.numbers_B,
                context={name: [context.get(name) for context in contexts or ()] for name in names},
                embeddings=answers.embeddings_BD,
            )
        )

    def close(self) -> None:
        """Answer what waits, and end the thread that computes."""
        self._worker.close()
