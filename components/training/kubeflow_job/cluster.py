"""Train jobs on a cluster: Kubeflow Trainer's objects, written and read through the clients of its SDK."""

from collections.abc import Iterator
import contextlib
import json
import logging
import os
from pathlib import Path
from typing import Any

from components.shared.runtime.cluster_versions import too_old
from components.training.kubeflow_job.manifest import GROUP, NODE, render_train_job, VERSION
from components.training.kubeflow_job.pod_logs import PodLog
from components.training.kubeflow_job.state import has_started, JOB_LABEL, job_state, node_name, Object, ROLE_LABEL
from components.training.kubeflow_job.train_job import JobState, LogLine, TrainJob

logger = logging.getLogger(__name__)

_PLURAL = "trainjobs"
_REQUEST_TIMEOUT_S = 60
_POD_NAME = "KFP_POD_NAME"
_GONE = 404
_TAKEN = 409
# A token may have run out a moment before it was renewed.
_PASSING = (0, 401, 408, 429)
_FORBIDDEN = 403
# Forbidden, and yet no matter of rights: what webhooks and quotas refuse.
_DENIED = ("admission webhook", "exceeded quota")
_WRONG = (400, 422)
# Of strict validation, where the cluster's definition of the kind is older than ours.
_UNKNOWN_FIELD = "unknown field"
_SERVER_ERROR = 500


class ClusterBackend:
    """Jobs as TrainJob objects in one namespace: by default the pod's own, or the kubeconfig's.

    It needs the rights of the role in `manifests/base/launcher-role.yaml` and no others. Of the SDK it uses the
    connection alone: the SDK's own calls also read the cluster's runtimes, drop the conditions' messages, and cannot
    set the number of processes a node.
    """

    def __init__(self, namespace: str | None = None, *, kubeconfig: str | Path | None = None) -> None:
        # They take seconds to import, and only a launcher needs them.
        from kubeflow.trainer import KubernetesBackendConfig, TrainerClient
        from kubernetes.config import ConfigException

        file = None if kubeconfig is None else str(kubeconfig)
        try:
            backend = TrainerClient(KubernetesBackendConfig(namespace=namespace, config_file=file)).backend
        except ConfigException as error:
            raise FileNotFoundError(f"launching needs a cluster, but there is no way to one: {error}") from error
        self._namespace: str = backend.namespace
        self._objects: Any = backend.custom_api
        self._core: Any = backend.core_api
        self._logs: dict[str, PodLog] = {}
        self._seen: dict[str, dict[str, Object]] = {}

    def state(self, name: str) -> JobState | None:
        """How far the job has come; None where there is no such job."""
        found = self._job(name)
        if found is None:
            return None
        pods = {pod["metadata"]["uid"]: pod for pod in self._pods(name)}
        seen = self._seen.setdefault(name, {})
        gone = [pod for uid, pod in seen.items() if uid not in pods]
        seen.update(pods)
        return job_state(found, list(pods.values()), gone)

    def submit(self, job: TrainJob) -> None:
        """Create the object; fields that the cluster's Trainer does not know are errors, not dropped.

        In a pipeline the run's workflow owns it, so that it goes with the run. The step's pod does not: a step that is
        tried again takes the job over.
        """
        rendered = render_train_job(job)
        if owners := self._workflows():
            rendered["metadata"]["ownerReferences"] = owners
        with self._errors(f"create the train job {job.name}"):
            self._objects.create_namespaced_custom_object(
                *self._place(), rendered, field_validation="Strict", _request_timeout=_REQUEST_TIMEOUT_S
            )

    def new_lines(self, name: str) -> list[LogLine]:
        """What the nodes have logged since the last call, in each node's order."""
        started = [pod for pod in self._pods(name) if has_started(pod)]
        return [LogLine(node=node_name(pod), text=text) for pod in started for text in self._new_lines_of(pod)]

    def delete(self, name: str) -> None:
        """Ask for the object's deletion, which ends its pods; nothing where there is no such job."""
        with self._errors(f"delete the train job {name}"), _nothing_where_gone():
            self._objects.delete_namespaced_custom_object(*self._place(), name, _request_timeout=_REQUEST_TIMEOUT_S)
        self._seen.pop(name, None)

    def _place(self) -> tuple[str, str, str, str]:
        return GROUP, VERSION, self._namespace, _PLURAL

    def _job(self, name: str) -> Object | None:
        found: list[Object] = []
        with self._errors(f"get the train job {name}"), _nothing_where_gone():
            place = (*self._place(), name)
            found.append(self._objects.get_namespaced_custom_object(*place, _request_timeout=_REQUEST_TIMEOUT_S))
        return found[0] if found else None

    def _workflows(self) -> list[Object]:
        """What owns this step's pod, as owners of what the step creates; empty outside of a pipeline's pod."""
        name = os.environ.get(_POD_NAME)
        if name is None:
            return []
        pods = self._listed(field_selector=f"metadata.name={name}")
        owners = [owner for pod in pods for owner in pod["metadata"].get("ownerReferences", ())]
        kept = ("apiVersion", "kind", "name", "uid")
        return [{key: owner[key] for key in kept} for owner in owners if owner["kind"] == "Workflow"]

    def _pods(self, name: str) -> list[Object]:
        return self._listed(label_selector=f"{JOB_LABEL}={name},{ROLE_LABEL}={NODE}")

    def _listed(self, **selector: str) -> list[Object]:
        with self._errors("list pods"):
            answer = self._core.list_namespaced_pod(
                self._namespace, **selector, _preload_content=False, _request_timeout=_REQUEST_TIMEOUT_S
            )
        items: list[Object] = json.loads(answer.data)["items"]
        return items

    def _new_lines_of(self, pod: Object) -> list[str]:
        name = pod["metadata"]["name"]
        log = self._logs.setdefault(pod["metadata"]["uid"], PodLog())
        try:
            with self._errors(f"read the log of the pod {name}"):
                answer = self._core.read_namespaced_pod_log(
                    name,
                    self._namespace,
                    container=NODE,
                    timestamps=True,
                    **log.window(),
                    _preload_content=False,
                    _request_timeout=_REQUEST_TIMEOUT_S,
                )
        except PermissionError:
            raise
        except (OSError, RuntimeError, ValueError) as error:
            # Its machine may be lost or its container not there yet; what becomes of the job does not hang on it.
            logger.debug("%s", error)
            return []
        # A log need not be UTF-8.
        return log.new_lines(answer.data.decode("utf-8", errors="replace"))

    @contextlib.contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """What the API says, as the backend's own errors."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except HTTPError as error:
            raise ConnectionError(f"the cluster did not answer the request to {doing}: {error}") from error
        except ApiException as error:
            said = f"the cluster refused to {doing} in namespace {self._namespace}: {_message(error)}"
            if error.status in _PASSING or error.status >= _SERVER_ERROR:
                raise ConnectionError(said) from error
            is_denied = any(each in said for each in _DENIED)
            if error.status == _FORBIDDEN and not is_denied:
                raise PermissionError(f"{said}; the role pluszero-launcher of the manifests has the rights") from error
            if error.status == _TAKEN:
                raise FileExistsError(said) from error
            if error.status == _GONE or _UNKNOWN_FIELD in said:
                raise RuntimeError(f"{said}; {too_old('trainer')}") from error
            raise (ValueError if is_denied or error.status in _WRONG else RuntimeError)(said) from error


@contextlib.contextmanager
def _nothing_where_gone() -> Iterator[None]:
    from kubernetes.client import ApiException

    try:
        yield
    except ApiException as error:
        if error.status != _GONE:
            raise


def _message(error: Any) -> str:
    """The API server's own sentence, without headers."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return f"status {error.status}, {error.reason}"
