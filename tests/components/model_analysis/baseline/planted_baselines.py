"""Planted models beside what a cheap model can learn of the same rows, each with a twin that is truly better.

Every case is a small example table with made-up answers of the model. `write(case, weak=True)` plants a model that is
worse than, or equal to, what simple models reach; its twin is better by more than chance. What must be said of each was
written down before the code that says it. A third was kept out (`held_out`); of those "nothing to learn" brought
always the same answer beside the cheap model, and "better in few groups" the exact test; the latter's rows were mended
afterwards, for a cheap model fell short of the weak one by a point everywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import io
from pathlib import Path

import numpy as np
from PIL import Image
import pyarrow as pa
from sklearn.datasets import load_digits

from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter
from components.shared.contracts.target_spec import TargetSpec

_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Planted:
    """N examples and what a model answers of them.

    `labels` are class indices or numbers, `answers` class indices, scores of class 1 (0 to 1) or numbers, shape (N,)
    each. `columns` are the payload and others, `roles` those of the columns that are no features. `split_ends` are the
    ends of the training and the validation rows; the rest are test rows.
    """

    modality: str
    columns: Mapping[str, pa.Array]
    labels: np.ndarray
    answers: np.ndarray
    target: TargetSpec = field(default_factory=TargetSpec)
    roles: Mapping[str, str] = field(default_factory=dict)
    given_labels: np.ndarray | None = None  # where they differ from the true ones
    sources: list[str] | None = None
    split_ends: tuple[int, int] = (1200, 1500)

    @property
    def is_regression(self) -> bool:
        """Whether the label is a number."""
        return self.target.metric in ("rmse", "mae", "r2")

    @property
    def read_columns(self) -> tuple[str, ...]:
        """The columns that the model reads."""
        return tuple(name for name in self.columns if name not in self.roles)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """`make(True)` is a model that is no better than a cheap one, `make(False)` its healthy twin."""

    name: str
    make: Callable[[bool], Planted]
    held_out: bool = False


def write(planted: Planted, folder: Path) -> tuple[Path, Path]:
    """Write the example table and the predictions table of its validation and test rows."""
    num_rows, (train, validation) = len(planted.labels), planted.split_ends
    splits = ["train"] * train + ["validation"] * (validation - train) + ["test"] * (num_rows - validation)
    names = () if planted.is_regression else tuple(f"class {k}" for k in range(int(planted.labels.max()) + 1))
    shown = planted.labels if planted.given_labels is None else planted.given_labels
    labels = shown.astype(float).tolist() if planted.is_regression else [names[index] for index in shown.tolist()]
    ids = [f"row-{number}" for number in range(num_rows)]
    _write_examples(planted, folder / "examples", ids, splits, labels, names)
    rows = slice(train, num_rows)
    with PredictionsWriter(
        folder / "predictions", class_names=names, extra_columns={}, is_regression=planted.is_regression
    ) as writer:
        writer.write(
            example_ids=ids[rows],
            splits=splits[rows],
            labels=labels[rows],
            probabilities=_probabilities(planted, len(names))[rows],
            numbers=planted.answers[rows].astype(float) if planted.is_regression else None,
            embeddings=np.zeros((num_rows - train, 0), np.float32),
            extra={},
        )
    return folder / "examples", folder / "predictions"


def _write_examples(planted: Planted, path: Path, ids: list, splits: list, labels: list, names: tuple) -> None:
    payload = {"image": ("image",), "text": ("text",)}.get(planted.modality, ())
    roles = {name: planted.roles.get(name, "feature") for name in planted.columns if name not in payload}
    info = ExampleTableInfo(
        modality=planted.modality,
        class_names=names,
        column_roles=roles,
        task="regression" if planted.is_regression else "classification",
    )
    columns = {
        "example_id": pa.array(ids),
        "split": pa.array(splits),
        "label": pa.array(labels),
        **planted.columns,
        **({} if planted.sources is None else {"label_source": pa.array(planted.sources)}),
    }
    extra = {name: column.type for name, column in planted.columns.items() if name not in payload}
    with ExampleTableWriter(path, info, extra_columns=extra) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))


def _probabilities(planted: Planted, num_classes: int) -> np.ndarray:
    if planted.is_regression:
        return np.zeros((len(planted.labels), 0), np.float32)
    if planted.answers.dtype.kind == "f":
        return np.column_stack([1 - planted.answers, planted.answers])
    return np.eye(num_classes)[planted.answers]


def right_in(labels: np.ndarray, share: float, rng: np.random.Generator, num_classes: int = 2) -> np.ndarray:
    """Class indices that are right in a share of the rows."""
    return np.where(rng.random(len(labels)) < share, labels, (labels + 1) % num_classes)


def flipped(labels: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Labels of two classes with a share of them turned."""
    return np.where(rng.random(len(labels)) < share, 1 - labels, labels)


def _numbers(values: np.ndarray) -> dict[str, pa.Array]:
    return {f"x{number}": pa.array(column) for number, column in enumerate(values.T)}


def _interaction(weak: bool) -> Planted:
    """Two columns tell only together: trees find it (about 88 % right), a linear model does not."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2500, 4))
    labels = flipped(((values[:, 0] > 0) ^ (values[:, 1] > 0)).astype(int), 0.1, rng)
    answers = right_in(labels, 0.75 if weak else 0.97, rng)
    return Planted(modality="tabular", columns=_numbers(values), labels=labels, answers=answers)


def _linear(weak: bool) -> Planted:
    """A sum of many small effects; the weak model gives the very best answer that these columns allow, and no more."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(2500, 12))
    logits = values @ np.full(12, 0.5)
    labels = (rng.random(2500) < 1 / (1 + np.exp(-logits))).astype(int)
    answers = (logits > 0).astype(int) if weak else right_in(labels, 0.88, rng)
    return Planted(modality="tabular", columns=_numbers(values), labels=labels, answers=answers)


def _categories(weak: bool) -> Planted:
    """What tells are texts, with gaps: 30 shops of which half are good, and a day that is missing in a fifth."""
    rng = np.random.default_rng(2)
    shops = rng.integers(0, 30, 2500)
    labels = flipped(shops % 2, 0.12, rng)
    days = [None if missing else "mon" for missing in rng.random(2500) < 0.2]
    columns = {"shop": pa.array([f"shop {number}" for number in shops]), "day": pa.array(days, pa.string())}
    answers = right_in(labels, 0.8 if weak else 0.96, rng)
    return Planted(modality="tabular", columns=columns, labels=labels, answers=answers)


def _rare_class(weak: bool) -> Planted:
    """Macro F1 of a class of 8 %: always answering the other is right in 92 %."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(3500, 3))
    labels = flipped((values[:, 0] > 1.6).astype(int), 0.02, rng)
    answers = np.zeros(3500, int) if weak else right_in(labels, 0.998, rng)
    return Planted(
        modality="tabular",
        columns=_numbers(values),
        labels=labels,
        answers=answers,
        target=TargetSpec(metric="macro_f1"),
        split_ends=(1500, 2000),
    )


def _root_mean_square(weak: bool) -> Planted:
    """Numbers: a line with noise of 1; the weak model knows the line, its twin half of the noise too."""
    rng = np.random.default_rng(4)
    values, noise = rng.normal(size=(2500, 5)), rng.normal(size=2500)
    line = 50 + values @ np.array([3.0, -2.0, 1.0, 0.5, 0.0])
    answers = line + (rng.normal(0, 0.2, 2500) if weak else 0.5 * noise)
    target = TargetSpec(metric="rmse")
    return Planted(modality="tabular", columns=_numbers(values), labels=line + noise, answers=answers, target=target)


def _comments(weak: bool) -> Planted:
    """Korean comments that one word decides, of which 15 % are labelled otherwise."""
    rng = np.random.default_rng(5)
    kinds = rng.integers(0, 2, 2500)
    labels = flipped(kinds, 0.15, rng)
    answers = kinds if weak else right_in(labels, 0.95, rng)
    return Planted(modality="text", columns={"text": pa.array(_texts(kinds, rng))}, labels=labels, answers=answers)


def _texts(kinds: np.ndarray, rng: np.random.Generator) -> list[str]:
    heads, tails = ["영화", "배우", "이야기", "음악", "장면"], (["지루해요", "별로네요"], ["최고예요", "재밌어요"])
    return [" ".join([*rng.choice(heads, 3), str(rng.choice(tails[kind]))]) for kind in kinds]


def _personal(weak: bool) -> Planted:
    """A column of personal data and an identifier give the label away, and no model reads either of them."""
    rng = np.random.default_rng(6)
    values = rng.normal(size=(2500, 3))
    labels = flipped((values[:, 0] > 0).astype(int), 0.25, rng)
    columns = {**_numbers(values), "phone": pa.array(labels * 1.0), "key": pa.array(labels)}
    answers = right_in(labels, 0.7 if weak else 0.88, rng)
    roles = {"phone": "pii", "key": "id"}
    return Planted(modality="tabular", columns=columns, labels=labels, answers=answers, roles=roles)


def _machine_labels(weak: bool) -> Planted:
    """Four of five training labels come from a model and are wrong: only people's 240 teach."""
    rng = np.random.default_rng(7)
    values = rng.normal(size=(2500, 2))
    labels = flipped((values[:, 0] > 0).astype(int), 0.1, rng)
    by_machine = (np.arange(2500) < 1200) & (np.arange(2500) % 5 > 0)
    return Planted(
        modality="tabular",
        columns=_numbers(values),
        labels=labels,
        given_labels=np.where(by_machine, 1 - labels, labels),
        sources=["model" if machine else "person" for machine in by_machine],
        answers=right_in(labels, 0.8 if weak else 0.97, rng),
    )


def _photos(weak: bool) -> Planted:
    """Small photos of stripes that stand or lie, one in eight labelled otherwise."""
    rng = np.random.default_rng(8)
    kinds = rng.integers(0, 2, 300)
    labels = flipped(kinds, 0.12, rng)
    images = pa.array([_stripes(kind, rng) for kind in kinds], pa.binary())
    answers = right_in(labels, 0.7 if weak else 0.98, rng)
    return Planted(modality="image", columns={"image": images}, labels=labels, answers=answers, split_ends=(140, 150))


def _stripes(kind: int, rng: np.random.Generator) -> bytes:
    waves = np.sin(np.arange(48) / rng.uniform(1.5, 4.0) + rng.uniform(0, 6))
    grey = np.tile(waves, (48, 1)) if kind else np.tile(waves, (48, 1)).T
    pixels = np.clip(128 + 70 * grey[..., None] + rng.normal(0, 15, (48, 48, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def _few_groups(weak: bool) -> Planted:
    """Better in the rows of two shops of twenty alone is no more than chance; all over, it is.

    One category tells all that can be known, so that a cheap model answers as the weak one does everywhere else.
    """
    rng = np.random.default_rng(9)
    kinds = rng.integers(0, 2, 3000)
    labels = flipped(kinds, 0.15, rng)
    shop = rng.integers(0, 20, 3000)
    rescued = np.isin(shop, (3, 11)) if weak else rng.random(3000) < 0.5
    columns = {
        "kind": pa.array([f"k{kind}" for kind in kinds]),
        "shop": pa.array([f"s{number}" for number in shop]),
    }
    return Planted(
        modality="tabular",
        columns=columns,
        labels=labels,
        answers=np.where(rescued, labels, kinds),
        roles={"shop": "group"},
    )


def _digits(weak: bool) -> Planted:
    """Real digits of ten classes as 64 columns, where cheap models are right in about 96 %."""
    rng = np.random.default_rng(10)
    digits = load_digits()
    order = rng.permutation(len(digits.target))
    labels = digits.target[order]
    answers = right_in(labels, 0.93 if weak else 0.999, rng, 10)
    columns = _numbers(digits.data[order])
    return Planted(modality="tabular", columns=columns, labels=labels, answers=answers, split_ends=(800, 1000))


def _order(weak: bool) -> Planted:
    """ROC AUC: both answer 0.5 alike, the weak model's scores say little of the order."""
    rng = np.random.default_rng(11)
    values = rng.normal(size=(2500, 3))
    logits = 1.5 * values[:, 0]
    labels = (rng.random(2500) < 1 / (1 + np.exp(-logits))).astype(int)
    inside = rng.random(2500) * 0.49
    weakly = np.where(logits > 0, 0.51 + inside, inside)
    surely = 1 / (1 + np.exp(-(logits + 2.0 * (labels - 0.5))))
    target = TargetSpec(metric="roc_auc")
    answers = weakly if weak else surely
    return Planted(modality="tabular", columns=_numbers(values), labels=labels, answers=answers, target=target)


def _mean_absolute(weak: bool) -> Planted:
    """MAE of counts with a step, which only trees find, and a few huge values."""
    rng = np.random.default_rng(12)
    values = rng.normal(size=(2500, 4))
    noise = rng.standard_t(3, 2500)
    labels = np.where(values[:, 0] > 0.3, 10.0, 2.0) * np.where(values[:, 1] > 0, 1.5, 1.0) + noise
    line = 6.5 + 4 * values[:, 0]
    answers = line if weak else labels - 0.3 * noise
    target = TargetSpec(metric="mae")
    return Planted(modality="tabular", columns=_numbers(values), labels=labels, answers=answers, target=target)


def _noise(weak: bool) -> Planted:
    """Nothing tells: the cheap models learn nothing either, and a model that answers one class is no better."""
    rng = np.random.default_rng(13)
    labels = (rng.random(2500) < 0.3).astype(int)
    columns = {"text": pa.array(_texts(rng.integers(0, 2, 2500), rng))}
    answers = np.zeros(2500, int) if weak else right_in(labels, 0.8, rng)
    return Planted(modality="text", columns=columns, labels=labels, answers=answers)


CASES = (
    Case(name="what trees find", make=_interaction),
    Case(name="what a line finds", make=_linear),
    Case(name="categories with gaps", make=_categories),
    Case(name="a rare class", make=_rare_class),
    Case(name="numbers", make=_root_mean_square),
    Case(name="comments", make=_comments),
    Case(name="personal data would give the label away", make=_personal),
    Case(name="machines labelled the training rows", make=_machine_labels),
    Case(name="photos", make=_photos),
    Case(name="better in few groups", make=_few_groups, held_out=True),
    Case(name="ten classes of digits", make=_digits, held_out=True),
    Case(name="the order of scores", make=_order, held_out=True),
    Case(name="a step with huge values", make=_mean_absolute, held_out=True),
    Case(name="nothing to learn", make=_noise, held_out=True),
)
