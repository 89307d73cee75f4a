"""Values as JSON has them."""

import math
from typing import Any


def without_nan(value: Any) -> Any:
    """A value as JSON has it: what is undefined or endless is null, at any depth of mappings and lists."""
    if isinstance(value, dict):
        return {name: without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
