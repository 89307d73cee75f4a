"""Which transforms of an augmentation policy may change labels: nearest neighbours of the training images tell.

They compare 16 x 16 grey pixels. Of the held-out images that they classify right, it is counted how many they take for
another class once a transform was applied, where the transformed image also lies as near to that class as images do. A
mirrored 2 does; a 2 in negative resembles nothing, and is not held against the transform.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from components.modeling.augmentation.augmenter import Augmenter
from components.modeling.augmentation.example_seeds import example_seed
from components.modeling.augmentation.named_policies import single_transforms

RISKY_SHARE = 0.25

_MAX_IMAGES = 2000
_MAX_HELD_OUT = 500
_MIN_IMAGES = 60
_HELD_OUT_SHARE = 0.3
_CHUNK = 64
_SIDE_PX = 16
_NUM_NEIGHBOURS = 5
_NUM_AGREEING = 3
# An image is near enough to a class at this quantile of the distances of held-out images, times this margin.
_USUAL_QUANTILE = 0.95
_USUAL_MARGIN = 1.5

_Read = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelRisk:
    """What one transform does to the classes of images.

    Attributes
    ----------
    share
        Held-out images that are taken for another class afterwards, of those classified right before, 0 to 1.
    taken, mistaken_for
        The commonest such pair of classes; empty where there is none.
    """

    transform: str
    share: float
    taken: str
    mistaken_for: str

    @property
    def is_risky(self) -> bool:
        """Whether a person should be warned."""
        return self.share >= RISKY_SHARE

    @property
    def sentence(self) -> str:
        """The warning."""
        return (
            f"{self.transform}: {self.share:.0%} of the images that a simple reader gets right are taken for another "
            f"class afterwards, {self.taken} for {self.mistaken_for} most often: it may change labels."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelRisks:
    """The risks, one a transform in the augmentation policy's order.

    They are empty (not judged) where `accuracy` on held-out images, 0 to 1, is not clearly better than chance, or `nan`
    since there are too few images.
    """

    accuracy: float
    risks: tuple[LabelRisk, ...]

    @property
    def is_judged(self) -> bool:
        """Whether the reader was good enough to judge."""
        return bool(self.risks)

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each risky transform."""
        return tuple(risk.sentence for risk in self.risks if risk.is_risky)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Nearest neighbours; shapes: N known images, F their pixels."""

    known_NF: np.ndarray
    labels_N: np.ndarray

    def read(self, images_QF: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Class, neighbours that agree on it, and mean distance to the neighbours, of Q images."""
        squares_QN = (images_QF**2).sum(axis=1)[:, None] + (self.known_NF**2).sum(axis=1)[None, :]
        squares_QN -= 2 * images_QF @ self.known_NF.T
        nearest_QK = np.argpartition(squares_QN, _NUM_NEIGHBOURS, axis=1)[:, :_NUM_NEIGHBOURS]
        distances_QK = np.sqrt(np.maximum(np.take_along_axis(squares_QN, nearest_QK, axis=1), 0))
        classes = np.unique(self.labels_N)
        votes_QC = np.stack([(self.labels_N[nearest_QK] == label).sum(axis=1) for label in classes], axis=1)
        return classes[votes_QC.argmax(axis=1)], votes_QC.max(axis=1), distances_QK.mean(axis=1)


def label_risks(
    read_images: _Read, labels: np.ndarray, policy: Mapping[str, Any], *, class_names: Sequence[str], seed: int = 0
) -> LabelRisks:
    """Measure what every transform of an augmentation policy, applied alone and always, does to the classes of images.

    `read_images` gives images (B, H, W, 3), uint8, for rows (B,); `labels` are the classes of all rows, (N,), int. At
    most 2,000 rows, chosen by `seed`, are looked at, of which at most 500 are transformed.
    """
    rows = np.random.default_rng(seed).permutation(len(labels))[:_MAX_IMAGES]
    num_held_out = min(int(len(rows) * _HELD_OUT_SHARE), _MAX_HELD_OUT)
    if len(rows) < _MIN_IMAGES or len(np.unique(labels[rows[num_held_out:]])) < 2:
        return LabelRisks(accuracy=float("nan"), risks=())
    held_out, known = rows[:num_held_out], rows[num_held_out:]
    reader = _Reader(_shrunk_rows(read_images, known), labels[known])
    read_Q, agreeing_Q, distances_Q = reader.read(_shrunk_rows(read_images, held_out))
    right_Q = read_Q == labels[held_out]
    accuracy = float(right_Q.mean())
    sure_Q = right_Q & (agreeing_Q >= _NUM_AGREEING)
    # Where many classes have few images each, there may be no image with three neighbours of one class.
    if not _is_better_than_chance(accuracy, labels[known]) or not sure_Q.any():
        return LabelRisks(accuracy=accuracy, risks=())
    limit = _USUAL_MARGIN * float(np.quantile(distances_Q[sure_Q], _USUAL_QUANTILE))
    judged = held_out[sure_Q]
    risks = []
    for name, single in single_transforms(dict(policy)):
        moved_QF = _transformed_rows(read_images, judged, Augmenter(single))
        risks.append(_risk(name, reader.read(moved_QF), labels[judged], limit, class_names))
    return LabelRisks(accuracy=accuracy, risks=tuple(risks))


def _is_better_than_chance(accuracy: float, labels: np.ndarray) -> bool:
    """Whether at most half as many are wrong as when the commonest class is always answered."""
    commonest = float(np.unique(labels, return_counts=True)[1].max() / len(labels))
    return accuracy >= commonest + 0.5 * (1 - commonest)


def _risk(
    name: str,
    reading: tuple[np.ndarray, np.ndarray, np.ndarray],
    labels_Q: np.ndarray,
    limit: float,
    class_names: Sequence[str],
) -> LabelRisk:
    read_Q, agreeing_Q, distances_Q = reading
    changed_Q = (read_Q != labels_Q) & (agreeing_Q >= _NUM_AGREEING) & (distances_Q <= limit)
    pairs = Counter(zip(labels_Q[changed_Q].tolist(), read_Q[changed_Q].tolist(), strict=True))
    [(pair, _)] = pairs.most_common(1) or [((None, None), 0)]
    taken, mistaken_for = ("" if label is None else class_names[label] for label in pair)
    return LabelRisk(transform=name, share=float(changed_Q.mean()), taken=taken, mistaken_for=mistaken_for)


def _shrunk_rows(read_images: _Read, rows: np.ndarray) -> np.ndarray:
    chunks = (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
    return np.concatenate([_shrunk(read_images(chunk)) for chunk in chunks])


def _transformed_rows(read_images: _Read, rows: np.ndarray, augmenter: Augmenter) -> np.ndarray:
    def read_transformed(chunk: np.ndarray) -> np.ndarray:
        seeds = [example_seed(seed=0, epoch=0, row=int(row)) for row in chunk]
        return augmenter.augment_batch(np.array(read_images(chunk)), seeds)

    return _shrunk_rows(read_transformed, rows)


def _shrunk(images_BHWC: np.ndarray) -> np.ndarray:
    """Grey pixels of 16 x 16, shape (B, 256), float32, 0 to 1."""
    size = (_SIDE_PX, _SIDE_PX)
    greys = [
        cv2.resize(cv2.cvtColor(image_HWC, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        for image_HWC in images_BHWC
    ]
    return np.stack(greys).reshape(len(greys), -1).astype(np.float32) / 255
