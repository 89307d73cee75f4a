"""What the namespace of steps and predictors must hold."""

from components.cluster.answers import Answer, bad, good, note, unseen
from components.cluster.api import Unseen
from components.cluster.facts import ClusterFacts, name_of, names_of
from components.cluster.namespace_kind import ACCOUNTS, apply_manifests, namespace_kind
from components.cluster.wanted import Wanted
from components.shared.contracts.cluster_spec import OBJECT_STORE_SECRET

RUNTIME = "pluszero-bundle"
PREDICTOR_ACCOUNT = "pluszero-predictor"
STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_ENDPOINT_KEY, _ENDPOINT = "AWS_ENDPOINT_URL", "serving.kserve.io/s3-endpoint"
_GCS_KEY = "gcloud-application-credentials.json"
_ENFORCED = "pod-security.kubernetes.io/enforce"
# KServe's webhook passes over pods of a namespace with this label, and then nothing fetches their model.
_PASSED_OVER = "control-plane"
_RESTRICT = (
    'kubectl patch clusterstoragecontainer default --type merge -p \'{"spec":{"container":{"securityContext":'
    '{"runAsNonRoot":true,"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},'
    '"seccompProfile":{"type":"RuntimeDefault"}}}}}\''
)


def namespace_answers(facts: ClusterFacts, wanted: Wanted) -> list[Answer]:
    """Answers on the namespace, its secret, its accounts, and what serves releases in it."""
    if facts.namespace is None:
        return [_missing(wanted)]
    answers = [_namespace_answer(facts, wanted)]
    answers += [_secret_answer(facts, wanted, name) for name in dict.fromkeys((OBJECT_STORE_SECRET, wanted.secret))]
    answers += [_runtime_answer(facts, wanted), _account_answer(facts, wanted)]
    if _labels(facts).get(_ENFORCED) == "restricted":
        answers.append(_storage_container_answer(facts))
    return answers


def _missing(wanted: Wanted) -> Answer:
    own = "kubectl apply -k manifests/overlays/dev makes it, or " if wanted.namespace == "pluszero" else ""
    return bad(
        "namespace",
        asked=f"a namespace {wanted.namespace}",
        found="none of that name",
        remedy=f"{own}name the one that runs are in by --namespace: kubeflow, or your profile (manifests/README.md)",
    )


def _namespace_answer(facts: ClusterFacts, wanted: Wanted) -> Answer:
    if isinstance(facts.namespace, Unseen):
        return unseen("namespace", f"the namespace {wanted.namespace}")
    if _PASSED_OVER in _labels(facts):
        return note(
            "namespace",
            asked=f"one without the label {_PASSED_OVER} where releases are served",
            found=f"{wanted.namespace}, which has it: KServe fetches no model there",
            remedy="run pipelines there, and apply releases in another namespace (manifests/README.md)",
        )
    return good("namespace", wanted.namespace)


def _labels(facts: ClusterFacts) -> dict[str, str]:
    return dict(facts.namespace["metadata"].get("labels", {})) if isinstance(facts.namespace, dict) else {}


def _secret_answer(facts: ClusterFacts, wanted: Wanted, name: str) -> Answer:
    subject = f"secret {name}"
    found = facts.secrets[name]
    literals = " ".join(f"--from-literal={key}=..." for key in STORE_KEYS)
    create = f"kubectl create secret generic {name} -n {wanted.namespace} {literals} (docs/cluster.md)"
    if isinstance(found, Unseen):
        return unseen(subject, f"secrets of {wanted.namespace}")
    if found is None:
        if name != OBJECT_STORE_SECRET:
            return bad(subject, asked="the secret that the problem file names", found="none", remedy=create)
        return note(
            subject,
            asked="credentials for s3:// and gs://",
            found="none: a workspace (pvc://) needs none, and releases in an object store are not served",
            remedy=create,
        )
    missing = [key for key in STORE_KEYS if key not in found.keys]
    if found.keys and missing and _GCS_KEY not in found.keys:
        return bad(
            subject,
            asked=f"the keys {', '.join(STORE_KEYS)}",
            found=f"{', '.join(found.keys)}, not {', '.join(missing)}",
            remedy=f"kubectl delete secret {name} -n {wanted.namespace}, then {create}",
        )
    if name == OBJECT_STORE_SECRET and _ENDPOINT_KEY in found.keys and _ENDPOINT not in found.annotations:
        return note(
            subject,
            asked=f"the annotation {_ENDPOINT}, by which KServe finds the store that {_ENDPOINT_KEY} names to steps",
            found="none",
            remedy=f"kubectl annotate secret {name} -n {wanted.namespace} {_ENDPOINT}=HOST:PORT (manifests/README.md)",
        )
    # An empty one lets pods do what their account may; KServe, too, passes over it.
    return good(subject, ", ".join(found.keys) or "empty: what pods may do by their account")


def _runtime_answer(facts: ClusterFacts, wanted: Wanted) -> Answer:
    subject = "serving runtime"
    if isinstance(facts.serving_runtimes, Unseen):
        return unseen(subject, f"the serving runtimes of {wanted.namespace}")
    if any(name_of(each) == RUNTIME for each in facts.serving_runtimes):
        return good(subject, RUNTIME)
    return bad(
        subject,
        asked=f"the ServingRuntime {RUNTIME} in {wanted.namespace}, by which KServe runs releases",
        found=names_of(facts.serving_runtimes),
        remedy=apply_manifests(facts, wanted),
    )


def _account_answer(facts: ClusterFacts, wanted: Wanted) -> Answer:
    subject = "accounts"
    if isinstance(facts.accounts, Unseen):
        return unseen(subject, f"the accounts of {wanted.namespace}")
    account = wanted.account or ACCOUNTS[namespace_kind(facts, wanted.namespace)]
    asked = [name for name in (PREDICTOR_ACCOUNT, account) if name]
    missing = [name for name in asked if name not in {name_of(each) for each in facts.accounts}]
    if not missing:
        return good(subject, ", ".join(asked))
    remedy = apply_manifests(facts, wanted)
    if account in missing:
        remedy = "name the account that steps run as by --account: pipeline-runner, or default-editor in a profile"
    return bad(
        subject,
        asked=f"the account {' and '.join(missing)} in {wanted.namespace}",
        found=names_of(facts.accounts),
        remedy=remedy,
    )


def _storage_container_answer(facts: ClusterFacts) -> Answer:
    """Where pod security is restricted, KServe's own container that fetches models must be, too."""
    subject = "KServe's container that fetches models"
    if isinstance(facts.storage_containers, Unseen):
        return unseen(subject, "the cluster's storage containers")
    found = next((each for each in facts.storage_containers if name_of(each) == "default"), None)
    if found is None:
        return note(
            subject, asked="a ClusterStorageContainer default", found="none", remedy="have it installed with KServe"
        )
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
