"""Rows of a table for cheap models: the columns that the model reads, read anew, as trees and a linear model take them.

The model's own preparation is not used: where that loses what the columns say, the cheap model shows it.
Shapes: N rows, F numbers, C categories.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import sparse

from components.modeling.cheap_models.fitting import NothingToLearnError
from components.modeling.tabular.features import fit_tabular_features, TabularFeatures
from components.shared.contracts.example_table import ColumnRole, ExampleTable
from components.shared.tables.personal_columns import kept_columns

# scikit-learn's trees take 255 categories a column; the rarest beyond are one.
_MAX_TREE_CODES = 254
_NEVER_READ: frozenset[ColumnRole] = frozenset({"pii", "label", "id", "split", "provenance", "prediction"})


def honest_columns(examples: ExampleTable, columns: Sequence[str]) -> tuple[str, ...]:
    """Those of `columns` that may tell a label: no personal data, identifiers, labels or answers of other models."""
    return tuple(name for name in columns if not _NEVER_READ & set(examples.info.roles_of(name)))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TableRows:
    """`numbers`, shape (N, F), and `codes`, shape (N, C), of which category c has `num_codes[c]`, 0 for unknown."""

    numbers: np.ndarray
    codes: np.ndarray
    num_codes: tuple[int, ...]

    def for_trees(self) -> np.ndarray:
        """Shape (N, C + F), categories first; rare categories beyond the 254 most frequent are unknown."""
        frequent = np.where(self.codes > _MAX_TREE_CODES, 0, self.codes)
        return np.concatenate([frequent, self.numbers], axis=1, dtype=np.float32)

    def for_lines(self) -> sparse.csr_array:
        """Shape (N, F + all codes): a column for each category."""
        firsts = np.concatenate([[0], np.cumsum(self.num_codes)]).astype(np.int64)
        num_rows, num_categories = self.codes.shape
        places = (self.codes + firsts[:-1]).ravel()
        ends = np.arange(num_rows + 1) * num_categories
        ones = sparse.csr_array((np.ones(len(places), np.float32), places, ends), shape=(num_rows, int(firsts[-1])))
        return sparse.hstack([sparse.csr_array(self.numbers), ones], format="csr")


class TableReading:
    """How columns become rows, fitted to training rows alone; NothingToLearnError where no column differs."""

    def __init__(self, examples: ExampleTable, columns: Mapping[str, pa.Array]) -> None:
        types = {name: values.type for name, values in columns.items()}
        kept = kept_columns(examples.schema)
        try:
            self._features: TabularFeatures = fit_tabular_features([columns], types, kept=kept)
        except ValueError as error:
            raise NothingToLearnError(str(error)) from error

    def rows(self, columns: Mapping[str, pa.Array]) -> TableRows:
        """Rows of N values a column."""
        read = self._features.prepare(columns)
        return TableRows(numbers=read["numbers"], codes=read["categories"], num_codes=self._features.num_codes)
