"""A search among augmentation policies: short trainings with one budget each, repeated with several seeds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, MinLen

from components.modeling.augmentation.named_policies import NO_POLICY, policy_from, POLICY_NAMES
from components.shared.contracts.format_version import check_format_version
from components.shared.runtime.atomic_files import read_json, write_json
from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings import parse_settings, settings_model
from components.shared.runtime.settings_words import Words

FORMAT_VERSION = 1
CONTRACT = "policy_trial"

SearchMetric = Literal["accuracy", "log_loss"]


@settings_model
class SearchSettings:
    """The augmentation policies of a search, and what each trial may cost."""

    # Names, contents or files of two or more augmentation policies; the first stays where none is clearly better.
    policies: Annotated[tuple[Any, ...], MinLen(2), Words("a list of two policies or more")] = (
        "standard", "none", "light", "heavy",
    )  # fmt: skip
    repeats: Annotated[int, Ge(2)] = 3  # trainings a policy, each with a seed of its own
    epochs: Annotated[int, Ge(1)] = 3
    max_examples: Annotated[int, Ge(2)] | None = None  # a stratified sample of the training examples; None for all
    metric: SearchMetric = "accuracy"  # on the validation rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One training of a search."""

    name: str
    policy: Mapping[str, Any] | None  # its content, as the feature store keeps it; None for no augmentation
    seed: int  # the same for the same repeat of every policy
    epochs: int
    max_examples: int | None
    metric: SearchMetric
    training: Mapping[str, Any]  # what the problem file changes of the recipe

    def to_text(self) -> str:
        """The trial as JSON, one item of a pipeline's loop."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialResult:
    """A trial's score of every validation row, in the store's order, and its metrics on these rows."""

    trial: Trial
    scores: tuple[float, ...]  # higher is better: 1 or 0 for right or wrong, or log probability of the right class
    accuracy: float
    log_loss: float
    duration_s: float  # seconds of training

    def metrics(self) -> dict[str, float]:
        """Accuracy, log loss and seconds, by name."""
        return {"accuracy": self.accuracy, "log_loss": self.log_loss, "duration_s": self.duration_s}


def search_settings_from_text(text: str) -> SearchSettings:
    """Read the settings of a search from YAML or JSON: keys of `SearchSettings`; empty text for the defaults."""
    return parse_settings(SearchSettings, text, where="the search settings", key="search")


def planned_trials(
    settings: SearchSettings, *, training: Mapping[str, Any], seed: int, image_size: int | None = None
) -> list[Trial]:
    """Every trial of a search: the first repeat of every augmentation policy, then the second with the next seed.

    `image_size` is in pixels; None where the data decide, and policies must keep any size.
    """
    policies = [(value, policy_from(value, image_size=image_size)) for value in settings.policies]
    named = {_name(value, policy): policy for value, policy in policies}
    if len(named) < len(policies):
        names = [_name(value, policy) for value, policy in policies]
        raise ContractError(f"search.policies must have different names, got {', '.join(names)}")
    return [
        Trial(
            name=name,
            policy=policy,
            seed=seed + repeat,
            epochs=settings.epochs,
            max_examples=settings.max_examples,
            metric=settings.metric,
            training=training,
        )
        for repeat in range(settings.repeats)
        for name, policy in named.items()
    ]


def trial_from_text(text: str) -> Trial:
    """Read what `Trial.to_text` wrote."""
    try:
        return Trial(**json.loads(text))
    except (json.JSONDecodeError, TypeError) as error:
        raise ContractError(
            f"a trial must be JSON with name, policy, seed, budget and training, got {text[:200]!r}"
        ) from error


def write_trial_result(path: str | Path, result: TrialResult) -> None:
    """Write a trial's result as JSON."""
    content = asdict(result)
    write_json(Path(path), {"contract": CONTRACT, "format_version": FORMAT_VERSION, **content})


def read_trial_result(path: str | Path) -> TrialResult:
    """Read a trial's result."""
    content = read_json(Path(path), what="the trial's result")
    found = content.pop("contract", None) if isinstance(content, dict) else type(content).__name__
    if found != CONTRACT:
        raise ContractError(f"{path} must be the result of a policy trial, got {found!r}")
    check_format_version(content.pop("format_version", None), newest=FORMAT_VERSION, contract=CONTRACT, where=path)
    try:
        return TrialResult(
            **{**content, "trial": Trial(**content["trial"]), "scores": tuple(map(float, content["scores"]))}
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"{path} must have trial, scores, accuracy, log_loss and duration_s: {error!r}") from error


def choice_of(trial: Trial) -> Any:
    """An augmentation policy as a problem file names it: a named policy's name, else the policy's content."""
    if trial.policy is None:
        return NO_POLICY
    return trial.name if trial.name in POLICY_NAMES else dict(trial.policy)


def _name(value: Any, policy: Mapping[str, Any] | None) -> str:
    if policy is None:
        return NO_POLICY
    return str(policy.get("name") or (value if isinstance(value, str) else "own"))
