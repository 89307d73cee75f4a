import numpy as np
import pyarrow as pa
import pytest

from components.model_analysis.slices.conditions import (
    condition_from_json,
    conditions_of,
    slice_mask,
    SliceCondition,
    where_all,
)
from components.model_analysis.slices.slice_figures import SliceFigures
from components.model_analysis.slices.words import sentence, slice_words
from components.shared.tables.label_expression import LabelExpression, SLICE_LANGUAGE

COLUMNS = {
    "miles": pa.array([1.5, None, 3.0, 9.0]),
    "it's paid": pa.array(["card", 'it\'s "cash"', None, "card"]),
    "hour": pa.array([1, 2, 3, None]),
    "flag": pa.array([True, False, None, True]),
}
BELOW = SliceCondition(column="miles", kind="below", value=3.0)
QUOTED = SliceCondition(column="it's paid", kind="is", value='it\'s "cash"')


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        (BELOW, [True, False, False, False]),
        (SliceCondition(column="miles", kind="from", value=3.0), [False, False, True, True]),
        (SliceCondition(column="miles", kind="missing"), [False, True, False, False]),
        (QUOTED, [False, True, False, False]),
        (SliceCondition(column="hour", kind="is", value=2), [False, True, False, False]),
        (SliceCondition(column="flag", kind="is", value=True), [True, False, False, True]),
    ],
)
def test_a_condition_holds_where_its_expression_does(condition, rows):
    assert condition.mask(COLUMNS[condition.column]).tolist() == rows
    assert condition_from_json(condition.to_json()) == condition
    if condition.where is not None:
        found = LabelExpression(condition.where, SLICE_LANGUAGE).evaluate(COLUMNS)
        assert [bool(value) for value in found.to_pylist()] == rows


def test_what_the_language_has_no_words_for_has_no_expression():
    assert where_all([BELOW, SliceCondition(column="hour", kind="missing")]) is None
    assert SliceCondition(column="a`b", kind="is", value=1).where is None
    assert where_all([BELOW, QUOTED]) == "miles < 3.0 and `it's paid` == 'it\\'s \"cash\"'"


def test_a_slice_of_an_unknown_column_is_an_error():
    with pytest.raises(ValueError, match="the slice's column 'miles' must be among the examples' columns and traits"):
        slice_mask([BELOW], {"hour": COLUMNS["hour"]})


def test_values_cuts_and_missing_values_become_conditions():
    rng = np.random.default_rng(0)
    columns = {
        "place": pa.array(rng.choice(["a", "b", "<e-mail>"], 400)),
        "miles": pa.array(rng.random(400), mask=rng.random(400) < 0.2),
        "area": pa.array(rng.choice([8.0, 32.0, 76.0], 400)),
        "when": pa.array(np.arange(400).astype("datetime64[s]")),
    }
    conditions, masks = conditions_of(columns, min_examples=20, max_share=0.7)
    assert {item.value for item in conditions if item.column == "place"} == {"a", "b"}
    assert {item.kind for item in conditions if item.column == "miles"} == {"below", "from", "missing"}
    assert {item.value for item in conditions if item.kind == "is" and item.column == "area"} == {8.0, 32.0, 76.0}
    assert not [item for item in conditions if item.column == "when"]
    assert masks.shape == (400, len(conditions))
    assert masks.sum(axis=0).min() >= 20
    assert masks.sum(axis=0).max() <= 280


def test_slices_in_words():
    dark = SliceCondition(column="brightness", kind="below", value=0.18)
    left = SliceCondition(column="camera", kind="is", value="left")
    hours = [
        SliceCondition(column="hour", kind="from", value=7),
        SliceCondition(column="hour", kind="below", value=9),
    ]
    assert slice_words([dark], noun="photos") == "photos darker than 0.18"
    assert slice_words([dark, left], noun="photos") == "photos darker than 0.18, with camera = left"
    assert slice_words(hours, noun="rows") == "rows with hour from 7 up to 9"
    figures = SliceFigures(
        num_examples=112, error=0.41, error_low=0.3, error_high=0.5, elsewhere=0.09, difference=0.32,
        difference_low=0.2, difference_high=0.44,
    )  # fmt: skip
    assert sentence("photos darker than 0.18", figures, is_share=True) == (
        "photos darker than 0.18: 41% wrong of 112, elsewhere 9% (20 to 44 points more)"
    )
