"""How many labels each strategy may spend, and when it is too early to ask the model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import math

from components.active_learning.label_requests import STRATEGIES, Strategy
from components.active_learning.selection.uncertainty import UNCERTAINTY

# Mostly where the model hesitates between two classes; a fifth drawn at random, to measure by.
DEFAULT_SHARES: Mapping[Strategy, float] = {"margin": 0.8, "random": 0.2}
# With fewer labels a class a model's doubts are noise.
WARM_LABELS_A_CLASS = 20
_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchSettings:
    """How a batch is chosen.

    Attributes
    ----------
    budget
        Labels that are bought, 1 or more.
    shares
        Share of each strategy; they add up to 1.
    seed
        Decides everything random.

    Raises
    ------
    ValueError
        If the budget is below 1, a strategy is unknown, or the shares do not add up to 1.
    """

    budget: int
    shares: Mapping[Strategy, float] = field(default_factory=lambda: dict(DEFAULT_SHARES))
    seed: int = 0

    def __post_init__(self) -> None:
        if self.budget < 1:
            raise ValueError(f"budget must be at least 1 label, got {self.budget}")
        for name, share in self.shares.items():
            if name not in STRATEGIES:
                raise ValueError(f"a strategy must be one of {', '.join(STRATEGIES)}, got {name!r}")
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"the share of {name} must be from 0 to 1, got {share}")
        total = math.fsum(self.shares.values())
        if abs(total - 1.0) > _TOLERANCE:
            raise ValueError(f"the shares of the strategies must add up to 1, got {total:.6g}: change one of them")


def shares_from(text: str) -> dict[Strategy, float]:
    """Shares as a person writes them, `margin=0.8,random=0.2` or one strategy by name; empty for the default mix.

    Raises
    ------
    ValueError
        If the text is written otherwise, or names a strategy twice.
    """
    if not text.strip():
        return dict(DEFAULT_SHARES)
    parts = [part.strip() for part in text.split(",")]
    found: dict[Strategy, float] = {}
    for part in parts:
        name, _, share = (piece.strip() for piece in part.partition("="))
        known = next((one for one in STRATEGIES if one == name), None)
        if known is None or known in found:
            raise ValueError(f"strategies must be such as margin=0.8,random=0.2, each once, got {part!r} in {text!r}")
        try:
            found[known] = float(share) if share or len(parts) > 1 else 1.0
        except ValueError:
            raise ValueError(f"the share of {name} must be a number from 0 to 1, got {share!r}") from None
    return found


def is_cold(num_labels: int, num_classes: int) -> bool:
    """Whether there are fewer than 20 labels a class, so that what the model is unsure of says nothing yet."""
    return num_labels < WARM_LABELS_A_CLASS * num_classes


def budget_split(settings: BatchSettings, *, cold: bool, has_embeddings: bool) -> dict[Strategy, int]:
    """Labels of each strategy; they add up to the budget.

    Parameters
    ----------
    cold
        Whether it is too early to ask the model: then what strategies of uncertainty have goes to diversity.
    has_embeddings
        Whether diversity can be judged; where not, rows are drawn at random in its place.
    """
    shares: dict[Strategy, float] = {}
    for name, share in settings.shares.items():
        used: Strategy = "diversity" if cold and name in UNCERTAINTY else name
        used = "random" if used == "diversity" and not has_embeddings else used
        shares[used] = shares.get(used, 0.0) + share
    exact = {name: share * settings.budget for name, share in shares.items()}
    split = {name: math.floor(value + _TOLERANCE) for name, value in exact.items()}
    by_rest = sorted(exact, key=lambda name: (split[name] - exact[name], STRATEGIES.index(name)))
    for name in by_rest[: settings.budget - sum(split.values())]:
        split[name] += 1
    return split
