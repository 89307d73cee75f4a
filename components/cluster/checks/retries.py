"""Which ends of a step Argo's controller tries again: pipelines name no policy of their own, for KFP cannot."""

import yaml

from components.cluster.answers import Answer, good, note, unseen
from components.cluster.api import Object, Unseen
from components.cluster.facts import ClusterFacts, name_of

_SUBJECT = "retries"
_BOTH = "a retryPolicy by which steps that fail themselves and pods that are lost are tried again"
_WHERE = "docs/cluster.md, Time and retries, says what each costs"
_LEFT_OUT = {
    "OnError": "a step that fails itself, an object store out of reach for one, stays red",
    "OnTransientError": "only errors that Argo takes for passing are tried again",
    "OnFailure": "a pod that is lost with its node is not tried again",
}


def retry_answers(facts: ClusterFacts) -> list[Answer]:
    """An answer on the policy of Argo's controller; none where no controller shows."""
    config = facts.argo_config
    if config is None:
        return []
    if isinstance(config, Unseen):
        return [unseen(_SUBJECT, "the configuration of Argo's controller")]
    policy = _policy(config)
    if policy == "Always":
        return [good(_SUBJECT, policy)]
    said = policy or "none named, which is OnFailure"
    left_out = _LEFT_OUT.get(policy or "OnFailure", "a policy that is not known here")
    remedy = f"have an administrator look at the ConfigMap {name_of(config)}: {_WHERE}"
    return [note(_SUBJECT, asked=_BOTH, found=f"{said}: {left_out}", remedy=remedy)]


def _policy(config: Object) -> str:
    """The policy of the workflows' defaults; empty where they name none."""
    try:
        found = yaml.safe_load((config.get("data") or {}).get("workflowDefaults", ""))
    except yaml.YAMLError:
        return ""
    for key in ("spec", "templateDefaults", "retryStrategy", "retryPolicy"):
        found = found.get(key) if isinstance(found, dict) else None
    return str(found or "")
