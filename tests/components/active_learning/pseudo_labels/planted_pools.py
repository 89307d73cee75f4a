"""The corpus: pools of which it is known whether labels by a model help, and twins where they do not.

Clusters of one class each, where few labels are enough (`blobs`, `three_blobs`, and kept out `four_blobs`); the same
with few of one class (`rare_blobs`); classes that overlap in noise, where nothing is gained (`overlap`); clusters that
have nothing to do with the classes (`topics`, and kept out `wide_topics` and `rare_topics`). With `is_stale` the model
is sure and wrong about one side of a direction that it never learnt, as a model of an older definition is. Kinds and
seeds that are kept out were looked at once, at the end.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

KINDS = ("blobs", "three_blobs", "rare_blobs", "overlap", "topics")
HELD_OUT_KINDS = ("four_blobs", "wide_topics", "rare_topics")
HELD_OUT_SEED = 100
NUM_POOL, NUM_TEST = 1_000, 2_000


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PlantedPool:
    """Training rows with given labels, validation rows, a pool, and test rows that nobody sees; features (N, D).

    `labels` may be flipped, `validation_truth` and `test_truth` are not; the model's answers are `validation_answers`
    and `pool_answers`, (N, K).
    """

    train: np.ndarray
    labels: np.ndarray
    validation: np.ndarray
    validation_truth: np.ndarray
    pool: np.ndarray
    pool_truth: np.ndarray
    test: np.ndarray
    test_truth: np.ndarray
    validation_answers: np.ndarray
    pool_answers: np.ndarray

    @property
    def num_classes(self) -> int:
        """How many classes there are, K."""
        return self.pool_answers.shape[1]


def planted(
    kind: str, seed: int, *, num_train: int = 20, num_validation: int = 10, flipped: float = 0.0, is_stale: bool = False
) -> PlantedPool:
    """One pool; a share `flipped` of the training labels is another class."""
    rng = np.random.default_rng(seed)
    rows, truth = _rows(kind, num_train + num_validation + NUM_POOL + NUM_TEST, rng)
    # A person labels one of each class first.
    firsts = np.unique(truth, return_index=True)[1]
    order = np.concatenate([firsts, np.delete(np.arange(len(truth)), firsts)])
    rows, truth = rows[order], truth[order]
    ends = np.cumsum([num_train, num_validation, NUM_POOL])
    (train, validation, pool, test), (labels, *truths) = np.split(rows, ends), np.split(truth, ends)
    num_classes, labels = int(truth.max()) + 1, labels.copy()
    wrong = rng.permutation(num_train)[: round(flipped * num_train)]
    labels[wrong] = (labels[wrong] + 1) % num_classes
    model = LogisticRegression(max_iter=200).fit(train, labels)
    answers = [model.predict_proba(part) for part in (validation, pool)]
    if is_stale:
        answers = [_turned(found, part) for found, part in zip(answers, (validation, pool), strict=True)]
    return PlantedPool(
        train=train, labels=labels, validation=validation, validation_truth=truths[0], pool=pool,
        pool_truth=truths[1], test=test, test_truth=truths[2], validation_answers=answers[0], pool_answers=answers[1],
    )  # fmt: skip


def _turned(answers: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Surely another class on one side of the second feature."""
    turned = np.roll(answers, 1, axis=1)
    sure = np.where(turned == turned.max(axis=1, keepdims=True), 0.98, 0.02 / (answers.shape[1] - 1))
    return np.where((rows[:, 1] > np.median(rows[:, 1]))[:, None], sure, answers)


def _rows(kind: str, num_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if kind in ("overlap", "topics", "wide_topics", "rare_topics"):
        truth = (rng.random(num_rows) < 0.2).astype(int) if kind == "rare_topics" else rng.integers(0, 2, num_rows)
        width = {"overlap": 100, "topics": 50, "wide_topics": 150, "rare_topics": 50}[kind]
        rows = rng.normal(size=(num_rows, width))
        rows[:, 0] += 0.9 * (2 * truth - 1)
        if kind != "overlap":
            rows[:, 1] += 3.0 * (2 * rng.integers(0, 2, num_rows) - 1)
        return rows, truth
    num_classes, width, distance = {
        "blobs": (2, 150, 3.2), "rare_blobs": (2, 150, 3.8), "three_blobs": (3, 200, 5.0), "four_blobs": (4, 250, 6.0)
    }[kind]  # fmt: skip
    shares = np.array([0.8, 0.2]) if kind == "rare_blobs" else np.full(num_classes, 1 / num_classes)
    truth = rng.choice(num_classes, num_rows, p=shares)
    centres = rng.normal(size=(num_classes, width))
    centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)
    return centres[truth] + rng.normal(size=(num_rows, width)), truth
