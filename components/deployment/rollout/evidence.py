"""Where the judge's counts come from: the cluster's own traffic, or held-out examples that are sent to both sides."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import contextlib
import time
from typing import Any, Protocol

from components.deployment.canary.replayed_traffic import ReplayedTraffic
from components.deployment.canary.side_counts import SideCounts
from components.deployment.canary.splitting_proxy import Address, Side, SplittingProxy
from components.deployment.endpoint.cluster_endpoint import Object
from components.deployment.endpoint.pod_counts import pod_address, PodCounts
from components.deployment.endpoint.readiness import is_pod_ready, pods_of
from components.shared.served_model.held_out_examples import HeldOut
from components.shared.served_model.inference_client import InferenceClientError
from components.shared.tables.repair_spec import Repair

LOOK_EVERY_S = 15.0
_BLOCK_REQUESTS = 100


class Evidence(Protocol):
    """What both sides did, block by block."""

    @property
    def kinds(self) -> Sequence[str]:
        """The classes, or ranges of a number, that answers can be of; empty where answers are not compared."""

    def begin(self, pods: Sequence[Object]) -> None:
        """Start counting."""

    def block(self, pods: Callable[[], Sequence[Object]], percent: int) -> dict[Side, SideCounts]:
        """Counts since the last block, of which the canary was to get `percent`."""

    def state(self) -> dict[str, Any]:
        """What was seen, as JSON values."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""


class LiveTraffic:
    """What the cluster's traffic did, by the metrics of the servers.

    Parameters
    ----------
    stable, canary
        The two releases.
    """

    def __init__(
        self,
        *,
        model_name: str,
        stable: str,
        canary: str,
        class_names: Sequence[str],
        look_every_s: float = LOOK_EVERY_S,
        sleep: Callable[[float], None] = time.sleep,
        address: Callable[[Object], Address] = pod_address,
    ) -> None:
        self.kinds = tuple(class_names)
        self._versions: dict[Side, str] = {"stable": stable, "canary": canary}
        self._counts = PodCounts(model_name, address)
        self._look_every_s, self._sleep = look_every_s, sleep

    def begin(self, pods: Sequence[Object]) -> None:
        """Count from now on."""
        for version in self._versions.values():
            self._counts.since_last(pods, version)

    def block(self, pods: Callable[[], Sequence[Object]], percent: int) -> dict[Side, SideCounts]:
        """Wait, and count."""
        self._sleep(self._look_every_s)
        there = pods()
        return {side: self._counts.since_last(there, version) for side, version in self._versions.items()}

    def state(self) -> dict[str, Any]:
        """What was seen of each pod."""
        return self._counts.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self._counts.restore(state)


class Replay:
    """Held-out examples, sent by this process to a server of each side; nobody else's requests are at stake."""

    def __init__(
        self,
        traffic: ReplayedTraffic,
        proxy: SplittingProxy,
        *,
        stable: str,
        canary: str,
        address: Callable[[Object], Address],
    ) -> None:
        self._traffic, self._proxy, self._address = traffic, proxy, address
        self._stable, self._canary = stable, canary
        self.kinds = traffic.kinds

    def begin(self, pods: Sequence[Object]) -> None:
        """Nothing: whatever is asked is counted."""

    def block(self, pods: Callable[[], Sequence[Object]], percent: int) -> dict[Side, SideCounts]:
        """Ask as many times as a block has requests."""
        there = pods()
        sides = [_ready_address(there, version, self._address) for version in (self._stable, self._canary)]
        stable, canary = sides
        if stable is not None and canary is not None:
            self._proxy.route(stable=stable, canary=canary)
        self._proxy.percent = percent
        return self._traffic.block(_BLOCK_REQUESTS)

    def state(self) -> dict[str, Any]:
        """Nothing: a replay that begins anew asks anew."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore."""


@contextlib.contextmanager
def replay(
    held_out: HeldOut,
    labels: Sequence[str | None],
    *,
    model_name: str,
    repairs: Sequence[Repair],
    pods: Sequence[Object],
    stable: str,
    canary: str,
    address: Callable[[Object], Address],
    seed: int = 0,
) -> Iterator[Replay]:
    """A replay for the length of a block.

    Raises
    ------
    InferenceClientError
        If no server of one of the sides is ready, or the examples lack what the model reads.
    """
    sides = {version: _ready_address(pods, version, address) for version in (stable, canary)}
    first, second = sides[stable], sides[canary]
    if first is None or second is None:
        missing = stable if first is None else canary
        raise InferenceClientError(f"a server of each release must be ready to be asked, but none of {missing} is")
    with SplittingProxy(stable=first, canary=second, seed=seed) as proxy:
        traffic = ReplayedTraffic(held_out, labels, port=proxy.port, model_name=model_name, repairs=repairs)
        yield Replay(traffic, proxy, stable=stable, canary=canary, address=address)


def _ready_address(pods: Sequence[Object], version: str, address: Callable[[Object], Address]) -> Address | None:
    return next((address(pod) for pod in pods_of(pods, version) if is_pod_ready(pod)), None)
