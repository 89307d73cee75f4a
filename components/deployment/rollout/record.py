"""The record of a rollout: what it has decided and seen, kept beside the model's releases.

    MODEL_ROOT/NAME/rollouts/NAMESPACE/RUN.json

It is written before what it says is done: a rollout that is killed and run again goes on from here and comes to the
same end. It stays as the audit record.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, UTC
import json
import re
from typing import Any, Literal

from components.shared.contracts.format_version import check_format_version
from components.shared.contracts.releases import ModelReleases
from components.shared.runtime.durable_files import write_durably
from components.shared.runtime.errors import ContractError
from components.shared.tables.sources import readable_store_errors

FORMAT_VERSION = 1
FOLDER = "rollouts"
Kind = Literal["first", "replace", "canary"]
Decided = Literal["promoted", "rolled back"]
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutRecord:
    """One rollout.

    Attributes
    ----------
    run
        Whose it is: a run of a pipeline that is tried again is the same one.
    namespace, model_name, version
        What goes live where.
    kind
        `first`: nothing was there, or nothing that answered; `replace`: it takes the place of another at once, or its
        own with other settings; `canary`: it is watched beside the other.
    former
        The predictor before, None for a first one.
    former_version
        Its release.
    earlier
        The predictor before that one, where the object tells it: what a later rollback goes to.
    canary_name
        What the canary's predictor is called; None where there is none.
    started_at, decided_at
        ISO 8601 in UTC; `decided_at` is empty until it is decided.
    decision
        What was decided; None until then.
    reason
        Why, one sentence.
    log_end
        The last lines of the server that is the reason.
    is_done
        Whether the decision was carried out.
    kinds
        The answers that the judge counts apart.
    seen
        What the judge and the counters have seen, to go on from.
    looks
        What was seen at each look: percent, requests of both sides, evidence.
    """

    run: str
    namespace: str
    model_name: str
    version: str
    kind: Kind
    former: Mapping[str, Any] | None
    former_version: str | None
    earlier: Mapping[str, Any] | None
    canary_name: str | None
    started_at: str
    decided_at: str = ""
    decision: Decided | None = None
    reason: str = ""
    log_end: str = ""
    is_done: bool = False
    kinds: tuple[str, ...] = ()
    seen: Mapping[str, Any] = field(default_factory=dict)
    looks: tuple[Mapping[str, Any], ...] = ()

    def decided(self, decision: Decided, reason: str, *, log_end: str = "") -> "RolloutRecord":
        """The record with a decision, made now."""
        return replace(self, decision=decision, reason=reason, decided_at=now(), log_end=log_end)

    def audit(self) -> dict[str, Any]:
        """What stays to be read: all but what only the judge can use."""
        written = asdict(self)
        del written["seen"]
        return {"format_version": FORMAT_VERSION, **written}


class RolloutRecords:
    """Records of a model's rollouts in a namespace, in the store of its releases.

    Its methods raise ValueError where the store cannot be read or written, ContractError where a record is damaged.
    """

    def __init__(self, releases: ModelReleases, namespace: str) -> None:
        self._releases, self._namespace = releases, namespace

    def uri_of(self, run: str) -> str:
        """Where a run's record lies."""
        return self._releases.uri_of(self._name(run))

    def read(self, run: str) -> RolloutRecord | None:
        """A run's record; None where there is none."""
        where = self.uri_of(run)
        filesystem = self._releases.filesystem
        with readable_store_errors(f"the rollout's record {where} must be a file that can be read"):
            filesystem.invalidate_cache()
            try:
                content = filesystem.cat_file(f"{self._releases.folder}/{self._name(run)}")
            except FileNotFoundError:
                return None
        try:
            values = json.loads(content)
            check_format_version(
                values.pop("format_version", None), newest=FORMAT_VERSION, contract="the rollout's record", where=where
            )
            return RolloutRecord(**{**values, **{name: tuple(values[name]) for name in ("kinds", "looks")}})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if isinstance(error, ContractError):
                raise
            raise ContractError(
                f"the rollout's record {where} must be as it was written, but: {error}; delete it, and run again"
            ) from error

    def write(self, record: RolloutRecord) -> None:
        """Keep a record in the place of the one before."""
        path = f"{self._releases.folder}/{self._name(record.run)}"
        content = json.dumps({"format_version": FORMAT_VERSION, **asdict(record)}, ensure_ascii=False).encode()
        with readable_store_errors(
            f"the rollout's record {self.uri_of(record.run)} must be a file that can be written"
        ):
            if self._releases.is_local:
                self._releases.filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
                write_durably(path, content)
            else:
                self._releases.filesystem.pipe_file(path, content)

    def _name(self, run: str) -> str:
        return f"{FOLDER}/{self._namespace}/{_UNSAFE.sub('-', run)}.json"


def now() -> str:
    """The time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
