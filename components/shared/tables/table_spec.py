"""How a table file is read: the section `table` of the problem file."""

from typing import Annotated, Literal

from annotated_types import MaxLen, MinLen

from components.shared.runtime.settings import Names, settings_model
from components.shared.runtime.settings_words import Words


@settings_model
class TableSpec:
    """How a table file is read; what is not given is recognised.

    Attributes
    ----------
    header
        Whether the first line of a CSV or TSV file names the columns.
    columns
        Names of the columns of such a file, whose first line is then data unless `header` says otherwise.
    keep_spaces
        Whether white space at the ends of texts is a part of them.
    missing
        Further values that count as missing, such as `?`.
    """

    format: Literal["csv", "tsv", "jsonl", "parquet"] | None = None
    delimiter: Annotated[str, MinLen(1), MaxLen(1), Words("one character")] | None = None
    quoting: bool | None = None
    encoding: str | None = None
    header: bool | None = None
    columns: Names = ()
    keep_spaces: bool = False
    missing: Names = ()

    def __post_init__(self) -> None:
        if any(not name.strip() for name in self.columns):
            raise ValueError("table.columns must give every column a name, but one is empty")
        if len(set(self.columns)) < len(self.columns):
            repeated = next(name for number, name in enumerate(self.columns) if name in self.columns[:number])
            raise ValueError(f"table.columns must not repeat a name, but {repeated!r} occurs more than once")
