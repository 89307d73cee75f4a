"""A few values of a column as Python has them: for one row, Arrow's calls take many times as long as their work.

What is done to them must be what Arrow does to a whole column; `few_texts` says for which texts that is certain.
"""

import re
from typing import Any

import pyarrow as pa

MAX_VALUES = 16
# Texts of these characters alone (Latin, Hangul, Han) are composed whatever comes beside what, in every version of
# Unicode, and Python and Arrow see the same white space in them.
PLAIN_TEXT = re.compile(r"[\x00-\u02ff\u3131-\u318e\u4e00-\u9fa5\uac00-\ud7a3]*")


def few_values(values: pa.Array) -> list[Any] | None:
    """The values (N,), None where missing; None in place of the list where they are not few."""
    return values.to_pylist() if len(values) <= MAX_VALUES else None


def few_texts(texts: pa.Array) -> list[str | None] | None:
    """The texts (N,), None where missing; None in place of the list where they are not few, or not plain ones."""
    if len(texts) > MAX_VALUES or not pa.types.is_string(texts.type):
        return None
    found: list[str | None] = texts.to_pylist()
    return found if all(text is None or PLAIN_TEXT.fullmatch(text) for text in found) else None
