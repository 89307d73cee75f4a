"""Where Kubeflow Pipelines is, as an option or the environment says, and who asks, as the environment says."""

from dataclasses import dataclass
import os
from pathlib import Path
from urllib.parse import urlsplit

from components.shared.runtime.redaction import masked_uris

HOST_VARIABLE = "KF_PIPELINES_ENDPOINT"
TOKEN_VARIABLE = "PLUSZERO_KFP_TOKEN"  # noqa: S105 - the name of one
# Kubeflow sets it in notebooks whose owner lets them reach pipelines.
TOKEN_FILE_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105 - the name of a file


@dataclass(frozen=True, kw_only=True, slots=True)
class KfpServer:
    """Where Kubeflow Pipelines is, and who asks.

    Attributes
    ----------
    host
        Address of its API, `http://localhost:8888` or `https://HOST/pipeline`.
    namespace
        The profile that pipelines and runs belong to; empty where Kubeflow has none.
    token
        Sent with every request, shown nowhere; empty where none is asked for.
    """

    host: str
    namespace: str
    token: str

    def __repr__(self) -> str:
        return f"KfpServer({masked_uris(self.host)!r}, namespace={self.namespace!r})"


def kfp_server(host: str, *, namespace: str) -> KfpServer:
    """A server by its address, with the token of the environment.

    Raises
    ------
    ValueError
        If the address is empty, or no address of the web.
    OSError
        If the environment names a file with a token that cannot be read.
    """
    if urlsplit(host).scheme not in ("http", "https") or not urlsplit(host).hostname:
        raise ValueError(
            f"--host or {HOST_VARIABLE} must say where Kubeflow Pipelines answers, http://localhost:8888 or "
            f"https://HOST/pipeline for one, got {masked_uris(host)!r}"
        )
    token, file = os.environ.get(TOKEN_VARIABLE, ""), os.environ.get(TOKEN_FILE_VARIABLE)
    if not token and file:
        token = Path(file).read_text(encoding="utf-8")
    return KfpServer(host=host.rstrip("/"), namespace=namespace, token=token.strip())
