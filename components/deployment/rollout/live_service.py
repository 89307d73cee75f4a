"""The InferenceService in the course of a rollout: what it is to be, applied unless somebody else changed it."""

from collections.abc import Mapping
from dataclasses import dataclass
import logging
from typing import Any

from components.deployment.endpoint.cluster_endpoint import ClusterEndpoint, Object, OvertakenError, RefusedError
from components.deployment.endpoint.service_state import (
    predictor_name,
    read_state,
    scaled,
    ServiceState,
    wanted_object,
)
from components.deployment.rollout.record import Kind, RolloutRecord
from components.shared.contracts.deploy_spec import DeploySpec
from components.shared.contracts.inference_service import deployed_predictor, ServedRelease

logger = logging.getLogger(__name__)

_MOST_OVERTAKEN = 20


class ChangedBesideError(RuntimeError):
    """Somebody else changed the endpoint while a rollout was under way; one sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveService:
    """The InferenceService of a rollout.

    Its methods raise what `ClusterEndpoint` raises, and ChangedBesideError where what is live is neither the release of
    before nor the rollout's.

    Attributes
    ----------
    endpoint
        The cluster's.
    release, deploy
        What goes live, and how.
    """

    endpoint: ClusterEndpoint
    release: ServedRelease
    deploy: DeploySpec

    def kind(self, state: ServiceState | None) -> Kind:
        """How the release goes live, by what is there.

        Raises
        ------
        RefusedError
            If another rollout is under way, or nothing splits the traffic of a canary.
        """
        name, namespace = self.release.model_name, self.deploy.namespace
        where = f"{name} in {namespace}"
        if state is None or state.is_stopped:
            return "first"
        if state.canary_version not in (None, self.release.version):
            raise RefusedError(
                f"one rollout of {where} must end before the next, but release {state.canary_version} is a canary "
                f"there: wait, or take it back by `pluszero rollback {name} --namespace {namespace}`"
            )
        if self.deploy.canary == "none" or state.stable_version == self.release.version:
            return "replace"
        if self.deploy.canary == "traffic" and self.deploy.mode == "standard" and not self.endpoint.has_route():
            raise RefusedError(
                f"a canary needs traffic that is split, but the cluster has no HTTPRoute for {where}: let KServe use "
                "the Gateway API, or set deploy.canary: replay, which sends held-out examples to both releases"
            )
        return "canary"

    def canary_name(self, state: ServiceState) -> str:
        """What the canary's predictor is called: never as the stable one is."""
        name = predictor_name(self.release.model_name, self.release.version)
        taken = state.stable is not None and state.stable.get("name") == name
        return f"{name[:-1]}z" if taken else name

    def try_out(self, record: RolloutRecord) -> None:
        """Have the cluster say what it would to each object that is to come, before one of them is real."""
        self.endpoint.apply(self._promoted(record), is_trial=True)
        if record.kind == "canary":
            self.endpoint.apply(self._canary(record, self.deploy.judge.steps[0]), is_trial=True)

    def state(self, record: RolloutRecord) -> ServiceState | None:
        """What is live; None where nothing is yet."""
        state = read_state(self.endpoint.read())
        if state is None:
            if record.kind == "first" and record.decision is None:
                return None
            raise ChangedBesideError(f"the InferenceService {self.release.model_name} was deleted beside this rollout")
        if state.stable_version not in (record.former_version, record.version):
            raise ChangedBesideError(
                f"release {record.former_version or record.version} must be stable until this rollout ends, but "
                f"somebody has made {state.stable_version} so: run the deployment again"
            )
        if state.canary_version not in (None, record.version):
            raise ChangedBesideError(f"somebody began a canary of release {state.canary_version} beside this rollout")
        return state

    def promote(self, record: RolloutRecord) -> None:
        """Make the release the stable one: its predictor takes the name, and so the address, of the one before."""
        if self.deploy.mode == "standard":
            self._withdraw(record)
        self._apply(record, self._promoted(record))

    def send(self, record: RolloutRecord, percent: int) -> None:
        """Have the release as a canary, with its share of the traffic."""
        self._apply(record, self._canary(record, percent))

    def stop(self, record: RolloutRecord) -> None:
        """End the servers of a first release; what it is stays to be looked at."""
        self._apply(record, self._object(self._predictor(None), record, former=None, is_stopped=True))

    def take_back(self, record: RolloutRecord) -> None:
        """Make the release of before the only one."""
        assert record.former is not None
        self._withdraw(record)
        self._apply(record, self._object(record.former, record, former=record.earlier))

    def _withdraw(self, record: RolloutRecord) -> None:
        """Send a canary nothing more, before its servers go; in Knative mode, until one like the former is up."""
        state = self.state(record)
        if state is None or state.canary is None or not state.percent:
            return
        self.send(record, 0)
        if record.canary_name and self.deploy.mode == "standard":
            self.endpoint.await_unrouted(record.canary_name)

    def _predictor(self, name: str | None) -> Object:
        predictor = scaled(deployed_predictor(self.release, self.deploy), self.deploy)
        return {**predictor, "name": name} if name and self.deploy.mode == "standard" else predictor

    def _promoted(self, record: RolloutRecord) -> Object:
        # Its Deployment rolls from one release to the other, its Service stays; another name would have neither.
        name = (record.former or {}).get("name")
        return self._object(self._predictor(name), record, former=record.former)

    def _canary(self, record: RolloutRecord, percent: int) -> Object:
        assert record.former is not None
        canary = self._predictor(record.canary_name)
        return self._object(record.former, record, former=record.earlier, canary=canary, percent=percent)

    def _object(
        self, stable: Mapping[str, Any], record: RolloutRecord, *, former: Mapping[str, Any] | None, **more: Any
    ) -> Object:
        note: dict[str, Any] = {
            "run": record.run,
            "decision": record.decision,
            "reason": record.reason,
            "at": record.decided_at,
            "former": former,
        }
        return wanted_object(
            model_name=self.release.model_name, mode=self.deploy.mode, stable=dict(stable), note=note, **more
        )

    def _apply(self, record: RolloutRecord, wanted: Object) -> None:
        for _ in range(_MOST_OVERTAKEN):
            state = self.state(record)
            if state is not None and state.resource_version:
                wanted["metadata"]["resourceVersion"] = state.resource_version
            try:
                self.endpoint.apply(wanted)
            except OvertakenError as error:
                logger.info("read again: %s", error)
            else:
                return
        raise ChangedBesideError(f"the InferenceService {self.release.model_name} changes faster than it is applied")
