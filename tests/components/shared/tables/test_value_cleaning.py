"""Blanks at the ends of values, and values that count as missing."""

import json
import sys

import pyarrow as pa
import pytest

from components.shared.tables.table_spec import TableSpec
from components.shared.tables.value_cleaning import (
    KEPT_AS_THEY_ARE,
    MAX_VALUE_BYTES,
    too_long,
    value_cleaning_from,
    value_cleaning_of,
    ValueCleaning,
)

TEXTS = pa.array([" State-gov", "State-gov\t", "\u3000서울\u00a0", "a b", "  ", "", "?", " ? ", None])


def listed(cleaning: ValueCleaning, values: pa.Array, kind: pa.DataType) -> list:
    return cleaning.column(values, kind).to_pylist()


def test_white_space_at_the_ends_is_taken_off_and_nothing_else():
    found = listed(ValueCleaning(), TEXTS, pa.string())
    assert found == ["State-gov", "State-gov", "서울", "a b", None, None, "?", "?", None]


def test_white_space_is_kept_where_it_is_said():
    found = listed(ValueCleaning(keep_spaces=True), TEXTS, pa.string())
    assert found == [*TEXTS.to_pylist()[:5], None, "?", " ? ", None]
    assert KEPT_AS_THEY_ARE.column(TEXTS, pa.string()).to_pylist() == found


def test_white_space_is_what_unicode_says_it_is():
    """All of the first plane, which has them all today, and a part of the others."""
    every = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x10000), *range(0x10000, sys.maxunicode, 101))]
    stripped = ValueCleaning().texts(pa.array([f"{character}x{character}" for character in every]))
    assert stripped.to_pylist() == [f"{character}x{character}".strip() for character in every]


@pytest.mark.parametrize("keep_spaces", [False, True])
def test_what_is_called_missing_is_missing_whatever_blanks_it_has(keep_spaces):
    cleaning = ValueCleaning(keep_spaces=keep_spaces, missing=("?", " 없음 "))
    values = pa.array(["?", " ? ", "없음", "없음\n", "??", "NA"])
    assert listed(cleaning, values, pa.string()) == [None, None, None, None, "??", "NA"]
    assert [cleaning.is_missing(text) for text in values.to_pylist()] == [True] * 4 + [False] * 2


def test_numbers_that_are_called_missing_are_missing_however_they_are_stored():
    cleaning = ValueCleaning(missing=("-999", "unknown"))
    assert listed(cleaning, pa.array(["1", " -999", "-999.0", "unknown"]), pa.float64()) == [1, None, None, None]
    assert listed(cleaning, pa.array([1, -999, None]), pa.int64()) == [1, None, None]
    assert listed(cleaning, pa.array([0.5, -999.0]), pa.float64()) == [0.5, None]
    assert cleaning.typed(pa.array([1, -999])).to_pylist() == [1, None]
    assert cleaning.typed(pa.array([b"-999"])).to_pylist() == [b"-999"]


def test_what_is_missing_does_not_decide_a_columns_type():
    values = pa.array(["1", "unknown", "2.5"])
    assert ValueCleaning(missing=("unknown",)).type_of_texts(values) == pa.float64()
    assert ValueCleaning().type_of_texts(values) == pa.string()


def test_texts_are_decoded_and_composed_first():
    values = pa.array(["e\u0301 ", " é"]).dictionary_encode()
    assert listed(ValueCleaning(), values, pa.string()) == ["é", "é"]
    assert ValueCleaning(missing=("e\u0301",)).is_missing("é")


def test_labels_never_keep_blanks():
    assert ValueCleaning(keep_spaces=True, missing=("?",)).of_labels == ValueCleaning(missing=("?",))


def test_settings_survive_being_written_and_a_bundle_without_them_keeps_its_blanks():
    cleaning = value_cleaning_of(TableSpec(keep_spaces=True, missing=("?",)))
    assert value_cleaning_from(json.loads(json.dumps(cleaning.to_dict()))) == cleaning
    assert value_cleaning_from(ValueCleaning().to_dict()) == ValueCleaning()
    assert value_cleaning_from({"columns": []}) == KEPT_AS_THEY_ARE


@pytest.mark.parametrize("content", [{"keep_spaces": "no"}, {"missing": "?"}, {"keep_spaces": True, "missing": [1]}])
def test_other_settings_are_refused(content):
    with pytest.raises(ValueError, match=r"must be true or false|must be a list of texts"):
        value_cleaning_from(content)


def test_a_value_is_too_long_from_one_byte_over_the_bound():
    values = pa.array(["x" * MAX_VALUE_BYTES, None, "가" * (MAX_VALUE_BYTES // 3 + 1)])
    assert too_long(values).to_pylist() == [False, False, True]
    assert too_long(values.slice(0, 2)) is None
    assert too_long(pa.array([1.5])) is None
