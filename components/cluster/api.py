"""The cluster's API as JSON: what is there, what is not, and what whoever asks may not see."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
from typing import Any, Protocol

from components.shared.runtime.redaction import masked_uris

Object = dict[str, Any]

ACCOUNT_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_REQUEST_TIMEOUT_S = 30
_UNKNOWN, _FORBIDDEN, _GONE, _ERROR = 401, 403, 404, 400
_CLIENT = re.compile(r"<[^<>]* object at 0x[0-9a-f]+>: ")


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
    """A cluster by its Python client.

    Parameters
    ----------
    kubeconfig, context
        Which cluster; without them kubectl's own, or that of the pod that asks where it has no kubeconfig.
    timeout_s
        How long an answer may take, in seconds.

    Raises
    ------
    ClusterError
        If nothing says where the cluster is. Its methods raise it where the cluster does not answer, answers with an
        error of its own, or does not know who asks.
    """

    def __init__(
        self,
        *,
        kubeconfig: str | Path | None = None,
        context: str | None = None,
        timeout_s: float = _REQUEST_TIMEOUT_S,
    ) -> None:
        # It takes a second to import.
        from kubernetes import client, config
        from kubernetes.config import ConfigException
        import yaml

        settings = client.Configuration()
        settings.retries = False
        try:
            if kubeconfig is None and context is None and _in_a_pod():
                config.load_incluster_config(client_configuration=settings)
            else:
                file = None if kubeconfig is None else str(kubeconfig)
                config.load_kube_config(config_file=file, context=context, client_configuration=settings)
        except (ConfigException, OSError, TypeError, ValueError, yaml.YAMLError) as error:
            raise ClusterError(
                "there must be a way to a cluster, a kubeconfig or a pod's account, but there is none: "
                + " ".join(str(error).split())
            ) from error
        self._client = client.ApiClient(settings)
        self._timeout_s = timeout_s

    def get(self, path: str) -> Object | Unseen | None:
        """What is at a path; see `ClusterApi`."""
        status, body = self.call("GET", path)
        if status == _FORBIDDEN:
            return Unseen(path)
        if status == _GONE:
            return None
        if status >= _ERROR:
            raise ClusterError(f"the cluster must answer {path}, but says {status}: {words_of(body)}")
        return _parsed(body)

    def tried(self, path: str, written: Mapping[str, Any]) -> Refusal | None:
        """What the cluster would say to an object; see `ClusterApi`."""
        query = "fieldManager=pluszero-check&force=true&dryRun=All&fieldValidation=Strict"
        status, body = self.call("PATCH", f"{path}?{query}", json.dumps(written), "application/apply-patch+yaml")
        return None if status < _ERROR else Refusal(words_of(body))

    def created(self, path: str, written: Mapping[str, Any]) -> Refusal | None:
        """Make an object; see `WritingApi`."""
        status, body = self.call("POST", path, json.dumps(written), "application/json")
        return None if status < _ERROR else Refusal(words_of(body))

    def deleted(self, path: str) -> None:
        """Delete an object; see `WritingApi`."""
        self.call("DELETE", path)

    def call(self, method: str, path: str, body: str | None = None, kind: str = "") -> tuple[int, str]:
        """Status and body of the answer to one request; `kind` is the media type of what is sent."""
        from urllib3.exceptions import HTTPError

        host = self._client.configuration.host
        headers = {"Accept": "application/json", **({"Content-Type": kind} if kind else {})}
        self._client.update_params_for_auth(headers, [], ["BearerToken"])
        try:
            answer = self._client.rest_client.pool_manager.request(
                method, f"{host}{path}", body=body, headers=headers, timeout=self._timeout_s
            )
        except (HTTPError, OSError) as error:
            reason = masked_uris(_CLIENT.sub("", str(error)))
            raise ClusterError(f"the cluster at {masked_uris(host)} must answer, but does not: {reason}") from error
        if answer.status == _UNKNOWN:
            raise ClusterError(
                f"the cluster at {masked_uris(host)} must know who asks, but does not (401): log in to it again"
            )
        return answer.status, answer.data.decode("utf-8", errors="replace")


def _in_a_pod() -> bool:
    """Whether a pod asks by its account: a kubeconfig goes before it, as it does for kubectl."""
    files = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    has_kubeconfig = any(Path(file).is_file() for file in files.split(os.pathsep) if file)
    return (ACCOUNT_FOLDER / "token").is_file() and not has_kubeconfig


def _parsed(body: str) -> Object:
    try:
        found = json.loads(body)
    except json.JSONDecodeError as error:
        raise ClusterError(f"the cluster must answer in JSON, got {body[:80]!r}") from error
    if not isinstance(found, dict):
        raise ClusterError(f"the cluster must answer with an object, got {body[:80]!r}")
    return found


def words_of(body: str) -> str:
    """The words of an answer that says no."""
    try:
        return " ".join(str(json.loads(body)["message"]).split())
    except (json.JSONDecodeError, KeyError, TypeError):
        return " ".join(body.split())[:300]
