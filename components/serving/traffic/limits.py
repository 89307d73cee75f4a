"""How much a server takes on at once."""

from dataclasses import dataclass

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024
# Bodies above it are read beside the others, so that a small request never waits for a large one to be decoded.
LARGE_BYTES = 256 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class TrafficLimits:
    """Bounds of a server's queue, of its requests and of its end.

    Attributes
    ----------
    max_requests
        Requests that are accepted and not yet answered.
    max_held_bytes
        Bytes of their bodies together.
    max_wait_s
        Seconds that a request is expected to wait before it is computed: where it would be longer, it is refused at
        once. This is what makes the drain a promise.
    answer_timeout_s
        Seconds from a request's acceptance to its answer; a request that would take longer is dropped and told so.
    receive_timeout_s
        Seconds for a request's head, and for its body beyond what a client of 64 KiB a second would take.
    max_connections
        Open connections; further ones are closed at once.
    drain_s
        Seconds for which a server that was told to end still takes requests, on connections that it has and on new
        ones: a load balancer takes a moment to send no more.
    """

    max_requests: int = 256
    max_held_bytes: int = 256 * 1024 * 1024
    max_wait_s: float = 5.0
    answer_timeout_s: float = 30.0
    receive_timeout_s: float = 20.0
    max_connections: int = 2048
    drain_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("max_requests", "max_held_bytes", "max_wait_s", "answer_timeout_s", "receive_timeout_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}")
        if self.max_connections < 1 or self.drain_s < 0:
            raise ValueError(
                f"max_connections must be at least 1 and drain_s at least 0, got {self.max_connections} "
                f"and {self.drain_s}"
            )
