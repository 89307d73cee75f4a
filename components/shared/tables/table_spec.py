"""How a table file is read: the section `table` of the problem file."""

from typing import Annotated, Literal

from annotated_types import MaxLen, MinLen

from components.shared.runtime.settings import settings_model
from components.shared.runtime.settings_words import Words


@settings_model
class TableSpec:
    """How a table file is read; what is not given is recognised."""

    format: Literal["csv", "tsv", "parquet"] | None = None
    delimiter: Annotated[str, MinLen(1), MaxLen(1), Words("one character")] | None = None
    quoting: bool | None = None
    encoding: str | None = None
