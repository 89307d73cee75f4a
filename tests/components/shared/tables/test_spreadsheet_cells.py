import pytest

from components.shared.tables.spreadsheet_cells import guarded_cell, unguarded_cell


@pytest.mark.parametrize("text", ["=1+1", "+82", "-cat", "@x", "\tx", "＝x", "  =x", "'=x", "''-"])
def test_a_formula_is_guarded_and_comes_back(text):
    guarded = guarded_cell(text)
    assert guarded == f"'{text}"
    assert unguarded_cell(guarded) == text


@pytest.mark.parametrize("value", ["cat", "", "'tis", "a=b", -3.5, None, 7])
def test_anything_else_stays(value):
    assert guarded_cell(value) is value
    if isinstance(value, str):
        assert unguarded_cell(value) == value
