"""Which requests are taken on: bounds on their number, their bytes and the wait that is expected for them.

All of it is called from the event loop's thread alone.
"""

from dataclasses import dataclass
import math

from components.serving.traffic.limits import TrafficLimits

TOO_MANY_REQUESTS, UNAVAILABLE = 429, 503
# What a request costs beside its body, as bytes of one: an empty body is no free request.
_OVERHEAD_BYTES = 2048
# How much of what was measured is kept at each new batch: some 50 batches are remembered.
_KEPT = 0.98


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

    __slots__ = ("_gate", "_open", "num_bytes")

    def __init__(self, gate: "AdmissionGate", num_bytes: int) -> None:
        self._gate, self.num_bytes, self._open = gate, num_bytes, True

    def grow(self, num_bytes: int) -> None:
        """Hold so many bytes in all, which a client did not announce; `RefusedError` where that is too much."""
        more = num_bytes - self.num_bytes
        if more > 0:
            self._gate.hold_more(more)
            self.num_bytes = num_bytes

    def release(self) -> None:
        """The request is answered, or its client is gone."""
        if self._open:
            self._open = False
            self._gate.let_go(self.num_bytes)


class AdmissionGate:
    """Counts what is held and how fast it goes, and says who may come in."""

    def __init__(self, limits: TrafficLimits) -> None:
        self._limits = limits
        self.num_requests = 0
        self.held_bytes = 0
        self._seconds = 0.0
        self._bytes = 0.0

    def admit(self, num_bytes: int) -> Admission:
        """Take a request on whose body has so many bytes, 0 where it is not known; `RefusedError` says why not.

        One may always wait behind one other, however long that takes.
        """
        limits = self._limits
        if self.num_requests >= limits.max_requests:
            raise RefusedError(self._too_many("requests", f"{self.num_requests:,} requests wait already"))
        if self.held_bytes + num_bytes > limits.max_held_bytes and self.num_requests:
            raise RefusedError(self._too_many("bytes", f"{self.held_bytes:,} bytes of requests are held already"))
        expected_s = self.expected_wait_s
        if expected_s > limits.max_wait_s and self.num_requests > 1:
            raise RefusedError(self._too_many("wait", f"a request would wait for about {expected_s:.1f} s"))
        self.num_requests += 1
        self.held_bytes += num_bytes
        return Admission(self, num_bytes)

    @property
    def expected_wait_s(self) -> float:
        """Seconds until what is held now is computed, at the speed of the last batches; 0 before the first."""
        if not self._bytes:
            return 0.0
        return (self.held_bytes + self.num_requests * _OVERHEAD_BYTES) * self._seconds / self._bytes

    def observe(self, seconds: float, num_bytes: float, num_requests: float) -> None:
        """Learn from a batch: how long so many bytes of so many requests (parts of one count as such) took."""
        self._seconds = _KEPT * self._seconds + seconds
        self._bytes = _KEPT * self._bytes + num_bytes + num_requests * _OVERHEAD_BYTES

    def hold_more(self, num_bytes: int) -> None:
        """Count bytes that came unannounced; `RefusedError` where the bound is passed."""
        if self.held_bytes + num_bytes > self._limits.max_held_bytes:
            raise RefusedError(self._too_many("bytes", f"{self.held_bytes:,} bytes of requests are held already"))
        self.held_bytes += num_bytes

    def let_go(self, num_bytes: int) -> None:
        """One request less, and its bytes."""
        self.num_requests -= 1
        self.held_bytes -= num_bytes

    def _too_many(self, reason: str, why: str) -> Refusal:
        wait_s = max(1, math.ceil(min(self.expected_wait_s, 60.0)))
        return Refusal(
            status=TOO_MANY_REQUESTS,
            reason=f"queue_{reason}",
            sentence=f"the server is busy, {why}: try again in {wait_s} s",
            retry_after_s=wait_s,
        )
