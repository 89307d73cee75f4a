"""The problem file: the one file a user writes, checked key by key."""

from collections.abc import Mapping
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Annotated, Any, get_args, Literal

from annotated_types import Ge

from components.shared.contracts.cluster_spec import ClusterSpec
from components.shared.contracts.language_bias_settings import LanguageBiasSettings
from components.shared.contracts.pii_columns import HashedColumns, PersonalColumns
from components.shared.contracts.pinned_slices import SliceColumns, Slices
from components.shared.runtime.settings import (
    Name,
    Names,
    parse_settings,
    PositiveNumber,
    settings_from,
    settings_model,
    Share,
)
from components.shared.runtime.settings_text import read_written_settings, written_settings
from components.shared.runtime.written_settings import WrittenSettings
from components.shared.tables.repair_spec import final_name, Repair
from components.shared.tables.table_spec import TableSpec

Modality = Literal["image", "text", "tabular"]
PROBLEM_FILE = "the problem file"
TaskName = Literal["classification", "regression"]
SPLIT_NAMES = ("train", "validation", "test")
# Usual names of a label or text column, for problem files that name none.
LABEL_NAMES = ("label", "target", "class")
TEXT_NAMES = ("text", "document", "comment", "sentence", "review", "content")
ClassMetric = Literal["accuracy", "macro_f1", "macro_precision", "macro_recall", "roc_auc"]
OperatingMetric = Literal["recall", "precision"]  # of one of two classes, at the threshold that `target.at` asks for
ErrorMetric = Literal["rmse", "mae"]  # the lower the better, in the label's unit
TargetMetric = Literal[ClassMetric, OperatingMetric, ErrorMetric, "r2"]
CLASS_METRICS: tuple[TargetMetric, ...] = get_args(ClassMetric)
OPERATING_METRICS: tuple[TargetMetric, ...] = get_args(OperatingMetric)
ERROR_METRICS: tuple[TargetMetric, ...] = get_args(ErrorMetric)
NUMBER_METRICS: tuple[TargetMetric, ...] = (*ERROR_METRICS, "r2")
TARGET_METRICS: tuple[TargetMetric, ...] = (*CLASS_METRICS, *OPERATING_METRICS, *NUMBER_METRICS)
RateName = Literal["accuracy", "true_positive_rate", "false_positive_rate", "selection_rate"]
ErrorName = Literal["mean_error", "mean_absolute_error"]  # where the label is a number, in its unit
FairnessMetric = Literal[RateName, "equalized_odds", ErrorName]
RATES: tuple[RateName, ...] = get_args(RateName)
ERRORS: tuple[ErrorName, ...] = get_args(ErrorName)


@settings_model
class LabelSpec:
    """Where the label comes from: a column or an expression, with the version of its definition.

    `keep_older` trains also on rows whose label follows an older definition; no model is ever judged on them.
    """

    column: Name | None = None
    expression: str | None = None
    classes: Names = ()
    version: Annotated[int, Ge(1)] = 1
    keep_older: bool = False

    def __post_init__(self) -> None:
        if self.column is not None and self.expression is not None:
            raise ValueError("label must have a column or an expression, not both")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"label.classes must not repeat a class, got {list(self.classes)}")
        if self.expression is not None:
            # Here, not above: it needs pyarrow, which most who read a problem file do not.
            from components.shared.tables.label_expression import LabelExpression

            LabelExpression(self.expression)


@settings_model
class SplitSpec:
    """How examples are split: by fractions, or with a predefined test file beside the source.

    Attributes
    ----------
    salt
        Another text gives another split; the run's seed moves no example.
    by
        `time` trains on the past and tests on the newest.
    like
        An example table or a bundle, path or URI: what it knows keeps its split.
    """

    train: Share = 0.7
    validation: Share = 0.15
    test: Share = 0.15
    test_file: str | None = None
    salt: str = ""
    by: Literal["time"] | None = None
    like: str | None = None

    def __post_init__(self) -> None:
        for name in ("like", "test_file"):
            if self.by == "time" and getattr(self, name) is not None:
                raise ValueError(
                    f"split.by: time must stand without split.{name}, got both: the newest rows are the test split"
                )
        shares = (self.train, self.validation, self.test)
        if self.train == 0.0:
            raise ValueError(f"split.train must be above 0, got {self.train:g}")
        if self.test_file is None and abs(sum(shares) - 1.0) > 1e-6:
            raise ValueError(f"split fractions must add up to 1, got {shares} which add up to {sum(shares):g}")
        if self.test_file is not None and self.train + self.validation > 1.0 + 1e-6:
            raise ValueError(f"split train and validation must add up to at most 1, got {shares[:2]}")


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

    def check_task(self, *, is_regression: bool) -> None:
        """Raise `ValueError` if the metric is the other task's."""
        if self.metric is not None and (self.metric in ERRORS) != is_regression:
            kind, metrics = ("a number", ERRORS) if is_regression else ("a class", (*RATES, "equalized_odds"))
            raise ValueError(
                f"fairness.metric must be one of {', '.join(metrics)} where the label is {kind}, got {self.metric!r}"
            )


@settings_model
class BudgetSpec:
    """What a training may cost before it is started: the smoke test holds its forecast against it.

    Attributes
    ----------
    max_hours
        Hours that one training may take.
    max_gpu_hours, max_money
        GPU-hours and cost, in the currency of the price, of all candidates together.
    price_per_gpu_hour
        What one GPU costs an hour; on CPU nodes, what the node costs.
    candidates
        How many trainings the forecast stands for: a search with five candidates costs five times one.
    """

    max_hours: PositiveNumber | None = None
    max_gpu_hours: PositiveNumber | None = None
    max_money: PositiveNumber | None = None
    price_per_gpu_hour: PositiveNumber | None = None
    candidates: Annotated[int, Ge(1)] = 1

    def __post_init__(self) -> None:
        if self.max_money is not None and self.price_per_gpu_hour is None:
            raise ValueError("budget.max_money must come with budget.price_per_gpu_hour, got none")


@settings_model
class Problem:
    """A team's description of its problem; every key is optional where it can be inferred.

    Attributes
    ----------
    task
        `classification`, or `regression`: the label is a number, in tables only.
    preparation
        What the data do not decide about preparing examples: normalization, augmentation, fourier and so on, as
        `components.modeling.preparation_settings` reads them.
    training
        What differs from the recipe: learning_rate, max_epochs and so on, as the training family reads them.
    text
        The column that holds the text, for `text`.
    image
        The column that holds photos, for a table of photos: paths, URIs, or encoded images.
    features
        Feature columns, for `tabular`; empty means every column without another role.
    id, time, group
        Columns: identifier, event time, and the unit that must not be in two splits (a patient, a shop).
    slices
        Columns to slice by; and slices that are pinned by a condition over columns and traits of the examples.
    sensitive, ignore
        Columns to check fairness on, and to leave out.
    pii
        Columns of personal data: hashed and counted, never shown; `{column: keep}` leaves one as it is everywhere.
    repairs
        What is done to a table's columns as they are read, one after the other; all other keys name columns as they are
        afterwards.
    """

    modality: Modality | None = None
    task: TaskName | None = None
    label: LabelSpec = field(default_factory=LabelSpec)
    text: Name | None = None
    image: Name | None = None
    features: Names = ()
    id: Name | None = None
    time: Name | None = None
    group: Name | None = None
    slices: Slices = field(default_factory=SliceColumns)
    sensitive: Names = ()
    pii: PersonalColumns = field(default_factory=HashedColumns)
    ignore: Names = ()
    table: TableSpec = field(default_factory=TableSpec)
    repairs: tuple[Repair, ...] = ()
    split: SplitSpec = field(default_factory=SplitSpec)
    target: TargetSpec = field(default_factory=TargetSpec)
    fairness: FairnessSpec = field(default_factory=FairnessSpec)
    preparation: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    budget: BudgetSpec = field(default_factory=BudgetSpec)
    language_bias: LanguageBiasSettings = field(default_factory=LanguageBiasSettings)
    cluster: ClusterSpec = field(default_factory=ClusterSpec)

    def __post_init__(self) -> None:
        self._check_mapped_values()
        if self.split.by == "time" and self.time is None:
            raise ValueError("split.by: time needs a column of times, but the problem file names none: set time")
        if self.task is not None:
            self.target.for_task(is_regression=self.task == "regression")
        if self.asked_task is not None:
            self.fairness.check_task(is_regression=self.asked_task == "regression")
        if self.fairness.has_limit and not self.sensitive:
            raise ValueError("fairness must come with columns whose groups are compared, but sensitive names none")
        if self.asked_task == "regression" and self.modality in ("image", "text"):
            raise ValueError(
                f"task must be classification for {self.modality} examples, which take classes, got regression"
            )
        if self.asked_task == "regression" and self.label.classes:
            raise ValueError(
                f"label.classes must be absent where the task is regression, got {', '.join(self.label.classes)}"
            )

    def _check_mapped_values(self) -> None:
        """Personal data are not listed: whoever has the model's bundle can read its repairs."""
        if not any(repair.map for repair in self.repairs):
            return
        # Here, not above: it needs numpy, which most who read a problem file do not.
        from components.shared.runtime.redaction import masked_strings

        for number, repair in enumerate(self.repairs):
            column = final_name(repair.column, self.repairs[number + 1 :])
            texts = [*repair.map, *repair.map.values()]
            if texts and (column in self.pii or (column not in self.pii_keep and masked_strings(texts) != texts)):
                raise ValueError(
                    "repairs must not map personal data, which the model's bundle would list, but map those of column "
                    f"{column!r}"
                )

    @property
    def asked_task(self) -> TaskName | None:
        """The task that the file asks for, by `task` or a target that only a number has; None where it does not say."""
        return "regression" if self.task is None and self.target.metric in NUMBER_METRICS else self.task

    @property
    def pii_keep(self) -> tuple[str, ...]:
        """Columns of personal data whose values stay as they are everywhere."""
        return self.pii.kept

    def named_columns(self) -> tuple[str, ...]:
        """Every column that the problem file names, once, in the order of its keys."""
        single = (self.label.column, self.text, self.image, self.id, self.time, self.group)
        several = (self.features, self.slices, self.sensitive, self.pii, self.pii_keep, self.ignore)
        names = [name for name in single if name is not None] + [name for group in several for name in group]
        return tuple(dict.fromkeys(names))

    def to_dict(self) -> dict[str, Any]:
        """The problem as plain JSON values, every key present."""
        return {**asdict(self), "pii": self.pii.written(), "slices": self.slices.written()}


def parse_problem(text: str, *, where: str = PROBLEM_FILE) -> Problem:
    """Read a problem from YAML or JSON; an empty text means that everything is inferred.

    Parameters
    ----------
    where
        The file's name, for errors.

    Raises
    ------
    ContractError
        If the text is no settings, or a key or value is unknown; the message names file, line and key.
    """
    return problem_from(written_settings(text, where=where))


def problem_from(written: WrittenSettings) -> Problem:
    """A problem from what was written, for a step that then reads its sections; see `parse_problem`."""
    return settings_from(Problem, written)


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


def parse_fairness(text: str) -> FairnessSpec:
    """Read the fairness section of a problem file from JSON such as `{"metric": "selection_rate", "min_ratio": 0.8}`.

    An empty text gives the default: groups are compared, and nothing is refused.

    Raises
    ------
    ContractError
        If it is no mapping, or a key or value is unknown.
    """
    return parse_settings(FairnessSpec, text, where="the fairness section", key="fairness")


def read_problem(path: str | Path) -> Problem:
    """Read a problem file; see `parse_problem`.

    Raises
    ------
    FileNotFoundError
        If there is no file at `path`.
    ContractError
        If the file is not a problem file.
    """
    return problem_from(read_written_settings(path, what=PROBLEM_FILE))
