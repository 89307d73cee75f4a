"""The problem file: the one file a user writes, checked key by key."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
import json
from pathlib import Path
import re
from typing import Any, get_args, Literal

import yaml

from components.shared.tables.table_spec import TableSpec

Modality = Literal["image", "text", "tabular"]
TaskName = Literal["classification", "regression"]
SPLIT_NAMES = ("train", "validation", "test")
# Usual names of a label or text column, for problem files that name none.
LABEL_NAMES = ("label", "target", "class")
TEXT_NAMES = ("text", "document", "comment", "sentence", "review", "content")
NamedRole = Literal["pii", "feature", "sensitive", "slice", "group", "time"]
CLASS_METRICS = ("accuracy", "macro_f1", "macro_precision", "macro_recall", "roc_auc")
ERROR_METRICS = ("rmse", "mae")  # the lower the better, in the label's unit
NUMBER_METRICS = (*ERROR_METRICS, "r2")
TARGET_METRICS = (*CLASS_METRICS, *NUMBER_METRICS)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelSpec:
    """Where the label comes from: a column or an expression, with the version of its definition."""

    column: str | None = None
    expression: str | None = None
    classes: tuple[str, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        if self.column is not None and self.expression is not None:
            raise ValueError("label must have a column or an expression, not both")
        if self.version < 1:
            raise ValueError(f"label.version must be at least 1, got {self.version}")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"label.classes must not repeat a class, got {list(self.classes)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitSpec:
    """How examples are split: by fractions, or with a predefined test file beside the source."""

    train: float = 0.7
    validation: float = 0.15
    test: float = 0.15
    test_file: str | None = None

    def __post_init__(self) -> None:
        shares = (self.train, self.validation, self.test)
        if any(not 0.0 <= share <= 1.0 for share in shares) or self.train == 0.0:
            raise ValueError(f"split fractions must lie in 0..1 with train above 0, got {shares}")
        if self.test_file is None and abs(sum(shares) - 1.0) > 1e-6:
            raise ValueError(f"split fractions must add up to 1, got {shares} which add up to {sum(shares):g}")
        if self.test_file is not None and self.train + self.validation > 1.0 + 1e-6:
            raise ValueError(f"split train and validation must add up to at most 1, got {shares[:2]}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetSpec:
    """What the model must reach on the test split before it may ship: a minimum, or of an error a maximum."""

    metric: str = "accuracy"
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        if self.metric not in TARGET_METRICS:
            raise ValueError(f"target.metric must be one of {', '.join(TARGET_METRICS)}, got {self.metric!r}")
        is_error = self.metric in ERROR_METRICS
        wrong, right = ("minimum", "maximum") if is_error else ("maximum", "minimum")
        if getattr(self, wrong) is not None:
            raise ValueError(f"target.{wrong} must be absent for {self.metric}, which takes a {right}; got {wrong}")
        if is_error and self.maximum is not None and not 0.0 <= self.maximum < float("inf"):
            raise ValueError(f"target.maximum must be 0 or more, in the label's unit, got {self.maximum}")
        if self.minimum is not None and not 0.0 <= self.minimum <= 1.0:
            raise ValueError(f"target.minimum must lie in 0..1, got {self.minimum}")

    def for_task(self, *, is_regression: bool) -> "TargetSpec":
        """The target for a label that is a class or a number; where nothing was asked of a number, its `rmse`.

        `ValueError` if the metric is the other task's.
        """
        if (self.metric in NUMBER_METRICS) == is_regression:
            return self
        if is_regression and self == TargetSpec():
            return TargetSpec(metric="rmse")
        kind, metrics = ("a number", NUMBER_METRICS) if is_regression else ("a class", CLASS_METRICS)
        raise ValueError(
            f"target.metric must be one of {', '.join(metrics)} where the label is {kind}, got {self.metric!r}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
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

    max_hours: float | None = None
    max_gpu_hours: float | None = None
    max_money: float | None = None
    price_per_gpu_hour: float | None = None
    candidates: int = 1

    def __post_init__(self) -> None:
        for name in ("max_hours", "max_gpu_hours", "max_money", "price_per_gpu_hour"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value < float("inf"):
                raise ValueError(f"budget.{name} must be above 0, got {value}")
        if self.candidates < 1:
            raise ValueError(f"budget.candidates must be at least 1, got {self.candidates}")
        if self.max_money is not None and self.price_per_gpu_hour is None:
            raise ValueError("budget.max_money must come with budget.price_per_gpu_hour, got none")


@dataclass(frozen=True, kw_only=True, slots=True)
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
    features
        Feature columns, for `tabular`; empty means every column without another role.
    id, time, group
        Columns: identifier, event time, and the unit that must not be in two splits (a patient, a shop).
    slices, sensitive, pii, ignore
        Columns to slice by, to check fairness on, to count but never show, and to leave out.
    """

    modality: Modality | None = None
    task: TaskName | None = None
    label: LabelSpec = field(default_factory=LabelSpec)
    text: str | None = None
    features: tuple[str, ...] = ()
    id: str | None = None
    time: str | None = None
    group: str | None = None
    slices: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    pii: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    table: TableSpec = field(default_factory=TableSpec)
    split: SplitSpec = field(default_factory=SplitSpec)
    target: TargetSpec = field(default_factory=TargetSpec)
    preparation: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    budget: BudgetSpec = field(default_factory=BudgetSpec)

    def __post_init__(self) -> None:
        if self.modality is not None and self.modality not in get_args(Modality):
            raise ValueError(f"modality must be image, text or tabular, got {self.modality!r}")
        if self.task not in (None, *get_args(TaskName)):
            raise ValueError(f"task must be classification or regression, got {self.task!r}")
        if self.task is not None:
            self.target.for_task(is_regression=self.task == "regression")
        if self.asked_task == "regression" and self.modality in ("image", "text"):
            raise ValueError(
                f"task must be classification for {self.modality} examples, which take classes, got regression"
            )
        if self.asked_task == "regression" and self.label.classes:
            raise ValueError(
                f"label.classes must be absent where the task is regression, got {', '.join(self.label.classes)}"
            )

    @property
    def asked_task(self) -> TaskName | None:
        """The task that the file asks for, by `task` or a target that only a number has; None where it does not say."""
        return "regression" if self.task is None and self.target.metric in NUMBER_METRICS else self.task

    def named_columns(self) -> tuple[str, ...]:
        """Every column that the problem file names, once, in the order of its keys."""
        single = (self.label.column, self.text, self.id, self.time, self.group)
        several = (self.features, self.slices, self.sensitive, self.pii, self.ignore)
        names = [name for name in single if name is not None] + [name for group in several for name in group]
        return tuple(dict.fromkeys(names))

    def role_of(self, column: str) -> NamedRole | None:
        """The role that the problem file gives a column, None where it gives none; personal data come first."""
        named: tuple[tuple[tuple[str | None, ...], NamedRole], ...] = (
            (self.pii, "pii"),
            (self.features, "feature"),
            (self.sensitive, "sensitive"),
            (self.slices, "slice"),
            ((self.group,), "group"),
            ((self.time,), "time"),
        )
        return next((role for columns, role in named if column in columns), None)

    def to_dict(self) -> dict[str, Any]:
        """The problem as plain JSON values, every key present."""
        return asdict(self)


def parse_problem(text: str, *, where: str = "the problem file") -> Problem:
    """Read a problem from YAML (or JSON, which YAML contains); an empty text means that everything is inferred.

    Parameters
    ----------
    where
        The file's name, for errors.

    Raises
    ------
    ValueError
        If the text is not a YAML mapping, or a key or value is unknown; the message names file and key.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{where} must be YAML: {_one_line(error)}") from error
    if content is None:
        return Problem()
    try:
        return _build(Problem, content, key="")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def parse_target(text: str) -> TargetSpec:
    """Read the target section of a problem file from JSON such as `{"metric": "accuracy", "minimum": 0.9}`.

    Where the label is a number it may be `{"metric": "rmse", "maximum": 3.5}`. An empty text gives the default,
    accuracy without a minimum.

    Raises
    ------
    ValueError
        If it is not a JSON object, or a key or value is unknown.
    """
    if not text.strip():
        return TargetSpec()
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"target must be JSON, got {text!r}: {error}") from error
    return parse_problem(json.dumps({"target": content}), where="the target").target


def read_problem(path: str | Path) -> Problem:
    """Read a problem file; see `parse_problem`.

    Raises
    ------
    FileNotFoundError
        If there is no file at `path`.
    ValueError
        If the file is not a problem file.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"the problem file must exist, but there is no file at {file}")
    try:
        return parse_problem(file.read_text(encoding="utf-8-sig"), where=str(file))
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} must be YAML in UTF-8: {error}") from error


_SECTIONS: dict[str, type] = {
    "label": LabelSpec,
    "table": TableSpec,
    "split": SplitSpec,
    "target": TargetSpec,
    "budget": BudgetSpec,
}


def _build(kind: type, content: Any, *, key: str) -> Any:
    if not isinstance(content, Mapping):
        raise ValueError(f"{key or 'the file'} must be a mapping of keys to values, got {content!r}")
    known = {item.name: _annotation(item.type) for item in fields(kind)}
    unknown = [name for name in content if name not in known]
    if unknown:
        raise ValueError(f"unknown key {_dotted(key, unknown[0])!r}; known keys are {', '.join(known)}")
    values = {
        name: _build(_SECTIONS[name], value, key=name)
        if not key and name in _SECTIONS
        else _checked(value, known[name], key=_dotted(key, name))
        for name, value in content.items()
        if value is not None
    }
    return kind(**values)


def _annotation(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def _dotted(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_names(value: Any) -> bool:
    # YAML reads a bare `yes` as true: taken as a name it would silently become "True".
    return isinstance(value, list) and all(isinstance(item, str) or _is_number(item) for item in value)


_CHECKS: tuple[tuple[str, str, Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    ("collections.abc.Mapping", "a mapping of keys to values", lambda value: isinstance(value, dict), dict),
    ("tuple[str", "a list of names (quote yes, no and dates)", _is_names, lambda value: tuple(map(str, value))),
    ("float", "a number", _is_number, float),
    ("int", "a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool), int),
    ("bool", "true or false", lambda value: isinstance(value, bool), bool),
    ("", "a word", lambda value: isinstance(value, str), str),
)


def _checked(value: Any, annotation: str, *, key: str) -> Any:
    for prefix, wanted, holds, convert in _CHECKS:
        if annotation.startswith(prefix):
            if not holds(value):
                raise ValueError(f"{key} must be {wanted}, got {value!r}")
            return convert(value)
    raise AssertionError("the last check matches every annotation")


def _one_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error))
