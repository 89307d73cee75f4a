"""What the Kubeflow Model Registry is told, by a server that speaks the documented part of its REST API."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import re
import socket
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from components.shared.lineage.announcements import announce_champion, announce_release
from components.shared.lineage.released_model import ChampionMove, ReleasedModel

API = "/api/model_registry/v1alpha3"


class Registry(ThreadingHTTPServer):
    """The registry: models, versions and artifacts by their ids; `fails`: how many requests it answers with 503."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Requests)
        self.models, self.versions, self.artifacts = {}, {}, {}
        self.fails = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Requests(BaseHTTPRequestHandler):
    """Answers as `api/openapi/model-registry.yaml` says."""

    def do_GET(self):
        self.answered("GET")

    def do_POST(self):
        self.answered("POST")

    def do_PATCH(self):
        self.answered("PATCH")

    def answered(self, method):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        if self.server.fails:
            self.server.fails -= 1
            status, content = 503, {"code": "503", "message": "not now"}
        else:
            status, content = self.content(method, body)
        sent = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def content(self, method, body):
        url = urlsplit(self.path)
        path, (name,) = url.path.removeprefix(API), parse_qs(url.query).get("name", [None])
        models, versions = self.server.models, self.server.versions
        match method, *path.strip("/").split("/"):
            case "GET", "registered_model":
                found = [model for model in models.values() if model["name"] == name]
                return (200, found[0]) if found else (404, {"code": "404", "message": "not found"})
            case "POST", "registered_models":
                return self.made(models, body, "1", {"name"})
            case "GET", "registered_models", model, "versions":
                items = [one for one in versions.values() if (one["registeredModelId"], one["name"]) == (model, name)]
                return 200, {"items": items, "size": len(items), "pageSize": 0, "nextPageToken": ""}
            case "POST", "registered_models", model, "versions":
                assert body["registeredModelId"] == model
                return self.made(versions, body, "2", {"name", "registeredModelId"})
            case "GET", "model_versions", version, "artifacts":
                items = [one for one in self.server.artifacts.values() if one["version"] == version]
                return 200, {"items": items, "size": len(items), "pageSize": 0, "nextPageToken": ""}
            case "POST", "model_versions", version, "artifacts":
                made = self.made(self.server.artifacts, {**body, "version": version}, "3", {"artifactType"})
                assert body["artifactType"] == "model-artifact"
                return made
            case "GET" | "PATCH", "registered_models" | "model_versions" as kind, number:
                resource = (models if kind == "registered_models" else versions)[number]
                self.check_properties(body or {})
                resource.update(body or {})
                return 200, resource
        return 404, {"code": "404", "message": f"{method} {path}"}

    def made(self, resources, body, kind, wanted):
        assert wanted <= set(body)
        self.check_properties(body)
        number = f"{kind}{len(resources)}"
        resources[number] = {**body, "id": number, "state": "LIVE"}
        return 201, resources[number]

    def check_properties(self, body):
        for value in body.get("customProperties", {}).values():
            assert value["metadataType"] == "MetadataStringValue"
            assert isinstance(value["string_value"], str)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with Registry() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def release(version):
    return ReleasedModel(model_name="pets", version=version, storage_uri=f"s3://bucket/models/pets/{version}")


def move(version, former):
    return ChampionMove(
        release=release(version),
        former_version=former,
        promoted_by="kim",
        promoted_at="2026-05-08T10:00:00+00:00",
        reason="better for kim@example.com",
    )


def texts(resource):
    return {name: value["string_value"] for name, value in resource["customProperties"].items()}


def test_a_release_is_a_version_of_its_model_once_with_its_place(registry):
    announce_release(release("1f"), registry=registry.url)
    announce_release(release("1f"), registry=f"{registry.url}/")
    announce_release(release("2e"), registry=registry.url)
    (model,) = registry.models.values()
    assert model["name"] == "pets"
    assert [(one["name"], one["registeredModelId"]) for one in registry.versions.values()] == [
        ("1f", model["id"]),
        ("2e", model["id"]),
    ]
    assert [one["uri"] for one in registry.artifacts.values()] == [
        "s3://bucket/models/pets/1f",
        "s3://bucket/models/pets/2e",
    ]


def test_a_champion_moves_and_what_others_wrote_on_the_model_stays(registry):
    announce_champion(move("1f", None), registry=registry.url)
    (model,) = registry.models.values()
    model["customProperties"]["team"] = {"metadataType": "MetadataStringValue", "string_value": "vision"}
    announce_champion(move("2e", "1f"), registry=registry.url)

    assert texts(model) == {"champion": "2e", "team": "vision"}
    second = next(one for one in registry.versions.values() if one["name"] == "2e")
    assert texts(second) == {
        "place": "s3://bucket/models/pets/2e",
        "promoted_by": "kim",
        "promoted_at": "2026-05-08T10:00:00+00:00",
        "reason": "better for <e-mail>",
        "former_version": "1f",
    }


def test_a_registry_that_fails_is_one_warning_and_the_next_telling_makes_up_for_it(registry, caplog):
    registry.fails = 1
    announce_release(release("1f"), registry=registry.url)
    assert caplog.messages == [
        "The model registry was not told of the release 1f of pets, and all else goes on: "
        "GET /registered_model was answered with 503"
    ]
    announce_champion(move("1f", None), registry=registry.url)
    assert len(caplog.messages) == 1
    assert texts(next(iter(registry.models.values()))) == {"champion": "1f"}


def test_a_registry_out_of_reach_is_one_warning(caplog):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    announce_release(release("1f"), registry=f"http://127.0.0.1:{port}")
    (message,) = caplog.messages
    assert re.search("was not told of the release 1f of pets, and all else goes on: .*Connection refused", message)


def test_without_a_registry_nothing_is_told(registry, caplog):
    announce_release(release("1f"))
    announce_champion(move("1f", None))
    assert registry.models == {}
    assert caplog.messages == []
