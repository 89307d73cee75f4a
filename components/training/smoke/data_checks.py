"""Checks of the examples: labels, what the network gets to see, and whether held-out rows are new.

Shapes: B examples, F values of one example.
"""

from collections import Counter
from collections.abc import Mapping
import hashlib

import numpy as np
import torch

from components.shared.feature_store.store import FeatureStore, UNLABELLED
from components.training.smoke.check import does_not_apply, failed, holds, Judgement
from components.training.smoke.subject import Subject

# Scaled inputs lie within a few units of 0; pixels of 0 to 255, prices and timestamps do not.
_LARGE = 20.0
_LARGE_SHARE_OF_VALUES = 0.05
_LARGE_SHARE_OF_COLUMN = 0.25
_COMPARED_HELD_OUT = 512
_COMPARED_BYTES = 200_000_000
_COMPARED_TRAINING = 20_000
_HASHED_ROWS = 256


def labels_are_usable(subject: Subject) -> Judgement:
    """Every label is a class, and every class has training examples; or labels are numbers that differ."""
    store = subject.store
    if store.is_regression:
        return _numbers_differ(store.labels[store.indices("train")])
    num_classes = len(store.class_names)
    outside = np.flatnonzero((store.labels < UNLABELLED) | (store.labels >= num_classes))
    if len(outside):
        row = outside[0]
        return failed(
            f"{len(outside)} labels are no class: {store.labels[row]} of the example {store.example_ids[row]}, "
            f"where classes are 0 to {num_classes - 1}",
            "look at where class indices are made: counted from 1, or against another list of classes",
        )
    present = set(store.labels[store.indices("train")].tolist())
    missing = [name for number, name in enumerate(store.class_names) if number not in present]
    if missing:
        return failed(
            f"no training example of {', '.join(missing)}",
            "collect examples, or leave the class out of the problem",
        )
    return holds(f"{num_classes} classes, each with training examples")


def _numbers_differ(labels: np.ndarray) -> Judgement:
    if not np.isfinite(labels).all():
        return failed("a training label is infinite", "look for a division by 0 where labels are made")
    num_different = len(np.unique(labels))
    measured = f"{num_different} different numbers in {len(labels)} training examples"
    if num_different < 2:
        return failed(measured, "look at where labels are made: there is nothing to learn")
    return holds(f"{measured}, from {labels.min():.4g} to {labels.max():.4g}")


def inputs_are_usable(subject: Subject) -> Judgement:
    """What the network takes is finite, scaled, and differs between examples."""
    rows = subject.rows
    tensors = subject.batch(rows)
    largest = 0.0
    for number, tensor in enumerate(tensors):
        if not tensor.is_floating_point():
            continue
        flat_BF = tensor.reshape(len(rows), -1)
        bad = torch.nonzero(~torch.isfinite(flat_BF).all(dim=1)).flatten().tolist()
        if bad:
            return failed(
                f"tensor {number} holds NaN or infinity in {len(bad)} of {len(rows)} examples, "
                f"{subject.store.example_ids[rows[bad[0]]]} first",
                "look at how missing values are filled, and for a division by 0",
            )
        if _is_unscaled(flat_BF, is_columns=tensor.ndim == 2):
            return failed(
                f"tensor {number} holds values up to {flat_BF.abs().max().item():.3g}",
                "scale the inputs: a normalisation is missing, or is applied to the wrong columns",
            )
        largest = max(largest, float(flat_BF.abs().max().item()) if flat_BF.numel() else 0.0)
    if len(rows) > 1 and all(bool((tensor == tensor[:1]).all()) for tensor in tensors):
        return failed(
            f"all {len(rows)} examples of the sample look the same to the network",
            "look at how examples are read and prepared: every one of them is the same, or nothing is left of them",
        )
    scale = f", values up to {largest:.3g}" if largest else ""
    return holds(f"{len(rows)} examples, finite{scale}, not all the same")


def _is_unscaled(flat_BF: torch.Tensor, *, is_columns: bool) -> bool:
    if not flat_BF.numel():
        return False
    large = (flat_BF.abs() > _LARGE).float()
    if is_columns:
        return bool((large.mean(dim=0) > _LARGE_SHARE_OF_COLUMN).any())
    return bool(large.mean() > _LARGE_SHARE_OF_VALUES)


def held_out_rows_are_new(subject: Subject) -> Judgement:
    """Held-out rows are not the rows that are learnt from."""
    store = subject.store
    train_rows, held_out = store.indices("train"), store.indices("validation")
    if not len(held_out):
        return does_not_apply("nothing is held out")
    repeated = set(store.example_ids[train_rows]) & set(store.example_ids[held_out])
    remedy = "look at how the splits are made: rows that are learnt from are held out as well"
    if repeated:
        return failed(f"{len(repeated)} examples are in train and validation, {min(repeated)} first", remedy)
    compared = _spaced(train_rows, min(_COMPARED_TRAINING, _num_affordable(store)))
    known = _digests(store, compared)
    counts = Counter(known)
    own_share = float(np.mean([counts[digest] > 1 for digest in known]))
    asked = _digests(store, _spaced(held_out, _COMPARED_HELD_OUT))
    share = float(np.mean([digest in counts for digest in asked]))
    measured = (
        f"{share:.0%} of {len(asked)} held-out examples have a twin among {len(compared)} training examples, "
        f"{own_share:.0%} of which have one among themselves"
    )
    # Short texts and narrow tables repeat themselves by nature, within the training rows as much as across.
    if share > own_share + 0.5 * len(compared) / len(train_rows):
        return failed(measured, remedy)
    return holds(measured)


def _spaced(rows: np.ndarray, most: int) -> np.ndarray:
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.int64)]


def _num_affordable(store: FeatureStore) -> int:
    row_bytes = sum(spec.num_bytes for spec in store.input_specs.values())
    return max(_COMPARED_BYTES // max(row_bytes, 1), 1)


def _digests(store: FeatureStore, rows: np.ndarray) -> list[bytes]:
    digests = []
    for start in range(0, len(rows), _HASHED_ROWS):
        part = rows[start : start + _HASHED_ROWS]
        inputs = store.gather(part)
        digests += [_digest({name: values[row] for name, values in inputs.items()}) for row in range(len(part))]
    return digests


def _digest(inputs: Mapping[str, np.ndarray]) -> bytes:
    """Digest of one example; padding does not count, for its length depends on the other rows."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(inputs.items()):
        digest.update(name.encode())
        digest.update(np.trim_zeros(value, "b").tobytes() if value.ndim == 1 else value.tobytes())
    return digest.digest()
