"""Sufficiency in words: the verdict, its findings, and what to do about them."""

from collections.abc import Sequence
import math

from components.data_validation.sufficiency.assessment import MIN_CLASS_ROWS, Sufficiency
from components.data_validation.sufficiency.missing_examples import MAX_EXTRAPOLATION
from components.data_validation.sufficiency.predictability import CHANCE_SCORE, MIN_MARGIN
from components.shared.contracts.verdict import Finding, Verdict

CHECK = "sufficiency"
_COLLECT = (
    "go back to data collection: look for columns that can carry the answer, check that the labels belong to their "
    "rows and mean the same everywhere, or ask a question that these data can answer"
)
_MAX_CLASSES_NAMED = 10


def sufficiency_verdict(found: Sufficiency, *, remarks: tuple[str, ...] = ()) -> Verdict:
    """The verdict on what cheap probes found: blocked where the label is not predictable.

    A target out of reach is only a warning, since a trained model may do better than a probe.
    """
    small = _small_classes(found)
    if found.shortfall:
        reason = f"insufficient sample: {found.shortfall}"
        findings = (_insufficient(found, reason), *small)
        return Verdict(
            check=CHECK, passed=False, outcome="insufficient_sample", reason=reason, findings=findings, remarks=remarks
        )
    if not found.predictable:
        blocking = _not_predictable(found)
        reason = f"go back to data collection: {blocking.message}"
        return Verdict(check=CHECK, passed=False, reason=reason, findings=(blocking, *small), remarks=remarks)
    outlook = _outlook(found)
    reason = _predictable_sentence(found) + "".join(f"; {finding.message}" for finding in outlook[:1])
    return Verdict(check=CHECK, passed=True, reason=reason, findings=(*outlook, *small), remarks=remarks)


def interval_text(interval: tuple[float, float]) -> str:
    """An interval of scores: `0.71 to 0.84`."""
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def rows_text(rows: float) -> str:
    """A number of rows to two digits, since an extrapolation knows no more."""
    if not math.isfinite(rows):
        return "more rows than can be told"
    digits = max(0, int(math.log10(max(rows, 1.0))) - 1)
    return f"{round(rows, -digits):,.0f}"


def _predictable_sentence(found: Sufficiency) -> str:
    relation = found.predictability
    assert relation is not None
    return (
        f"a cheap probe ({relation.probe}) finds the label predictable: ROC AUC {relation.score:.3f} "
        f"({interval_text(relation.interval)}) on {found.num_rows:,} rows, {CHANCE_SCORE} by chance"
    )


def _insufficient(found: Sufficiency, reason: str) -> Finding:
    return Finding(
        kind="quality",
        severity="blocking",
        name="INSUFFICIENT_SAMPLE",
        message=reason,
        column="label",
        subtype="label",
        num_reference=found.num_rows,
        remedy="label more training examples of every class, then ask again",
    )


def _not_predictable(found: Sufficiency) -> Finding:
    relation = found.predictability
    if relation is None:
        message = "not one column can be used to predict the label"
        return Finding(kind="quality", severity="blocking", name="NOT_PREDICTABLE", message=message, remedy=_COLLECT)
    seen = (
        f"ROC AUC {relation.score:.3f} on {found.num_rows:,} rows, {relation.null_mean:.3f} ± "
        f"{relation.null_sd:.3f} with permuted labels, p = {relation.p_value:.2g}"
    )
    if relation.significant:
        message = f"cheap probes find only a weak relation of these columns with the label ({seen})"
    else:
        message = f"cheap probes find no relation of these columns with the label ({seen})"
    return Finding(
        kind="quality",
        severity="blocking",
        name="NOT_PREDICTABLE",
        message=message,
        column="label",
        subtype="label",
        statistic="cross-validated macro ROC AUC",
        value=relation.score,
        threshold=CHANCE_SCORE + MIN_MARGIN,
        effect="ROC AUC above chance",
        effect_size=relation.score - CHANCE_SCORE,
        p_value=relation.p_value,
        significant=relation.significant,
        material=relation.material,
        num_reference=found.num_rows,
        remedy=_COLLECT,
    )


def _outlook(found: Sufficiency) -> tuple[Finding, ...]:
    """What the learning curve says: the target out of reach, rows missing for it, or merely that more would help."""
    if found.curve is None:
        return ()
    if found.missing is None:
        return (_more_would_help(found),) if found.curve.more_data_helps == "yes" else ()
    if found.missing.reached:
        return ()
    if found.missing.reachable == "no":
        return (_out_of_reach(found),)
    return (_missing(found),)


def _curve_finding(found: Sufficiency, *, name: str, severity: str, message: str, remedy: str) -> Finding:
    curve, rows = found.curve, sum(found.class_counts.values())
    assert curve is not None
    return Finding(
        kind="quality",
        severity=severity,  # type: ignore[arg-type]
        name=name,
        message=message,
        column="label",
        subtype="label",
        statistic=f"{curve.metric} of a cheap probe, extrapolated to all {rows:,} rows",
        value=curve.law.at(rows),
        threshold=found.target.minimum,
        num_reference=found.num_rows,
        remedy=remedy,
    )


def _out_of_reach(found: Sufficiency) -> Finding:
    assert found.curve is not None
    farthest = found.curve.interval_at(MAX_EXTRAPOLATION * sum(found.class_counts.values()))
    return _curve_finding(
        found,
        name="TARGET_OUT_OF_REACH",
        severity="warning",
        message=(
            f"the target {found.curve.metric} {found.target.minimum:g} is not reachable by more of the same data for "
            f"a cheap probe: {MAX_EXTRAPOLATION} times the rows would bring it to {interval_text(farthest)}; a trained "
            "model may do better"
        ),
        remedy="collect other columns or cleaner labels, not more rows; use a stronger model, or lower the target",
    )


def _missing(found: Sufficiency) -> Finding:
    curve, missing = found.curve, found.missing
    assert curve is not None
    assert missing is not None
    goal = f"a cheap probe does not reach the target {curve.metric} {missing.minimum:g} yet"
    if not missing.missing_a_class:
        message = f"{goal}, and whether more of the same data would is unclear; a trained model may do better"
        remedy = "collect more rows of every class and ask again, or try a stronger model"
    else:
        counts = zip(found.class_counts, missing.missing_a_class, strict=True)
        shown = _listed([f"{rows_text(count)} of {name!r}" for name, count in counts], more="classes more")
        low, high = missing.rows_interval
        message = (
            f"{goal}: about {rows_text(missing.rows_needed)} training rows are needed ({rows_text(low)} to "
            f"{rows_text(high)}), so {shown} are missing; a trained model may need fewer"
        )
        remedy = f"collect and label about {shown}"
    return _curve_finding(found, name="MORE_DATA_NEEDED", severity="warning", message=message, remedy=remedy)


def _more_would_help(found: Sufficiency) -> Finding:
    curve, rows = found.curve, sum(found.class_counts.values())
    assert curve is not None
    return _curve_finding(
        found,
        name="MORE_DATA_NEEDED",
        severity="note",
        message=(
            f"more data are likely to help: with twice the {rows:,} rows the {curve.metric} of a cheap probe would be "
            f"{interval_text(curve.interval_at(2 * rows))} after {interval_text(curve.interval_at(rows))}"
        ),
        remedy="collect and label more rows where that is cheap",
    )


def _listed(texts: Sequence[str], *, more: str) -> str:
    rest = len(texts) - _MAX_CLASSES_NAMED
    return ", ".join(texts[:_MAX_CLASSES_NAMED]) + (f" and {rest} {more}" if rest > 0 else "")


def _small_classes(found: Sufficiency) -> tuple[Finding, ...]:
    if not found.small_classes:
        return ()
    shown = _listed([f"{name!r} ({count})" for name, count in found.small_classes.items()], more="more")
    return (
        Finding(
            kind="quality",
            severity="warning",
            name="CLASS_TOO_SMALL",
            message=f"classes with fewer than {MIN_CLASS_ROWS} labelled training rows were not judged: {shown}",
            column="label",
            subtype="label",
            threshold=float(MIN_CLASS_ROWS),
            remedy=f"label at least {MIN_CLASS_ROWS} training rows of each",
        ),
    )
