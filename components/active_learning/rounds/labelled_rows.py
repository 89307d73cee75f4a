"""Labelled rows of an example table, read once as numbers that a cheap model learns from; the oracle's labels beside.

Texts and tables are read as their unlabelled pool would be: what needs no label, such as which words there are, is
taken from all training rows. Photos become frozen features.

Shapes: N training rows, M test rows, F features, D numbers an embedding, K classes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from sklearn.decomposition import TruncatedSVD
from threadpoolctl import threadpool_limits
import torch

from components.active_learning.selection.pool_rows import equal_contents
from components.modeling.cheap_models.fitting import (
    Fitted,
    fitted_linear,
    fitted_trees,
    Matrix,
    MAX_TREE_CLASSES,
    Question,
)
from components.modeling.cheap_models.photo_reading import BATCH_PHOTOS, PhotoReading
from components.modeling.cheap_models.table_reading import honest_columns, TableReading, TableRows
from components.modeling.cheap_models.text_reading import TextReading
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_origin import from_people

# Inverse strengths of the penalty, as of the cheap baseline.
_TEXT_STRENGTH, _PHOTO_STRENGTH, _TABLE_STRENGTH = 3.0, 0.01, 1.0
_TOLERANCE = 1e-5
_TEXT_MODEL = "logistic regression on TF-IDF of words and character n-grams"
_EMBEDDING_SIZE = 64
# (training, test) rows at most: frozen features of a photo take some 40 ms of a core.
MAX_ROWS = {"text": (20_000, 10_000), "tabular": (20_000, 10_000), "image": (2_000, 1_000)}

Fit = Callable[[Matrix, np.ndarray], Fitted]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelledRows:
    """What a simulation needs.

    Attributes
    ----------
    train, test
        Shapes (N, F) and (M, F).
    train_labels, test_labels
        Shapes (N,) and (M,), int: class indices.
    embeddings
        Shape (N, D), float32: where the training rows lie.
    content_ids
        Shape (N,), uint64, 0 where not known.
    fit
        Fits the cheap model of the modality to rows and their labels.
    model_name
        What that is, in words.
    """

    class_names: tuple[str, ...]
    train: Matrix
    train_labels: np.ndarray
    test: Matrix
    test_labels: np.ndarray
    embeddings: np.ndarray
    content_ids: np.ndarray
    fit: Fit
    model_name: str

    def __len__(self) -> int:
        return len(self.train_labels)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Part:
    """Rows of one split that people labelled: places in the split, ascending, labels, and content ids."""

    split: str
    rows: np.ndarray
    labels: np.ndarray
    content_ids: np.ndarray


def read_labelled_rows(
    examples: ExampleTable,
    *,
    device: torch.device | None = None,
    seed: int = 0,
    max_rows: tuple[int, int] | None = None,
) -> LabelledRows:
    """Read the labelled training rows, the oracle's pool, and the test rows.

    Parameters
    ----------
    examples
        A table whose label is a class.
    device
        Where frozen features of photos are computed; the processor where it is None.
    seed
        Of the sample that is drawn where there are more rows than are read.
    max_rows
        Training and test rows at most; None for those of the modality, `MAX_ROWS`.

    Raises
    ------
    ValueError
        If the label is a number, or people labelled fewer than two classes of training rows, or no test row.
    NothingToLearnError
        If the rows hold nothing to learn from.
    """
    info = examples.info
    if info.task == "regression":
        raise ValueError(f"the label must be a class to simulate labelling, but {examples.path} has numbers")
    most_train, most_test = max_rows or MAX_ROWS[info.modality]
    train, test = (_part(examples, split, most, seed) for split, most in (("train", most_train), ("test", most_test)))
    if len(np.unique(train.labels)) < 2 or not len(test.labels):
        raise ValueError(
            f"{examples.path} must hold training rows of two classes and test rows that people labelled, got "
            f"{len(train.labels)} training rows of {len(np.unique(train.labels))} classes and {len(test.labels)} "
            "test rows"
        )
    if info.modality == "image":
        return _photos(examples, train, test, device or torch.device("cpu"))
    return _texts(examples, train, test) if info.modality == "text" else _table(examples, train, test)


def _part(examples: ExampleTable, split: str, most: int, seed: int) -> _Part:
    table = examples.read(["label", "label_source", "content_id"], splits=[split])
    names = {name: place for place, name in enumerate(examples.info.class_names)}
    labels = np.array([names.get(label, -1) for label in table.column(0).to_pylist()], np.int64)
    rows = np.flatnonzero((labels >= 0) & from_people(table.column(1).to_pylist()))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    contents = table.column(2).to_pylist()
    found = np.array([contents[row] or 0 for row in rows.tolist()], np.uint64)
    return _Part(split=split, rows=rows, labels=labels[rows], content_ids=found)


def _texts(examples: ExampleTable, train: _Part, test: _Part) -> LabelledRows:
    texts = _columns(examples, train, ["text"])["text"]
    reading = TextReading(texts, num_classes=len(examples.info.class_names))
    rows = reading.rows(texts)
    return _read(
        examples, train, test, rows, reading.rows(_columns(examples, test, ["text"])["text"]),
        fit=_linear(examples, _TEXT_STRENGTH), model_name=_TEXT_MODEL,
    )  # fmt: skip


def _photos(examples: ExampleTable, train: _Part, test: _Part, device: torch.device) -> LabelledRows:
    reading = PhotoReading(device)
    found = [reading.rows(_batches(examples, part, ["image"], BATCH_PHOTOS)) for part in (train, test)]
    parts = [
        _Part(split=part.split, rows=part.rows[kept], labels=part.labels[kept], content_ids=part.content_ids[kept])
        for part, (_, kept) in zip((train, test), found, strict=True)
    ]
    features, others = (rows[kept] for rows, kept in found)
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    return _read(
        examples, parts[0], parts[1], (features - mean) / spread, (others - mean) / spread,
        fit=_linear(examples, _PHOTO_STRENGTH), model_name="logistic regression on frozen ImageNet features",
    )  # fmt: skip


def _table(examples: ExampleTable, train: _Part, test: _Part) -> LabelledRows:
    names = honest_columns(examples, examples.info.columns_of("feature"))
    columns = _columns(examples, train, names)
    reading = TableReading(examples, columns)
    rows, others = reading.rows(columns), reading.rows(_columns(examples, test, names))
    if _trees_are_better(rows, train.labels, len(examples.info.class_names)):
        num_categories = rows.codes.shape[1]

        def fit(chosen: Matrix, labels: np.ndarray) -> Fitted:
            return fitted_trees(np.asarray(chosen), labels, _question(examples), num_categories=num_categories)

        return _read(
            examples, train, test, rows.for_trees(), others.for_trees(),
            fit=fit, model_name="gradient-boosted trees", space=rows.for_lines(),
        )  # fmt: skip
    return _read(
        examples, train, test, rows.for_lines(), others.for_lines(),
        fit=_linear(examples, _TABLE_STRENGTH), model_name="logistic regression",
    )  # fmt: skip


def _read(
    examples: ExampleTable,
    train: _Part,
    test: _Part,
    rows: Matrix,
    others: Matrix,
    *,
    fit: Fit,
    model_name: str,
    space: Matrix | None = None,
) -> LabelledRows:
    embeddings = _embedded(rows if space is None else space)
    return LabelledRows(
        class_names=examples.info.class_names,
        train=rows,
        train_labels=train.labels,
        test=others,
        test_labels=test.labels,
        embeddings=embeddings,
        content_ids=equal_contents(embeddings, train.content_ids),
        fit=fit,
        model_name=model_name,
    )


def _linear(examples: ExampleTable, strength: float) -> Fit:
    question = _question(examples)
    return lambda rows, labels: fitted_linear(rows, labels, question, strength=strength, tolerance=_TOLERANCE)


def _question(examples: ExampleTable) -> Question:
    return Question(num_classes=len(examples.info.class_names), metric="accuracy")


def _trees_are_better(rows: TableRows, labels: np.ndarray, num_classes: int) -> bool:
    """Which of the two models learns more of up to 1,000 rows, judged by as many others: random for every strategy."""
    question = Question(num_classes=num_classes, metric="accuracy")
    drawn = np.random.default_rng(0).permutation(len(labels))[:2000]
    half, rest = drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]
    if num_classes > MAX_TREE_CLASSES or len(np.unique(labels[half])) < 2:
        return False
    trees, lines = rows.for_trees(), rows.for_lines()
    tree = fitted_trees(trees[half], labels[half], question, num_categories=rows.codes.shape[1])
    line = fitted_linear(lines[half], labels[half], question, strength=_TABLE_STRENGTH, tolerance=_TOLERANCE)
    right = [(answers.argmax(axis=1) == labels[rest]).mean() for answers in (tree(trees[rest]), line(lines[rest]))]
    return bool(right[0] > right[1])


def _embedded(rows: Matrix) -> np.ndarray:
    """Where rows lie, on at most 64 main axes: shape (N, D), float32."""
    if rows.shape[1] <= _EMBEDDING_SIZE:
        return np.asarray(rows.todense() if hasattr(rows, "todense") else rows, np.float32)
    size = min(_EMBEDDING_SIZE, min(rows.shape) - 1)
    with threadpool_limits(limits=1):
        found = TruncatedSVD(size, n_iter=2, random_state=0).fit_transform(rows)
    return np.asarray(found, np.float32)


def _batches(examples: ExampleTable, part: _Part, columns: Sequence[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Columns of a part's rows, streamed."""
    start = 0
    for batch in examples.iter_batches(list(columns), splits=[part.split], batch_rows=batch_rows):
        first, last = np.searchsorted(part.rows, (start, start + batch.num_rows))
        if last > first:
            yield batch.take(pa.array(part.rows[first:last] - start))
        start += batch.num_rows


def _columns(examples: ExampleTable, part: _Part, columns: Sequence[str]) -> dict[str, pa.Array]:
    table = pa.Table.from_batches(list(_batches(examples, part, columns, 16_384)))
    return {name: table.column(name).combine_chunks() for name in columns}
