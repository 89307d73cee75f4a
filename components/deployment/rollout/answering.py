"""Whether a release answers as it must: ready in time, and as the training side does; why not, where it does not."""

from collections.abc import Callable
from dataclasses import dataclass
import time

from components.deployment.endpoint.cluster_endpoint import Object
from components.deployment.endpoint.golden_answers import Address, address_of, GoldenAnswers, UnreachableError
from components.deployment.endpoint.readiness import Hindrance, hindrance, is_pod_ready, is_ready, is_stuck, pods_of
from components.deployment.endpoint.service_state import read_state
from components.deployment.rollout.live_service import LiveService
from components.deployment.rollout.record import RolloutRecord


class RemovedError(RuntimeError):
    """The canary was taken back beside the rollout."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """How a rollout waits, in seconds.

    Attributes
    ----------
    poll_s
        Between two looks at an object that is awaited.
    stuck_s
        For what does not come by waiting, an image for one: a registry may be away for a moment.
    unreachable_s
        For a ready server that does not answer.
    away_s
        For a canary without a ready server.
    settle_s
        For an endpoint that still names servers which went.
    """

    poll_s: float = 2.0
    stuck_s: float = 120.0
    unreachable_s: float = 60.0
    away_s: float = 60.0
    settle_s: float = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answering:
    """How it is asked whether a release answers.

    Attributes
    ----------
    service
        The InferenceService.
    golden
        What the release must answer.
    address
        Where a pod's server listens.
    timing
        How it is waited.
    """

    service: LiveService
    golden: GoldenAnswers
    address: Callable[[Object], Address]
    timing: Timing

    def fault(self, record: RolloutRecord) -> Hindrance | None:
        """Why the release cannot go on; None where it is ready, and answers as it must.

        A canary is asked at one of its servers; a release that was promoted, at the endpoint.

        Raises
        ------
        RemovedError
            If it is a canary that is gone.
        """
        told = self._await_ready(record)
        if told is not None:
            return told
        give_up = time.monotonic() + self.timing.unreachable_s
        may_settle = not _is_canary(record)
        while True:
            try:
                fault = self.golden.fault(self._asked_address(record))
            except UnreachableError as error:
                if time.monotonic() > give_up:
                    return Hindrance(reason=f"it is ready, but {error}")
                time.sleep(self.timing.poll_s)
            else:
                if fault is None or not may_settle:
                    return None if fault is None else Hindrance(reason=fault)
                may_settle = False
                time.sleep(self.timing.settle_s)

    def has_ready_pod(self, record: RolloutRecord) -> bool:
        """Whether a server of the release takes requests now."""
        return bool(self._ready_pods(record))

    def why(self, record: RolloutRecord) -> Hindrance:
        """Why the release is not ready."""
        found = self.service.endpoint.read()
        state = read_state(found)
        if found is None or state is None:
            return Hindrance(reason="the InferenceService is gone")
        return hindrance(self.service.endpoint, found, state, record.version)

    def _await_ready(self, record: RolloutRecord) -> Hindrance | None:
        began = time.monotonic()
        stuck_since: float | None = None
        while True:
            state, found = self.service.state(record), self.service.endpoint.read()
            pods = self.service.endpoint.pods()
            if state is not None and found is not None:
                if _is_canary(record) and state.canary is None:
                    raise RemovedError
                if is_ready(found, state, pods, record.version, mode=self.service.deploy.mode):
                    return None
            now = time.monotonic()
            stuck_since = (stuck_since or now) if is_stuck(pods, record.version) else None
            is_late = now - began > 60 * self.service.deploy.ready_within_min
            if is_late or (stuck_since is not None and now - stuck_since >= self.timing.stuck_s):
                told = self.why(record)
                reason = f"it must become ready, but after {now - began:.0f} s it is not: {told.reason}"
                return Hindrance(reason=reason, log_end=told.log_end)
            time.sleep(self.timing.poll_s)

    def _asked_address(self, record: RolloutRecord) -> Address:
        """Where the release is asked: at the real endpoint, or, while it is a canary, at one of its own servers."""
        if not _is_canary(record):
            url = (self.service.endpoint.read() or {}).get("status", {}).get("address", {}).get("url")
            if url:
                return address_of(url)
        ready = self._ready_pods(record)
        if not ready:
            raise UnreachableError("none of its servers is ready any longer")
        return self.address(ready[0])

    def _ready_pods(self, record: RolloutRecord) -> list[Object]:
        return [pod for pod in pods_of(self.service.endpoint.pods(), record.version) if is_pod_ready(pod)]


def _is_canary(record: RolloutRecord) -> bool:
    return record.kind == "canary" and record.decision is None
