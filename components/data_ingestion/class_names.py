"""The classes of a table: which labels occur, in what order, and whether they can be classes at all."""

from collections.abc import Mapping, Sequence
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.tables.personal_columns import masked_texts

_MAX_CLASSES = 1000


def ordered_class_names(labels: Mapping[str, int], declared: Sequence[str], *, source: str) -> tuple[str, ...]:
    """Labels that occur: in the declared order, else by number where all are whole numbers, else by name.

    Refuses fewer than two classes, and so many labels that they are no classes.
    """
    occurring = [name for name, count in labels.items() if count and (not declared or name in declared)]
    if len(occurring) < 2:
        found = f"only {occurring[0]!r}" if occurring else "none"
        hint = f" of the problem file's classes {', '.join(declared)}" if declared else ""
        raise ValueError(f"{source} must hold examples of two classes or more, but has {found}{hint}")
    num_labelled = sum(labels[name] for name in occurring)
    if len(occurring) > _MAX_CLASSES or (len(occurring) > 20 and len(occurring) * 2 > num_labelled):
        raise ValueError(
            f"the labels of {source} must be classes, at most {_MAX_CLASSES} that repeat, "
            f"but {num_labelled} examples have {len(occurring)} different ones"
        )
    if declared:
        return tuple(name for name in declared if name in occurring)
    if all(re.fullmatch(r"-?\d{1,18}", name) for name in occurring):
        return tuple(sorted(occurring, key=lambda name: (int(name), name)))
    return tuple(sorted(occurring))


def check_classes_are_shown(class_names: Sequence[str], *, source: str) -> None:
    """Refuse class names that hold personal data: reports, the bundle and every answer of the model show them."""
    names = pa.array(class_names, pa.string())
    num_personal = pc.sum(pc.not_equal(masked_texts(names), names)).as_py() or 0
    if num_personal:
        raise ValueError(
            f"the classes of {source} must not be personal data, for the model answers them, but {num_personal} of "
            f"{len(class_names)} look like it: choose another label, or name its column in the problem file, "
            "`pii: {<label>: keep}`"
        )


def counts_by_split(classes: np.ndarray, splits: np.ndarray, class_names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Examples by split and label, without zeros, from class indices (-1 where unlabelled) and split indices, (N,).

    Unlabelled examples are counted under the empty string.
    """
    labels = [*class_names, ""]
    counts = np.zeros((len(SPLIT_NAMES), len(labels)), dtype=np.int64)
    np.add.at(counts, (splits, classes), 1)
    return {
        split: {label: count for label, count in zip(labels, row, strict=True) if count}
        for split, row in zip(SPLIT_NAMES, counts.tolist(), strict=True)
    }


def class_warnings(labels: Mapping[str, int], declared: Sequence[str]) -> list[str]:
    """Sentences on classes that are declared but missing, or too rare to be in every split."""
    missing = [f"the problem file's class {name!r} has no example" for name in declared if not labels.get(name)]
    rare = [
        f"the class {name!r} has {count} example{'s' if count > 1 else ''}, too few to be in every split"
        for name, count in labels.items()
        if 0 < count < 3
    ]
    return missing + rare
