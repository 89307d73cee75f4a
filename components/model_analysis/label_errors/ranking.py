"""Given labels in the order in which a person should look at them, each with the reason.

Shapes: N examples, those of several groups of given labels one after another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from components.model_analysis.label_errors.given_labels import GivenLabels
from components.modeling.label_evidence.neighbourhoods import neighbourhoods, with_contradictions
from components.modeling.label_evidence.suspicion import label_suspicion


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedLabel:
    """One given label.

    Attributes
    ----------
    score
        0 to 1, the higher the more suspicious.
    is_suspected
        Whether it is more probably wrong than right.
    contradicted_by
        A near duplicate with another label; empty where there is none.
    is_outlier
        Whether the example is like no other.
    """

    example_id: str
    split: str
    source: str
    given: str
    suggested: str
    score: float
    is_suspected: bool
    contradicted_by: str = ""
    is_outlier: bool = False

    @property
    def why(self) -> str:
        """The reasons, in words."""
        reasons = []
        if self.is_suspected:
            reasons.append(f"{self.suggested} is more probable")
        if self.contradicted_by:
            reasons.append(f"near duplicate of {self.contradicted_by}, which has another label")
        if self.is_outlier:
            reasons.append("like no other example: is it of any class?")
        return "; ".join(reasons) or f"{self.suggested} is possible"


def ranked_labels(parts: Sequence[GivenLabels]) -> list[RankedLabel]:
    """All labels, the most suspicious first; each part is doubted by itself."""
    ranked = [label for part in parts for label in _of_part(part)]
    return sorted(ranked, key=lambda label: (-label.score, label.example_id))


def wanted_first(ranked: Sequence[RankedLabel], num_rows: int) -> list[RankedLabel]:
    """The first labels, and after them every other one that contradicts a near duplicate, or is an outlier."""
    others = [label for label in ranked[num_rows:] if label.contradicted_by or label.is_outlier]
    return [*ranked[:num_rows], *others[:num_rows]]


def _of_part(part: GivenLabels) -> list[RankedLabel]:
    if not len(part):
        return []
    found = label_suspicion(part.probabilities, part.labels, part.embeddings)
    around = neighbourhoods(part.embeddings, part.labels, part.content_ids)
    scores = with_contradictions(found.scores, around.contradicted_by)
    return [
        RankedLabel(
            example_id=part.example_ids[row],
            split=part.splits[row],
            source=part.sources[row],
            given=part.class_names[part.labels[row]],
            suggested=part.class_names[found.suggested[row]],
            score=float(scores[row]),
            is_suspected=bool(found.suspected[row]),
            contradicted_by=part.example_ids[around.contradicted_by[row]] if around.contradicted_by[row] >= 0 else "",
            is_outlier=bool(around.is_outlier[row]),
        )
        for row in range(len(part))
    ]
