"""Scored examples of numbers on their way to the predictions table, and the worst of them."""

import numpy as np
import pyarrow as pa

from components.model_analysis.errors.largest_errors import LargestErrors, MissedNumber
from components.model_analysis.scoring.example_batches import rows_by_people
from components.model_analysis.scoring.prefetching import ScoredBatch
from components.shared.tables.number_labels import label_numbers


class NumberAnswers:
    """Labels as numbers; one that is no number counts as none."""

    def __init__(self) -> None:
        self.hardest = LargestErrors()

    def labels(self, batch: ScoredBatch) -> list[float | None]:
        """Labels of a batch for the predictions table."""
        labels: list[float | None] = self._numbers(batch).to_pylist()
        return labels

    def offer(self, batch: ScoredBatch) -> None:
        """Keep the examples of the test split that people labelled and whose error is largest."""
        assert batch.prediction.numbers_B is not None
        labels_B = self._numbers(batch).to_numpy(zero_copy_only=False)
        is_test = np.array([split == "test" for split in batch.examples.splits], bool)
        judged = np.flatnonzero(is_test & np.isfinite(labels_B) & rows_by_people(batch.examples))
        errors = batch.prediction.numbers_B[judged] - labels_B[judged]
        for place in self.hardest.wanted(errors):
            row = int(judged[place])
            self.hardest.offer(
                MissedNumber(
                    example_id=batch.examples.example_ids[row],
                    label=float(labels_B[row]),
                    predicted=float(batch.prediction.numbers_B[row]),
                    values=batch.examples.values(row),
                )
            )

    def _numbers(self, batch: ScoredBatch) -> pa.Array:
        labels = list(batch.examples.labels)
        is_text = any(isinstance(label, str) for label in labels)
        return label_numbers(pa.array(labels, pa.string() if is_text else pa.float64()))[0]
