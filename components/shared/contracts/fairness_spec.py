"""The problem file's `fairness:` section: how far groups of the `sensitive` columns may lie apart.

fairness: {metric: true_positive_rate, max_difference: 0.1}
"""

from collections.abc import Sequence
from typing import Annotated, get_args, Literal

from annotated_types import Ge

from components.shared.runtime.settings import Name, parse_settings, settings_model, Share

RateName = Literal["accuracy", "true_positive_rate", "false_positive_rate", "selection_rate"]
ErrorName = Literal["mean_error", "mean_absolute_error"]  # where the label is a number, in its unit
FairnessMetric = Literal[RateName, "equalized_odds", ErrorName]
RATES: tuple[RateName, ...] = get_args(RateName)
ERRORS: tuple[ErrorName, ...] = get_args(ErrorName)


@settings_model
class FairnessSpec:
    """How far groups of the `sensitive` columns may lie apart: a model is refused where they do by more than chance.

    Attributes
    ----------
    metric
        What is held against the limits: a rate of classes, `equalized_odds` (the true and the false positive rate), or
        an error where the label is a number.
    positive
        The class that rates are about; where it is left out, that of `target.at`, else of two classes the second, of
        more each.
    max_difference
        Largest difference between any two groups that is allowed: 0.1 is ten points; of an error in the label's unit.
    min_ratio
        Smallest share of the largest group's value that every group must have: 0.8 is the rule of four fifths.
    min_group_size
        Groups with fewer test examples for the metric are too small to judge.
    """

    metric: FairnessMetric | None = None
    positive: Name | None = None
    max_difference: Annotated[float, Ge(0)] | None = None
    min_ratio: Share | None = None
    min_group_size: Annotated[int, Ge(2)] = 100

    def __post_init__(self) -> None:
        if self.has_limit and self.metric is None:
            raise ValueError(
                f"fairness.metric must come with a limit, such as true_positive_rate or {ERRORS[1]}; got none"
            )
        if self.metric is not None and not self.has_limit:
            raise ValueError(f"fairness.metric {self.metric} must come with max_difference or min_ratio, got neither")
        if self.min_ratio is not None and self.metric == "mean_error":
            raise ValueError(
                "fairness.min_ratio must be absent for mean_error, which may be below 0: set max_difference"
            )
        if self.max_difference is not None and self.max_difference > 1 and self.metric not in ERRORS:
            raise ValueError(f"fairness.max_difference of a rate must be at most 1, got {self.max_difference:g}")

    @property
    def has_limit(self) -> bool:
        """Whether anything can be refused."""
        return self.max_difference is not None or self.min_ratio is not None

    def positive_name(self, class_names: Sequence[str]) -> str | None:
        """The class that rates are about, None where none is named; `ValueError` if it is no class of the model."""
        if self.positive is not None and self.positive not in class_names:
            raise ValueError(
                f"fairness.positive must be a class of the model, {', '.join(class_names)}, got {self.positive!r}"
            )
        return self.positive

    def check_task(self, *, is_regression: bool) -> None:
        """Raise `ValueError` if the metric is the other task's."""
        if self.metric is not None and (self.metric in ERRORS) != is_regression:
            kind, metrics = ("a number", ERRORS) if is_regression else ("a class", (*RATES, "equalized_odds"))
            raise ValueError(
                f"fairness.metric must be one of {', '.join(metrics)} where the label is {kind}, got {self.metric!r}"
            )


def parse_fairness(text: str) -> FairnessSpec:
    """Read the fairness section of a problem file from JSON such as `{"metric": "selection_rate", "min_ratio": 0.8}`.

    An empty text gives the default: groups are compared, and nothing is refused.

    Raises
    ------
    ContractError
        If it is no mapping, or a key or value is unknown.
    """
    return parse_settings(FairnessSpec, text, where="the fairness section", key="fairness")
