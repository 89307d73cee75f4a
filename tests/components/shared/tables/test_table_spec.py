"""The section `table` of the problem file."""

import pytest

from components.shared.contracts.problem import parse_problem
from components.shared.tables.table_spec import TableSpec


def test_every_key_is_read_from_a_problem_file():
    text = 'table: {format: jsonl, header: false, columns: [a, b], keep_spaces: true, missing: ["?", -999]}'
    assert parse_problem(text).table == TableSpec(
        format="jsonl", header=False, columns=("a", "b"), keep_spaces=True, missing=("?", "-999")
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("format: xlsx", "must be one of csv, tsv, jsonl, parquet, got 'xlsx'"),
        ("columns: [a, b, a]", r"table\.columns must not repeat a name, but 'a' occurs more than once"),
        ('columns: [a, " "]', r"table\.columns must give every column a name, but one is empty"),
        ("missing: '?'", r"table\.missing must be a list"),
        ("keep_spaces: 1", r"table\.keep_spaces must be true or false"),
    ],
)
def test_other_values_are_refused(table, message):
    with pytest.raises(ValueError, match=message):
        parse_problem(f"table: {{{table}}}")
