"""What restricted pod security, as our namespaces have it, admits and refuses."""

import pytest
import yaml

from components.shared.runtime.gpu_placement import IMAGE_USER
from pipelines.compiling import compile_pipeline
from tests.cluster.cluster import ClusterError
from tests.cluster.conftest import toolbox_pod

pytestmark = pytest.mark.cluster

# What KFP itself gives the container of every step (backend/src/v2/compiler/argocompiler/security_context.go).
KFP_SETS = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture(scope="module")
def restricted(cluster, overlay):
    cluster.kubectl("apply", "-k", overlay("dev", "restricted"))
    cluster.kubectl("wait", "--for=create", "--timeout=120s", "-n", "restricted", "serviceaccount/default")
    return "restricted"


@pytest.fixture(scope="module")
def step_contexts(tmp_path_factory):
    """The security contexts that the steps of the compiled training pipeline ask for, as Kubernetes writes them."""
    _, platform = yaml.safe_load_all(compile_pipeline("training-cpu", tmp_path_factory.mktemp("compiled")).read_text())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return {name: executor.get("securityContext") for name, executor in executors.items()}


def test_a_step_runs_as_the_images_user(restricted, run_pod, step_contexts):
    (asked,) = {tuple(sorted(context.items())) for context in step_contexts.values()}
    # The compiled form writes large numbers as text.
    asked = {name: value if isinstance(value, bool) else int(value) for name, value in asked}
    context = {**asked, **KFP_SETS}
    assert run_pod(restricted, "step", "id -u; id -g", container={"securityContext": context}).split() == [
        str(IMAGE_USER),
        str(IMAGE_USER),
    ]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"runAsUser": 0, "runAsNonRoot": False}, "runAsNonRoot != true"),
        ({"allowPrivilegeEscalation": True}, "allowPrivilegeEscalation != false"),
        ({"capabilities": {"drop": []}}, "unrestricted capabilities"),
        ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile"),
        ({"privileged": True, "allowPrivilegeEscalation": True}, "privileged"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_step_that_asks_for_more_is_refused(restricted, apply, changed, why):
    context = {"runAsNonRoot": True, "runAsUser": IMAGE_USER, **KFP_SETS, **changed}
    pod = toolbox_pod("refused", "true", container={"securityContext": context})
    with pytest.raises(ClusterError, match=f'violates PodSecurity "restricted:latest": .*{why}'):
        apply(pod, options=("-n", restricted, "--dry-run=server"))
