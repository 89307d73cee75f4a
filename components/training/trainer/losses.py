"""An epoch's mean loss: gathered a batch at a time, over all processes. The loss itself is its task's.

Shapes: B examples.
"""

from collections.abc import Iterable

import torch


class WeightedMean:
    """A weighted mean that is gathered a batch at a time, over all processes."""

    def __init__(self) -> None:
        self.total = 0.0
        self.weight = 0.0
        self._pending: list[torch.Tensor] = []

    def update(self, values_B: torch.Tensor, weights_B: torch.Tensor) -> None:
        """Add a batch; nothing waits for the device."""
        weights = weights_B.double()
        self._pending.append(torch.stack([(values_B.detach().double() * weights).sum(), weights.sum()]))

    def gathered(self, *, over_processes: bool) -> tuple[float, float]:
        """Sum and weight so far; over all processes, each of which must ask at the same point."""
        if self._pending:
            total, weight = torch.stack(self._pending).sum(dim=0).tolist()
            self.total, self.weight = self.total + total, self.weight + weight
            self._pending = []
        if not over_processes:
            return self.total, self.weight
        total, weight = sums_over_processes([self.total, self.weight])
        return total, weight

    def restart(self, total: float = 0.0, weight: float = 0.0) -> None:
        """Forget what was gathered, and begin with something."""
        self.total, self.weight, self._pending = total, weight, []


def sums_over_processes(values: Iterable[float]) -> list[float]:
    """Every value added up over all processes; the values themselves where there is one."""
    listed = list(values)
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return listed
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    sums = torch.tensor(listed, dtype=torch.float64, device=device)
    distributed.all_reduce(sums)
    gathered: list[float] = sums.tolist()
    return gathered
