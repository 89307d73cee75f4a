"""The cluster's API as JSON: what is there, what is not, and what whoever asks may not see."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any, Protocol

Object = dict[str, Any]

_REQUEST_TIMEOUT_S = 30
_FORBIDDEN, _GONE, _ERROR = (401, 403), 404, 400


class ClusterError(ConnectionError):
    """The cluster did not answer, or answered with an error of its own; one sentence."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """What whoever asks may not read."""

    what: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the cluster says to an object that it would not take."""

    reason: str


class ClusterApi(Protocol):
    """How a cluster is asked."""

    def get(self, path: str) -> Object | Unseen | None:
        """What is at a path; None where nothing is."""

    def tried(self, path: str, written: Mapping[str, Any]) -> Refusal | None:
        """What the cluster would say to an object that is applied by its server; nothing is changed."""


class WritingApi(ClusterApi, Protocol):
    """How a cluster is given a pod, and told to drop it."""

    def created(self, path: str, written: Mapping[str, Any]) -> Refusal | None:
        """Make an object; returns what the cluster says where it does not."""

    def deleted(self, path: str) -> None:
        """Delete an object; nothing where it is gone, or may not be deleted."""


class KubernetesApi:
    """A cluster by its Python client: from a pod with the pod's account, else by a kubeconfig."""

    def __init__(self, *, kubeconfig: str | Path | None = None, context: str | None = None) -> None:
        # It takes a second to import.
        from kubernetes import client, config
        from kubernetes.config import ConfigException

        settings = client.Configuration()
        settings.retries = False
        try:
            if kubeconfig is None and context is None and _in_a_pod():
                config.load_incluster_config(client_configuration=settings)
            else:
                file = None if kubeconfig is None else str(kubeconfig)
                config.load_kube_config(config_file=file, context=context, client_configuration=settings)
        except (ConfigException, OSError) as error:
            raise ClusterError(
                f"there must be a way to a cluster, a kubeconfig or a pod's account, but there is none: {error}"
            ) from error
        self._client = client.ApiClient(settings)

    def get(self, path: str) -> Object | Unseen | None:
        """What is at a path; see `ClusterApi`."""
        status, body = self._call("GET", path)
        if status in _FORBIDDEN:
            return Unseen(path)
        if status == _GONE:
            return None
        if status >= _ERROR:
            raise ClusterError(f"the cluster answered {path} with {status}: {_message(body)}")
        return _parsed(body)

    def tried(self, path: str, written: Mapping[str, Any]) -> Refusal | None:
        """What the cluster would say to an object; see `ClusterApi`."""
        query = "fieldManager=pluszero-check&force=true&dryRun=All&fieldValidation=Strict"
        status, body = self._call("PATCH", f"{path}?{query}", json.dumps(written), "application/apply-patch+yaml")
        return None if status < _ERROR else Refusal(_message(body))

    def created(self, path: str, written: Mapping[str, Any]) -> Refusal | None:
        """Make an object; see `WritingApi`."""
        status, body = self._call("POST", path, json.dumps(written), "application/json")
        return None if status < _ERROR else Refusal(_message(body))

    def deleted(self, path: str) -> None:
        """Delete an object; see `WritingApi`."""
        self._call("DELETE", path)

    def _call(self, method: str, path: str, body: str | None = None, kind: str = "") -> tuple[int, str]:
        from urllib3.exceptions import HTTPError

        host = self._client.configuration.host
        headers = {"Accept": "application/json", **({"Content-Type": kind} if kind else {})}
        self._client.update_params_for_auth(headers, [], ["BearerToken"])
        try:
            answer = self._client.rest_client.pool_manager.request(
                method, f"{host}{path}", body=body, headers=headers, timeout=_REQUEST_TIMEOUT_S
            )
        except (HTTPError, OSError) as error:
            raise ClusterError(f"the cluster at {host} must answer, but does not: {error}") from error
        return answer.status, answer.data.decode("utf-8", errors="replace")


def _in_a_pod() -> bool:
    return Path("/var/run/secrets/kubernetes.io/serviceaccount/token").is_file()


def _parsed(body: str) -> Object:
    try:
        found = json.loads(body)
    except json.JSONDecodeError as error:
        raise ClusterError(f"the cluster must answer in JSON, got {body[:80]!r}") from error
    return found if isinstance(found, dict) else {"value": found}


def _message(body: str) -> str:
    try:
        return " ".join(str(json.loads(body)["message"]).split())
    except (json.JSONDecodeError, KeyError, TypeError):
        return " ".join(body.split())[:300]
