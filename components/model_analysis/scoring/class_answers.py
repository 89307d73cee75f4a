"""Scored examples of classes on their way to the predictions table, and the hardest of them."""

import numpy as np

from components.model_analysis.errors.hardest_examples import HardestExamples, ScoredExample
from components.model_analysis.scoring.example_batches import rows_by_people
from components.model_analysis.scoring.prefetching import ScoredBatch
from components.modeling.predictor import Predictor
from components.shared.contracts.label_matching import LabelMatcher


class ClassAnswers:
    """Labels as the model spells them; one that is no class of it as the source does."""

    def __init__(self, predictor: Predictor) -> None:
        self.hardest = HardestExamples()
        self._class_names = predictor.class_names
        self._matcher = LabelMatcher(predictor.class_names)

    def labels(self, batch: ScoredBatch) -> list[str | None]:
        """Labels of a batch for the predictions table."""
        given = [None if label is None else str(label) for label in batch.examples.labels]
        spelled = {label: self._matcher.spelled(label) for label in set(given)}
        return [spelled[label] for label in given]

    def offer(self, batch: ScoredBatch) -> None:
        """Keep the hardest examples of the test split that people labelled."""
        examples = batch.examples
        given = [None if label is None else str(label) for label in examples.labels]
        index_of = {label: self._matcher.index(label) for label in set(given)}
        rows = enumerate(zip(given, examples.splits, rows_by_people(examples), strict=True))
        judged = [
            row
            for row, (label, split, by_people) in rows
            if split == "test" and by_people and index_of[label] is not None
        ]
        label_indices = np.array([index_of[given[row]] for row in judged], np.int64)
        probabilities_BK = batch.prediction.probabilities_BK[judged]
        for place in self.hardest.wanted(label_indices, probabilities_BK):
            likeliest = int(probabilities_BK[place].argmax())
            example = ScoredExample(
                example_id=examples.example_ids[judged[place]],
                label=self._class_names[label_indices[place]],
                predicted=self._class_names[likeliest],
                probability=float(probabilities_BK[place, likeliest]),
                values=examples.values(judged[place]),
            )
            self.hardest.offer(example, probabilities_BK[place])
