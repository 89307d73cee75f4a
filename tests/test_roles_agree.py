"""Ingestion, preparation, scoring and serving give a table's columns the same roles."""

import pytest

from components.data_ingestion.jobs.ingest_examples import ingest_examples, IngestionOutputs
from components.feature_engineering.preparation import choose_preparation
from components.model_analysis.scoring.table_columns import choose_columns, TableHints
from components.shared.contracts.example_table import ExampleTable
from components.shared.contracts.problem import parse_problem
from components.shared.tables.label_expression import LabelExpression
from tests.role_tables import RoleTable, TABLES


@pytest.fixture(params=TABLES, ids=lambda table: table.name)
def table(request):
    return request.param


@pytest.fixture
def ingested(table: RoleTable, tmp_path):
    ingest_examples(
        source=str(table.write(tmp_path)),
        problem=table.problem,
        outputs=IngestionOutputs(
            examples=tmp_path / "examples", report=tmp_path / "report.html", verdict=tmp_path / "verdict.json"
        ),
    )
    return ExampleTable(tmp_path / "examples")


def test_every_step_gives_one_answer(table: RoleTable, ingested: ExampleTable):
    info = ingested.info
    assert {name: set(roles) for name, roles in info.source_roles.items()} == {
        name: set(roles.split()) for name, roles in table.roles.items()
    }
    features = choose_preparation("auto", ingested).features
    if info.modality == "tabular":
        assert list(info.columns_of("feature")) == table.columns_of("feature")
        # What the server reads of a request is what the bundle's features name.
        assert list(features.columns) == table.columns_of("feature")
    for role in ("slice", "sensitive", "group", "time"):
        assert list(info.columns_of(role)) == table.columns_of(role)
    # A model's bundle carries the answer: another table of the kind is scored by it.
    hints = TableHints(
        trained_label=info.label,
        trained_roles=info.source_roles,
        problem=parse_problem("", where="nothing is declared"),
    )
    chosen = choose_columns(list(table.columns), features, hints, where="t.csv")
    if isinstance(chosen.label, LabelExpression):
        assert table.label is None
    else:
        assert chosen.label == table.label
    assert chosen.example_id == next(iter(table.columns_of("id")), None)
