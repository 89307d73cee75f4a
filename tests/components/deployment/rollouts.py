"""Rollouts on the stand-in cluster: releases, and what it takes to roll one out."""

import contextlib
from functools import partial
import json
from pathlib import Path

import numpy as np

from components.cluster.api import KubernetesApi
from components.deployment.endpoint.cluster_endpoint import ClusterEndpoint
from components.deployment.endpoint.golden_answers import GoldenAnswers
from components.deployment.rollout.answering import Answering, Timing
from components.deployment.rollout.evidence import LiveTraffic, replay
from components.deployment.rollout.live_service import LiveService
from components.deployment.rollout.record import RolloutRecords
from components.deployment.rollout.rollout import Rollout
from components.shared.contracts.bundle import bundle_version, BundleConfig, write_bundle
from components.shared.contracts.canary_settings import CanarySettings
from components.shared.contracts.deploy_spec import DeploySpec
from components.shared.contracts.inference_service import ServedRelease
from components.shared.contracts.releases import open_releases
from components.shared.served_model.held_out_examples import HeldOut
from tests.components.deployment.kserve_stand_in import CLASSES, MODEL_FEATURE, NAME, NAMESPACE, pod_port, probability

QUICK = Timing(poll_s=0.01, stuck_s=0.05, unreachable_s=0.2, away_s=0.2, settle_s=0.01)
JUDGE = CanarySettings(steps=(20, 50), requests_a_step=300)


def write_releases(root: Path, count: int) -> list[str]:
    """Releases of one model, each another; their versions."""
    versions = []
    for number in range(count):
        scratch = root / "scratch"
        config = BundleConfig(task="image_classification", class_names=CLASSES, backbone={}, preprocessing={})
        write_bundle(scratch, config, {"weight": np.full(4, number, np.float32)})
        version = bundle_version(scratch)
        (root / "models" / NAME).mkdir(parents=True, exist_ok=True)
        scratch.rename(root / "models" / NAME / version)
        versions.append(version)
    return versions


def held_out(count: int = 16) -> HeldOut:
    """Examples, and what a release without a shift answers."""
    xs = np.linspace(-3, 3, count)
    dogs = np.array([probability(x) for x in xs])
    return HeldOut(
        modality="tabular",
        split="test",
        class_names=CLASSES,
        example_ids=tuple(f"e{number}" for number in range(count)),
        rows=tuple({MODEL_FEATURE: float(x)} for x in xs),
        answers_NK=np.stack([1 - dogs, dogs], axis=1),
        scales_N=np.ones(count),
    )


def cluster_api(port: int, folder: Path) -> KubernetesApi:
    """A way to the stand-in, by a kubeconfig."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "stand-in",
        "clusters": [{"name": "stand-in", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "stand-in", "context": {"cluster": "stand-in", "user": "nobody"}}],
    }
    path = folder / f"kubeconfig-{port}"
    path.write_text(json.dumps(config))
    return KubernetesApi(kubeconfig=path)


def rollout_of(version, *, port, root, run, ask=lambda: None, api=None, timing=QUICK, records=None, **deploy):
    """A rollout of a release on the stand-in; `ask` is what clients do between two looks."""
    settings = {"ready_within_min": 0.02, "judge": JUDGE} | deploy
    spec = DeploySpec(namespace=NAMESPACE, **settings)
    model_root = str(root / "models")
    releases = open_releases(model_root, NAME)
    endpoint = ClusterEndpoint(
        api or cluster_api(port, root),
        namespace=NAMESPACE,
        name=NAME,
        take_over=spec.take_over,
        patience_s=20,
        sleep=lambda _: None,
    )
    release = ServedRelease(model_name=NAME, version=version, storage_uri=f"s3://models/{NAME}/{version}")
    service = LiveService(endpoint=endpoint, release=release, deploy=spec)
    golden = GoldenAnswers(held_out(), model_name=NAME)
    return Rollout(
        run=run,
        service=service,
        releases=releases,
        records=records or RolloutRecords(releases, NAMESPACE),
        answering=Answering(service=service, golden=golden, address=pod_port, timing=timing),
        evidence=partial(_replayed if spec.canary == "replay" else _live, version, ask),
    )


@contextlib.contextmanager
def _live(version, ask, stable, pods):
    yield LiveTraffic(
        model_name=NAME, stable=stable, canary=version, class_names=CLASSES, sleep=lambda _: ask(), address=pod_port
    )


def _replayed(version, ask, stable, pods):
    examples = held_out()
    labels = [CLASSES[int(row[MODEL_FEATURE] > 0)] for row in examples.rows]
    return replay(
        examples, labels, model_name=NAME, repairs=(), pods=pods, stable=stable, canary=version, address=pod_port
    )
