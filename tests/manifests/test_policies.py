"""Each policy finds a planted violation, and finds nothing in a good object."""

import copy
import io
import sys

import pytest
import yaml

from tools.manifest_policies import main, POLICIES, violations

GOOD = """
apiVersion: v1
kind: Namespace
metadata: {name: n, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: a}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r}
rules: [{apiGroups: [serving.kserve.io], resources: [inferenceservices], verbs: [get]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec:
  podSelector:
    matchLabels: {app.kubernetes.io/part-of: x}
    matchExpressions: [{key: serving.kserve.io/inferenceservice, operator: Exists}]
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {}}], ports: [{port: 8080}]}]
---
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {name: s}
spec:
  labels: {app.kubernetes.io/part-of: x}
  containers:
    - name: c
      image: registry.example/x:v1
      ports: [{containerPort: 8080}]
      env: [{name: HOME, value: /tmp}]
      startupProbe: {}
      readinessProbe: {}
      livenessProbe: {}
      resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
        seccompProfile: {type: RuntimeDefault}
  volumes: [{name: tmp, emptyDir: {}}]
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: m}
spec:
  predictor:
    automountServiceAccountToken: false
    securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
    model: {resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  template:
    metadata: {labels: {app.kubernetes.io/name: d, app.kubernetes.io/part-of: x}}
    spec:
      automountServiceAccountToken: false
      containers:
        - name: c
          image: registry.example/x:v1
          ports: [{containerPort: 8090}]
          startupProbe: {}
          readinessProbe: {}
          livenessProbe: {}
          resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}
          securityContext:
            runAsNonRoot: true
            runAsUser: 10001
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
            seccompProfile: {type: RuntimeDefault}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: d}
spec:
  podSelector: {matchLabels: {app.kubernetes.io/name: d}}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {}}], ports: [{port: 8090}]}]
"""
NAMESPACE, ACCOUNT, ROLE, NETWORK, RUNTIME, SERVICE, DEPLOYMENT, OWN_NETWORK = range(8)
CONTAINER = (RUNTIME, "spec", "containers", 0)
CONTEXT = (*CONTAINER, "securityContext")
FETCHING = (SERVICE, "spec", "predictor", "securityContext")
PLANTED = [
    ("not_root", (*CONTEXT, "runAsUser"), 0),
    ("not_root", (*CONTEXT, "runAsNonRoot"), False),
    ("not_root", (*FETCHING, "runAsNonRoot"), None),
    ("no_privilege", (*FETCHING, "seccompProfile"), None),
    ("no_privilege", (*CONTEXT, "privileged"), True),
    ("no_privilege", (*CONTEXT, "allowPrivilegeEscalation"), True),
    ("no_privilege", (*CONTEXT, "capabilities"), {"drop": ["ALL"], "add": ["NET_ADMIN"]}),
    ("no_privilege", (*CONTEXT, "capabilities"), {}),
    ("no_privilege", (*CONTEXT, "seccompProfile"), {"type": "Unconfined"}),
    ("read_only_root", (*CONTEXT, "readOnlyRootFilesystem"), False),
    ("nothing_of_the_host", (RUNTIME, "spec", "hostIPC"), True),
    ("nothing_of_the_host", (RUNTIME, "spec", "hostNetwork"), True),
    ("nothing_of_the_host", (RUNTIME, "spec", "volumes"), [{"name": "x", "hostPath": {"path": "/"}}]),
    ("nothing_of_the_host", (*CONTAINER, "ports"), [{"containerPort": 80, "hostPort": 80}]),
    ("fixed_image", (*CONTAINER, "image"), "registry.example:5000/x"),
    ("fixed_image", (*CONTAINER, "image"), "registry.example/x:latest"),
    ("limits", (*CONTAINER, "resources"), {"requests": {"cpu": 1, "memory": 1}}),
    ("limits", (SERVICE, "spec", "predictor", "model", "resources"), {}),
    ("probes", (*CONTAINER, "livenessProbe"), None),
    ("no_secret_content", (*CONTAINER, "env"), [{"name": "AWS_SECRET_ACCESS_KEY", "value": "x"}]),
    ("no_secret_content", (ACCOUNT,), {"kind": "Secret", "metadata": {"name": "x"}, "stringData": {"a": "b"}}),
    ("no_needless_token", (ACCOUNT, "automountServiceAccountToken"), None),
    ("no_needless_token", (SERVICE, "spec", "predictor", "automountServiceAccountToken"), True),
    ("least_rights", (ROLE, "rules", 0, "verbs"), ["*"]),
    ("least_rights", (ROLE, "rules", 0, "resources"), ["secrets"]),
    ("least_rights", (ROLE, "kind"), "ClusterRole"),
    ("restricted_namespace", (NAMESPACE, "metadata", "labels"), {}),
    ("bounded_network", (NETWORK,), {"kind": "ConfigMap", "metadata": {"name": "x"}}),
    ("bounded_network", (NETWORK, "spec", "podSelector"), {}),
    ("bounded_network", (RUNTIME, "spec", "labels"), None),
    ("bounded_network", (RUNTIME, "spec", "labels"), {"app.kubernetes.io/part-of": "another"}),
    ("no_needless_token", (DEPLOYMENT, "spec", "template", "spec", "automountServiceAccountToken"), None),
    ("bounded_network", (OWN_NETWORK,), {"kind": "ConfigMap", "metadata": {"name": "x"}}),
    ("bounded_network", (OWN_NETWORK, "spec", "podSelector", "matchLabels"), {"app.kubernetes.io/part-of": "x"}),
    ("bounded_network", (DEPLOYMENT, "spec", "template", "metadata", "labels"), {"app.kubernetes.io/part-of": "x"}),
    ("bounded_network", (NETWORK, "spec", "policyTypes"), ["Ingress"]),
    ("bounded_network", (NETWORK, "spec", "ingress"), [{}]),
]


@pytest.fixture
def good():
    return list(yaml.safe_load_all(GOOD))


def planted(objects, path, value):
    """The objects with one value changed; None takes it away."""
    changed = {"objects": copy.deepcopy(objects)}
    *parents, last = ("objects", *path)
    place = changed
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return changed["objects"]


def test_a_good_object_breaks_no_policy(good):
    assert violations(good) == []


@pytest.mark.parametrize(("policy", "path", "value"), PLANTED)
def test_a_planted_violation_is_found(good, policy, path, value):
    found = violations(planted(good, path, value))
    assert {sentence.split(":")[0] for sentence in found} == {policy}


def test_every_policy_has_a_planted_violation():
    assert {policy for policy, _, _ in PLANTED} == {policy.__name__ for policy in POLICIES}


def test_an_image_by_digest_is_fixed(good):
    assert violations(planted(good, (*CONTAINER, "image"), f"registry.example/x@sha256:{'0' * 64}")) == []


def test_the_command_judges_what_it_reads(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(GOOD))
    assert main() == 0
    assert "8 objects keep to 12 policies" in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.StringIO(GOOD.replace("runAsUser: 10001", "runAsUser: 0")))
    assert main() == 1
    assert "error: not_root: ServingRuntime s, container c must run" in capsys.readouterr().err
