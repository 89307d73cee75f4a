"""A few values of a column are cleaned as they are among many."""

import math
import random
import unicodedata

import pyarrow as pa
import pytest

from components.shared.tables.column_types import as_type
from components.shared.tables.few_values import few_texts, MAX_VALUES, PLAIN_TEXT
from components.shared.tables.value_cleaning import ValueCleaning

NUM_COLUMNS = 100
CHARACTERS = " \t\u00a0\x1c\x85\u3000?aé-없음e\u0301\u1100\u1161\u3131漢\u2f00\U0001d15e\u200b"
WHOLE = ("", "?", " ? ", "없음\n", "-999", "e\u0301", "\u1112\u1161\u11ab", "\ufb01")
NUMBERS = (None, 0.0, -0.0, 1.5, -999.0, math.nan, math.inf, -math.inf, 5e-324)
CLEANINGS = [
    ValueCleaning(keep_spaces=keep_spaces, missing=missing)
    for keep_spaces in (False, True)
    for missing in ((), ("?", " 없음 ", "-999"))
]


def made_text(rng: random.Random) -> str | None:
    """Some of the characters, one of the whole texts, or nothing."""
    made = "".join(rng.choices(CHARACTERS, k=rng.randrange(6)))
    return rng.choice([made, made, made, *rng.sample(WHOLE, 1), None])


def among_many(values: pa.Array) -> pa.Array:
    """The values, at the head of a column that is long enough for Arrow."""
    return pa.concat_arrays([values] * (MAX_VALUES + 1))


def test_plain_texts_are_composed_whatever_stands_beside_what():
    plain = "".join(filter(PLAIN_TEXT.fullmatch, map(chr, range(0x20000))))
    assert len(plain) > 30_000
    for text in (plain, plain[::-1], "".join(f"a{character}가" for character in plain)):
        assert unicodedata.normalize("NFC", text) == text


def test_texts_that_are_many_or_not_plain_are_left_to_arrow():
    assert few_texts(pa.array(["a", None, "가"])) == ["a", None, "가"]
    assert few_texts(pa.array(["e\u0301"])) is None
    assert few_texts(pa.array(["a"] * (MAX_VALUES + 1))) is None
    assert few_texts(pa.array(["a"], pa.large_string())) is None


@pytest.mark.parametrize("cleaning", CLEANINGS)
def test_a_few_texts_are_cleaned_as_among_many(cleaning):
    rng = random.Random(0)
    for _ in range(NUM_COLUMNS):
        values = pa.array([made_text(rng) for _ in range(rng.randint(1, 3))], pa.string())
        found = cleaning.column(values, pa.string())
        assert found.equals(cleaning.column(among_many(values), pa.string())[: len(values)])
        assert cleaning.texts(found).equals(cleaning.texts(among_many(found))[: len(values)])


@pytest.mark.parametrize("cleaning", CLEANINGS)
def test_a_few_numbers_are_cleaned_as_among_many(cleaning):
    rng = random.Random(0)
    for _ in range(NUM_COLUMNS):
        numbers = rng.choices(NUMBERS, k=rng.randint(1, 3))
        values = pa.array(numbers, pa.float64())
        found = cleaning.column(values, pa.float64())
        assert found.equals(cleaning.column(among_many(values), pa.float64())[: len(values)])
        assert as_type(values, pa.float64()).to_pylist() == [
            None if number is None or math.isnan(number) else number for number in numbers
        ]
