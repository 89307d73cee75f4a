"""What requests cost: so many seconds each, and so many a byte, by least squares over the last batches."""

# How much of what was measured is kept at each new batch: some 50 batches are remembered.
_KEPT = 0.98
_MEGABYTE = 1e6
# Below this the sizes of the requests differ too little to tell what a byte costs.
_MIN_DETERMINANT = 1e-3


class RequestCost:
    """Learns a cost a request and a cost a byte, neither below 0."""

    def __init__(self) -> None:
        self._nn = self._nb = self._bb = self._ns = self._bs = 0.0

    def observe(self, *, seconds: float, num_requests: float, num_bytes: float) -> None:
        """Learn from a batch; parts of a request count as such."""
        megabytes = num_bytes / _MEGABYTE
        sums = (self._nn, self._nb, self._bb, self._ns, self._bs)
        added = (
            num_requests * num_requests,
            num_requests * megabytes,
            megabytes * megabytes,
            num_requests * seconds,
            megabytes * seconds,
        )
        self._nn, self._nb, self._bb, self._ns, self._bs = (
            _KEPT * total + more for total, more in zip(sums, added, strict=True)
        )

    def seconds(self, *, num_requests: float, num_bytes: float) -> float:
        """What so many requests with so many bytes together will take; 0 before anything was observed."""
        each, megabyte = self._costs()
        return each * num_requests + megabyte * num_bytes / _MEGABYTE

    def _costs(self) -> tuple[float, float]:
        if not self._nn:
            return 0.0, 0.0
        determinant = self._nn * self._bb - self._nb * self._nb
        if determinant > _MIN_DETERMINANT * self._nn * self._bb:
            each = (self._ns * self._bb - self._bs * self._nb) / determinant
            megabyte = (self._bs * self._nn - self._ns * self._nb) / determinant
            if each >= 0 and megabyte >= 0:
                return each, megabyte
            if each < 0:
                return 0.0, self._bs / self._bb
        return self._ns / self._nn, 0.0
