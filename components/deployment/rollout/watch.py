"""A canary under way: its traffic rises step by step as long as the judge lets it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, UTC
import time
from typing import Any

from components.deployment.canary.judge import CanaryJudge, Decision
from components.deployment.rollout.answering import Answering, RemovedError
from components.deployment.rollout.evidence import Evidence
from components.deployment.rollout.live_service import LiveService
from components.deployment.rollout.record import now, RolloutRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class CanaryWatch:
    """How a canary is watched.

    Attributes
    ----------
    service, answering
        The InferenceService, and whether its servers answer.
    keep
        Keeps a record.
    """

    service: LiveService
    answering: Answering
    keep: Callable[[RolloutRecord], None]

    def decided(self, record: RolloutRecord, evidence: Evidence) -> RolloutRecord:
        """Watch until it is decided; each look is kept, and a watch that was interrupted goes on from the last one.

        Raises
        ------
        RemovedError
            If the canary was taken back meanwhile.
        """
        deploy = self.service.deploy
        judge = CanaryJudge(deploy.judge, evidence.kinds)
        record = self._begun(record, judge, evidence)
        away_since: float | None = None
        while True:
            percent = judge.percent
            self._send(record, percent)
            sides = evidence.block(self.service.endpoint.pods, percent)
            decision = judge.judge(sides["canary"], sides["stable"])
            record = replace(
                record, seen=_seen(judge, evidence), looks=(*record.looks, _look(percent, judge, decision))
            )
            if decision.action == "promote":
                return record.decided("promoted", decision.reason)
            if decision.action == "roll back":
                return record.decided("rolled back", decision.reason)
            self.keep(record)
            away_since = None if self.answering.has_ready_pod(record) else away_since or time.monotonic()
            if away_since is not None and time.monotonic() - away_since >= self.answering.timing.away_s:
                told = self.answering.why(record)
                return record.decided("rolled back", f"its servers went away: {told.reason}", log_end=told.log_end)
            if _hours_since(record.started_at) >= deploy.decide_within_h:
                return record.decided("rolled back", _undecided(judge, decision, deploy.decide_within_h))

    def _begun(self, record: RolloutRecord, judge: CanaryJudge, evidence: Evidence) -> RolloutRecord:
        if record.seen:
            judge.restore(record.seen["judge"])
            evidence.restore(record.seen["evidence"])
            return record
        evidence.begin(self.service.endpoint.pods())
        record = replace(record, kinds=tuple(evidence.kinds), seen=_seen(judge, evidence))
        self.keep(record)
        return record

    def _send(self, record: RolloutRecord, percent: int) -> None:
        """Send the canary its share of the traffic; none where the step itself asks both sides."""
        state = self.service.state(record)
        if state is None or state.canary is None:
            raise RemovedError
        asked = percent if self.service.deploy.canary == "traffic" else 0
        if state.percent != asked:
            self.service.send(record, asked)


def _seen(judge: CanaryJudge, evidence: Evidence) -> dict[str, Any]:
    return {"judge": judge.state(), "evidence": evidence.state()}


def _look(percent: int, judge: CanaryJudge, decision: Decision) -> dict[str, Any]:
    return {
        "at": now(),
        "percent": percent,
        "canary": judge.canary.requests,
        "stable": judge.stable.requests,
        "evidence": dict(judge.evidence),
        "action": decision.action,
    }


def _undecided(judge: CanaryJudge, decision: Decision, hours: float) -> str:
    return (
        f"{judge.canary.requests:,} requests in {hours:g} h are too few to decide ({decision.reason}): give it more "
        "time by deploy.decide_within_h, or set deploy.canary: replay"
    )


def _hours_since(moment: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds() / 3600
