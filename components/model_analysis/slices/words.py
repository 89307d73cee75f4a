"""Slices in words: `photos darker than 0.18: 41 % wrong of 112, elsewhere 9 %`."""

from collections.abc import Sequence
import math
from typing import Any

from components.model_analysis.slices.conditions import CLUSTER_PREFIX, SliceCondition
from components.model_analysis.slices.slice_figures import SliceFigures

NOUNS = {"image": "photos", "text": "texts", "tabular": "rows"}
_KNOWN = {
    ("brightness", "below"): "darker than {}",
    ("brightness", "from"): "of brightness {} or more",
    ("contrast", "below"): "of less contrast than {}",
    ("sharpness", "below"): "less sharp than {}",
    ("blur", "from"): "blurred by {} or more",
    ("saturation", "below"): "of paler colours than {}",
    ("off_centre", "from"): "whose subject is {} or more off the middle",
    ("image_width", "below"): "narrower than {} px",
    ("image_height", "below"): "lower than {} px",
    ("image_bytes", "below"): "of fewer than {} bytes",
    ("text_length", "below"): "shorter than {} characters",
    ("text_length", "from"): "of {} characters or more",
    ("text_words", "below"): "of fewer than {} words",
    ("text_words", "from"): "of {} words or more",
}


def slice_words(conditions: Sequence[SliceCondition], *, noun: str) -> str:
    """What a slice holds: `photos darker than 0.18 with camera = left`; a range of one number is said at once."""
    by_column: dict[str, list[SliceCondition]] = {}
    for condition in conditions:
        by_column.setdefault(condition.column, []).append(condition)
    parts = [_range(found) or " and ".join(_one(condition) for condition in found) for found in by_column.values()]
    return f"{noun} {', '.join(parts)}"


def sentence(words: str, figures: SliceFigures, *, is_share: bool, expected: float = math.nan) -> str:
    """A slice with its figures: errors there and elsewhere, the interval of the difference, and what was `expected`."""
    if not is_share:
        return (
            f"{words}: mean error {figures.error:.4g} of {figures.num_examples:,}, elsewhere {figures.elsewhere:.4g} "
            f"({figures.difference_low:.4g} to {figures.difference_high:.4g} more)"
        )
    told = (
        f"{words}: {figures.error:.0%} wrong of {figures.num_examples:,}, elsewhere {figures.elsewhere:.0%} "
        f"({figures.difference_low * 100:.0f} to {figures.difference_high * 100:.0f} points more)"
    )
    return f"{told}, {expected:.0%} expected by the model's own confidence" if math.isfinite(expected) else told


def shown_value(value: Any) -> str:
    """A value in words: numbers with four digits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10000 else f"{value:.4g}"


def _range(conditions: Sequence[SliceCondition]) -> str:
    ends = {condition.kind: condition.value for condition in conditions}
    if len(conditions) != 2 or set(ends) != {"below", "from"}:
        return ""
    return f"with {conditions[0].column} from {shown_value(ends['from'])} up to {shown_value(ends['below'])}"


def _one(condition: SliceCondition) -> str:
    value, known = shown_value(condition.value), _KNOWN.get((condition.column, condition.kind))
    if known is not None:
        return known.format(value)
    if condition.kind == "cluster":
        return f"of cluster {value} (of the {condition.column.removeprefix(CLUSTER_PREFIX)} that the model sees)"
    ends = {"is": f"= {value}", "below": f"below {value}", "from": f"from {value} on"}
    return (
        f"without {condition.column}"
        if condition.kind == "missing"
        else f"with {condition.column} {ends[condition.kind]}"
    )
