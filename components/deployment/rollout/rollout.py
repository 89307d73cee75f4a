"""From a published release to one that is live, or taken back.

What is to be done is decided first and written down (`RolloutRecord`), then done, and each step may be done twice: a
rollout that is killed at any point and run again comes to the same end. The stable release answers until another one
has its place.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
import logging

from components.deployment.endpoint.cluster_endpoint import Object
from components.deployment.endpoint.service_state import read_state
from components.deployment.rollout.answering import Answering, RemovedError
from components.deployment.rollout.evidence import Evidence
from components.deployment.rollout.live_service import LiveService
from components.deployment.rollout.record import now, RolloutRecord, RolloutRecords
from components.deployment.rollout.watch import CanaryWatch
from components.shared.contracts.champion import promote, read_champion
from components.shared.contracts.releases import ModelReleases
from components.shared.served_model.inference_client import InferenceClientError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """One rollout of a release.

    Attributes
    ----------
    run
        Whose it is; see `RolloutRecord`.
    service
        The InferenceService.
    releases, records
        The model's releases with their champion, and where the rollout's record is kept.
    answering
        Whether the release answers as it must.
    evidence
        Opens a canary's evidence, given the stable release and the pods.
    registry
        The Kubeflow Model Registry that is told of the champion; empty for none.
    """

    run: str
    service: LiveService
    releases: ModelReleases
    records: RolloutRecords
    answering: Answering
    evidence: Callable[[str, list[Object]], AbstractContextManager[Evidence]]
    registry: str = ""

    def go(self) -> RolloutRecord:
        """Roll the release out, or go on with it; returns the record with the decision, which is carried out.

        Raises
        ------
        RefusedError
            If the cluster or the settings do not allow it; nothing was changed where this is the rollout's first step.
        ChangedBesideError
            If somebody else changed the endpoint meanwhile.
        ClusterError
            If the cluster does not answer.
        ValueError
            If the store cannot be read or written, or its champion was moved meanwhile.
        """
        record = self.records.read(self.run)
        if record is None:
            record = self._begun()
            self.records.write(record)
        if record.decision is None:
            record = self._decided(record)
            self.records.write(record)
        if not record.is_done:
            record = replace(self._carried_out(record), is_done=True)
            self.records.write(record)
        logger.info("%s %s in %s: %s", record.decision, record.version, record.namespace, record.reason)
        return record

    def _begun(self) -> RolloutRecord:
        """What is to be done; nothing is changed yet."""
        state = read_state(self.service.endpoint.read())
        kind = self.service.kind(state)
        record = RolloutRecord(
            run=self.run,
            namespace=self.service.deploy.namespace,
            model_name=self.service.release.model_name,
            version=self.service.release.version,
            kind=kind,
            former=None if state is None or kind == "first" else state.stable,
            former_version=None if state is None else state.stable_version,
            earlier=None if state is None or kind == "first" else state.note.get("former"),
            canary_name=self.service.canary_name(state) if state is not None and kind == "canary" else None,
            started_at=now(),
        )
        self.service.try_out(record)
        return record

    def _decided(self, record: RolloutRecord) -> RolloutRecord:
        if record.kind == "canary":
            return self._canary_decided(record)
        self.service.promote(record)
        told = self.answering.fault(record)
        if told is not None:
            return record.decided("rolled back", told.reason, log_end=told.log_end)
        return record.decided("promoted", "it is ready, and answers as the training side does")

    def _canary_decided(self, record: RolloutRecord) -> RolloutRecord:
        try:
            if not record.seen:
                # It is asked by this step before anybody else's request reaches it.
                self.service.send(record, 0)
                told = self.answering.fault(record)
                if told is not None:
                    return record.decided("rolled back", told.reason, log_end=told.log_end)
            assert record.former_version is not None
            watch = CanaryWatch(service=self.service, answering=self.answering, keep=self.records.write)
            with self.evidence(record.former_version, self.service.endpoint.pods()) as evidence:
                return watch.decided(record, evidence)
        except RemovedError:
            return record.decided("rolled back", "the canary was taken back beside this run")
        except InferenceClientError as error:
            return record.decided("rolled back", f"it cannot be watched: {error}")

    def _carried_out(self, record: RolloutRecord) -> RolloutRecord:
        """The record once it is done: a release that does not come up in its place is taken back after all."""
        if record.decision == "promoted":
            self.service.promote(record)
            told = self.answering.fault(record) if record.kind == "canary" else None
            if told is None:
                self._move_champion(record)
                return record
            reason = f"in the place of the release before, {told.reason}"
            record = record.decided("rolled back", reason, log_end=told.log_end)
            self.records.write(record)
        if record.kind == "first":
            self.service.stop(record)
        else:
            self.service.take_back(record)
        return record

    def _move_champion(self, record: RolloutRecord) -> None:
        champion = read_champion(self.releases)
        promote(
            self.releases,
            record.version,
            expected=champion.version if champion else None,
            promoted_by=f"the deployment in {record.namespace}",
            reason=record.reason,
            registry=self.registry,
        )
