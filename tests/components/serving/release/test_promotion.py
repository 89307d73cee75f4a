from datetime import UTC
import getpass
import json
import os
from pathlib import Path
import uuid

import fsspec
import pytest

from components.serving.__main__ import app
from components.serving.jobs import Candidate, publish_model
from components.serving.release.promotion import list_releases, promote_release
from components.shared.contracts import champion as champion_module
from components.shared.contracts.champion import ChampionMovedError, promote, read_champion
from components.shared.contracts.releases import open_releases, release_versions
from components.shared.contracts.verdict import Verdict, write_verdict
from tests.command_lines import run_command
from tests.s3_server import BUCKET, s3_server


@pytest.fixture
def publish(tmp_path, bundle):
    """Publishes the bundle with an accuracy, which makes a version of its own."""
    verdict, evaluation = tmp_path / "verdict.json", tmp_path / "evaluation.json"
    write_verdict(verdict, Verdict(check="analysis", passed=True, reason="good"))

    def published(root: str, accuracy: float, **more: object) -> str:
        target = {"target": {"metric": "accuracy", "minimum": 0.5}}
        evaluation.write_text(json.dumps({"format_version": 1, "metrics": {"accuracy": accuracy}, **target, **more}))
        return publish_model(
            Candidate(model=bundle, evaluation=evaluation, verdict=verdict),
            model_name="pets",
            model_root=root,
            inference_service_path=tmp_path / "inferenceservice.yaml",
        ).version

    return published


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path):
    return str(tmp_path / "모델 root") if request.param == "local" else f"memory://models-{uuid.uuid4().hex}"


def test_publishing_never_moves_the_champion(publish, root):
    releases = open_releases(root, "pets")
    first = publish(root, 0.8)
    assert read_champion(releases) is None

    promote_release(model_root=root, model_name="pets", version=first, reason="the first", promoted_by="kim")
    before = read_champion(releases)
    second = publish(root, 0.9)
    publish(root, 0.8)

    assert set(release_versions(releases)) == {first, second}
    assert read_champion(releases) == before
    assert before.version == first


def test_the_command_says_from_what_to_what_and_the_list_marks_the_champion(publish, root, monkeypatch):
    monkeypatch.setenv("LOGNAME", "이영희")
    first, second = publish(root, 0.8), publish(root, 0.9123)
    asked = ["--model-root", root, "--reason", "better on Korean comments"]

    assert run_command(app, "promote", "pets", first, *asked).stdout == f"champion of pets: none -> {first}\n"
    assert run_command(app, "promote", "pets", second, *asked).stdout == f"champion of pets: {first} -> {second}\n"
    again = run_command(app, "promote", "pets", second, *asked, "--by", "kim")
    listed = run_command(app, "releases", "pets", "--model-root", root)

    assert again.stdout == f"champion of pets: {second} already, promoted by 이영희\n"
    champion = read_champion(open_releases(root, "pets"))
    assert (champion.promoted_by, champion.reason) == ("이영희", "better on Korean comments")
    lines = {line[2:18]: line for line in listed.stdout.splitlines()}
    assert set(lines) == {first, second}
    assert lines[second].startswith("* ")
    assert lines[second].endswith("  accuracy 0.9123  champion")
    assert lines[first].startswith("  ")
    assert lines[first].endswith("  accuracy 0.8000")


def test_mistakes_are_told_in_one_sentence_and_move_nothing(publish, tmp_path):
    root = str(tmp_path / "models")
    version = publish(root, 0.8)
    place = ["--model-root", root]
    for arguments, sentence in [
        (["promote", "pets", "0000", "--reason", "x"], f"version must be a release of pets, which are {version}, got"),
        (["promote", "dogs", version, "--reason", "x"], f"model_root {root} must hold releases of dogs, but there are"),
        (["promote", "Pets", version, "--reason", "x"], "model_name must be "),
        (["promote", "pets", version, "--reason", " "], "reason must be said in words, got ' '"),
        (["releases", "dogs"], f"model_root {root} must hold releases of dogs, but there are none; it holds pets"),
    ]:
        done = run_command(app, *arguments, *place)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {sentence}")
        assert done.stderr.count("\n") == 1
    assert read_champion(open_releases(root, "pets")) is None


def test_a_renamed_release_is_not_promoted(publish, tmp_path):
    version = publish(str(tmp_path), 0.8)
    (tmp_path / "pets" / version).rename(tmp_path / "pets" / "v2")
    with pytest.raises(ValueError, match=f"must hold the bundle of version v2, but it holds version {version}"):
        promote_release(model_root=str(tmp_path), model_name="pets", version="v2", reason="x", promoted_by="kim")


def test_where_nobody_is_known_the_command_asks_who(publish, tmp_path, monkeypatch):
    version = publish(str(tmp_path), 0.8)

    def nobody():
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nobody)
    with pytest.raises(ValueError, match="--by must say who promotes"):
        promote_release(model_root=str(tmp_path), model_name="pets", version=version, reason="x")


def test_releases_are_listed_the_newest_first_also_without_a_target_metric(publish, tmp_path):
    old, new, odd = publish(str(tmp_path), 0.8), publish(str(tmp_path), 0.9), publish(str(tmp_path), 0.7, target=None)
    for version, time_s in ((old, 1_777_627_800), (new, 1_777_800_600), (odd, 1_777_714_200)):
        os.utime(Path(tmp_path, "pets", version, "config.json"), (time_s, time_s))
    listed = list_releases(model_root=str(tmp_path), model_name="pets")
    assert [(release.version, release.value) for release in listed] == [(new, 0.9), (odd, None), (old, 0.8)]
    assert listed[-1].published_at.astimezone(UTC).isoformat() == "2026-05-01T09:30:00+00:00"
    assert "no target metric" in run_command(app, "releases", "pets", "--model-root", str(tmp_path)).stdout


@pytest.fixture(params=[True, False], ids=["with-conditions", "without"])
def store(request, monkeypatch):
    with s3_server(has_conditions=request.param) as server:
        settings = {
            "endpoint_url": server.address,
            "key": "test",
            "secret": "test",
            "client_kwargs": {"region_name": "us-east-1"},
        }
        monkeypatch.setitem(fsspec.config.conf, "s3", settings)
        yield f"s3://{BUCKET}/models"


def test_releases_in_s3_are_promoted_and_listed(publish, store):
    releases = open_releases(store, "pets")
    first, second = publish(store, 0.8), publish(store, 0.9)
    with pytest.raises(FileNotFoundError, match=r"must hold releases of dogs, but there are none; it holds pets"):
        release_versions(open_releases(store, "dogs"))

    promote(releases, first, expected=None, promoted_by="kim", reason="the first")
    written = promote(releases, second, expected=first, promoted_by="이영희", reason="정확도 0.9")
    with pytest.raises(ChampionMovedError, match=f"must still be {first}, but it is {second}"):
        promote(releases, first, expected=first, promoted_by="lee", reason="back")

    assert read_champion(releases) == written
    listed = list_releases(model_root=store, model_name="pets")
    assert {(release.version, release.value, release.is_champion) for release in listed} == {
        (first, 0.8, False),
        (second, 0.9, True),
    }


@pytest.mark.parametrize("store", [True], indirect=True)
def test_s3_itself_refuses_what_it_was_not_asked_to_write_over(publish, store, monkeypatch):
    releases = open_releases(store, "pets")
    versions = [publish(store, accuracy) for accuracy in (0.7, 0.8, 0.9)]
    check, rival = champion_module._check_expected, iter(versions)

    def overtaken(found, expected, releases):
        check(found, expected, releases)
        monkeypatch.setattr(champion_module, "_check_expected", check)
        promote(releases, next(rival), expected=expected, promoted_by="rival", reason="first come")

    for expected in (None, versions[0]):
        monkeypatch.setattr(champion_module, "_check_expected", overtaken)
        with pytest.raises(ChampionMovedError, match="another version was promoted at the same time"):
            promote(releases, versions[2], expected=expected, promoted_by="kim", reason="too late")
        assert read_champion(releases).promoted_by == "rival"
