"""Two predictions tables of the same examples as a pair of answers, with what may be compared and what may not.

Shapes: N examples of the challenger's test split, M of them that are compared, K classes of either model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow.compute as pc

from components.model_analysis.gate.answered_pair import ClassPair, NumberPair
from components.model_analysis.gate.champion_gate import ComparedRows
from components.model_analysis.scoring.operating_threshold import operating_point
from components.model_analysis.traits.pinned_masks import pinned_masks
from components.shared.contracts.example_rows import content_ids_of, example_ids_of, groups_of
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.label_matching import LabelMatcher
from components.shared.contracts.label_origin import are_by_people, LABEL_SOURCE
from components.shared.contracts.predictions_table import PredictionsTable
from components.shared.contracts.problem import SPLIT_NAMES
from components.shared.contracts.split_record import KnownSplits, NOT_KNOWN
from components.shared.contracts.target_spec import OperatingPointSpec
from components.shared.tables.given_slices import slice_masks

_TEST = ("test",)
_MAX_NAMED = 50


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PairedAnswers:
    """What both models answered.

    Attributes
    ----------
    pair
        On the M examples that are compared.
    counts
        How many there are, and how many were left out, and why.
    slices
        Masks by name, shape (M,).
    example_ids
        Of the M examples.
    why_none
        A clause where one of the two has no threshold that does what was asked; else empty.
    """

    pair: ClassPair | NumberPair
    counts: ComparedRows
    slices: dict[str, np.ndarray] = field(default_factory=dict)
    example_ids: Sequence[str] = ()
    why_none: str = ""

    def only_champion_right(self) -> tuple[str, ...]:
        """The first identifiers of examples that only the champion answers right; none of numbers."""
        if isinstance(self.pair, NumberPair):
            return ()
        challenger, champion = self.pair.right()
        return tuple(self.example_ids[row] for row in np.flatnonzero(champion & ~challenger)[:_MAX_NAMED].tolist())


def paired_answers(
    examples: ExampleTable,
    challenger: PredictionsTable,
    champion: PredictionsTable,
    known: KnownSplits | None,
    at: OperatingPointSpec | None,
) -> PairedAnswers:
    """Bring two models' answers to the same test examples together.

    Compared is what people labelled as a class that either model knows, or as a number, what both models answered, and
    what the champion was neither trained on nor chosen by. Of slices only columns without personal data are taken.

    Parameters
    ----------
    known
        Splits that the champion's bundle records; None where it records none.
    at
        Where on their curves the two are compared, each at its own threshold.
    """
    places = pc.index_in(example_ids_of(challenger, _TEST), value_set=example_ids_of(champion, _TEST))
    both = places.is_valid().to_numpy(zero_copy_only=False)
    other = pc.fill_null(places, 0).to_numpy(zero_copy_only=False)
    names = _classes_of_both(challenger, champion)
    labels, is_labelled = _labels(challenger, names)
    by_people = are_by_people(challenger, _TEST)
    trained, validated, unknown = _seen_by_champion(examples, challenger, known)
    counted = is_labelled & by_people
    rows = counted & both & ~trained & ~validated
    counts = ComparedRows(
        num_compared=int(rows.sum()),
        num_trained_on=int((counted & trained).sum()),
        num_validated_on=int((counted & validated).sum()),
        num_only_one=int((counted & ~both & ~trained & ~validated).sum()),
        num_by_machines=int((is_labelled & ~by_people).sum()),
        num_unknown=int((rows & unknown).sum()),
    )
    groups = groups_of(examples, challenger, _TEST)
    of_rows = None if groups is None else groups[rows]
    ids = example_ids_of(challenger, _TEST).filter(rows).to_pylist()
    sides = (_answers(challenger, names)[rows], _answers(champion, names)[other[rows]])
    if challenger.is_regression:
        numbers = NumberPair(labels=labels[rows], challenger=sides[0], champion=sides[1], groups=of_rows)
        return PairedAnswers(pair=numbers, counts=counts, slices=_slices(examples, challenger, rows), example_ids=ids)
    why_none, positive, thresholds = _operating_points(challenger, champion, at)
    pair = ClassPair(
        labels=labels[rows].astype(np.int64),
        challenger=sides[0],
        champion=sides[1],
        groups=of_rows,
        positive=positive,
        thresholds=thresholds,
    )
    slices = _slices(examples, challenger, rows)
    return PairedAnswers(pair=pair, counts=counts, slices=slices, example_ids=ids, why_none=why_none)


def _classes_of_both(challenger: PredictionsTable, champion: PredictionsTable) -> tuple[str, ...]:
    """The challenger's classes, then those that only the champion knows, whatever their case or Unicode form."""
    matcher = LabelMatcher(challenger.class_names)
    return (*challenger.class_names, *(name for name in champion.class_names if matcher.index(name) is None))


def _labels(table: PredictionsTable, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the test split, (N,), and which of them are a class of either model, or a number, (N,)."""
    if table.is_regression:
        numbers = table.numbers("label", splits=_TEST)
        return numbers, np.isfinite(numbers)
    matcher = LabelMatcher(names)
    given = table.read(["label"], splits=_TEST).column(0).to_pylist()
    index_of = {label: matcher.index(label) for label in set(given) if label is not None}
    indices = [index_of.get(label) for label in given]
    labels = np.array([-1 if index is None else index for index in indices], dtype=np.int64)
    return labels, labels >= 0


def _answers(table: PredictionsTable, names: Sequence[str]) -> np.ndarray:
    """Numbers, or probabilities over the classes of both models, of the test split."""
    if table.is_regression:
        return table.numbers("predicted", splits=_TEST)
    matcher = LabelMatcher(names)
    own = table.probabilities(splits=_TEST).astype(np.float64)
    found = np.zeros((len(own), len(names)))
    found[:, np.array([matcher.index(name) for name in table.class_names])] = own
    return found


def _seen_by_champion(
    examples: ExampleTable, table: PredictionsTable, known: KnownSplits | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether the champion was trained on, or chosen by, each test example, or that is not known: shape (N,) each."""
    content_ids, has_id = content_ids_of(examples, table, _TEST)
    if known is None:
        nothing = np.zeros(len(content_ids), dtype=bool)
        return nothing, nothing, ~nothing
    splits = np.where(has_id, known.of_contents(content_ids), NOT_KNOWN)
    return splits == SPLIT_NAMES.index("train"), splits == SPLIT_NAMES.index("validation"), ~has_id


def _operating_points(
    challenger: PredictionsTable, champion: PredictionsTable, at: OperatingPointSpec | None
) -> tuple[str, int | None, tuple[float, float] | None]:
    if at is None:
        return "", None, None
    positive = at.positive_index(challenger.class_names)
    name = challenger.class_names[positive]
    mine, other = (operating_point(table, at.of_class(name)) for table in (challenger, champion))
    if mine.why_none or other.why_none:
        who = "this model" if mine.why_none else "the champion"
        return f"of {who}, {mine.why_none or other.why_none}", positive, None
    return "", positive, (mine.threshold, other.threshold)


def _slices(examples: ExampleTable, table: PredictionsTable, rows: np.ndarray) -> dict[str, np.ndarray]:
    personal = {LABEL_SOURCE, *examples.info.columns_of("pii")}
    names = [name for name in table.slice_columns if name not in personal]
    ids = example_ids_of(table, _TEST).filter(rows).to_pylist()
    pinned = pinned_masks(examples, ids, splits=_TEST)
    columns = table.read(names, splits=_TEST) if names else None
    if columns is None:
        return pinned
    return slice_masks({name: columns.column(name).combine_chunks().filter(rows) for name in names}) | pinned
