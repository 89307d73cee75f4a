"""The problem file: the one file a user writes, checked key by key."""

from collections.abc import Mapping
from dataclasses import asdict, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge

from components.shared.contracts.cluster_spec import ClusterSpec
from components.shared.contracts.deploy_spec import DeploySpec
from components.shared.contracts.fairness_spec import FairnessSpec
from components.shared.contracts.language_bias_settings import LanguageBiasSettings
from components.shared.contracts.pii_columns import HashedColumns, PersonalColumns
from components.shared.contracts.pinned_slices import SliceColumns, Slices
from components.shared.contracts.target_spec import NUMBER_METRICS, TargetSpec
from components.shared.runtime.settings import (
    Name,
    Names,
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
    deploy: DeploySpec | None = None

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
