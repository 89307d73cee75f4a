"""The API over real HTTP: what each status means, and what is said where no cluster answers."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import threading

import pytest
import yaml

from components.cluster import api as api_module
from components.cluster.__main__ import app
from components.cluster.api import ClusterError, KubernetesApi, Refusal, Unseen
from tests.command_lines import run_command
from tests.components.cluster.small_cluster import INSIDE, listed, NODES, SmallCluster


class Server(ThreadingHTTPServer):
    """Answers by path; `asked` is what came."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked, self.cluster = {}, [], None


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.asked.append((self.command, self.path, self.headers, body))
        status, said = self.server.answers.get(self.path) or self.looked_up()
        self.send_response(status)
        self.end_headers()
        self.wfile.write((said if isinstance(said, str) else json.dumps(said)).encode())

    def looked_up(self):
        found = None if self.server.cluster is None else self.server.cluster.get(self.path)
        return (404, {"message": "not found"}) if found is None else (200, found)

    do_GET = do_PATCH = do_POST = do_DELETE = answer

    def log_message(self, *said):
        pass


@pytest.fixture(scope="module")
def server():
    with Server() as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def kubeconfig(server, tmp_path):
    server.answers, server.cluster = {}, None
    server.asked.clear()
    return written_kubeconfig(tmp_path, f"http://127.0.0.1:{server.server_port}")


def written_kubeconfig(folder, host):
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": host}}],
        "users": [{"name": "u", "user": {"token": "sesame"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    return folder / "kubeconfig"


def test_what_is_there_is_read_with_the_accounts_token(server, kubeconfig):
    server.answers["/api"] = (200, {"kind": "APIVersions"})
    assert KubernetesApi(kubeconfig=kubeconfig).get("/api") == {"kind": "APIVersions"}
    assert server.asked[0][2]["Authorization"] == "Bearer sesame"


def test_what_may_not_be_seen_and_what_is_not_there_are_no_errors(server, kubeconfig):
    server.answers["/closed"] = (403, {"message": "forbidden"})
    api = KubernetesApi(kubeconfig=kubeconfig)
    assert api.get("/closed") == Unseen("/closed")
    assert api.get("/nothing") is None


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((500, {"message": "etcd is\ndown"}), "must answer /broken, but says 500: etcd is down"),
        ((502, "<html>\nbad gateway"), "must answer /broken, but says 502: <html> bad gateway"),
        ((401, {"message": "Unauthorized"}), r"must know who asks, but does not \(401\): log in to it again"),
        ((200, "<html>"), "must answer in JSON, got '<html>'"),
        ((200, "[1]"), "must answer with an object"),
    ],
)
def test_an_answer_that_is_none_is_one_sentence(server, kubeconfig, answer, sentence):
    server.answers["/broken"] = answer
    with pytest.raises(ClusterError, match=sentence):
        KubernetesApi(kubeconfig=kubeconfig).get("/broken")


def test_an_object_is_tried_and_nothing_is_changed(server, kubeconfig):
    path = "/api/v1/things/x"
    query = "fieldManager=pluszero-check&force=true&dryRun=All&fieldValidation=Strict"
    server.answers[f"{path}?{query}"] = (409, {"message": "it  is\nimmutable"})
    api = KubernetesApi(kubeconfig=kubeconfig)
    assert api.tried(path, {"kind": "Thing"}) == Refusal("it is immutable")
    command, _, headers, body = server.asked[0]
    assert (command, headers["Content-Type"]) == ("PATCH", "application/apply-patch+yaml")
    assert json.loads(body) == {"kind": "Thing"}
    server.answers[f"{path}?{query}"] = (200, {})
    assert api.tried(path, {}) is None


def test_a_pod_is_made_and_deleted(server, kubeconfig):
    server.answers["/pods"] = (201, {})
    api = KubernetesApi(kubeconfig=kubeconfig)
    assert api.created("/pods", {}) is None
    api.deleted("/pods/gone")
    assert [(command, path) for command, path, *_ in server.asked] == [("POST", "/pods"), ("DELETE", "/pods/gone")]
    server.answers["/pods"] = (403, {"message": "no"})
    assert api.created("/pods", {}) == Refusal("no")


def test_no_server_is_one_sentence_without_a_password(tmp_path):
    with Server() as closed:
        host = f"http://eve:sesame@127.0.0.1:{closed.server_port}"
    with pytest.raises(ClusterError, match=r"must answer, but does not: .*refused") as refused:
        KubernetesApi(kubeconfig=written_kubeconfig(tmp_path, host)).get("/api")
    assert "sesame" not in str(refused.value)
    assert "object at" not in str(refused.value)


@pytest.mark.parametrize("content", [None, "", "{", "clusters: 3"])
def test_no_way_to_a_cluster_is_one_sentence(tmp_path, content):
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ClusterError, match="a kubeconfig or a pod's account, but there is none") as refused:
        KubernetesApi(kubeconfig=file)
    assert "\n" not in str(refused.value)


def test_a_pods_account_is_taken_where_there_is_no_kubeconfig(tmp_path, monkeypatch):
    monkeypatch.setattr(api_module, "ACCOUNT_FOLDER", tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert not api_module._in_a_pod()
    (tmp_path / "token").write_text("sesame")
    assert api_module._in_a_pod()
    (tmp_path / "none").write_text("a kubeconfig")
    assert not api_module._in_a_pod()


def test_the_command_says_a_line_each_and_ends_as_they_say(server, kubeconfig, monkeypatch, tmp_path):
    monkeypatch.setenv("PLUSZERO_IMAGE_REGISTRY", "registry.example/team")
    server.cluster = SmallCluster()
    options = ["check", "--kubeconfig", kubeconfig, "--namespace", "alice"]
    done = run_command(app, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert "  ✓ KServe: v0.20.1\n" in done.stdout
    assert "  ! image pluszero-mlops-serving:dev: asked for an image that nodes can pull" in done.stdout
    server.cluster = SmallCluster({NODES: listed()}, without=[INSIDE])
    done = run_command(app, *options)
    assert done.returncode == 1
    assert "  ✗ namespace: asked for a namespace alice" in done.stdout
    (tmp_path / "problem.yaml").write_text("cluster: {gpus: 9}")
    done = run_command(app, *options, "--problem", tmp_path / "problem.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_command_without_a_cluster_ends_with_two(tmp_path):
    done = run_command(app, "check", "--kubeconfig", tmp_path / "none")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: there must be a way to a cluster")
    assert len(done.stderr.splitlines()) == 1
