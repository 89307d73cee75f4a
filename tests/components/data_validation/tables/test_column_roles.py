import numpy as np
import pyarrow as pa
import pytest

from components.data_validation.tables.column_roles import recognised_roles, roles_of_examples, sort_key
from components.shared.contracts.example_table import ExampleTableInfo
from components.shared.contracts.problem import parse_problem, Problem

ROWS = 200
RNG = np.random.default_rng(0)


def peek(**columns) -> pa.Table:
    return pa.table({"age": RNG.integers(18, 90, ROWS), **columns})


def role_of(roles, name: str) -> str:
    return next(column.role for column in roles.columns if column.name == name)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("trip_id", RNG.permutation(10**6)[:ROWS]),
        ("row", np.arange(ROWS)),
        ("code", [f"k{number:05d}" for number in range(ROWS)]),
    ],
)
def test_what_differs_in_every_row_is_taken_for_an_identifier_and_said(name, values):
    roles = recognised_roles([peek(**{name: values})], Problem())
    assert roles.left_out == {name: "it looks like an identifier"}
    assert f"{name!r} is no feature: it looks like an identifier" in roles.remarks[0]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("pickup_timestamp", 1_400_000_000 + RNG.integers(0, 10**7, ROWS)),
        ("created", 1_400_000_000_000 + RNG.integers(0, 10**10, ROWS)),
        ("day", [f"2024-05-{number % 28 + 1:02d}" for number in range(ROWS)]),
        ("moment", [f"2024-05-01T10:{number % 60:02d}:00Z" for number in range(ROWS)]),
        ("when", pa.array(np.arange(ROWS), pa.timestamp("us"))),
    ],
)
def test_a_time_takes_no_part_and_orders_the_rows(name, values):
    roles = recognised_roles([peek(**{name: values})], Problem())
    assert roles.left_out[name] == "it looks like a time"
    assert roles.time == name


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("income", RNG.permutation(10**6)[:ROWS].astype(float) + 0.5),
        ("salary", RNG.permutation(10**6)[:ROWS]),
        ("hour_of_day_time", RNG.integers(0, 24, ROWS)),
        ("shop", RNG.choice(["north", "south"], ROWS)),
    ],
)
def test_other_columns_are_features(name, values):
    roles = recognised_roles([peek(**{name: values})], Problem())
    assert role_of(roles, name) == "feature"
    assert roles.left_out == {}


def test_the_problem_file_has_the_last_word():
    table = peek(trip_id=np.arange(ROWS), phone=["010"] * ROWS, shop=["a"] * ROWS, note=["x"] * ROWS, y=["1"] * ROWS)
    problem = parse_problem(
        "{label: {column: y}, features: [trip_id, age], pii: [phone], sensitive: [shop], ignore: [note]}"
    )
    roles = recognised_roles([table], problem)
    assert {column.name: (column.role, column.kind) for column in roles.columns} == {
        "age": ("feature", "integer"),
        "trip_id": ("feature", "integer"),
        "phone": ("pii", "masked"),
        "shop": ("sensitive", "category"),
        "y": ("label", "category"),
    }
    assert roles.left_out == {"note": "the problem file ignores it"}


def test_an_expression_gives_a_computed_label_and_its_columns_are_still_watched():
    table = peek(tips=RNG.random(ROWS), fare=RNG.random(ROWS))
    roles = recognised_roles([table], parse_problem("{label: {expression: tips > 0.2 * fare}}"))
    assert roles.label_column == "label"
    assert {column.name: column.role for column in roles.columns} == {
        "age": "feature",
        "tips": "derived",
        "fare": "derived",
        "label": "label",
    }


def test_free_text_is_examined_through_its_measures():
    texts = [f"the {number} film was {word} to watch" for number, word in enumerate(RNG.choice(["good", "bad"], ROWS))]
    named = recognised_roles([peek(review=texts)], parse_problem("{modality: text, text: review}"))
    assert (named.texts, role_of(named, "share_latin")) == ({"review": ""}, "derived")
    found = recognised_roles([peek(opinion=texts)], Problem())
    assert (found.texts, role_of(found, "opinion.text_length")) == ({"opinion": "opinion."}, "derived")
    assert any("'opinion' is taken for free text" in remark for remark in found.remarks)


def test_a_column_that_only_the_second_table_has_takes_part_too():
    roles = recognised_roles([peek(), peek(new=RNG.random(ROWS))], Problem())
    assert [column.name for column in roles.columns] == ["age", "new"]


def test_a_named_column_that_no_table_has_is_refused():
    with pytest.raises(ValueError, match="must name columns of the table, got 'fare'; there are age"):
        recognised_roles([peek()], Problem(ignore=("fare",)))


def test_an_example_table_brings_its_own_roles():
    info = ExampleTableInfo(
        modality="tabular",
        class_names=("a", "b"),
        column_roles={
            "example_id": "id",
            "split": "split",
            "label": "label",
            "age": "feature",
            "tags": "feature",
            "t": "time",
        },
    )
    schema = pa.schema(
        [
            ("example_id", pa.string()),
            ("split", pa.string()),
            ("label", pa.string()),
            ("age", pa.int64()),
            ("tags", pa.list_(pa.string())),
            ("t", pa.timestamp("us")),
        ]
    )
    roles = roles_of_examples(info, schema)
    assert [column.name for column in roles.columns] == ["label", "age"]
    assert roles.left_out == {
        "example_id": "its role is id",
        "tags": "its type is list<item: string>",
        "t": "its role is time",
    }
    assert (roles.id, roles.time, roles.group) == ("example_id", "t", None)


def test_times_of_every_form_sort_alike():
    order = [2, 0, 1]
    iso = pa.array(["2024-03-01", "2024-01-01", None, "2024-02-01"])
    assert np.argsort(sort_key(iso)[[0, 1, 3]]).tolist() == [1, 2, 0]
    assert np.isnan(sort_key(iso)[2])
    assert np.argsort(sort_key(pa.array([20, 30, 10]))).tolist() == order
    assert np.argsort(sort_key(pa.array([20, 30, 10], pa.timestamp("us")))).tolist() == order


def test_only_columns_that_say_something_of_the_data_take_part():
    roles = {
        "example_id": "id",
        "split": "split",
        "label": "label",
        "image": "payload",
        "width": "derived",
        "source_name": "metadata",
        "taken": "time",
        "patient": "group",
        "site": "slice",
        "sex": "sensitive",
        "phone": "pii",
        "age": "feature",
    }
    info = ExampleTableInfo(modality="image", class_names=("a", "b"), column_roles=roles)
    schema = pa.schema([(name, pa.binary() if name == "image" else pa.string()) for name in roles])
    names = [column.name for column in roles_of_examples(info, schema).columns]
    assert names == ["label", "width", "site", "sex", "phone", "age"]


@pytest.mark.parametrize(
    "named", ["text: comment", "id: comment", "modality: text", "label: {column: comment}", "features: [comment]"]
)
def test_personal_data_are_masked_whatever_else_the_column_is(named):
    table = peek(comment=[f"call {number} please" for number in range(ROWS)])
    roles = recognised_roles([table], parse_problem(f"{named}\npii: [comment]"))
    columns = {column.name: (column.role, column.kind) for column in roles.columns}
    assert columns["comment"] == ("pii", "masked")
    assert not roles.texts


def test_a_column_of_personal_data_is_not_recognised_as_the_label():
    roles = recognised_roles([peek(label=["Kim", "Lee"] * (ROWS // 2))], Problem(pii=("label",)))
    assert roles.label is None
