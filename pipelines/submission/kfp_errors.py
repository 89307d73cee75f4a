"""What Kubeflow Pipelines answers when it refuses, in sentences that say what to do; no header, no token."""

from collections.abc import Iterator
import contextlib
import json
from typing import TYPE_CHECKING

from components.shared.runtime.redaction import masked_uris, SECRET
from pipelines.submission.server import TOKEN_VARIABLE

if TYPE_CHECKING:
    from kfp_server_api import ApiException

_MOST_LETTERS = 500


@contextlib.contextmanager
def told_in_sentences(host: str, *, doing: str, token: str) -> Iterator[None]:
    """Turn what kfp's client raises into errors that a person can act upon.

    Parameters
    ----------
    host
        Where Kubeflow Pipelines was asked.
    doing
        What was asked for, "upload the pipeline" for one.
    token
        Never shown, even where an answer quotes it; empty where there is none.

    Raises
    ------
    ConnectionError
        If nothing answers at `host`.
    PermissionError
        If it asks who is there, or refuses whoever that is.
    ValueError
        If it refuses for any other reason.
    """
    from kfp_server_api import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except HTTPError as error:
        raise ConnectionError(
            f"Kubeflow Pipelines must answer at {masked_uris(host)}, but does not: {_why(error)}; is the address "
            "right, and its port-forward or network there?"
        ) from error
    except ApiException as error:
        raise _refusal(error, masked_uris(host), doing=doing, token=token) from None


def _refusal(error: "ApiException", host: str, *, doing: str, token: str) -> Exception:
    said = _said(error, token)
    if error.status == 401:
        remedy = (
            f"the token of {TOKEN_VARIABLE} is not taken, and may have expired"
            if token
            else f"set {TOKEN_VARIABLE} to a token of yours"
        )
        return PermissionError(f"{host} must know who asks, and answered 401{said}: {remedy}")
    if error.status == 403:
        return PermissionError(
            f"you must have the right to {doing} at {host}, which answered 403{said}: ask an administrator, or name "
            "your namespace by --namespace"
        )
    if error.status == 404:
        return ValueError(
            f"Kubeflow Pipelines must answer at {host}, which answered 404{said}: name the address before "
            "/apis/v2beta1, http://localhost:8888 or https://HOST/pipeline for one"
        )
    answered = f"answered {error.status}" if error.status else "failed"
    return ValueError(f"{host} must {doing}, but {answered}{said or ': ' + ' '.join(str(error.reason).split())}")


def _said(error: "ApiException", token: str) -> str:
    """The server's own sentence behind a colon; nothing where it has none, or a page for people."""
    try:
        answer = json.loads(error.body or "")
    except (ValueError, TypeError):
        return ""
    keys = ("message", "error_message", "error")
    said = next((str(answer[key]) for key in keys if answer.get(key)), "") if isinstance(answer, dict) else ""
    said = " ".join(said.split())[:_MOST_LETTERS]
    return f": {said.replace(token, SECRET) if token else said}" if said else ""


def _why(error: Exception) -> str:
    """The reason behind urllib3's count of tries, without the connection that it names first."""
    reason = getattr(error, "reason", None) or error
    return str(reason).rpartition("): ")[2] or type(reason).__name__
