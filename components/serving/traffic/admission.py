"""Which requests are taken on: bounds on their number, their bytes and the wait that is expected for them.

All of it is called from the event loop's thread alone.
"""

from dataclasses import dataclass
import math

from components.serving.traffic.limits import LARGE_BYTES, TrafficLimits
from components.serving.traffic.request_cost import RequestCost

TOO_MANY_REQUESTS, UNAVAILABLE = 429, 503


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why a request is not taken on: an HTTP status, a short reason for metrics, a sentence, when to come again."""

    status: int
    reason: str
    sentence: str
    retry_after_s: int


class RefusedError(Exception):
    """A request that was not taken on, or not to its end."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence)
        self.refusal = refusal


class Admission:
    """One accepted request's share of what the server holds; `release` gives it back, once."""

    __slots__ = ("_gate", "_is_large", "_open", "num_bytes")

    def __init__(self, gate: "AdmissionGate", num_bytes: int, *, is_large: bool) -> None:
        self._gate, self.num_bytes, self._is_large, self._open = gate, num_bytes, is_large, True

    def grow(self, num_bytes: int) -> None:
        """Hold so many bytes in all, which a client did not announce; `RefusedError` where that is too much."""
        more = num_bytes - self.num_bytes
        if more > 0:
            self._gate.hold_more(more, is_large=self._is_large)
            self.num_bytes = num_bytes

    def release(self) -> None:
        """The request is answered, or its client is gone."""
        if self._open:
            self._open = False
            self._gate.let_go(self.num_bytes, is_large=self._is_large)


@dataclass(slots=True)
class _Held:
    num_requests: int = 0
    num_bytes: int = 0

    def add(self, num_requests: int, num_bytes: int) -> None:
        self.num_requests += num_requests
        self.num_bytes += num_bytes


class AdmissionGate:
    """Counts what is held and how fast it goes, and says who may come in."""

    def __init__(self, limits: TrafficLimits) -> None:
        self._limits = limits
        self._held = {False: _Held(), True: _Held()}  # small and large requests
        self._cost = RequestCost()

    def admit(self, num_bytes: int) -> Admission:
        """Take a request on whose body has so many bytes, 0 where it is not known; `RefusedError` says why not.

        One may always wait behind one other, however long that takes.
        """
        limits, is_large = self._limits, num_bytes > LARGE_BYTES
        if self.num_requests >= limits.max_requests:
            raise RefusedError(self._too_many("requests", f"{self.num_requests:,} requests wait already"))
        if self.held_bytes + num_bytes > limits.max_held_bytes and self.num_requests:
            raise RefusedError(self._too_many("bytes", f"{self.held_bytes:,} bytes of requests are held already"))
        expected_s = self.expected_wait_s(is_large=is_large)
        if expected_s > limits.max_wait_s and self._held[is_large].num_requests > 1:
            raise RefusedError(self._too_many("wait", f"a request would wait for about {expected_s:.1f} s"))
        self._held[is_large].add(1, num_bytes)
        return Admission(self, num_bytes, is_large=is_large)

    @property
    def num_requests(self) -> int:
        """Requests that are held."""
        return sum(held.num_requests for held in self._held.values())

    @property
    def held_bytes(self) -> int:
        """Bytes that are held."""
        return sum(held.num_bytes for held in self._held.values())

    def expected_wait_s(self, *, is_large: bool) -> float:
        """Seconds until a request would be computed, at the speed of the last batches; 0 before the first.

        Small requests and large ones take turns: a small one waits for what is small, and as long again at most.
        """
        small_s, large_s = (
            self._cost.seconds(num_requests=held.num_requests, num_bytes=held.num_bytes) for held in self._held.values()
        )
        return small_s + (large_s if is_large else min(small_s, large_s))

    def observe(self, seconds: float, num_bytes: float, num_requests: float) -> None:
        """Learn from a batch: how long so many bytes of so many requests (parts of one count as such) took."""
        self._cost.observe(seconds=seconds, num_requests=num_requests, num_bytes=num_bytes)

    def hold_more(self, num_bytes: int, *, is_large: bool) -> None:
        """Count bytes that came unannounced; `RefusedError` where the bound is passed."""
        if self.held_bytes + num_bytes > self._limits.max_held_bytes:
            raise RefusedError(self._too_many("bytes", f"{self.held_bytes:,} bytes of requests are held already"))
        self._held[is_large].add(0, num_bytes)

    def let_go(self, num_bytes: int, *, is_large: bool) -> None:
        """One request less, and its bytes."""
        self._held[is_large].add(-1, -num_bytes)

    def _too_many(self, reason: str, why: str) -> Refusal:
        wait_s = max(1, math.ceil(min(self.expected_wait_s(is_large=True), 60.0)))
        return Refusal(
            status=TOO_MANY_REQUESTS,
            reason=f"queue_{reason}",
            sentence=f"the server is busy, {why}: try again in {wait_s} s",
            retry_after_s=wait_s,
        )
