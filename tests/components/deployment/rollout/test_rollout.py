"""A rollout on a stand-in for a cluster with KServe: the right decision, and the same end however it is cut."""

import json

import pytest

from components.deployment.endpoint.cluster_endpoint import RefusedError
from components.deployment.endpoint.service_state import read_state
from components.deployment.rollout.live_service import ChangedBesideError
from components.deployment.rollout.record import RolloutRecords
from components.shared.contracts.canary_settings import CanarySettings
from components.shared.contracts.champion import read_champion
from components.shared.contracts.deploy_spec import ReplicaSpec
from components.shared.contracts.releases import open_releases
from tests.components.deployment.kserve_stand_in import Behaviour, NAME, NAMESPACE, running
from tests.components.deployment.rollouts import cluster_api, rollout_of, write_releases


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A root with releases, their versions in an order of their own."""
    root = tmp_path_factory.mktemp("store")
    return root, write_releases(root, 3)


@pytest.fixture
def cluster(store):
    _, versions = store
    with running() as stand_in:
        for version in versions:
            stand_in.behaviours[version] = Behaviour()
        yield stand_in


@pytest.fixture
def roll_out(cluster, store, request):
    """Rolls a release out; a run of another name is another rollout."""
    root, _ = store

    def rolled(version, run, **given):
        kept = f"{request.node.name}-{run}"
        given = {"ask": cluster.let_clients_ask} | given
        return rollout_of(version, port=cluster.port, root=root, run=kept, **given).go()

    return rolled


def champion(store):
    found = read_champion(open_releases(str(store[0] / "models"), NAME))
    return found.version if found else None


def stable_traffic_never_stopped(cluster):
    """After every change somebody answered: the canary alone never, and nobody never."""
    return all("status" in each for each in cluster.applied) and cluster.weights() != {}


def test_a_first_release_goes_live_when_it_answers_as_the_training_side_does(cluster, store, roll_out):
    first, *_ = store[1]
    record = roll_out(first, "one", replicas=ReplicaSpec(least=2, most=4, target=70))
    assert (record.kind, record.decision, record.is_done) == ("first", "promoted", True)
    assert champion(store) == first
    predictor = cluster.found["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"], predictor["scaleMetric"]) == (2, 4, "cpu")
    assert cluster.weights() == {first: 100}
    note = json.loads(cluster.found["metadata"]["annotations"]["pluszero-mlops/rollout"])
    assert (note["decision"], note["reason"]) == ("promoted", "it is ready, and answers as the training side does")


@pytest.mark.parametrize(
    ("trouble", "why", "log"),
    [
        ("image", "waits: ImagePullBackOff: no such image", ""),
        ("crash", "ended by itself with exit code 1 (Error), and was restarted 3 times", "ValueError: the bundle"),
        ("quota", "no pod of it could be made: FailedCreate: pods", ""),
    ],
)
def test_a_first_release_that_is_never_ready_is_stopped_and_says_why(cluster, store, roll_out, trouble, why, log):
    first, *_ = store[1]
    cluster.set_behaviour(first, Behaviour(trouble=trouble))
    record = roll_out(first, "one")
    assert record.decision == "rolled back"
    assert why in record.reason
    assert log in record.log_end
    assert cluster.found["metadata"]["annotations"]["serving.kserve.io/stop"] == "true"
    cluster.set_behaviour(first, Behaviour())
    assert roll_out(first, "two").decision == "promoted"
    assert cluster.weights() == {first: 100}


def test_a_good_canary_climbs_and_takes_the_place_of_the_one_before(cluster, store, roll_out):
    first, second, _ = store[1]
    roll_out(first, "one")
    before = cluster.found["spec"]["predictor"]
    record = roll_out(second, "two")
    assert (record.kind, record.decision) == ("canary", "promoted"), record.reason
    percents = [each["spec"]["canary"][0]["trafficPercent"] for each in cluster.applied if "canary" in each["spec"]]
    assert list(dict.fromkeys(percents)) == [0, 20, 50]
    # Its servers go when nobody is sent to them; the endpoint's own are called as before.
    assert percents[-1] == 0
    assert cluster.found["spec"]["predictor"].get("name") == before.get("name")
    assert {pod.deployment for pod in cluster.pods} == {before.get("name", "")}
    assert cluster.weights() == {second: 100}
    assert champion(store) == second
    assert stable_traffic_never_stopped(cluster)
    assert [look["percent"] for look in record.looks] == sorted(look["percent"] for look in record.looks)


@pytest.mark.parametrize("is_good", [True, False])
def test_a_rollout_starts_no_server_of_the_stable_release_anew(cluster, store, roll_out, is_good):
    first, second, _ = store[1]
    roll_out(first, "one")
    (stable,) = [pod.uid for pod in cluster.pods]
    seen = []
    if not is_good:
        cluster.set_behaviour(second, Behaviour(error_rate=0.5))

    def ask_and_see():
        cluster.let_clients_ask()
        seen.append([pod.uid for pod in cluster.pods if pod.version == first])

    roll_out(second, "two", ask=ask_and_see)
    assert seen
    assert all(uids == [stable] for uids in seen)
    assert is_good or [pod.uid for pod in cluster.pods] == [stable]


def test_a_promoted_release_that_does_not_come_up_in_its_place_is_taken_back(cluster, store, roll_out):
    first, second, _ = store[1]
    roll_out(first, "one")
    before = cluster.found["spec"]

    def break_at_the_last_step():
        cluster.let_clients_ask()
        if cluster.found["spec"]["canary"][0]["trafficPercent"] == 50:
            cluster.behaviours[second] = Behaviour(trouble="crash")

    record = roll_out(second, "two", ask=break_at_the_last_step)
    assert (record.decision, record.is_done) == ("rolled back", True)
    assert record.reason.startswith("in the place of the release before, it must become ready")
    assert (cluster.found["spec"], cluster.weights(), champion(store)) == (before, {first: 100}, first)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Behaviour(error_rate=0.4), "errors: "),
        (Behaviour(latency_s=0.2), "latency: "),
        (Behaviour(dogs=0.95), "predictions: "),
    ],
)
def test_a_bad_canary_is_taken_back_for_what_is_bad_about_it(cluster, store, roll_out, bad, why):
    first, second, _ = store[1]
    roll_out(first, "one")
    before = cluster.found["spec"]
    cluster.set_behaviour(second, bad)
    record = roll_out(second, "two", judge=CanarySettings(steps=(20,), requests_a_step=5_000))
    assert record.decision == "rolled back"
    assert record.reason.startswith(why)
    assert cluster.found["spec"] == before
    assert (cluster.weights(), champion(store)) == ({first: 100}, first)


def test_a_canary_that_answers_otherwise_gets_no_traffic_at_all(cluster, store, roll_out):
    first, second, _ = store[1]
    roll_out(first, "one")
    cluster.set_behaviour(second, Behaviour(shift=0.01))
    record = roll_out(second, "two")
    assert record.decision == "rolled back"
    assert (
        "its answers must be the training side's within 0.0001, but 16 of 16 held-out examples differ" in record.reason
    )
    percents = {each["trafficPercent"] for found in cluster.applied for each in found["spec"].get("canary", ())}
    assert percents == {0}
    assert cluster.weights() == {first: 100}


def test_a_canary_whose_servers_go_away_is_taken_back(cluster, store, roll_out):
    first, second, _ = store[1]
    roll_out(first, "one")
    looks = iter(range(10**6))

    def ask():
        if next(looks) == 1:
            cluster.set_behaviour(second, Behaviour(trouble="crash"))
        cluster.traffic = 40
        cluster.let_clients_ask()

    record = roll_out(second, "two", ask=ask)
    assert record.decision == "rolled back"
    assert record.reason.startswith("its servers went away: the container kserve-container of its pod ")
    assert "ValueError: the bundle is damaged" in record.log_end
    assert cluster.weights() == {first: 100}


def test_a_replay_that_cannot_ask_the_stable_release_is_taken_back(cluster, store, roll_out):
    first, second, _ = store[1]
    roll_out(first, "one")
    before = cluster.found["spec"]
    cluster.set_behaviour(first, Behaviour(trouble="crash"))
    record = roll_out(second, "two", canary="replay")
    assert record.decision == "rolled back"
    assert record.reason.startswith("it cannot be watched: a server of each release must be ready to be asked")
    assert cluster.found["spec"] == before


def test_too_little_traffic_decides_nothing_and_says_what_to_do(cluster, store, roll_out):
    first, second, _ = store[1]
    roll_out(first, "one")
    cluster.traffic = 0
    record = roll_out(second, "two", decide_within_h=1e-9)
    assert record.decision == "rolled back"
    assert "0 requests in 1e-09 h are too few to decide" in record.reason
    assert "deploy.canary: replay" in record.reason


def test_without_a_canary_a_release_takes_over_and_a_wrong_one_is_taken_back(cluster, store, roll_out):
    first, second, third = store[1]
    roll_out(first, "one")
    assert roll_out(second, "two", canary="none").decision == "promoted"
    before = cluster.found["spec"]
    cluster.set_behaviour(third, Behaviour(trouble="image"))
    record = roll_out(third, "three", canary="none")
    assert record.decision == "rolled back"
    assert (cluster.found["spec"], cluster.weights()) == (before, {second: 100})


def test_other_settings_of_the_release_that_is_live_are_applied(cluster, store, roll_out):
    first, *_ = store[1]
    roll_out(first, "one")
    record = roll_out(first, "two", replicas=ReplicaSpec(least=3, most=3))
    assert (record.kind, record.decision) == ("replace", "promoted")
    assert cluster.found["spec"]["predictor"]["minReplicas"] == 3


def test_where_nothing_splits_traffic_a_canary_is_refused_and_nothing_changes(cluster, store, roll_out):
    first, second, _ = store[1]
    roll_out(first, "one")
    cluster.has_route = False
    before = len(cluster.applied)
    with pytest.raises(RefusedError, match=r"no HTTPRoute for pets in live: .* set deploy\.canary: replay"):
        roll_out(second, "two")
    assert len(cluster.applied) == before


@pytest.mark.parametrize("is_good", [True, False])
def test_a_replay_asks_both_and_clients_only_the_stable_one(cluster, store, roll_out, is_good):
    first, second, _ = store[1]
    roll_out(first, "one")
    cluster.has_route = False
    if not is_good:
        cluster.set_behaviour(second, Behaviour(latency_s=0.12))
    record = roll_out(second, "two", canary="replay", judge=CanarySettings(steps=(50,), requests_a_step=150))
    assert record.decision == ("promoted" if is_good else "rolled back"), record.reason
    percents = {each["trafficPercent"] for found in cluster.applied for each in found["spec"].get("canary", ())}
    assert percents == {0}


def test_fields_that_kubectl_has_set_are_named_and_taken_over_only_if_asked(cluster, store, roll_out):
    first, second, _ = store[1]
    roll_out(first, "one")
    by_hand = {**cluster.found, "spec": {"predictor": {"minReplicas": 5}}}
    by_hand = {key: by_hand[key] for key in ("apiVersion", "kind", "spec")}
    by_hand["metadata"] = {"annotations": {"serving.kserve.io/deploymentMode": "Standard"}}
    assert cluster.patch({"fieldManager": "kubectl", "force": "true"}, by_hand)[0] == 200
    with pytest.raises(RefusedError, match=r'conflict with "kubectl": \.spec\.predictor\.minReplicas.*take_over: true'):
        roll_out(second, "two")
    assert "canary" not in cluster.found["spec"]
    assert roll_out(second, "three", take_over=True).decision == "promoted"
    assert cluster.found["spec"]["predictor"]["minReplicas"] == 1


def test_an_api_that_fails_often_changes_no_decision(cluster, store, roll_out):
    first, second, third = store[1]
    cluster.fault_rate = 0.3
    assert roll_out(first, "one").decision == "promoted"
    assert roll_out(second, "two").decision == "promoted"
    cluster.set_behaviour(third, Behaviour(error_rate=0.5))
    assert roll_out(third, "three").decision == "rolled back"
    assert cluster.weights() == {second: 100}


def test_one_rollout_at_a_time(cluster, store, roll_out):
    first, second, third = store[1]
    roll_out(first, "one")

    def begin_another():
        with pytest.raises(RefusedError, match=f"one rollout of pets in live must end .* {second} is a canary there"):
            roll_out(third, "three")
        cluster.let_clients_ask()

    assert roll_out(second, "two", ask=begin_another).decision == "promoted"


def test_whoever_deploys_beside_a_rollout_ends_it(cluster, store, roll_out):
    first, second, third = store[1]
    roll_out(first, "one")

    def deploy_by_hand():
        by_hand = {key: cluster.found[key] for key in ("apiVersion", "kind")}
        by_hand["metadata"] = {"annotations": {"serving.kserve.io/deploymentMode": "Standard"}}
        by_hand["spec"] = {"predictor": {"model": {"storageUri": f"s3://models/pets/{third}"}}}
        assert cluster.patch({"fieldManager": "kubectl", "force": "true"}, by_hand)[0] == 200

    with pytest.raises(ChangedBesideError, match=f"release {first} must be stable .* has made {third} so"):
        roll_out(second, "two", ask=deploy_by_hand)


def test_in_knative_the_traffic_goes_by_revisions(cluster, store, roll_out):
    first, second, third = store[1]
    roll_out(first, "one", mode="knative")
    assert roll_out(second, "two", mode="knative").decision == "promoted"
    percents = [each["spec"]["predictor"].get("canaryTrafficPercent") for each in cluster.applied]
    assert list(dict.fromkeys(percents)) == [None, 0, 20, 50]
    assert percents[-1] is None
    cluster.set_behaviour(third, Behaviour(error_rate=0.5))
    assert roll_out(third, "three", mode="knative").decision == "rolled back"
    assert cluster.weights() == {second: 100}
    # All traffic went back before the revision did.
    assert cluster.applied[-2]["spec"]["predictor"]["canaryTrafficPercent"] == 0


EVERY_POINT = [pytest.param(is_good, 1, marks=pytest.mark.slow) for is_good in (True, False)]


class KilledError(BaseException):
    """The process ends here."""


class Mortal:
    """A way to the cluster, or a store, that ends the process at its n-th use: before it is done, or after."""

    def __init__(self, asked, names, *, lives, after):
        self._asked, self._names, self._lives, self._after = asked, names, lives, after

    def __getattr__(self, name):
        found = getattr(self._asked, name)
        if name not in self._names:
            return found

        def used(*given, **options):
            self._lives[0] -= 1
            if self._lives[0] == 0 and not self._after:
                raise KilledError
            answer = found(*given, **options)
            if self._lives[0] == 0:
                raise KilledError
            return answer

        return used


@pytest.mark.parametrize(("is_good", "every"), [(True, 9), (False, 9), *EVERY_POINT])
def test_killed_at_any_point_and_run_again_it_comes_to_the_same_end(store, is_good, every):
    root, (first, second, _) = store
    judge = CanarySettings(steps=(50,), requests_a_step=500)

    def ended(name, lives, *, after=False):
        """Whether it was killed, and what there is at the end."""
        with running() as cluster:
            cluster.behaviours = {first: Behaviour(), second: Behaviour(error_rate=0.02 if is_good else 0.6)}
            cluster.traffic = 600
            given = {"port": cluster.port, "root": root, "ask": cluster.let_clients_ask, "judge": judge}
            rollout_of(first, run=f"{name}-first", **given).go()
            was_killed = False
            while True:
                left = [10**9 if was_killed else lives]
                api = Mortal(cluster_api(cluster.port, root), {"call"}, lives=left, after=after)
                kept = RolloutRecords(open_releases(str(root / "models"), NAME), NAMESPACE)
                records = Mortal(kept, {"write"}, lives=left, after=after)
                try:
                    record = rollout_of(second, run=name, api=api, records=records, **given).go()
                except KilledError:
                    was_killed = True
                    assert cluster.weights()  # somebody answers
                    continue
                spec = cluster.found["spec"]
                return was_killed, (record.decision, record.is_done, spec, cluster.weights(), champion(store))

    _, whole = ended(f"whole-{is_good}-{every}", 10**9)
    assert whole[0] == ("promoted" if is_good else "rolled back")
    lives, num_killed = 1, 0
    while True:
        was_killed, end = ended(f"killed-{is_good}-{every}-{lives}", lives, after=lives % 2 == 0)
        if not was_killed:
            break
        assert end == whole, lives
        num_killed, lives = num_killed + 1, lives + every
    assert num_killed >= 20 // every


def test_what_the_cluster_says_is_live_is_read_back(cluster, store, roll_out):
    first, second, _ = store[1]
    roll_out(first, "one")
    roll_out(second, "two")
    state = read_state(cluster.found)
    assert (state.stable_version, state.canary_version) == (second, None)
    assert state.note["former"]["model"]["storageUri"].endswith(first)
