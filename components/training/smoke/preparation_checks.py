"""Checks of how examples are prepared: labels with their examples, training as serving, augmentation that keeps them.

Shapes: N or B examples, P coarse pixels; X whatever an input has.
"""

import numpy as np
import pyarrow as pa
import torch

from components.modeling.augmentation.augmenter import Augmenter
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo
from components.shared.feature_store.blocks import joined_inputs
from components.shared.feature_store.store import UNLABELLED
from components.training.smoke.check import does_not_apply, failed, holds, Judgement, not_judged
from components.training.smoke.subject import Subject
from components.training.trainer.batches import StoredExamples
from components.training.trainer.epoch_batches import Place
from components.training.trainer.tiny_sample import tiny_sample

_PREPARED_ROWS = {"train": 48, "validation": 16}
_LABELLED_ROWS = 100_000
# Two builds of the same decoder differ by less, in steps of 8 bits.
_MEAN_PIXEL_DIFFERENCE = 2.0
_AUGMENTED = 32
_AUGMENTED_EPOCHS = 4
_FEWEST_IMAGES = 4
_FIELDS = 8
_BLANK_NORM = 8.0
_CLOSE = 0.8
_KEPT_SHARE = 0.85  # an augmentation policy that swaps images keeps half of them, by chance


def labels_belong_to_examples(subject: Subject) -> Judgement:
    """Every row of the store has the label and the split that the example table gives its example."""
    table, store = subject.table, subject.store
    if table is None:
        return does_not_apply("the example table was not given")
    if table.info.class_names != store.class_names:
        return failed(
            f"the store's classes are {', '.join(store.class_names)}, the example table's "
            f"{', '.join(table.info.class_names)}",
            "build the feature store again, from this example table",
        )
    row_of = {example_id: row for row, example_id in enumerate(store.example_ids)}
    compared, wrong = 0, []
    for batch in table.iter_batches(["example_id", "split", "label"], batch_rows=8192):
        for example_id, split, label in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            row = row_of.get(example_id)
            if row is None:
                continue
            compared += 1
            if not _is_label(store.labels[row], label, table.info) or store.splits[row] != split:
                wrong.append(example_id)
        if compared >= _LABELLED_ROWS:
            break
    if wrong or not compared:
        return failed(
            f"{len(wrong)} of {compared} examples have another label or split in the store than in the example table"
            + (f", {wrong[0]} first" if wrong else ""),
            "look at where labels and inputs are put together: rows in another order, or classes counted from 1",
        )
    return holds(f"{compared} examples, each with its own label and split")


def _is_label(stored: float, label: str | float | None, info: ExampleTableInfo) -> bool:
    """Whether a store's label is that of the example table."""
    if info.task == "regression":
        return bool(np.isnan(stored)) if label is None else bool(stored == label)
    assert not isinstance(label, float)
    return bool(stored == (UNLABELLED if label is None else info.class_index(label)))


def prepared_as_in_serving(subject: Subject) -> Judgement:
    """Raw examples prepared now, as serving does, are what the store holds."""
    if subject.table is None:
        return does_not_apply("the example table was not given")
    columns, example_ids = _raw_rows(subject.table, subject.features.columns)
    row_of = {example_id: row for row, example_id in enumerate(subject.store.example_ids)}
    rows = [row_of.get(example_id, -1) for example_id in example_ids]
    known = np.flatnonzero(np.array(rows) >= 0)
    if not len(known):
        return failed(
            "not one example of the example table is in the store",
            "build the feature store again, from this example table",
        )
    prepared = subject.features.prepare({name: columns[name].take(known) for name in subject.features.columns})
    stored = subject.store.gather(np.array(rows)[known])
    for name, spec in subject.features.input_specs.items():
        both = joined_inputs([{name: prepared[name]}, {name: stored[name]}], {name: spec})[name]
        now_BX, then_BX = both[: len(known)], both[len(known) :]
        differ = np.flatnonzero(_differ(now_BX, then_BX))
        if len(differ):
            return failed(
                f"{name} of {len(differ)} of {len(known)} examples differs from what serving prepares, "
                f"{example_ids[known[differ[0]]]} first",
                "look at what the feature store does otherwise: colour order, size, scaling; where the preparation's "
                "code has changed since, build it again",
            )
    return holds(f"{len(known)} examples, prepared again, are as stored")


def _raw_rows(table: ExampleTable, names: tuple[str, ...]) -> tuple[dict[str, pa.Array], list[str]]:
    """A few examples as they came, by column, and their identifiers."""
    batches = []
    for split, wanted in _PREPARED_ROWS.items():
        for batch in table.iter_batches(["example_id", *names], splits=[split], batch_rows=wanted):
            batches.append(batch.slice(0, wanted))
            wanted -= batches[-1].num_rows
            if not wanted:
                break
    if not batches:
        return {}, []
    columns = {name: pa.concat_arrays([batch[name] for batch in batches]) for name in ("example_id", *names)}
    return columns, columns["example_id"].to_pylist()


def _differ(now_BX: np.ndarray, then_BX: np.ndarray) -> np.ndarray:
    """Shape (B,), bool: which examples differ by more than a build of a decoder or a processor makes."""
    axes = tuple(range(1, now_BX.ndim))
    if now_BX.dtype == np.uint8:
        difference = np.abs(now_BX.astype(np.int16) - then_BX.astype(np.int16))
        return np.asarray(difference.mean(axis=axes) > _MEAN_PIXEL_DIFFERENCE)
    same = np.isclose(now_BX, then_BX, rtol=1e-4, atol=1e-5, equal_nan=True)
    return np.asarray(~same.all(axis=axes))


def augmentation_keeps_images(subject: Subject) -> Judgement:
    """Augmented images still show their own example, and are the same for the same seed."""
    policy = subject.store.preparation["augmentation"]
    if subject.store.modality != "image" or policy is None or not subject.config.augment:
        return does_not_apply("nothing is augmented")
    rows = tiny_sample(subject.rows, subject.store.labels, max_examples=_AUGMENTED)
    if len(rows) < _FEWEST_IMAGES:
        return not_judged(f"{len(rows)} pictures are too few to tell one from another")
    examples = StoredExamples(subject.store, augmenter=Augmenter(policy), seed=subject.seed)
    rounds = [_augmented(examples, rows, epoch) for epoch in range(_AUGMENTED_EPOCHS)]
    if not np.array_equal(rounds[0], _augmented(examples, rows, 0)):
        return failed(
            "the same example of the same epoch is augmented in two ways",
            "look for a generator that the policy does not seed: a resumed run would differ",
        )
    originals_2NP = _coarse(subject.store.gather(rows)["image"])
    kept = np.concatenate([_is_kept(_coarse(images), originals_2NP) for images in rounds])
    measured = f"{kept.mean():.0%} of {len(kept)} augmented pictures resemble their own original"
    if kept.mean() < _KEPT_SHARE:
        return failed(
            measured, "look at the augmentation policy: it blanks pictures, cuts their subject away, or swaps them"
        )
    return holds(measured)


def _augmented(examples: StoredExamples, rows: np.ndarray, epoch: int) -> np.ndarray:
    batch = examples.__getitems__([Place(epoch, int(row), 1.0, 1.0) for row in rows])
    return batch["inputs"]["image"].numpy()


def _coarse(images_BHWC: np.ndarray) -> np.ndarray:
    """Grey images of 8 by 8 fields and their mirror images, shape (2, B, 64), each of mean 0 and norm 1, or of 0s."""
    grey = torch.from_numpy(images_BHWC).float().mean(dim=3)
    fields = torch.nn.functional.adaptive_avg_pool2d(grey, _FIELDS).numpy()
    both = np.stack([fields, fields[:, :, ::-1]]).reshape(2, len(fields), -1)
    centred = both - both.mean(axis=2, keepdims=True)
    norm = np.linalg.norm(centred, axis=2, keepdims=True)
    return np.divide(centred, norm, out=np.zeros_like(centred), where=norm > _BLANK_NORM)


def _is_kept(augmented_2NP: np.ndarray, originals_2NP: np.ndarray) -> np.ndarray:
    """Shape (N,), bool: whether an image resembles its own original closely, or more than it does most others."""
    alike_NN = np.max(augmented_2NP[0] @ originals_2NP.transpose(0, 2, 1), axis=0)
    own = np.diag(alike_NN)
    others = np.median(alike_NN[~np.eye(len(own), dtype=bool)].reshape(len(own), -1), axis=1)
    return np.asarray((own >= _CLOSE) | (own > np.maximum(others, 0.0)))
