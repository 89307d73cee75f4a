"""The problem file's `target:` section: what a model must reach before it may ship.

target: {metric: recall, minimum: 0.9, at: {precision: 0.5}, margin: 0.02}
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, get_args, Literal

from annotated_types import Ge

from components.shared.runtime.settings import Name, parse_settings, PositiveNumber, settings_model, Share

ClassMetric = Literal["accuracy", "macro_f1", "macro_precision", "macro_recall", "roc_auc"]
OperatingMetric = Literal["recall", "precision"]  # of one of two classes, at the threshold that `target.at` asks for
ErrorMetric = Literal["rmse", "mae"]  # the lower the better, in the label's unit
TargetMetric = Literal[ClassMetric, OperatingMetric, ErrorMetric, "r2"]
CLASS_METRICS: tuple[TargetMetric, ...] = get_args(ClassMetric)
OPERATING_METRICS: tuple[TargetMetric, ...] = get_args(OperatingMetric)
ERROR_METRICS: tuple[TargetMetric, ...] = get_args(ErrorMetric)
NUMBER_METRICS: tuple[TargetMetric, ...] = (*ERROR_METRICS, "r2")
TARGET_METRICS: tuple[TargetMetric, ...] = (*CLASS_METRICS, *OPERATING_METRICS, *NUMBER_METRICS)


@settings_model
class CostSpec:
    """What the mistakes cost, in one unit: taking another class for the positive one, and missing a positive one."""

    false_positive: PositiveNumber
    false_negative: PositiveNumber


@settings_model
class OperatingPointSpec:
    """Where on the curve a model of two classes is judged: the threshold is chosen on the validation split.

    Attributes
    ----------
    precision
        The highest recall among thresholds of at least this precision.
    recall
        The highest precision among thresholds of at least this recall.
    cost
        The threshold of the smallest cost.
    positive
        The class that is looked for; the second one where it is left out.
    """

    precision: Share | None = None
    recall: Share | None = None
    cost: CostSpec | None = None
    positive: Name | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("precision", "recall", "cost") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"target.at must say one of precision, recall and cost, got {' and '.join(given) or 'none of them'}"
            )

    def positive_index(self, class_names: Sequence[str]) -> int:
        """Index of the class that is looked for.

        Raises
        ------
        ValueError
            If there are other than two classes, or the named one is none of them.
        """
        check_two_classes(class_names)
        if self.positive is None:
            return 1
        if self.positive not in class_names:
            raise ValueError(f"target.at.positive must be one of {', '.join(class_names)}, got {self.positive!r}")
        return list(class_names).index(self.positive)

    def of_class(self, positive: str) -> "OperatingPointSpec":
        """The same of a named class."""
        return OperatingPointSpec(precision=self.precision, recall=self.recall, cost=self.cost, positive=positive)


@settings_model
class TargetSpec:
    """What the model must reach on the test split before it may ship: a minimum, or of an error a maximum.

    Attributes
    ----------
    strict
        Chance does not help: the 95 % interval's worse end must reach the limit, and the interval of the difference
        from the champion must lie within the margin.
    margin
        How much worse than the champion a model may be: points of the metric (0.01 is one in a hundred), of an error
        the share by which it may grow.
    at
        For `recall` and `precision`: where on the curve of a model of two classes.
    beat_baseline
        The model must be better by more than chance than a cheap model that is trained on the same rows.
    """

    metric: TargetMetric = "accuracy"
    minimum: Share | None = None
    maximum: Annotated[float, Ge(0)] | None = None
    strict: bool = False
    margin: Share = 0.01
    at: OperatingPointSpec | None = None
    beat_baseline: bool = False

    def __post_init__(self) -> None:
        wrong, right = ("minimum", "maximum") if self.metric in ERROR_METRICS else ("maximum", "minimum")
        if getattr(self, wrong) is not None:
            raise ValueError(f"target.{wrong} must be absent for {self.metric}, which takes a {right}; got {wrong}")
        if self.metric in OPERATING_METRICS:
            self._check_operating_point()
        elif self.at is not None:
            raise ValueError(
                f"target.at must be absent for {self.metric}, for it says at which threshold recall or precision are "
                "judged: set target.metric to one of them"
            )

    def _check_operating_point(self) -> None:
        if self.at is None:
            other = "recall" if self.metric == "precision" else "precision"
            raise ValueError(
                f"target.metric {self.metric} must come with target.at, such as {{{other}: 0.5}}, for it depends on "
                "the threshold; got none"
            )
        if getattr(self.at, self.metric) is not None:
            raise ValueError(f"target.at must ask for another figure than the metric itself, got {self.metric} twice")
        if self.minimum is None:
            raise ValueError(f"target.minimum must be given for {self.metric}, for no class is its baseline; got none")

    @property
    def limit(self) -> float | None:
        """The minimum, or of an error the maximum; None where none is set."""
        return self.maximum if self.metric in ERROR_METRICS else self.minimum

    def for_task(self, *, is_regression: bool) -> "TargetSpec":
        """The target for a label that is a class or a number; where nothing was asked of a number, its `rmse`.

        `ValueError` if the metric is the other task's.
        """
        if (self.metric in NUMBER_METRICS) == is_regression:
            return self
        of_any_task = TargetSpec(strict=self.strict, margin=self.margin, beat_baseline=self.beat_baseline)
        if is_regression and self == of_any_task:
            return replace(of_any_task, metric="rmse")
        of_classes = (*CLASS_METRICS, *OPERATING_METRICS)
        kind, metrics = ("a number", NUMBER_METRICS) if is_regression else ("a class", of_classes)
        raise ValueError(
            f"target.metric must be one of {', '.join(metrics)} where the label is {kind}, got {self.metric!r}"
        )


def check_two_classes(class_names: Sequence[str]) -> None:
    """Raise `ValueError` where a threshold is asked for of other than two classes."""
    if len(class_names) != 2:
        raise ValueError(
            f"target.at must be of a model of two classes, got {len(class_names)}: choose a metric over all "
            "classes, such as macro_recall"
        )


def parse_target(text: str) -> TargetSpec:
    """Read the target section of a problem file from JSON such as `{"metric": "accuracy", "minimum": 0.9}`.

    Where the label is a number it may be `{"metric": "rmse", "maximum": 3.5}`. An empty text gives the default,
    accuracy without a minimum.

    Raises
    ------
    ContractError
        If it is no mapping, or a key or value is unknown.
    """
    return parse_settings(TargetSpec, text, where="the target", key="target")
