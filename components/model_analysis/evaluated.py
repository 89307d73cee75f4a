"""All that an evaluation found, and what `evaluation.json` holds of it."""

from dataclasses import asdict, dataclass
from typing import Any

from components.model_analysis.baseline.comparison import BaselineComparison
from components.model_analysis.gate.target_gate import LeftOut
from components.model_analysis.metrics.evaluation import Evaluation
from components.model_analysis.metrics.operating_point import OperatingPoint
from components.model_analysis.metrics.regression import NumberEvaluation
from components.shared.contracts.target_spec import TargetSpec

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """All that an evaluation found: figures of the test and validation splits, and of what machines labelled in them.

    `left_out` are test examples that no figure counts, `point` the threshold that the target asks for, `baseline` the
    model beside cheap ones.
    """

    target: TargetSpec
    test: Evaluation | NumberEvaluation
    validation: Evaluation | NumberEvaluation
    not_by_people: Evaluation | NumberEvaluation
    left_out: LeftOut
    point: OperatingPoint | None
    baseline: BaselineComparison

    def to_json(self) -> dict[str, Any]:
        """The content of `evaluation.json`."""
        apart = {"num_labelled": self.not_by_people.num_examples, "metrics": self.not_by_people.to_json()["metrics"]}
        return {
            "format_version": FORMAT_VERSION,
            "split": "test",
            **self.test.to_json(),
            **asdict(self.left_out),
            "validation": {
                "num_labelled": self.validation.num_examples,
                "metrics": self.validation.to_json()["metrics"],
            },
            "target": asdict(self.target),
            **({} if self.point is None else {"operating_point": self.point.to_json()}),
            "baseline": self.baseline.to_json(),
            **({"not_labelled_by_people": apart} if self.not_by_people.num_examples else {}),
        }
