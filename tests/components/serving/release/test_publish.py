from dataclasses import replace
import json
from pathlib import Path
import shutil
import uuid

import fsspec
from kfp import dsl
import pytest
import yaml

from components.serving.component import publish_model as face
from components.serving.jobs import Candidate, publish_model
from components.shared.contracts.analysis_summary import AnalysisSummary, Weakness, write_analysis_summary
from components.shared.contracts.bundle import bundle_version, read_config, WEIGHTS_FILE
from components.shared.contracts.verdict import Verdict, write_verdict
from components.shared.runtime import workspace
from components.shared.runtime.errors import ContractError


@pytest.fixture
def inputs(tmp_path: Path, bundle_with_network: Path) -> dict:
    evaluation, verdict = tmp_path / "evaluation.json", tmp_path / "verdict.json"
    evaluation.write_text(json.dumps({"format_version": 1, "metrics": {"accuracy": 0.9}}))
    write_verdict(verdict, Verdict(check="analysis", passed=True, reason="good"))
    return {
        "candidate": Candidate(model=bundle_with_network, evaluation=evaluation, verdict=verdict),
        "model_name": "pets",
        "model_root": str(tmp_path / "모델 root"),
        "inference_service_path": tmp_path / "out" / "inferenceservice.yaml",
    }


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in root.rglob("*") if path.is_file() and not path.name.endswith(".yaml"))
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_release_is_a_bundle_with_evaluation_and_card_and_a_service_beside_it(inputs):
    result = publish_model(**inputs)

    release = Path(inputs["model_root"]) / "pets" / result.version
    assert result.release_uri == result.artifact_uri == str(release.resolve())
    assert bundle_version(release) == result.version
    assert read_config(release) == read_config(inputs["candidate"].model)
    assert json.loads((release / "evaluation.json").read_text())["metrics"] == {"accuracy": 0.9}
    assert "| accuracy | 0.9 |" in (release / "model_card.md").read_text()
    beside = release / "inferenceservice.yaml"
    assert beside.read_bytes() == inputs["inference_service_path"].read_bytes()
    service = yaml.safe_load(beside.read_text())
    assert service["spec"]["predictor"]["model"]["storageUri"] == f"file://{release.resolve()}" == result.storage_uri
    assert sorted(path.name for path in release.parent.iterdir()) == [result.version]


def test_a_release_on_the_workspace_is_served_from_its_claim(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(workspace, "WORKSPACE_PATH", str(tmp_path / "mnt"))
    result = publish_model(**{**inputs, "model_root": "pvc://pluszero-workspace/models"})

    release = tmp_path / "mnt" / "models" / "pets" / result.version
    assert bundle_version(release) == result.version
    service = yaml.safe_load((release / "inferenceservice.yaml").read_text())
    expected = f"pvc://pluszero-workspace/models/pets/{result.version}"
    assert service["spec"]["predictor"]["model"]["storageUri"] == expected == result.storage_uri


def test_a_predictor_pulls_its_image_by_the_secrets_that_the_step_was_told(inputs, monkeypatch):
    monkeypatch.setenv("PLUSZERO_IMAGE_PULL_SECRETS", "one,two")
    publish_model(**inputs)
    predictor = yaml.safe_load(inputs["inference_service_path"].read_text())["spec"]["predictor"]
    assert predictor["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]


def test_a_release_that_is_not_called_its_version_is_not_published_again(inputs):
    release = Path(publish_model(**inputs).release_uri)
    for name in ("latest", "0123456789abcdef"):
        shutil.copytree(release, release.parent / name)
        candidate = replace(inputs["candidate"], model=release.parent / name)
        with pytest.raises(ContractError, match=f"the release .*{name} must be called {release.name}"):
            publish_model(**{**inputs, "candidate": candidate})
    publish_model(**{**inputs, "candidate": replace(inputs["candidate"], model=release)})


def test_publishing_again_changes_nothing(inputs):
    first = publish_model(**inputs)
    before = snapshot(Path(inputs["model_root"]))

    second = publish_model(**inputs)

    assert (first.is_new, second.is_new) == (True, False)
    assert second.version == first.version
    assert snapshot(Path(inputs["model_root"])) == before


def test_another_evaluation_is_another_version_beside_the_first(inputs):
    first = publish_model(**inputs)
    inputs["candidate"].evaluation.write_text(json.dumps({"metrics": {"accuracy": 0.8}}))

    second = publish_model(**inputs)

    assert second.version != first.version
    assert Path(first.release_uri).is_dir()
    assert Path(second.release_uri).is_dir()


@pytest.mark.parametrize("damage", ["changed", "missing", "emptied"])
def test_a_release_that_was_tampered_with_is_refused_and_left_alone(inputs, damage):
    release = Path(publish_model(**inputs).release_uri)
    if damage == "changed":
        (release / "evaluation.json").write_text("{}")
    elif damage == "missing":
        (release / WEIGHTS_FILE).unlink()
    else:
        shutil.rmtree(release)
        release.mkdir()
    before = snapshot(release)

    with pytest.raises(ValueError, match="must not change, but it is damaged"):
        publish_model(**inputs)

    assert snapshot(release) == before


def test_a_damaged_bundle_is_not_published(inputs, bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "damaged")
    with open(tmp_path / "damaged" / WEIGHTS_FILE, "r+b") as weights:
        weights.truncate(100)

    with pytest.raises(ContractError, match="truncated or changed"):
        publish_model(**{**inputs, "candidate": replace(inputs["candidate"], model=tmp_path / "damaged")})

    assert not Path(inputs["model_root"]).exists()


def test_a_model_that_did_not_pass_is_not_published(inputs):
    write_verdict(inputs["candidate"].verdict, Verdict(check="analysis", passed=False, reason="accuracy is 0.2"))

    with pytest.raises(ValueError, match=r"must pass its analysis.*accuracy is 0\.2"):
        publish_model(**inputs)

    assert not Path(inputs["model_root"]).exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model_name": "../x"}, "model_name must be"),
        ({"model_root": " "}, "model_root must be"),
        ({"model_root": "nosuchprotocol://models"}, "protocol that can be written"),
    ],
)
def test_unusable_names_and_roots_are_refused(inputs, changes, reason):
    with pytest.raises(ValueError, match=reason):
        publish_model(**{**inputs, **changes})


def test_an_object_store_holds_the_same_release_and_keeps_it(inputs, tmp_path):
    root = f"memory://models-{uuid.uuid4().hex}"
    first = publish_model(**{**inputs, "model_root": f"{root}/"})
    second = publish_model(**{**inputs, "model_root": root})
    filesystem, path = fsspec.core.url_to_fs(first.release_uri)

    filesystem.get(path, str(tmp_path / "copy"), recursive=True)

    assert first.release_uri == first.storage_uri == f"{root}/pets/{first.version}"
    assert (first.is_new, second.is_new) == (True, False)
    assert bundle_version(tmp_path / "copy") == first.version
    assert read_config(tmp_path / "copy") == read_config(inputs["candidate"].model)
    service = filesystem.cat_file(f"{path}/inferenceservice.yaml")
    assert service == inputs["inference_service_path"].read_bytes()

    filesystem.pipe_file(f"{path}/evaluation.json", b"{}")
    with pytest.raises(ValueError, match="must not change, but it is damaged"):
        publish_model(**{**inputs, "model_root": root})


def call_face(inputs, tmp_path, *, uri: str, model_root: str) -> tuple[dsl.Model, dsl.Artifact]:
    published = dsl.Model(uri=uri)
    service = dsl.Artifact(uri=str(tmp_path / "service"))
    summary = tmp_path / "summary.json"
    weakness = Weakness(sentence="dark photos: 41 % wrong")
    write_analysis_summary(summary, AnalysisSummary(passed=True, reason="good", weaknesses=(weakness,)))
    face.python_func(
        model=dsl.Model(uri=str(inputs["candidate"].model)),
        evaluation=dsl.Artifact(uri=str(inputs["candidate"].evaluation)),
        verdict=dsl.Artifact(uri=str(inputs["candidate"].verdict)),
        analysis_summary=dsl.Artifact(uri=str(summary)),
        examples=dsl.Dataset(uri=str(tmp_path / "examples")),
        model_name="pets",
        model_root=model_root,
        registry="",
        published=published,
        inference_service=service,
    )
    return published, service


def test_the_local_artifact_points_at_the_release(inputs, tmp_path):
    published, service = call_face(
        inputs, tmp_path, uri=str(tmp_path / "kfp" / "published"), model_root=inputs["model_root"]
    )

    assert published.path == str((Path(inputs["model_root"]) / "pets" / published.metadata["version"]).resolve())
    assert read_config(published.path) == read_config(inputs["candidate"].model)
    assert yaml.safe_load(Path(service.path).read_text())["kind"] == "InferenceService"
    assert "- dark photos: 41 % wrong" in Path(published.path, "model_card.md").read_text(encoding="utf-8")


def test_where_the_release_is_not_local_the_artifact_holds_a_copy(inputs, tmp_path):
    uri = str(tmp_path / "kfp" / "published")
    root = f"memory://models-{uuid.uuid4().hex}"

    published, _ = call_face(inputs, tmp_path, uri=uri, model_root=root)

    assert published.uri == uri
    assert published.metadata["storage_uri"] == f"{root}/pets/{published.metadata['version']}"
    assert bundle_version(published.path) == published.metadata["version"]
