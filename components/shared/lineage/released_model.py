"""What is said of a release, and of a champion's move, to whoever keeps an account of models."""

from dataclasses import dataclass

from components.shared.runtime.redaction import masked


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasedModel:
    """A release.

    Attributes
    ----------
    model_name, version
        Which one: `MODEL_ROOT/NAME/VERSION`.
    storage_uri
        Where it lies, as KServe's storage initialiser finds it.
    card
        Its model card, Markdown; empty where it is not at hand.
    """

    model_name: str
    version: str
    storage_uri: str
    card: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChampionMove:
    """A release that became its model's champion.

    Attributes
    ----------
    former_version
        The champion before; None where there was none.
    promoted_by, promoted_at, reason
        Who promoted it, when (ISO 8601, in UTC) and why.
    """

    release: ReleasedModel
    former_version: str | None
    promoted_by: str
    promoted_at: str
    reason: str

    def said(self) -> dict[str, str]:
        """Who, when, why and after which, as texts by name; what people wrote is masked."""
        return {
            "promoted_by": masked(self.promoted_by),
            "promoted_at": self.promoted_at,
            "reason": masked(self.reason),
            "former_version": self.former_version or "none",
        }
