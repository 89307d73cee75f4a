"""One command back, on the stand-in cluster."""

import pytest

from components.deployment.endpoint.cluster_endpoint import ClusterEndpoint
from components.deployment.jobs.roll_back import move_champion, roll_back
from components.shared.contracts.champion import read_champion
from components.shared.contracts.releases import open_releases
from tests.components.deployment.kserve_stand_in import Behaviour, NAME, NAMESPACE, running
from tests.components.deployment.rollouts import cluster_api, rollout_of, write_releases


@pytest.fixture
def cluster(tmp_path):
    with running() as stand_in:
        yield stand_in


@pytest.fixture
def versions(tmp_path, cluster):
    found = write_releases(tmp_path, 2)
    cluster.behaviours = dict.fromkeys(found, Behaviour())
    return found


@pytest.fixture
def roll_out(cluster, tmp_path):
    def rolled(version, **given):
        given = {"ask": cluster.let_clients_ask} | given
        return rollout_of(version, port=cluster.port, root=tmp_path, run=version, **given).go()

    return rolled


@pytest.fixture
def endpoint(cluster, tmp_path):
    return ClusterEndpoint(cluster_api(cluster.port, tmp_path), namespace=NAMESPACE, name=NAME)


@pytest.mark.parametrize("mode", ["standard", "knative"])
def test_the_release_before_takes_its_place_again_and_the_champion_follows(
    cluster, versions, roll_out, endpoint, tmp_path, mode
):
    first, second = versions
    roll_out(first, mode=mode)
    before = cluster.found["spec"]
    roll_out(second, mode=mode)
    done = roll_back(endpoint, reason="wrong at night")
    assert (done.taken_back, done.stable, done.model_root) == (second, first, "s3://models")
    assert (cluster.found["spec"], cluster.weights()) == (before, {first: 100})
    local = type(done)(taken_back=second, stable=first, model_root=str(tmp_path / "models"))
    move_champion(local, model_name=NAME, reason="wrong at night", by="me")
    champion = read_champion(open_releases(str(tmp_path / "models"), NAME))
    assert (champion.version, champion.reason) == (first, f"rolled back from {second}: wrong at night")
    assert roll_back(endpoint, reason="it was right").stable == second


@pytest.mark.parametrize("said", ["RawDeployment", None])
def test_another_name_of_standard_mode_is_no_other_mode(cluster, versions, roll_out, endpoint, said):
    first, second = versions
    roll_out(first)
    roll_out(second)
    annotations = cluster.found["metadata"]["annotations"]
    del annotations["serving.kserve.io/deploymentMode"]
    if said:
        annotations["serving.kserve.io/deploymentMode"] = said
    assert roll_back(endpoint, reason="wrong at night").stable == first
    assert cluster.found["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"


def test_a_canary_is_taken_away_and_its_rollout_ends(cluster, versions, roll_out, endpoint):
    first, second = versions
    roll_out(first)
    record = roll_out(second, ask=lambda: roll_back(endpoint, reason="complaints"))
    assert (record.decision, record.reason) == ("rolled back", "the canary was taken back beside this run")
    assert cluster.weights() == {first: 100}


def test_what_has_no_way_back_is_one_sentence(cluster, versions, roll_out, endpoint):
    first, _ = versions
    with pytest.raises(FileNotFoundError, match="namespace live must have an InferenceService pets, but has none"):
        roll_back(endpoint, reason="any")
    roll_out(first)
    with pytest.raises(ValueError, match=f"must tell which release was before {first}, but it has had no other"):
        roll_back(endpoint, reason="any")
    with pytest.raises(ValueError, match="a rollback must say why"):
        roll_back(endpoint, reason=" ")
