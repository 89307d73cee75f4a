"""How a table file is read: the section `table` of the problem file."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSpec:
    """How a table file is read; what is not given is recognised."""

    format: Literal["csv", "tsv", "parquet"] | None = None
    delimiter: str | None = None
    quoting: bool | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        if self.format not in (None, "csv", "tsv", "parquet"):
            raise ValueError(f"table.format must be csv, tsv or parquet, got {self.format!r}")
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise ValueError(f"table.delimiter must be one character, got {self.delimiter!r}")
