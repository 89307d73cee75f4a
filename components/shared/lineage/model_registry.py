"""Releases in the Kubeflow Model Registry: a registered model, its versions with their place, and its champion.

Plain HTTP on its REST API: six requests, each with a time of its own.

References
----------
`api/openapi/model-registry.yaml` of github.com/kubeflow/model-registry, version v1alpha3.
"""

from collections.abc import Mapping
import json
from typing import Any
import urllib.error
from urllib.parse import urlencode
import urllib.request

from components.shared.lineage.released_model import ChampionMove, ReleasedModel

SERVICE = "The model registry"
_API = "/api/model_registry/v1alpha3"
_TIMEOUT_S = 5.0

_Resource = dict[str, Any]


class ModelRegistryError(Exception):
    """The registry refused a request, or answered something else than its API says."""


def register_in_registry(registry: str, release: ReleasedModel) -> tuple[str, str]:
    """Make a release a version of its registered model, once; returns the ids of model and version.

    Parameters
    ----------
    registry
        Its address: `http://model-registry-service.kubeflow:8080` for one.
    """
    model = _model(registry, release.model_name)
    path = f"/registered_models/{model}/versions"
    found = _request(registry, "GET", f"{path}?{urlencode({'name': release.version})}")["items"]
    if found:
        version = found[0]["id"]
    else:
        described = {
            "name": release.version,
            "registeredModelId": model,
            "customProperties": _texts({"place": release.storage_uri}),
        }
        version = _request(registry, "POST", path, described)["id"]
    # An upsert: one who ended between the two requests left a version without a place.
    place = {"artifactType": "model-artifact", "name": release.version, "uri": release.storage_uri}
    if not _request(registry, "GET", f"/model_versions/{version}/artifacts")["items"]:
        _request(registry, "POST", f"/model_versions/{version}/artifacts", place)
    return model, version


def move_in_registry(registry: str, move: ChampionMove) -> None:
    """Say which version is the champion: the property `champion` of the registered model, and why on the version."""
    model, version = register_in_registry(registry, move.release)
    _add_properties(registry, f"/model_versions/{version}", move.said())
    _add_properties(registry, f"/registered_models/{model}", {"champion": move.release.version})


def _model(registry: str, name: str) -> str:
    try:
        return str(_request(registry, "GET", f"/registered_model?{urlencode({'name': name})}")["id"])
    except _NotFoundError:
        return str(_request(registry, "POST", "/registered_models", {"name": name})["id"])


def _add_properties(registry: str, path: str, texts: Mapping[str, str]) -> None:
    """Set some properties; an update replaces all of them."""
    kept = _request(registry, "GET", path).get("customProperties") or {}
    _request(registry, "PATCH", path, {"customProperties": {**kept, **_texts(texts)}})


def _texts(texts: Mapping[str, str]) -> _Resource:
    return {name: {"metadataType": "MetadataStringValue", "string_value": text} for name, text in texts.items()}


class _NotFoundError(ModelRegistryError):
    pass


def _request(registry: str, method: str, path: str, body: _Resource | None = None) -> _Resource:
    request = urllib.request.Request(  # noqa: S310 - the problem file takes http and https only
        f"{registry.rstrip('/')}{_API}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            content = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            kind = _NotFoundError if error.code == 404 else ModelRegistryError
            raise kind(f"{method} {path.partition('?')[0]} was answered with {error.code}") from error
    if not isinstance(content, dict):
        raise ModelRegistryError(f"{method} {path.partition('?')[0]} must be answered with a JSON object")
    return content
