"""Findings about features that differ for the same example in the two datasets."""

from collections.abc import Sequence

from components.data_validation.quality.key_mismatch import FeatureMismatch, KeyComparison, MismatchExample
from components.shared.contracts.verdict import Finding, Severity

# From this share of the compared examples on a difference matters; of fewer examples nothing blocks.
_MATERIAL_SHARE = 0.01
_MIN_ROWS = 100


def mismatch_findings(comparison: KeyComparison, *, masked: Sequence[str] = ()) -> list[Finding]:
    """One finding a feature that differs, the largest share first; one note where no key is found in both datasets.

    It blocks where a material share differs, warns where too few examples were compared to say, else is a note. No
    value of a `masked` column is shown; where a key is masked, no example is.
    """
    if not comparison.num_common_keys:
        return [_nothing_in_common(comparison)]
    differing = [feature for feature in comparison.features if feature.num_different]
    findings = [_finding(feature, comparison, masked) for feature in differing]
    return sorted(findings, key=lambda finding: -(finding.value or 0.0))


def _finding(feature: FeatureMismatch, comparison: KeyComparison, masked: Sequence[str]) -> Finding:
    share = feature.num_different / feature.num_compared
    material = share >= _MATERIAL_SHARE
    severity: Severity = "note"
    if material:
        severity = "blocking" if feature.num_compared >= _MIN_ROWS else "warning"
    hidden = bool({feature.column, *comparison.keys} & {*masked})
    return Finding(
        kind="data_skew",
        severity=severity,
        column=feature.column,
        name="FEATURE_MISMATCH_BY_KEY",
        subtype="feature",
        statistic="share of the examples on both sides whose value differs",
        value=share,
        threshold=_MATERIAL_SHARE,
        effect="share that differs",
        effect_size=share,
        message=f"{feature.column!r} differs for {feature.num_different:,} of the {feature.num_compared:,} examples "
        f"that stand on both sides{'' if hidden else _shown(feature.examples)}{_left_out(comparison)}",
        remedy=f"compute {feature.column!r} by the same code from the same data on both sides",
        num_reference=feature.num_compared,
        num_current=feature.num_compared,
        material=material,
    )


def _nothing_in_common(comparison: KeyComparison) -> Finding:
    keys = ", ".join(repr(key) for key in comparison.keys)
    return Finding(
        kind="data_skew",
        severity="note",
        columns=comparison.keys,
        name="NO_COMMON_KEYS",
        message=f"no example could be compared by {keys}: no key stands once on both sides{_left_out(comparison)}",
        remedy="check that the key is written alike on both sides, and that their times overlap",
    )


def _shown(examples: Sequence[MismatchExample]) -> str:
    texts = [
        f"{'/'.join(str(part) for part in example.key)}: {example.reference!r} against {example.current!r}"
        for example in examples
    ]
    return f" ({'; '.join(texts)})"


def _left_out(comparison: KeyComparison) -> str:
    reference, current = comparison.num_repeated_keys
    if not reference and not current:
        return ""
    return (
        f"; keys that repeat with different rows were left out: {reference:,} of the reference and "
        f"{current:,} of the current side"
    )
