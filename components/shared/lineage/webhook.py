"""A message to a webhook: JSON with a `text`, as Slack and Mattermost take it, and fields for programs beside it.

The address is a secret: whoever has it can post. It comes from the environment, and no log or error quotes it.
"""

from collections.abc import Mapping
import http.client
import json
import os
from typing import Any
import urllib.error
import urllib.request

from components.shared.lineage.telling import tell

WEBHOOK_VARIABLE = "PLUSZERO_WEBHOOK_URL"

_TIMEOUT_S, _AT_MOST_S = 5.0, 15.0
_TRIES = 2


class WebhookError(Exception):
    """The webhook did not take a message; the sentence has no address."""


def post_message(text: str, fields: Mapping[str, Any]) -> None:
    """Post a message where the environment names a webhook; one that does not take it within seconds is a warning.

    Parameters
    ----------
    text
        What people read.
    fields
        What programs read: JSON values by name, beside `text`.
    """
    url = os.environ.get(WEBHOOK_VARIABLE, "").strip()
    if url:
        body = json.dumps({"text": text, **fields}, ensure_ascii=False).encode()
        tell(lambda: _posted(url, body), service="The webhook", of="the failed run", at_most_s=_AT_MOST_S)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected message would arrive as a request without one, and elsewhere than was said."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _posted(url: str, body: bytes) -> None:
    if not url.startswith(("https://", "http://")):
        raise WebhookError(f"{WEBHOOK_VARIABLE} must be an address that begins with https:// or http://")
    for number in range(_TRIES):
        problem, again = _post(url, body)
        if not problem:
            return
        if not again or number == _TRIES - 1:
            raise WebhookError(problem)


def _post(url: str, body: bytes) -> tuple[str, bool]:
    """What is wrong, without the address, and whether another try may help; empty where the message was taken."""
    try:
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=_TIMEOUT_S):
            return "", False
    except urllib.error.HTTPError as error:
        with error:
            return f"it answered {error.code}", error.code >= 500
    except (OSError, http.client.HTTPException, ValueError) as error:
        # The words of some of these errors quote the address; the system's own do not.
        cause = getattr(error, "reason", error)
        words = getattr(cause, "strerror", None) or type(cause).__name__
        return f"it cannot be reached: {words}", isinstance(error, OSError)
