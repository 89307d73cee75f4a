"""The deploy step's job: what it writes where a release goes live, where it may not, and where there is no cluster."""

import json

import numpy as np
import pyarrow as pa
import pytest

from components.deployment.jobs.deploy_release import deploy_release, DeployOutputs, ToDeploy
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter
from components.shared.contracts.verdict import read_verdict
from tests.components.deployment.kserve_stand_in import Behaviour, CLASSES, MODEL_FEATURE, NAME, NAMESPACE, running
from tests.components.deployment.rollouts import cluster_api, held_out, write_releases


@pytest.fixture
def cluster():
    with running(has_route=False) as stand_in:
        yield stand_in


@pytest.fixture
def given(tmp_path, cluster):
    """Two releases with their tables."""
    versions = write_releases(tmp_path, 2)
    cluster.behaviours = dict.fromkeys(versions, Behaviour())
    told = held_out()
    ids, splits, labels = list(told.example_ids), ["test"] * len(told.rows), [CLASSES[0]] * len(told.rows)
    xs = pa.array([row[MODEL_FEATURE] for row in told.rows])
    info = ExampleTableInfo(modality="tabular", class_names=CLASSES, column_roles={MODEL_FEATURE: "feature"})
    with ExampleTableWriter(tmp_path / "examples", info, extra_columns={MODEL_FEATURE: xs.type}) as writer:
        columns = {"example_id": pa.array(ids), "split": pa.array(splits), "label": pa.array(labels), MODEL_FEATURE: xs}
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    with PredictionsWriter(tmp_path / "predictions", class_names=CLASSES, extra_columns={}) as writer:
        writer.write(
            example_ids=ids,
            splits=splits,
            labels=labels,
            probabilities=told.answers_NK,
            embeddings=np.empty((len(ids), 0)),
            extra={},
        )
    return [
        ToDeploy(
            model=tmp_path / "models" / NAME / version,
            examples=tmp_path / "examples",
            predictions=tmp_path / "predictions",
            model_name=NAME,
            model_root=str(tmp_path / "models"),
        )
        for version in versions
    ]


@pytest.fixture
def outputs(tmp_path):
    return DeployOutputs(
        report=tmp_path / "report.html",
        verdict=tmp_path / "verdict.json",
        metrics=tmp_path / "metrics.json",
        rollout=tmp_path / "rollout.json",
    )


def test_what_the_cluster_does_not_allow_is_a_failed_verdict_with_its_page(cluster, given, outputs, tmp_path):
    cluster_api(cluster.port, tmp_path)  # writes the kubeconfig
    deploy = json.dumps({"namespace": NAMESPACE})
    asked = {"deploy": deploy, "kubeconfig": tmp_path / f"kubeconfig-{cluster.port}"}
    first, second = given
    assert deploy_release(first, outputs, run="one", **asked).passed
    assert json.loads(outputs.rollout.read_text())["decision"] == "promoted"

    result = deploy_release(second, outputs, run="two", **asked)

    assert not result.passed
    assert "no HTTPRoute for pets in live" in result.reason
    verdict = read_verdict(outputs.verdict)
    assert (verdict.passed, verdict.reason) == (False, result.reason)
    assert "pluszero rollback pets --namespace live" in outputs.report.read_text()
    assert json.loads(outputs.metrics.read_text()) == {"looks": 0.0}


def test_a_desk_says_by_which_command_the_release_goes_live(given, outputs):
    result = deploy_release(given[0], outputs, deploy=json.dumps({"namespace": NAMESPACE}))
    assert result.passed
    assert f"`kubectl apply -n {NAMESPACE} -f " in result.reason
    assert result.reason in read_verdict(outputs.verdict).reason
