"""The deploy step: a published release goes live on this cluster, or is taken back."""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
from functools import partial
import logging
from pathlib import Path

from components.cluster.api import ACCOUNT_FOLDER, KubernetesApi
from components.deployment.endpoint.cluster_endpoint import Asked, ClusterEndpoint, Object, RefusedError
from components.deployment.endpoint.golden_answers import GoldenAnswers
from components.deployment.endpoint.pod_counts import pod_address
from components.deployment.rollout.answering import Answering, Timing
from components.deployment.rollout.evidence import Evidence, LiveTraffic, replay
from components.deployment.rollout.live_service import ChangedBesideError, LiveService
from components.deployment.rollout.record import RolloutRecord, RolloutRecords
from components.deployment.rollout.report import CHECK, rollout_report, rollout_verdict, undecided_report
from components.deployment.rollout.rollout import Rollout
from components.shared.contracts.bundle import bundle_version, read_config
from components.shared.contracts.deploy_spec import DeploySpec
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.inference_service import ServedRelease
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.releases import ModelReleases, open_releases
from components.shared.contracts.verdict import Finding, Verdict, write_verdict
from components.shared.runtime.atomic_files import write_json
from components.shared.runtime.container_images import image_pull_secrets
from components.shared.runtime.settings import parse_settings
from components.shared.runtime.step_record import this_run
from components.shared.served_model.held_out_examples import held_out_examples, true_classes

logger = logging.getLogger(__name__)

_NUM_GOLDEN, _NUM_REPLAYED = 64, 512


@dataclass(frozen=True, kw_only=True, slots=True)
class ToDeploy:
    """What the deploy step is given.

    Attributes
    ----------
    model
        The release: a bundle, a folder.
    examples, predictions
        The example table, and the predictions of this model: what it must answer.
    model_name, model_root
        Where it was published.
    registry
        The Kubeflow Model Registry that is told of the champion; empty for none.
    """

    model: str | Path
    examples: str | Path
    predictions: str | Path
    model_name: str
    model_root: str
    registry: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployOutputs:
    """Files to write: the page, HTML; the verdict, the metrics and the audit record, JSON."""

    report: str | Path
    verdict: str | Path
    metrics: str | Path
    rollout: str | Path


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployResult:
    """What became of it.

    Attributes
    ----------
    passed
        Whether the release is live, or nothing was to be deployed.
    reason
        Why, one sentence.
    metrics
        Requests of both sides, and looks.
    """

    passed: bool
    reason: str
    metrics: dict[str, float]


def deploy_release(
    given: ToDeploy,
    outputs: DeployOutputs,
    *,
    deploy: str,
    run: str | None = None,
    kubeconfig: str | Path | None = None,
) -> DeployResult:
    """Bring a release live on the cluster that this step runs on, or take it back; see `Rollout`.

    Where it runs on no cluster, nothing is deployed, and the verdict says by which command the release goes live. What
    the cluster does not allow, or somebody changed meanwhile, is a failed verdict with its page.

    Parameters
    ----------
    given, outputs
        The release, and what is written.
    deploy
        The problem file's `deploy:` section, as JSON.
    run
        Whose rollout it is; by default the pipeline's run. The same run again goes on where it was.
    kubeconfig
        Another cluster than this step's own.

    Raises
    ------
    ClusterError
        If the cluster does not answer: the step may be tried again.
    ValueError
        If the settings, the tables or the store cannot be used.
    FileNotFoundError
        If an input does not exist.
    """
    settings = parse_settings(DeploySpec, deploy, where="the problem file's deploy section")
    version = bundle_version(given.model)
    releases = open_releases(given.model_root, given.model_name)
    if kubeconfig is None and not (ACCOUNT_FOLDER / "token").is_file():
        return _undeployed(releases, version, settings, outputs)
    api = KubernetesApi(kubeconfig=kubeconfig)
    rollout = rollout_of(given, settings, releases=releases, version=version, run=run or _this_run(), api=api)
    try:
        record = rollout.go()
    except (RefusedError, ChangedBesideError) as error:
        return _stopped(str(error), given.model_name, settings, outputs)
    rollout_report(record, settings.judge).write(outputs.report)
    write_json(outputs.rollout, record.audit())
    return _written(rollout_verdict(record), _metrics(record), outputs)


def rollout_of(
    given: ToDeploy,
    settings: DeploySpec,
    *,
    releases: ModelReleases,
    version: str,
    run: str,
    api: Asked,
    timing: Timing | None = None,
) -> Rollout:
    """The rollout of a release."""
    examples = ExampleTable(given.examples)
    golden = held_out_examples(examples, PredictionsTable(given.predictions), at_most=_NUM_GOLDEN)
    service = LiveService(
        endpoint=ClusterEndpoint(
            api, namespace=settings.namespace, name=given.model_name, take_over=settings.take_over
        ),
        release=ServedRelease(
            model_name=given.model_name,
            version=version,
            storage_uri=releases.storage_uri_of(version),
            pull_secrets=tuple(image_pull_secrets()),
        ),
        deploy=settings,
    )
    repairs = read_config(given.model).repairs
    return Rollout(
        run=run,
        service=service,
        releases=releases,
        records=RolloutRecords(releases, settings.namespace),
        answering=Answering(
            service=service,
            golden=GoldenAnswers(golden, model_name=given.model_name, repairs=repairs),
            address=pod_address,
            timing=timing or Timing(),
        ),
        evidence=partial(_evidence, given, settings, version),
        registry=given.registry,
    )


@contextlib.contextmanager
def _evidence(
    given: ToDeploy, settings: DeploySpec, version: str, stable: str, pods: list[Object]
) -> Iterator[Evidence]:
    """The canary's evidence, as the settings say."""
    config = read_config(given.model)
    if settings.canary == "traffic":
        yield LiveTraffic(
            model_name=given.model_name, stable=stable, canary=version, class_names=config.class_names or ()
        )
        return
    examples = ExampleTable(given.examples)
    held_out = held_out_examples(examples, PredictionsTable(given.predictions), at_most=_NUM_REPLAYED)
    with replay(
        held_out,
        true_classes(examples, held_out),
        model_name=given.model_name,
        repairs=config.repairs,
        pods=pods,
        stable=stable,
        canary=version,
        address=pod_address,
    ) as replayed:
        yield replayed


def _this_run() -> str:
    run = this_run()
    if run is None:
        raise ValueError("a rollout must know whose it is, but no pipeline says which run this is: name it by --run")
    return run.name


def _undeployed(releases: ModelReleases, version: str, settings: DeploySpec, outputs: DeployOutputs) -> DeployResult:
    manifest = releases.uri_of(f"{version}/inferenceservice.yaml")
    reason = (
        f"nothing is deployed from a desk: release {version} is published, and goes live by "
        f"`kubectl apply -n {settings.namespace} -f {manifest}`"
    )
    verdict = Verdict(check=CHECK, passed=True, reason=reason)
    return _without_record(verdict, "No cluster here", outputs)


def _stopped(reason: str, model_name: str, settings: DeploySpec, outputs: DeployOutputs) -> DeployResult:
    namespace = settings.namespace
    remedy = f"A canary that is still there is taken back by `pluszero rollback {model_name} --namespace {namespace}`."
    finding = Finding(kind="quality", severity="blocking", message=reason, remedy=remedy)
    verdict = Verdict(check=CHECK, passed=False, reason=reason, findings=(finding,))
    return _without_record(verdict, f"{model_name} in namespace {namespace}", outputs)


def _without_record(verdict: Verdict, subtitle: str, outputs: DeployOutputs) -> DeployResult:
    undecided_report(verdict, subtitle=subtitle).write(outputs.report)
    write_json(outputs.rollout, {})
    return _written(verdict, {"looks": 0.0}, outputs)


def _metrics(record: RolloutRecord) -> dict[str, float]:
    last = record.looks[-1] if record.looks else {"canary": 0, "stable": 0}
    return {
        "looks": float(len(record.looks)),
        "canary_requests": float(last["canary"]),
        "stable_requests": float(last["stable"]),
    }


def _written(verdict: Verdict, metrics: dict[str, float], outputs: DeployOutputs) -> DeployResult:
    write_verdict(outputs.verdict, verdict)
    write_json(outputs.metrics, metrics)
    return DeployResult(passed=verdict.passed, reason=verdict.reason, metrics=metrics)
