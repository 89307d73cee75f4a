"""Checks of the splits and of their classes that need counts alone."""

from collections.abc import Mapping, Sequence

from components.data_validation.schemas.materiality import Materiality
from components.shared.contracts.verdict import Finding, Severity

MIN_TRAINING_EXAMPLES = 2
UNLABELLED = ""
_MAX_CLASSES_SHOWN = 10
_SPLIT_AGAIN = "collect more examples, or change the fractions, the test file or by: time of the problem file's split"

Counts = Mapping[str, Mapping[str, int]]


def split_findings(
    counts: Counts, class_names: Sequence[str], *, materiality: Materiality, is_regression: bool = False
) -> list[Finding]:
    """Findings about empty splits and about classes: blocking where training or testing is impossible, else warnings.

    `counts` are examples by split and label, unlabelled ones under the empty string; `class_names` are the table's.
    With `is_regression` labels are numbers, and nothing is said of classes.
    """
    labelled = {
        split: {name: count for name, count in by_label.items() if name != UNLABELLED and count}
        for split, by_label in counts.items()
    }
    classes = tuple(dict.fromkeys([*class_names, *(name for split in labelled.values() for name in split)]))
    findings = _emptiness(counts, labelled)
    if is_regression:
        return findings
    if labelled["train"]:
        findings += _training_classes(labelled["train"], classes, materiality)
    for split in ("validation", "test"):
        if labelled[split]:
            findings += _absent_classes(labelled[split], classes, split)
    return findings


def _emptiness(counts: Counts, labelled: Counts) -> list[Finding]:
    findings = []
    for split, by_label in counts.items():
        severity: Severity = "blocking" if split in ("train", "test") else "warning"
        num_examples = sum(by_label.values())
        if not num_examples:
            message = f"the {split} split has no examples"
            findings.append(
                Finding(kind="quality", severity=severity, name="EMPTY_SPLIT", message=message, remedy=_SPLIT_AGAIN)
            )
        elif not labelled[split]:
            findings.append(
                Finding(
                    kind="quality",
                    severity=severity,
                    column="label",
                    name="NO_LABELLED_EXAMPLES",
                    message=f"none of the {num_examples:,} examples of the {split} split has a label",
                    remedy="label some of the examples, or name the label in the problem file",
                )
            )
    return findings


def _training_classes(train: Mapping[str, int], classes: Sequence[str], materiality: Materiality) -> list[Finding]:
    findings = []
    if len(train) == 1:
        findings.append(
            Finding(
                kind="data_skew",
                severity="blocking",
                column="label",
                name="SINGLE_CLASS",
                message=f"every training example is of the class {next(iter(train))!r}: there is nothing to tell apart",
                remedy="collect examples of at least one other class",
            )
        )
    few = [name for name in classes if train.get(name, 0) < MIN_TRAINING_EXAMPLES]
    if few:
        findings.append(
            Finding(
                kind="data_skew",
                severity="blocking",
                column="label",
                name="CLASS_WITH_TOO_FEW_TRAINING_EXAMPLES",
                statistic="training examples of the smallest class",
                value=float(min(train.get(name, 0) for name in few)),
                threshold=float(MIN_TRAINING_EXAMPLES),
                message=f"a class needs at least {MIN_TRAINING_EXAMPLES} training examples; too few have: "
                f"{_listed(few)}",
                remedy="collect examples of these classes, merge them with others, or leave them out",
            )
        )
    return findings + _imbalance(train, materiality)


def _imbalance(train: Mapping[str, int], materiality: Materiality) -> list[Finding]:
    largest, smallest = max(train, key=train.__getitem__), min(train, key=train.__getitem__)
    ratio = train[largest] / train[smallest]
    if ratio < materiality.imbalance_ratio:
        return []
    return [
        Finding(
            kind="data_skew",
            severity="warning",
            column="label",
            name="CLASS_IMBALANCE",
            statistic="training examples of the largest class for one of the smallest",
            value=ratio,
            threshold=materiality.imbalance_ratio,
            message=f"training has {train[largest]:,} examples of {largest!r} but {train[smallest]:,} of {smallest!r}",
            remedy="collect more of the small classes, and judge the model by macro F1 rather than accuracy",
        )
    ]


def _absent_classes(present: Mapping[str, int], classes: Sequence[str], split: str) -> list[Finding]:
    absent = [name for name in classes if name not in present]
    if not absent:
        return []
    return [
        Finding(
            kind="data_skew",
            severity="warning",
            column="label",
            name="CLASS_ABSENT_FROM_SPLIT",
            message=f"the {split} split has no examples of {_listed(absent)}: what it measures says nothing of them",
            remedy=_SPLIT_AGAIN,
        )
    ]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_MAX_CLASSES_SHOWN])
    rest = len(names) - _MAX_CLASSES_SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
