import math

import numpy as np

from components.shared.runtime.json_values import without_nan


def test_what_is_undefined_is_null_at_any_depth_and_everything_else_stays():
    given = {"a": math.nan, "b": [1, np.float64("inf"), ("x", None)], "c": {"d": 0.5, "e": True}}
    assert without_nan(given) == {"a": None, "b": [1, None, ["x", None]], "c": {"d": 0.5, "e": True}}
