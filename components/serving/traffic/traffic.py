"""What a model's requests share: the limits, the gate, and where it is noted what became of them."""

from dataclasses import dataclass, field

from components.serving.traffic.access_log import AccessLog
from components.serving.traffic.admission import AdmissionGate
from components.serving.traffic.limits import TrafficLimits


@dataclass(kw_only=True, slots=True)
class Traffic:
    """One server's traffic; `access_log` is None where none is written."""

    limits: TrafficLimits = field(default_factory=TrafficLimits)
    access_log: AccessLog | None = None
    gate: AdmissionGate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = AdmissionGate(self.limits)
