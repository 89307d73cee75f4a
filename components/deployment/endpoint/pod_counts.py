"""What servers have done since they started, by their own metrics, and what that is of the time since the last look."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
import http.client
import logging
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from components.deployment.canary.side_counts import SideCounts
from components.deployment.endpoint.cluster_endpoint import Object
from components.deployment.endpoint.golden_answers import Address
from components.deployment.endpoint.readiness import pods_of

logger = logging.getLogger(__name__)

_PORT = 8080
_TIMEOUT_S = 10.0
# A client that hung up is no error of the server, nor is a request that nobody should have sent.
_NO_FAULT = ("499", "400", "404", "405", "413", "415", "422")


def pod_address(pod: Object) -> Address:
    """Where a pod's server listens."""
    return str(pod["status"].get("podIP", "")), _PORT


def metrics_text(pod: Object, address: Callable[[Object], Address] = pod_address) -> str | None:
    """A pod's metrics; None where it does not answer."""
    host, port = address(pod)
    if not host:
        return None
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        logger.info("the pod %s must tell its metrics, but: %s", pod["metadata"]["name"], error)
        return None
    finally:
        connection.close()
    return content.decode("utf-8", errors="replace") if response.status == 200 else None


def counts_of(text: str, model_name: str) -> SideCounts:
    """All that a server has counted of a model.

    Requests are those that a server is answerable for: what clients got wrong, and those who hung up, count on neither
    side. Refusals by a full server (429, 503) are errors.
    """
    requests, errors = 0, 0
    below: dict[float, int] = {}
    predictions: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.labels.get("model_name") != model_name:
                continue
            if sample.name == "pluszero_requests_total" and sample.labels["status"] not in _NO_FAULT:
                requests += int(sample.value)
                errors += int(sample.value) if _is_error(sample.labels) else 0
            elif sample.name == "pluszero_predictions_total":
                predictions[sample.labels["label"]] += int(sample.value)
            elif sample.name == "pluszero_request_seconds_bucket" and sample.labels.get("stage") == "total":
                below[float(sample.labels["le"])] = int(sample.value)
    return SideCounts(requests=requests, errors=errors, seconds=_in_buckets(below), predictions=dict(predictions))


class PodCounts:
    """What each release's pods did between two looks.

    Parameters
    ----------
    model_name
        Of the metrics.
    address
        Where a pod's server listens.
    """

    def __init__(self, model_name: str, address: Callable[[Object], Address] = pod_address) -> None:
        self._model_name, self._address = model_name, address
        self._seen: dict[str, SideCounts] = {}

    def since_last(self, pods: Iterable[Object], version: str) -> SideCounts:
        """What the pods of a release did since the last look; what one did before the first look does not count.

        A pod that does not answer is left for the next look; one whose server began anew counts from its start. There
        are as many predictions as answered requests at most, by their shares.
        """
        total = SideCounts()
        for pod in pods_of(list(pods), version):
            text = metrics_text(pod, self._address)
            if text is None:
                continue
            key, now = pod["metadata"]["uid"], counts_of(text, self._model_name)
            before = self._seen.get(key)
            self._seen[key] = now
            if before is not None:
                total = total + _difference(now, before)
        return _one_answer_a_request(total)

    def state(self) -> dict[str, Any]:
        """What was seen, as JSON values."""
        return {key: counts.written() for key, counts in self._seen.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self._seen = {key: SideCounts.read(written) for key, written in state.items()}


def _is_error(labels: Mapping[str, str]) -> bool:
    return not labels["status"].startswith("2")


def _in_buckets(below: Mapping[float, int]) -> dict[float, int]:
    """Counts of each bucket, from Prometheus' cumulated ones."""
    found, seen = {}, 0
    for upper in sorted(below):
        if below[upper] > seen:
            found[upper] = below[upper] - seen
        seen = below[upper]
    return found


def _difference(now: SideCounts, before: SideCounts) -> SideCounts:
    if now.requests < before.requests or now.timed < before.timed:
        return now
    return SideCounts(
        requests=now.requests - before.requests,
        errors=max(0, now.errors - before.errors),
        seconds=_less(now.seconds, before.seconds),
        predictions=_less(now.predictions, before.predictions),
    )


def _one_answer_a_request(counts: SideCounts) -> SideCounts:
    """As many predictions as answered requests, by the same shares.

    The rows of a request are alike; counted one by one, a client who sends a thousand at a time would be evidence.
    """
    answers, asked = sum(counts.predictions.values()), counts.requests - counts.errors
    if answers <= asked:
        return counts
    exact = {name: count * asked / answers for name, count in counts.predictions.items()}
    found = {name: int(share) for name, share in exact.items()}
    left = asked - sum(found.values())
    for name in sorted(exact, key=lambda name: found[name] - exact[name])[:left]:
        found[name] += 1
    return replace(counts, predictions=found)


def _less(now: Mapping[Any, int], before: Mapping[Any, int]) -> dict[Any, int]:
    found = {key: count - before.get(key, 0) for key, count in now.items()}
    return {key: count for key, count in found.items() if count > 0}
