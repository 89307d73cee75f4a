"""A pipeline is uploaded once and run each time, over real HTTP; refusals are sentences, and the token stays secret."""

import json
import re
import socket

import pytest
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.compiling import compile_pipeline
from tests.pipelines.submission.kfp_server import KfpState, running

TOKEN = "a-secret-token"
ARGUMENTS = ["serving_log_uri=s3://bucket/log", "model_uri=s3://bucket/models/digits/1"]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return compile_pipeline("monitoring", tmp_path_factory.mktemp("compiled"))


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """Nothing of whoever runs the tests: no address, no token, no settings of kfp's own at home."""
    for name in (
        "KF_PIPELINES_ENDPOINT",
        "KF_PIPELINES_UI_ENDPOINT",
        "KF_PIPELINES_SA_TOKEN_PATH",
        "PLUSZERO_KFP_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("kfp.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))


def submitted(package, *words):
    return CliRunner().invoke(app, ["submit", str(package), *ARGUMENTS, *words])


def test_a_pipeline_is_uploaded_and_run_and_where_to_look_is_printed(package):
    state = KfpState()
    with running(state) as host:
        result = submitted(package, "--host", host)
    assert result.exit_code == 0, result.output
    version = state.versions[0]["name"]
    assert re.fullmatch(r"pluszero-monitoring-[0-9a-f]{12}", version)
    assert result.output.splitlines() == [
        f"  version  {version} of pluszero-monitoring, uploaded",
        "  run      run-1",
        f"  look at  {host}/#/runs/details/run-1",
    ]
    assert state.packages == [package.read_bytes()]
    assert [pipeline["name"] for pipeline in state.pipelines] == ["pluszero-monitoring"]
    (run,) = state.runs
    assert run["pipeline_version_reference"] == {
        "pipeline_id": "pipeline-1",
        "pipeline_version_id": "pipeline_version-1",
    }
    assert run["runtime_config"]["parameters"] == dict(argument.split("=") for argument in ARGUMENTS)
    assert (run["experiment_id"], state.experiments[0]["display_name"]) == ("experiment-1", "Default")


def test_the_same_bytes_are_one_version_and_others_a_new_version_of_the_same_pipeline(package, tmp_path):
    other = tmp_path / package.name
    other.write_text(package.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    state = KfpState()
    with running(state) as host:
        results = [submitted(file, "--host", host) for file in (package, package, other)]
    assert [result.exit_code for result in results] == [0, 0, 0]
    assert [", uploaded" in result.output for result in results] == [True, False, True]
    assert "which was there" in results[1].output
    assert (len(state.pipelines), len(state.versions), len(state.runs), len(state.experiments)) == (1, 2, 3, 1)
    references = [run["pipeline_version_reference"]["pipeline_version_id"] for run in state.runs]
    assert references == ["pipeline_version-1", "pipeline_version-1", "pipeline_version-2"]


def test_a_profile_owns_pipeline_and_experiment_and_must_be_named_where_there_are_profiles(package, monkeypatch):
    state = KfpState(multi_user=True)
    with running(state) as host:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", host)
        unnamed = submitted(package)
        named = submitted(package, "--namespace", "alice")
    assert str(unnamed.exception) == f"{host} has profiles: name yours by --namespace"
    assert named.exit_code == 0, named.output
    assert [each["namespace"] for each in (*state.pipelines, *state.experiments)] == ["alice", "alice"]


def test_a_namespace_is_left_out_where_there_are_no_profiles(package):
    state = KfpState()
    with running(state) as host:
        result = submitted(package, "--host", host, "--namespace", "kubeflow")
    assert result.exit_code == 0, result.output
    assert [each["namespace"] for each in (*state.pipelines, *state.experiments)] == ["", ""]


def test_the_token_is_sent_and_never_shown(package, monkeypatch, tmp_path):
    state = KfpState(token=TOKEN)
    with running(state) as host:
        without = submitted(package, "--host", host)
        (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
        monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
        with_file = submitted(package, "--host", host)
        monkeypatch.setenv("PLUSZERO_KFP_TOKEN", f"stale-{TOKEN}")
        stale = submitted(package, "--host", host)
        monkeypatch.setenv("PLUSZERO_KFP_TOKEN", TOKEN)
        monkeypatch.delenv("KF_PIPELINES_SA_TOKEN_PATH")
        accepted = submitted(package, "--host", host)
    assert with_file.exit_code == accepted.exit_code == 0
    assert isinstance(without.exception, PermissionError)
    assert str(without.exception).endswith(": set PLUSZERO_KFP_TOKEN to a token of yours")
    assert "answered 401: no valid token in Bearer <secret>: the token of PLUSZERO_KFP_TOKEN is not" in str(
        stale.exception
    )
    shown = [result.output + str(result.exception) for result in (without, with_file, stale, accepted)]
    assert TOKEN not in "".join(shown)


@pytest.mark.parametrize(
    ("status", "body", "kind", "sentence"),
    [
        (
            403,
            {"message": "not yours"},
            PermissionError,
            r"right to look for the pipeline at .*, which answered 403: not yours",
        ),
        (
            400,
            {"error_message": "upload denied"},
            ValueError,
            "must look for the pipeline, but answered 400: upload denied",
        ),
        (500, None, ValueError, "must look for the pipeline, but answered 500: Internal Server Error"),
    ],
)
def test_a_refusal_is_a_sentence(package, status, body, kind, sentence):
    with running(KfpState(refusal=(status, "<html>" if body is None else json.dumps(body)))) as host:
        result = submitted(package, "--host", host)
    assert isinstance(result.exception, kind)
    assert re.search(sentence, str(result.exception))
    assert "\n" not in str(result.exception)


def test_an_address_without_the_api_and_a_log_in_are_told_apart(package):
    state = KfpState()
    with running(state) as host:
        elsewhere = submitted(package, "--host", f"{host}/somewhere")
        state.page = "<html>Log in</html>"
        log_in = submitted(package, "--host", host)
    assert "which answered 404: Not Found: name the address before /apis/v2beta1" in str(elsewhere.exception)
    assert f"must answer at {host}, but a web page does: a log-in stands before it" in str(log_in.exception)


def test_a_host_that_does_not_answer_is_said_at_once(package):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        result = submitted(package, "--host", f"http://user:password@127.0.0.1:{port}")
    assert isinstance(result.exception, ConnectionError)
    assert str(result.exception) == (
        f"Kubeflow Pipelines must answer at http://<secret>@127.0.0.1:{port}, but does not: "
        "Failed to establish a new connection: [Errno 111] Connection refused; "
        "is the address right, and its port-forward or network there?"
    )


@pytest.mark.parametrize("host", ["", "localhost:8888", "ftp://host", "http://"])
def test_an_address_must_be_one_of_the_web(package, host):
    result = submitted(package, "--host", host)
    assert "--host or KF_PIPELINES_ENDPOINT must say where Kubeflow Pipelines answers" in str(result.exception)
