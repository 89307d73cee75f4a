"""A compiled pipeline, uploaded to Kubeflow Pipelines and run there, through kfp's own client."""

from collections.abc import Iterator, Mapping
import contextlib
from dataclasses import dataclass, replace
from datetime import datetime
import io
import json
from typing import Any, TYPE_CHECKING
import warnings

from components.shared.runtime.redaction import masked_uris
from pipelines.submission.kfp_errors import told_in_sentences
from pipelines.submission.package import PipelinePackage
from pipelines.submission.server import KfpServer

if TYPE_CHECKING:
    from kfp import Client

_EQUALS = 1
_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """What came of a submission; `is_new` says whether the version was uploaded, or had been there."""

    pipeline_id: str
    version_id: str
    is_new: bool
    run_id: str
    run_url: str


def submit(
    package: PipelinePackage, arguments: Mapping[str, Any], server: KfpServer, *, experiment: str, run_name: str = ""
) -> Submission:
    """Upload a pipeline where that version is not there yet, and run it.

    Parameters
    ----------
    package
        The pipeline. Where one of its name exists, this becomes a new version of it.
    arguments
        By the parameters' names.
    server
        Where to.
    experiment
        What runs are grouped by; made where it is missing.
    run_name
        By default the version and the time.

    Raises
    ------
    ConnectionError, PermissionError, ValueError
        If the server does not answer, refuses, or needs a namespace.
    """
    server = _looked_at(server)
    with _quietly():
        client = _client(server)
        pipeline_id = _pipeline(client, package, server)
        version_id, is_new = _version(client, package, pipeline_id, server)
        with _asking(server, "start the run"):
            group = client.create_experiment(experiment, namespace=server.namespace or None)
            run = client.run_pipeline(
                group.experiment_id,
                job_name=run_name or f"{package.version} {datetime.now().strftime('%Y-%m-%d %H-%M-%S')}",
                params=dict(arguments),
                pipeline_id=pipeline_id,
                version_id=version_id,
            )
        url = f"{client._get_url_prefix()}/#/runs/details/{run.run_id}"
    return Submission(pipeline_id=pipeline_id, version_id=version_id, is_new=is_new, run_id=run.run_id, run_url=url)


def _looked_at(server: KfpServer) -> KfpServer:
    """Ask whether the server is well before kfp's client does, which asks five times and logs each answer whole.

    Returns it without the namespace where it has no profiles: there one is refused, or means nothing.
    """
    import kfp_server_api

    configuration = kfp_server_api.Configuration(host=server.host.rstrip("/"))
    configuration.retries = 0
    if server.token:
        configuration.api_key["authorization"] = server.token
        configuration.api_key_prefix["authorization"] = "Bearer"
    health = kfp_server_api.HealthzServiceApi(kfp_server_api.ApiClient(configuration))
    with _asking(server, "say whether it is well"):
        answer, _, headers = health.healthz_service_get_healthz_with_http_info(
            _request_timeout=(_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S)
        )
    if "json" not in headers.get("Content-Type", ""):
        raise PermissionError(
            f"Kubeflow Pipelines must answer at {masked_uris(server.host)}, but a web page does: a log-in stands "
            "before it, which takes a token, or a port-forward goes past"
        )
    if answer.multi_user and not server.namespace:
        raise ValueError(f"{masked_uris(server.host)} has profiles: name yours by --namespace")
    return server if answer.multi_user else replace(server, namespace="")


def _client(server: KfpServer) -> "Client":
    from kfp import Client

    named = {"namespace": server.namespace} if server.namespace else {}
    with _asking(server, "answer"):
        return Client(host=server.host, existing_token=server.token or None, **named)


def _pipeline(client: "Client", package: PipelinePackage, server: KfpServer) -> str:
    """Id of the pipeline of the package's name, made where there is none."""
    import kfp_server_api

    namespace = {"namespace": server.namespace} if server.namespace else {}
    with _asking(server, "look for the pipeline"):
        try:
            found = client.pipelines.pipeline_service_get_pipeline_by_name(package.name, **namespace)
        except kfp_server_api.ApiException as error:
            if error.status != 404:
                raise
        else:
            return str(found.pipeline_id)
    with _asking(server, "make the pipeline"):
        wanted = kfp_server_api.V2beta1Pipeline(name=package.name, display_name=package.name, **namespace)
        return str(client.pipelines.pipeline_service_create_pipeline(pipeline=wanted).pipeline_id)


def _version(client: "Client", package: PipelinePackage, pipeline_id: str, server: KfpServer) -> tuple[str, bool]:
    """Id of the version that the package is, and whether it was uploaded now."""
    named = {"operation": _EQUALS, "key": "name", "stringValue": package.version}
    with _asking(server, "look for the pipeline's version"):
        listed = client.list_pipeline_versions(pipeline_id, filter=json.dumps({"predicates": [named]}))
    if listed.pipeline_versions:
        return str(listed.pipeline_versions[0].pipeline_version_id), False
    with _asking(server, "upload the pipeline"):
        uploaded = client.upload_pipeline_version(str(package.path), package.version, pipeline_id=pipeline_id)
    return str(uploaded.pipeline_version_id), True


def _asking(server: KfpServer, doing: str) -> contextlib.AbstractContextManager[None]:
    return told_in_sentences(server.host, doing=doing, token=server.token)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep to ourselves what kfp's client prints, and its warning that it is one for KFP 2."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
