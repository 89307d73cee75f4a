"""Made-up comments that an initial model labelled, with the truth kept aside, and twins whose labels are right.

Each class has words of its own in themes that occur together, so that a model of few labels knows some of them only and
errs in a systematic way; nothing of it is random flipping.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from components.modeling.cheap_models.fitting import fitted_linear, Question
from components.modeling.cheap_models.text_reading import TextReading
from components.shared.contracts.example_table import ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter

# The last third is kept out of the tuning.
TUNED_SEEDS, HELD_OUT_SEEDS = range(6), range(100, 103)
NUM_PEOPLE, NUM_VALIDATION, NUM_TEST, NUM_BY_MODEL = 80, 60, 80, 500
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu")
_NUM_THEMES, _THEME_WORDS, _NEUTRAL_WORDS = 4, 10, 60

# Who wrote the labels that no person gave: the initial model, or somebody who is always right (the healthy twin).
Writer = Literal["initial model", "truth"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scene:
    """N comments with stored labels; rows of people's training labels, validation, test and the labelled ones follow.

    `probabilities`, shape (N, K), are the current model's, trained on all labels of the training split;
    `initial`, shape (N, K), the initial model's; `truth` and `labels`, shape (N,).
    """

    class_names: tuple[str, ...]
    texts: list[str]
    splits: list[str]
    sources: list[str]
    truth: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    initial: np.ndarray

    @property
    def by_model(self) -> np.ndarray:
        """Whether a model wrote the label, shape (N,), bool."""
        return np.array([source == "model" for source in self.sources])

    @property
    def wrong(self) -> np.ndarray:
        """Whether the stored label is wrong, shape (N,), bool."""
        return self.labels != self.truth

    def example_id(self, row: int) -> str:
        """Of a row."""
        return f"{self.splits[row]}-{row}"


def planted_scene(
    seed: int,
    *,
    num_classes: int = 2,
    writer: Writer = "initial model",
    flipped: float = 0.0,
    num_people: int = NUM_PEOPLE,
) -> Scene:
    """A scene; `flipped` is the share of people's training labels that are wrong."""
    rng = np.random.default_rng(seed)
    splits = ["train"] * num_people + ["validation"] * NUM_VALIDATION + ["test"] * NUM_TEST + ["train"] * NUM_BY_MODEL
    sources = ["person"] * (num_people + NUM_VALIDATION + NUM_TEST) + ["model"] * NUM_BY_MODEL
    truth = rng.integers(0, num_classes, len(splits))
    texts = _texts(rng, truth, num_classes)
    by_model = np.array([source == "model" for source in sources])
    people = np.arange(len(splits)) < num_people
    labels = truth.copy()
    wrong = rng.choice(num_people, round(flipped * num_people), replace=False)
    labels[wrong] = (labels[wrong] + 1) % num_classes
    initial = _answers(texts, labels, people, num_classes)
    if writer == "initial model":
        labels = np.where(by_model, initial.argmax(axis=1), labels)
    return Scene(
        class_names=tuple(f"class{number}" for number in range(num_classes)),
        texts=texts,
        splits=splits,
        sources=sources,
        truth=truth,
        labels=labels,
        probabilities=_answers(texts, labels, people | by_model, num_classes),
        initial=initial,
    )


def write_scene(scene: Scene, folder: Path) -> None:
    """The scene as `examples`, `predictions` of the current model and `initial` of the initial one, in a folder."""
    kinds = {"label_model": pa.string(), "label_probability": pa.float64(), "label_round": pa.int32()}
    info = ExampleTableInfo(
        modality="text", class_names=scene.class_names, column_roles=dict.fromkeys(kinds, "provenance")
    )
    by_model = scene.by_model.tolist()
    given = scene.initial[np.arange(len(scene.labels)), scene.labels].tolist()
    columns = {
        "example_id": [scene.example_id(row) for row in range(len(scene.texts))],
        "split": scene.splits,
        "label": [scene.class_names[label] for label in scene.labels.tolist()],
        "label_source": scene.sources,
        "text": scene.texts,
        "label_model": ["v1" if is_model else None for is_model in by_model],
        "label_probability": [value if is_model else None for value, is_model in zip(given, by_model, strict=True)],
        "label_round": [1 if is_model else None for is_model in by_model],
    }
    with ExampleTableWriter(folder / "examples", info, extra_columns=kinds) as writer:
        arrays = [pa.array(values, kinds.get(name, pa.string())) for name, values in columns.items()]
        writer.write(pa.RecordBatch.from_arrays(arrays, list(columns)))
    write_predictions(folder / "predictions", scene, scene.probabilities)
    write_predictions(folder / "initial", scene, scene.initial)


def write_predictions(path: Path, scene: Scene, probabilities: np.ndarray) -> None:
    """Answers of a model to all comments of a scene, without embeddings."""
    with PredictionsWriter(path, class_names=scene.class_names, extra_columns={"label_source": pa.string()}) as writer:
        writer.write(
            example_ids=[scene.example_id(row) for row in range(len(scene.texts))],
            splits=scene.splits,
            labels=[scene.class_names[label] for label in scene.labels.tolist()],
            probabilities=probabilities,
            embeddings=np.zeros((len(scene.texts), 0), np.float32),
            extra={"label_source": pa.array(scene.sources)},
        )


def _texts(rng: np.random.Generator, truth: np.ndarray, num_classes: int) -> list[str]:
    """Four to eight words each: some of a theme of the class, some of another class, most of none."""
    num_words = num_classes * _NUM_THEMES * _THEME_WORDS + _NEUTRAL_WORDS
    words = np.array(["".join(rng.choice(_SYLLABLES, 4)) for _ in range(num_words)])
    themes = words[_NEUTRAL_WORDS:].reshape(num_classes, _NUM_THEMES, _THEME_WORDS)
    texts = []
    for kind in truth.tolist():
        theme = themes[kind, rng.integers(_NUM_THEMES)]
        other = themes[(kind + rng.integers(1, num_classes)) % num_classes, rng.integers(_NUM_THEMES)]
        chosen = [*rng.choice(theme, rng.integers(2, 4)), *rng.choice(other, rng.integers(0, 2))]
        chosen += [*rng.choice(words[:_NEUTRAL_WORDS], rng.integers(2, 5))]
        texts.append(" ".join(rng.permutation(chosen)))
    return texts


def _answers(texts: list[str], labels: np.ndarray, taught: np.ndarray, num_classes: int) -> np.ndarray:
    """Probabilities of all comments, shape (N, K), by a linear model that the comments `taught` taught."""
    rows = np.flatnonzero(taught)
    reading = TextReading(pa.array([texts[row] for row in rows.tolist()]), num_classes=num_classes)
    question = Question(num_classes=num_classes, metric="accuracy")
    model = fitted_linear(reading.rows(pa.array([texts[row] for row in rows.tolist()])), labels[rows], question)
    return model(reading.rows(pa.array(texts)))
