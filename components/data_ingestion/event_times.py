"""When rows happened, as numbers that can be ordered."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.modeling.tabular.date_times import time_parts

NO_TIME = "it has no time that can be read (ISO 8601, or a number), and the split is by time"


def event_times(values: pa.Array) -> np.ndarray:
    """Times of a column of numbers or of ISO 8601 texts, shape (N,), float64: larger is later, `nan` for none."""
    if pa.types.is_string(values.type):
        coded = values.dictionary_encode()
        moments = np.append(time_parts(coded.dictionary.to_pylist())[:, 0], np.nan)
        return moments[pc.fill_null(coded.indices, len(moments) - 1).to_numpy(zero_copy_only=False)]
    return pc.fill_null(values.cast(pa.float64(), safe=False), float("nan")).to_numpy(zero_copy_only=False)
