"""Held-out examples asked at a live server: it must answer what the training side said."""

from collections.abc import Sequence
import http.client
import math
import urllib.parse

from components.shared.served_model.held_out_examples import HeldOut
from components.shared.served_model.inference_client import InferenceClient, InferenceClientError
from components.shared.served_model.replayed_answers import MAX_DIFFERENCE, replayed_answers
from components.shared.tables.repair_spec import Repair

Address = tuple[str, int]


class UnreachableError(ConnectionError):
    """A server that does not answer at all; one sentence."""


class GoldenAnswers:
    """What a release must answer.

    Parameters
    ----------
    held_out
        Examples, and what the training side answered.
    model_name
        What the server calls the model.
    repairs
        What its bundle does to columns.
    """

    def __init__(self, held_out: HeldOut, *, model_name: str, repairs: Sequence[Repair] = ()) -> None:
        self._held_out, self._model_name, self._repairs = held_out, model_name, repairs

    def fault(self, address: Address) -> str | None:
        """What is wrong with a server's answers, one sentence; None where nothing is.

        Raises
        ------
        UnreachableError
            If it does not answer.
        """
        host, port = address
        try:
            with InferenceClient(port, host=host, model_name=self._model_name) as client:
                told = replayed_answers(client, self._held_out, self._repairs)
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"the server at {host}:{port} must answer, but: {error!r}") from error
        except InferenceClientError as error:
            return str(error)
        too_far = int((~(told.differences <= MAX_DIFFERENCE)).sum())
        if not too_far:
            return None
        largest = float(told.differences.max())
        shown = f"{largest:.3g}" if math.isfinite(largest) else "more than any number"
        return (
            f"its answers must be the training side's within {MAX_DIFFERENCE:g}, but {too_far} of "
            f"{len(told.differences)} held-out examples differ, by up to {shown}"
        )


def address_of(url: str) -> Address:
    """Host and port of an endpoint's address inside the cluster, which is plain HTTP.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    found = urllib.parse.urlsplit(url)
    if found.scheme != "http" or not found.hostname:
        raise ValueError(f"the endpoint's address in the cluster must be http://HOST, got {url!r}")
    return found.hostname, found.port or 80
