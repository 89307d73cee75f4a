"""What the namespace of steps and predictors must hold."""

from components.cluster.answers import Answer, bad, good, note, unseen
from components.cluster.api import Unseen
from components.cluster.facts import ClusterFacts, name_of, Wanted
from components.shared.contracts.cluster_spec import OBJECT_STORE_SECRET

RUNTIME = "pluszero-bundle"
PREDICTOR_ACCOUNT = "pluszero-predictor"
STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_GCS_KEY = "gcloud-application-credentials.json"
_ENFORCED = "pod-security.kubernetes.io/enforce"
_RESTRICT = (
    'kubectl patch clusterstoragecontainer default --type merge -p \'{"spec":{"container":{"securityContext":'
    '{"runAsNonRoot":true,"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},'
    '"seccompProfile":{"type":"RuntimeDefault"}}}}}\''
)


def namespace_answers(facts: ClusterFacts, wanted: Wanted) -> list[Answer]:
    """Answers on the namespace, its secret, its accounts, and what serves releases in it."""
    if facts.namespace is None:
        return [
            bad(
                "namespace",
                asked=f"a namespace {wanted.namespace}",
                found="none of that name",
                remedy=f"kubectl create namespace {wanted.namespace}, or name another by --namespace",
            )
        ]
    answers = [good("namespace", wanted.namespace)]
    if isinstance(facts.namespace, Unseen):
        answers = [unseen("namespace", f"the namespace {wanted.namespace}")]
    answers += [_secret_answer(facts, wanted, name) for name in dict.fromkeys((OBJECT_STORE_SECRET, wanted.secret))]
    answers += [_runtime_answer(facts, wanted), _account_answer(facts, wanted)]
    if _is_restricted(facts):
        answers.append(_storage_container_answer(facts))
    return answers


def _secret_answer(facts: ClusterFacts, wanted: Wanted, name: str) -> Answer:
    subject = f"secret {name}"
    keys = facts.secrets[name]
    create = (
        f"kubectl create secret generic {name} -n {wanted.namespace} "
        + " ".join(f"--from-literal={key}=..." for key in STORE_KEYS)
        + " (docs/cluster.md)"
    )
    if isinstance(keys, Unseen):
        return unseen(subject, f"secrets of {wanted.namespace}")
    if keys is None:
        if name != OBJECT_STORE_SECRET:
            return bad(subject, asked="the secret that the problem file names", found="none", remedy=create)
        return note(
            subject, asked="credentials for s3:// and gs://", found="none: only what pods may do", remedy=create
        )
    if set(STORE_KEYS) <= set(keys) or _GCS_KEY in keys or not keys:
        # An empty one is how a predictor's account is let in by its own rights.
        return good(subject, ", ".join(keys) or "empty: what pods may do by their account")
    missing = ", ".join(key for key in STORE_KEYS if key not in keys)
    return bad(
        subject, asked=f"the keys {', '.join(STORE_KEYS)}", found=f"{', '.join(keys)}, not {missing}", remedy=create
    )


def _runtime_answer(facts: ClusterFacts, wanted: Wanted) -> Answer:
    subject = "serving runtime"
    if isinstance(facts.serving_runtimes, Unseen):
        return unseen(subject, f"the serving runtimes of {wanted.namespace}")
    if any(name_of(each) == RUNTIME for each in facts.serving_runtimes):
        return good(subject, RUNTIME)
    return bad(
        subject,
        asked=f"the ServingRuntime {RUNTIME} in {wanted.namespace}, by which KServe runs releases",
        found=", ".join(map(name_of, facts.serving_runtimes)) or "none",
        remedy="kubectl apply -k manifests/overlays/... (manifests/README.md)",
    )


def _account_answer(facts: ClusterFacts, wanted: Wanted) -> Answer:
    subject = "accounts"
    if isinstance(facts.accounts, Unseen):
        return unseen(subject, f"the accounts of {wanted.namespace}")
    names = {name_of(each) for each in facts.accounts}
    missing = [name for name in (PREDICTOR_ACCOUNT, wanted.account) if name and name not in names]
    if not missing:
        return good(subject, ", ".join(name for name in (PREDICTOR_ACCOUNT, wanted.account) if name))
    remedy = "kubectl apply -k manifests/overlays/... (manifests/README.md)"
    if wanted.account in missing:
        remedy = "name the account that steps run as by --account: pipeline-runner, or default-editor in a profile"
    return bad(
        subject,
        asked=f"the account {' and '.join(missing)} in {wanted.namespace}",
        found=", ".join(sorted(names)) or "none",
        remedy=remedy,
    )


def _is_restricted(facts: ClusterFacts) -> bool:
    if not isinstance(facts.namespace, dict):
        return False
    return facts.namespace["metadata"].get("labels", {}).get(_ENFORCED) == "restricted"


def _storage_container_answer(facts: ClusterFacts) -> Answer:
    """Where pod security is restricted, KServe's own container that fetches models must be, too."""
    subject = "KServe's container that fetches models"
    if isinstance(facts.storage_containers, Unseen):
        return unseen(subject, "the cluster's storage containers")
    found = next((each for each in facts.storage_containers if name_of(each) == "default"), None)
    if found is None:
        return note(subject, asked="a ClusterStorageContainer default", found="none", remedy="install KServe whole")
    context = found["spec"].get("container", {}).get("securityContext", {})
    dropped = context.get("capabilities", {}).get("drop", [])
    held = {
        "runAsNonRoot": context.get("runAsNonRoot") is True,
        "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
        "capabilities": "ALL" in dropped,
        "seccompProfile": context.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost"),
    }
    lacking = [name for name, is_held in held.items() if not is_held]
    if not lacking:
        return good(subject, "restricted, as the namespace asks")
    return bad(
        subject,
        asked="a restricted security context, as the namespace's pod security enforces",
        found=f"none for {', '.join(lacking)}",
        remedy=_RESTRICT,
    )
