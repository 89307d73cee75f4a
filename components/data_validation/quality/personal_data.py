"""Personal data noticed in text columns: rows are counted by kind and column, and no value is ever kept."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from components.shared.contracts.verdict import Finding
from components.shared.runtime.personal_forms import PersonalKind
from components.shared.tables.personal_columns import PLURALS
from components.shared.tables.personal_patterns import Pattern, personal_hits, PLAUSIBLE_SHARE

_WARNING_SHARE = 0.01
_WARNING_ROWS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonalDataCounter:
    """Counts rows with personal data, batch by batch."""

    alike: Counter[tuple[str, Pattern]] = field(default_factory=Counter)  # rows written in the form
    plausible: Counter[tuple[str, Pattern]] = field(default_factory=Counter)  # rows that are plausible too
    num_rows: Counter[str] = field(default_factory=Counter)  # rows seen, by column

    def add(self, batch: pa.RecordBatch, columns: Sequence[str]) -> None:
        """Count the rows of one batch; columns named under `pii` are left out, those without text passed over."""
        for column in columns:
            values = batch.column(batch.schema.names.index(column))
            if isinstance(values, pa.DictionaryArray):
                values = values.dictionary_decode()
            if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
                self._add_column(column, values)

    def merge(self, other: "PersonalDataCounter") -> None:
        """Add what another counter saw of the same table."""
        self.alike.update(other.alike)
        self.plausible.update(other.plausible)
        self.num_rows.update(other.num_rows)

    def counts(self) -> dict[str, dict[PersonalKind, int]]:
        """Rows by column and kind of personal data; columns and kinds without any are absent.

        Two forms of one kind, resident numbers with a hyphen and without, are added up.
        """
        found: dict[str, dict[PersonalKind, int]] = {}
        for (column, pattern), plausible in self.plausible.items():
            if plausible and plausible >= PLAUSIBLE_SHARE * self.alike[column, pattern]:
                by_kind = found.setdefault(column, {})
                by_kind[pattern[0]] = by_kind.get(pattern[0], 0) + plausible
        return found

    def findings(self) -> list[Finding]:
        """One finding a column that holds personal data, with counts and never a value, the largest share first.

        A warning from 1% of the rows or from 10 rows on, else a note.
        """
        found = [_finding(column, kinds, self.num_rows[column]) for column, kinds in self.counts().items()]
        return sorted(found, key=lambda finding: -(finding.value or 0.0))

    def _add_column(self, column: str, values: pa.Array) -> None:
        self.num_rows[column] += len(values)
        counted = values.drop_null().value_counts()
        texts, times = counted.field(0), np.asarray(counted.field(1))
        for pattern, hits in personal_hits(texts).items():
            self.alike[column, pattern] += int(times[hits.alike].sum())
            self.plausible[column, pattern] += int(times[hits.plausible].sum())


def _finding(column: str, kinds: dict[PersonalKind, int], num_rows: int) -> Finding:
    most = max(kinds.values())
    share = min(most / num_rows, 1.0)
    listed = " and ".join(
        f"{PLURALS[kind]} in {kinds[kind]:,}" for kind in sorted(kinds, key=lambda kind: -kinds[kind])
    )
    return Finding(
        kind="quality",
        severity="warning" if most >= _WARNING_ROWS or share >= _WARNING_SHARE else "note",
        column=column,
        name="PERSONAL_DATA",
        statistic="share of rows with the most frequent kind of personal data",
        value=share,
        threshold=_WARNING_SHARE,
        message=f"column {column!r} seems to hold {listed} of its {num_rows:,} rows",
        remedy=f"name {column!r} under `pii` in the problem file, or remove the personal data from it",
        num_current=num_rows,
    )
