"""What is demanded and known of what ingestion measures: image sizes, text lengths."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from components.mock_data.column_distributions import column_distribution, Value
from components.mock_data.column_rules import ColumnRule
from components.mock_data.column_statistics import ColumnStatistics
from components.shared.tables.text_measures import TEXT_MEASURES

# The columns that ingestion gives an image example; those of a text are `TEXT_MEASURES`.
IMAGE_MEASURES: dict[str, pa.DataType] = {
    **dict.fromkeys(("image_width", "image_height", "image_channels"), pa.int64()),
    "image_format": pa.string(),
    "image_bytes": pa.int64(),
    **dict.fromkeys(("brightness", "contrast", "sharpness", "blur", "moire", "recompression"), pa.float64()),
}
_MEASURES = {**IMAGE_MEASURES, **TEXT_MEASURES}


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureFacts:
    """Rules and statistics of derived columns, by name; a measure without either may be anything."""

    rules: Mapping[str, ColumnRule] = field(default_factory=dict)
    statistics: Mapping[str, ColumnStatistics] = field(default_factory=dict)

    def rule(self, name: str) -> ColumnRule:
        """The rule of a measure, with the type that ingestion gives it."""
        rule = replace(self.rules.get(name, ColumnRule(name=name)), min_distinct=0, max_distinct=None)
        kind = _MEASURES[name]
        if pa.types.is_string(kind):
            return rule
        if pa.types.is_floating(kind):
            return replace(rule, content="number", stored="float64")
        return replace(rule, content="whole", stored="int64")

    def is_known(self, name: str) -> bool:
        """Whether statistics say how the measure's numbers lie."""
        return name in self.statistics and len(self.statistics[name].points) > 0

    def mean(self, name: str) -> float:
        """Mean of a measure, from statistics; 0 where there are none."""
        return self.statistics[name].mean if self.is_known(name) else 0.0

    def draw(self, rule: ColumnRule, rng: np.random.Generator, num_rows: int) -> list[Value]:
        """Draw values of a measure within `rule`."""
        return list(column_distribution(rule, self.statistics.get(rule.name)).draw(rng, num_rows))
