"""The cheap models of each modality, fitted to training rows, and what they answer of validation and test rows.

Tables: gradient-boosted trees and a linear model. Texts: TF-IDF with a linear model. Photos: frozen features with one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from components.model_analysis.baseline.labelled_rows import iter_rows, LabelledRows, read_rows
from components.modeling.cheap_models.fitting import (
    fitted_linear,
    fitted_trees,
    MAX_TREE_CLASSES,
    NothingToLearnError,
    Question,
)
from components.modeling.cheap_models.photo_reading import BATCH_PHOTOS, PhotoReading, SIDE_PX
from components.modeling.cheap_models.table_reading import honest_columns, TableReading
from components.modeling.cheap_models.text_reading import TextReading
from components.shared.contracts.example_table import ExampleTable

MAX_TREE_COLUMNS = 1000
# Weights of 1,280 scaled features of photos, and of 100,000 columns of TF-IDF, want another hand than a table's few.
_PHOTO_STRENGTH, _TEXT_STRENGTH = 0.01, 3.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Candidate:
    """A fitted cheap model: what it is, in words, and its answers on each sample of rows, (N, K) or (N,)."""

    name: str
    answers: Sequence[np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Candidates:
    """Fitted cheap models, the strongest first, and which rows of each sample they could read, shape (N,), bool."""

    models: Sequence[Candidate]
    readable: Sequence[np.ndarray]
    remarks: Sequence[str] = field(default_factory=tuple)


def fitted_candidates(
    examples: ExampleTable,
    columns: Sequence[str],
    question: Question,
    train: LabelledRows,
    samples: Sequence[LabelledRows],
    device: torch.device,
) -> Candidates:
    """Fit the cheap models of the table's modality.

    Parameters
    ----------
    columns
        Those that the model reads; personal data, identifiers and labels among them are not read.
    train
        What they are fitted to, of two classes or more, or two different numbers or more.
    samples
        What they answer.

    Raises
    ------
    NothingToLearnError
        If the training rows hold nothing to learn from: no column differs, or no text or photo can be read.
    """
    if examples.info.modality == "image":
        return _of_photos(examples, question, train, samples, device)
    if examples.info.modality == "text":
        return _of_texts(examples, question, train, samples)
    return _of_tables(examples, columns, question, train, samples)


def _of_tables(
    examples: ExampleTable,
    columns: Sequence[str],
    question: Question,
    train: LabelledRows,
    samples: Sequence[LabelledRows],
) -> Candidates:
    names = honest_columns(examples, columns)
    if not names:
        raise NothingToLearnError("no column that the model reads may tell a label")
    read = read_rows(examples, train, names)
    reading = TableReading(examples, read)
    fitted = reading.rows(read)
    asked = [reading.rows(read_rows(examples, sample, names)) for sample in samples]
    same = f"on the same {len(names):,} columns" if len(names) > 1 else "on the same column"
    models = []
    if question.num_classes <= MAX_TREE_CLASSES and len(names) <= MAX_TREE_COLUMNS:
        trees = fitted_trees(fitted.for_trees(), train.labels, question, num_categories=fitted.codes.shape[1])
        answers = [trees(rows.for_trees()) for rows in asked]
        models.append(Candidate(name=f"gradient-boosted trees {same}", answers=answers))
    line = fitted_linear(fitted.for_lines(), train.labels, question)
    kind = "ridge regression" if question.is_number else "logistic regression"
    models.append(Candidate(name=f"{kind} {same}", answers=[line(rows.for_lines()) for rows in asked]))
    unread = [name for name in columns if name not in names]
    remarks = [f"the cheap model does not read {', '.join(unread[:10])}: personal data, identifiers"] if unread else []
    return Candidates(models=models, readable=[np.ones(len(sample.rows), bool) for sample in samples], remarks=remarks)


def _of_texts(
    examples: ExampleTable, question: Question, train: LabelledRows, samples: Sequence[LabelledRows]
) -> Candidates:
    texts = read_rows(examples, train, ["text"])["text"]
    reading = TextReading(texts, num_classes=question.num_classes)
    line = fitted_linear(reading.rows(texts), train.labels, question, strength=_TEXT_STRENGTH)
    answers = [line(reading.rows(read_rows(examples, sample, ["text"])["text"])) for sample in samples]
    model = Candidate(name="logistic regression on TF-IDF of words and character n-grams", answers=answers)
    return Candidates(models=[model], readable=[np.ones(len(sample.rows), bool) for sample in samples])


def _of_photos(
    examples: ExampleTable,
    question: Question,
    train: LabelledRows,
    samples: Sequence[LabelledRows],
    device: torch.device,
) -> Candidates:
    reading = PhotoReading(device)
    read = [
        reading.rows(iter_rows(examples, sample, ["image"], batch_rows=BATCH_PHOTOS)) for sample in (train, *samples)
    ]
    features, kept = read[0]
    if len(np.unique(train.labels[kept])) < 2:
        raise NothingToLearnError("training photos of two classes or more must be readable, but they are not")
    mean, spread = features[kept].mean(axis=0), features[kept].std(axis=0) + 1e-6
    line = fitted_linear((features[kept] - mean) / spread, train.labels[kept], question, strength=_PHOTO_STRENGTH)
    answers = [line((rows - mean) / spread) for rows, _ in read[1:]]
    name = f"logistic regression on frozen ImageNet features of the photos at {SIDE_PX} px"
    return Candidates(models=[Candidate(name=name, answers=answers)], readable=[is_read for _, is_read in read[1:]])
