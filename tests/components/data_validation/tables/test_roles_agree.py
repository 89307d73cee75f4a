"""Validation of a raw table gives its columns the roles that ingestion gives them."""

import pytest

from components.data_validation.tables.prepared_table import open_prepared
from components.shared.contracts.problem import parse_problem
from tests.role_tables import RoleTable, TABLES


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_validation_gives_the_answer_of_every_other_step(table: RoleTable, tmp_path):
    roles = open_prepared(str(table.write(tmp_path)), parse_problem(table.problem)).roles
    examined = {column.name: {column.role, *column.also} for column in roles.columns}
    assert roles.label_column == (table.label or "label")
    for role in ("feature", "slice", "sensitive", "pii", "prediction"):
        assert [name for name, found in examined.items() if role in found] == table.columns_of(role)
    for name in [*table.columns_of("id"), *table.columns_of("time"), *table.columns_of("group")]:
        assert name in roles.left_out
    assert set(roles.texts) == set(table.columns_of("text"))
