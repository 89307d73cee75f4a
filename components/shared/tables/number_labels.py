"""Labels that are numbers, as people's tables have them, and whether a column's labels are numbers or classes."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.shared.tables.column_types import MISSING_NUMBERS
from components.shared.tables.value_cleaning import ValueCleaning

# Fewer different values than this are classes where they repeat, as half stars and codes do.
MAX_CLASS_VALUES = 20
# Whole numbers with fewer rows a value than this are a quantity: so few examples make no class.
MIN_ROWS_A_VALUE = 5
# What ingestion takes for classes at most.
MAX_CLASSES = 1000
# A label with so many numbers in it is one of numbers; what else is in it cannot be used.
_MIN_NUMBER_SHARE = 0.9
_PLAIN = r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelNumbers:
    """What the labels of a column look like.

    Attributes
    ----------
    is_regression
        Whether they are a quantity rather than classes.
    num_values, num_labelled
        Different numbers, and labels that are numbers.
    """

    is_regression: bool
    num_values: int
    num_labelled: int


def label_numbers(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Labels as numbers, and which of them are none.

    Parameters
    ----------
    values
        Shape (N,): texts, numbers or truth values, null where unlabelled.

    Returns
    -------
    tuple
        Shape (N,) each: float64, finite, null where unlabelled or no number; bool, true where there is a label that is
        no finite number. The words of `MISSING_NUMBERS` count as no label.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_integer(values.type) or pa.types.is_decimal(values.type):
        return values.cast(pa.float64(), safe=False), pa.array(np.zeros(len(values), bool))
    if pa.types.is_floating(values.type):
        numbers = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values).cast(pa.float64())
        return _finite(numbers, pa.array(np.zeros(len(values), bool)))
    trimmed = pc.utf8_trim_whitespace(values.cast(pa.string()))
    is_missing = pc.fill_null(pc.is_in(trimmed, value_set=pa.array(["", *MISSING_NUMBERS])), True)
    is_missing = pc.or_(is_missing, pc.is_null(trimmed))
    is_number = pc.fill_null(pc.match_substring_regex(trimmed, pattern=_PLAIN), False)
    plain = pc.replace_substring_regex(trimmed, pattern=r"^\+", replacement="")
    numbers = pc.if_else(is_number, plain, pa.scalar(None, pa.string())).cast(pa.float64())
    return _finite(numbers, pc.and_not(pc.invert(is_missing), is_number))


def cleaned_labels(values: pa.Array, cleaning: ValueCleaning) -> pa.Array:
    """Labels (N,) as a table has them, cleaned: numbers where they are stored as such, else texts; null where missing.

    Give them to `label_numbers` or `label_kind`.
    """
    of_labels = cleaning.of_labels
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return of_labels.typed(values)
    return of_labels.column(values, pa.string())


def label_kind(values: pa.Array) -> LabelNumbers:
    """Whether the labels of a column, or of its first many rows, are classes or a quantity.

    They are a quantity where nine in ten are numbers and, of those, some are not whole and there are more than 20
    different ones or fewer than five rows a value; or all are whole, more than 20 are different, and there are fewer
    than five rows a value or more than 1,000 values. Whole numbers that repeat may be codes: they are classes.
    """
    numbers, _ = label_numbers(values)
    known = np.asarray(numbers.drop_null())
    num_given = len(values) - values.null_count
    if not len(known) or len(known) < _MIN_NUMBER_SHARE * num_given:
        return LabelNumbers(is_regression=False, num_values=0, num_labelled=len(known))
    num_values = len(np.unique(known))
    is_rare = len(known) < MIN_ROWS_A_VALUE * num_values
    if (known == np.floor(known)).all():
        is_regression = num_values > MAX_CLASS_VALUES and (is_rare or num_values > MAX_CLASSES)
    else:
        is_regression = num_values > MAX_CLASS_VALUES or (is_rare and num_values > 2)
    return LabelNumbers(is_regression=bool(is_regression), num_values=num_values, num_labelled=len(known))


def _finite(numbers: pa.Array, is_none: pa.Array) -> tuple[pa.Array, pa.Array]:
    is_infinite = pc.fill_null(pc.is_inf(numbers), False)
    return pc.if_else(is_infinite, pa.scalar(None, pa.float64()), numbers), pc.or_(is_none, is_infinite)
