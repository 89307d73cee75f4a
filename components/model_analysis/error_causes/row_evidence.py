"""What is wrong with a row of a table itself: values in another unit, stand-ins for missing ones, unseen categories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
from typing import Any

import numpy as np
import pyarrow as pa

from components.model_analysis.error_causes.cause_names import BROKEN_PROCESSING, OUT_OF_DISTRIBUTION
from components.model_analysis.error_causes.findings import Finding

_FACTORS = (10.0, 100.0, 1000.0, 1e6, 60.0, 3600.0, 1.609344, 2.54, 0.1, 0.01, 0.001, 1e-6, 1 / 60, 1 / 3600)
_STAND_INS = frozenset({-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0, 0.0})
_RARELY_MISSING = 0.005
_SHARE_OF_A_ROW = 0.34
_SURE, _LIKELY, _WEAK = 0.97, 0.85, 0.6


@dataclass(frozen=True, kw_only=True, slots=True)
class _Numbers:
    """Where a column's training values lie."""

    least: float
    low: float
    high: float
    most: float
    share_missing: float

    def is_far(self, value: float) -> bool:
        """Whether it is further outside than the middle 98 % are wide."""
        width = max(self.high - self.low, 1e-9 * max(abs(self.high), 1.0))
        return value < self.least - width or value > self.most + width

    def is_outside(self, value: float) -> bool:
        return value < self.least or value > self.most


class RowJudge:
    """Knows the values of training rows, column by column; columns of `personal` data are named, their values not."""

    def __init__(self, training: Mapping[str, pa.Array], *, personal: Sequence[str] = ()) -> None:
        self._personal = frozenset(personal)
        self._numbers: dict[str, _Numbers] = {}
        self._values: dict[str, tuple[frozenset[str], float]] = {}
        for name, column in training.items():
            missing = column.null_count / max(len(column), 1)
            if _is_numeric(column.type):
                values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
                finite = values[np.isfinite(values)]
                if len(finite):
                    low, high = np.quantile(finite, [0.01, 0.99])
                    self._numbers[name] = _Numbers(
                        least=float(finite.min()), low=float(low), high=float(high), most=float(finite.max()),
                        share_missing=1 - len(finite) / len(values),
                    )  # fmt: skip
            else:
                self._values[name] = (frozenset(map(str, column.drop_null().to_pylist())), missing)

    def findings(self, row: Mapping[str, Any]) -> list[Finding]:
        """What is wrong with a row, by the names of its columns."""
        strange = [found for name, value in row.items() for found in self._of_value(name, value)]
        strange = self._exchanged(row) or strange
        num_broken = sum(found.cause == BROKEN_PROCESSING for found in strange)
        if num_broken > max(1, _SHARE_OF_A_ROW * len(row)) and strange[0].kind != "exchanged":
            # One column in another unit is a slip; most of a row is another world.
            words = f"{num_broken} of {len(row)} columns are far outside what training rows hold"
            return [Finding(cause=OUT_OF_DISTRIBUTION, kind="other rows", strength=_LIKELY, words=words)]
        return strange

    def _of_value(self, name: str, value: Any) -> list[Finding]:
        if name in self._numbers:
            return self._of_number(name, self._numbers[name], value)
        if name in self._values:
            return self._of_text(name, value)
        return []

    def _of_number(self, name: str, usual: _Numbers, value: Any) -> list[Finding]:
        number = math.nan if value is None else float(value)
        if not math.isfinite(number):
            return self._missing(name, usual.share_missing)
        shown = "" if name in self._personal else f" = {number:.6g}"
        between = "" if name in self._personal else f"; training rows lie from {usual.least:.4g} to {usual.most:.4g}"
        if usual.is_outside(number) and number in _STAND_INS and not (number == 0 and usual.least > 0 > -usual.low):
            words = f"{name}{shown} stands for a missing value{between}"
            return [Finding(cause=BROKEN_PROCESSING, kind="stand-in", strength=_SURE, words=words)]
        if number < 0 <= usual.least and usual.low <= -number <= usual.high:
            words = f"{name}{shown} has a sign that it should not have{between}"
            return [Finding(cause=BROKEN_PROCESSING, kind="sign", strength=_SURE, words=words)]
        if not usual.is_far(number):
            return []
        for factor in _FACTORS:
            if usual.low <= number / factor <= usual.high and number != 0:
                words = f"{name}{shown} looks like another unit, {factor:.4g} times what it should be{between}"
                return [Finding(cause=BROKEN_PROCESSING, kind="scaled", strength=_SURE, words=words)]
        words = f"{name}{shown} is far outside{between}"
        return [Finding(cause=BROKEN_PROCESSING, kind="far outside", strength=_LIKELY, words=words)]

    def _of_text(self, name: str, value: Any) -> list[Finding]:
        known, share_missing = self._values[name]
        if value is None:
            return self._missing(name, share_missing)
        text = str(value)
        if text in known or len(known) > 1000:
            return []
        shown = "" if name in self._personal else f" = {text[:40]}"
        alike = {_plain(other) for other in known}
        if _plain(text) in alike:
            words = f"{name}{shown} is written otherwise than in training"
            return [Finding(cause=BROKEN_PROCESSING, kind="other spelling", strength=_SURE, words=words)]
        words = f"{name}{shown} is in no training row"
        return [Finding(cause=OUT_OF_DISTRIBUTION, kind="unseen value", strength=_WEAK, words=words)]

    def _missing(self, name: str, share_missing: float) -> list[Finding]:
        if share_missing > _RARELY_MISSING:
            return []
        words = f"{name} is missing, as in {share_missing:.1%} of the training rows"
        return [Finding(cause=BROKEN_PROCESSING, kind="missing", strength=_LIKELY, words=words)]

    def _exchanged(self, row: Mapping[str, Any]) -> list[Finding]:
        """Two columns whose numbers are outside, each of which would be usual in the other."""
        values = {name: float(row[name]) for name in self._numbers if row.get(name) is not None}
        outside = [name for name, value in values.items() if self._numbers[name].is_outside(value)]
        for first in outside:
            for second, value in values.items():
                if first == second or not (self._fits(second, values[first]) and self._fits(first, value)):
                    continue
                words = f"{first} and {second} look exchanged"
                return [Finding(cause=BROKEN_PROCESSING, kind="exchanged", strength=_SURE, words=words)]
        return []

    def _fits(self, name: str, value: float) -> bool:
        return self._numbers[name].low <= value <= self._numbers[name].high


def _plain(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))
