"""A Kubernetes API server over HTTP that knows TrainJobs, their pods and logs: what a launch speaks to in tests.

Nothing runs behind it: a test says with `script` what becomes of a job, one step each time somebody looks at it.
"""

from collections.abc import Callable, Iterator
import contextlib
from datetime import datetime, timedelta, UTC
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
from pathlib import Path
import re
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubeflow_trainer_api.models import TrainerV1alpha1TrainJob

NAMESPACE = "team"
_JOBS = rf"/apis/trainer\.kubeflow\.org/v1alpha1/namespaces/{NAMESPACE}/trainjobs"
_PODS = rf"/api/v1/namespaces/{NAMESPACE}/pods"


class ClusterApi:
    """What the server holds, and what was asked of it.

    Attributes
    ----------
    jobs, pods
        Objects by name.
    logs
        By pod: when each line was logged, and the line.
    calls
        Verb and resource of every request.
    script
        Steps; each look at a job takes the next.
    refusals
        By verb and resource: statuses that the next requests are answered with.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.logs: dict[str, list[tuple[datetime, str]]] = {}
        self.calls: list[tuple[str, str]] = []
        self.script: list[Callable[[dict[str, Any]], None]] = []
        self.refusals: dict[tuple[str, str], list[int]] = {}
        self.refused_because = "refused by the test"

    def count(self, verb: str, resource: str = "trainjobs") -> int:
        """How often something was asked."""
        return self.calls.count((verb, resource))

    def add_pod(self, job: str, rank: int, phase: str = "Running", *, status: dict[str, Any] | None = None) -> None:
        """Put a pod of a node in place, or change the one that is there."""
        name = f"{job}-node-0-{rank}-x"
        labels = {
            "jobset.sigs.k8s.io/jobset-name": job,
            "jobset.sigs.k8s.io/replicatedjob-name": "node",
            "batch.kubernetes.io/job-completion-index": str(rank),
        }
        metadata = {"name": name, "uid": name, "labels": labels, "creationTimestamp": "2026-05-01T00:00:00Z"}
        self.pods[name] = {"metadata": metadata, "status": {"phase": phase, **(status or {})}}

    def log(self, job: str, rank: int, *lines: str) -> None:
        """Let a node log lines."""
        now = datetime.now(UTC)
        self.logs.setdefault(f"{job}-node-0-{rank}-x", []).extend((now, line) for line in lines)

    def end(self, job: str, condition: str, *, reason: str = "Ended", message: str = "") -> None:
        """Set a final condition."""
        found = {"type": condition, "status": "True", "reason": reason, "message": message}
        self.jobs[job]["status"] = {"conditions": [found]}


@contextlib.contextmanager
def running_api(folder: Path) -> Iterator[tuple[ClusterApi, Path]]:
    """The server while the block lasts, and a kubeconfig that leads to it."""
    api = ClusterApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": api}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    kubeconfig = folder / "kubeconfig"
    address = f"http://127.0.0.1:{server.server_port}"
    named = {"contexts": {"context": {"cluster": "c", "user": "c"}}, "users": {"user": {}}}
    named["clusters"] = {"cluster": {"server": address}}
    content = {kind: [{"name": "c", **entry}] for kind, entry in named.items()}
    kubeconfig.write_text(json.dumps({**content, "current-context": "c"}), encoding="utf-8")
    try:
        yield api, kubeconfig
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    api: ClusterApi

    def do_GET(self) -> None:
        path, query = self._asked()
        if found := re.fullmatch(f"{_JOBS}/([^/]+)", path):
            self._noted("get", "trainjobs", lambda: self._get_job(found[1]))
        elif re.fullmatch(_PODS, path):
            self._noted("list", "pods", lambda: self._list_pods(query))
        elif found := re.fullmatch(f"{_PODS}/([^/]+)/log", path):
            self._noted("get", "pods/log", lambda: self._read_log(found[1], query))
        elif path.endswith("/configmaps/kubeflow-trainer-public"):
            self._answer(200, {"data": {"kubeflow_trainer_version": "v2.3.0"}})
        else:
            self._refuse(404, f"nothing at {path}")

    def do_POST(self) -> None:
        path, query = self._asked()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert re.fullmatch(_JOBS, path)
        self._noted("create", "trainjobs", lambda: self._create(body, strict=query.get("fieldValidation") == "Strict"))

    def do_DELETE(self) -> None:
        name = self._asked()[0].rpartition("/")[2]
        self._noted("delete", "trainjobs", lambda: self._delete(name))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}

    def _noted(self, verb: str, resource: str, answer: Callable[[], None]) -> None:
        self.api.calls.append((verb, resource))
        if refusals := self.api.refusals.get((verb, resource)):
            self._refuse(refusals.pop(0), self.api.refused_because)
        else:
            answer()

    def _create(self, body: dict[str, Any], *, strict: bool) -> None:
        name = body["metadata"]["name"]
        if strict and TrainerV1alpha1TrainJob.from_dict(body).to_dict() != body:
            self._refuse(400, "strict decoding error: unknown field")
        elif name in self.api.jobs:
            self._refuse(409, f'trainjobs "{name}" already exists')
        else:
            body["metadata"].update(namespace=NAMESPACE, creationTimestamp="2026-05-01T00:00:00Z")
            self.api.jobs[name] = body
            self._answer(201, body)

    def _get_job(self, name: str) -> None:
        if self.api.script and name in self.api.jobs:
            self.api.script.pop(0)(self.api.jobs[name])
        if name in self.api.jobs:
            self._answer(200, self.api.jobs[name])
        else:
            self._refuse(404, f'trainjobs "{name}" not found')

    def _list_pods(self, query: dict[str, str]) -> None:
        wanted = [tuple(part.split("=")) for part in query.get("labelSelector", "").split(",") if part]
        named = query.get("fieldSelector", "").removeprefix("metadata.name=")
        pods = [pod for name, pod in self.api.pods.items() if named in ("", name)]
        items = [pod for pod in pods if all(pod["metadata"]["labels"].get(key) == value for key, value in wanted)]
        self._answer(200, {"kind": "PodList", "apiVersion": "v1", "items": items})

    def _read_log(self, pod: str, query: dict[str, str]) -> None:
        assert query["container"] == "node"
        since = datetime.now(UTC) - timedelta(seconds=int(query.get("sinceSeconds", 10**6)))
        lines = [(when, line) for when, line in self.api.logs.get(pod, []) if when >= since]
        if "tailLines" in query:
            lines = lines[-int(query["tailLines"]) :]
        text = "".join(f"{when:%Y-%m-%dT%H:%M:%S.%f}000Z {line}\n" for when, line in lines)
        self._send(200, "text/plain", text.encode("utf-8", errors="surrogateescape"))

    def _delete(self, name: str) -> None:
        if self.api.jobs.pop(name, None) is None:
            self._refuse(404, f'trainjobs "{name}" not found')
        else:
            gone = [pod for pod in self.api.pods if pod.startswith(f"{name}-")]
            for pod in gone:
                del self.api.pods[pod]
            self._answer(200, {"kind": "Status", "status": "Success"})

    def _refuse(self, status: int, message: str) -> None:
        self._answer(status, {"kind": "Status", "code": status, "message": message})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(content).encode())

    def _send(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
