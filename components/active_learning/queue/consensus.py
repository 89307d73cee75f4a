"""One label of several people's: what most say, where cleanlab's weighing of the people agrees; else people decide.

References
----------
Goh, Tkachenko, Mueller, "CROWDLAB: Supervised learning to infer consensus labels and quality scores for data with
multiple annotators" (2022), as cleanlab has it; here without a model's answers, since a label that a model helped to
choose is no person's.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Outcome = Literal["single", "agreed", "tie", "contested"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Consensus:
    """What people say of one example together.

    Attributes
    ----------
    label
        None where people must decide: as many say one thing as another (`tie`), or those who say what most say are
        those who err most elsewhere (`contested`).
    agreement
        Share of the people who say so, 0 to 1; None for one person alone.
    """

    label: str | None
    outcome: Outcome
    agreement: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsensusLabels:
    """The consensus on every example, in order, and each person's quality, 0 to 1, where cleanlab could estimate it."""

    labels: list[Consensus]
    quality: Mapping[str, float] = field(default_factory=dict)


def consensus_labels(votes: Sequence[Mapping[str, str]], class_names: Sequence[str]) -> ConsensusLabels:
    """One label an example.

    Parameters
    ----------
    votes
        Class that each annotator gives, one mapping an example, none empty.
    class_names
        K classes, at least those that occur.
    """
    overlapping = [place for place, told in enumerate(votes) if len(told) > 1]
    weighed: dict[int, str] = {}
    quality: dict[str, float] = {}
    if overlapping:
        weighed, quality = _weighed(votes, overlapping, class_names)
    return ConsensusLabels(
        labels=[_consensus(told, weighed.get(place)) for place, told in enumerate(votes)], quality=quality
    )


def _consensus(told: Mapping[str, str], weighed: str | None) -> Consensus:
    counts = Counter(told.values()).most_common()
    label, most = counts[0]
    if len(told) == 1:
        return Consensus(label=label, outcome="single")
    if len(counts) > 1 and counts[1][1] == most:
        return Consensus(label=None, outcome="tie", agreement=most / len(told))
    if weighed is not None and weighed != label:
        return Consensus(label=None, outcome="contested", agreement=most / len(told))
    return Consensus(label=label, outcome="agreed", agreement=most / len(told))


def _weighed(
    votes: Sequence[Mapping[str, str]], overlapping: Sequence[int], class_names: Sequence[str]
) -> tuple[dict[int, str], dict[str, float]]:
    """Cleanlab's consensus on the examples of several people, by place, and each person's quality; without a model.

    In place of a model's answers stand the classes' frequencies, which cleanlab gives next to no weight.
    """
    from cleanlab.multiannotator import get_label_quality_multiannotator  # loads pandas and scikit-learn

    occurring = [name for name in class_names if any(name in votes[place].values() for place in overlapping)]
    people = sorted({name for place in overlapping for name in votes[place]})
    agreed = any(len(set(votes[place].values())) < len(votes[place]) for place in overlapping)
    if len(occurring) < 2 or not agreed:
        return {}, {}
    codes = np.full((len(overlapping), len(people)), np.nan)
    for row, place in enumerate(overlapping):
        for name, label in votes[place].items():
            codes[row, people.index(name)] = occurring.index(label)
    shares = np.array([np.count_nonzero(codes == code) for code in range(len(occurring))], dtype=float)
    shares += np.arange(len(shares), 0, -1) * 1e-6  # equally many votes are never told apart by chance
    frequencies = np.tile(shares / shares.sum(), (len(overlapping), 1))
    result = get_label_quality_multiannotator(codes, frequencies, verbose=False)
    found = result["label_quality"]["consensus_label"].to_numpy(dtype=int)
    stats = result["annotator_stats"]["annotator_quality"]
    quality = {people[int(place)]: float(value) for place, value in stats.items()}
    return {place: occurring[found[row]] for row, place in enumerate(overlapping)}, quality
