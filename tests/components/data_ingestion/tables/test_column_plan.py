import pyarrow as pa
import pytest

from components.data_ingestion.tables.column_plan import column_plan, ColumnPlan
from components.shared.contracts.problem import parse_problem
from components.shared.tables.column_roles import resolve_roles

TYPES = {
    "id": pa.int64(),
    "fare": pa.float64(),
    "tips": pa.float64(),
    "pay": pa.string(),
    "note": pa.string(),
    "label": pa.string(),
}


def planned(problem: str, types: dict = TYPES) -> ColumnPlan:
    told = parse_problem(problem)
    nothing = {name: pa.array([], kind or pa.list_(pa.int64())) for name, kind in types.items()}
    resolved = resolve_roles(nothing, told, where="t.csv")
    return column_plan(types, resolved, told, source="t.csv")


def roles(problem: str, types: dict = TYPES) -> dict[str, str]:
    return {column.name: " ".join(column.roles) for column in planned(problem, types).outputs}


def test_without_a_problem_file_everything_but_label_and_id_is_a_feature():
    plan = planned("")
    assert (plan.modality, plan.label) == ("tabular", "label")
    assert roles("") == {
        "id": "id",
        "fare": "feature",
        "tips": "feature",
        "pay": "feature",
        "note": "feature",
    }
    assert "the label is the column 'label'" in plan.resolved.inferred


def test_columns_of_the_labels_expression_are_no_features():
    found = roles("label: {expression: tips > 0.2 * fare}\nid: id")
    assert found == {"pay": "feature", "note": "feature", "source_label": "feature"}


def test_columns_of_the_labels_expression_are_features_where_the_problem_file_says_so():
    assert roles("label: {expression: tips > 0.2 * fare}\nfeatures: [fare]")["fare"] == "feature"


def test_named_features_leave_the_others_as_metadata():
    assert roles("features: [fare]")["pay"] == "metadata"


def test_roles_follow_the_problem_file():
    found = roles(
        "sensitive: [pay]\nslices: [note]\ntime: fare\nignore: [tips]\npii: [id]\nfeatures: []",
        TYPES | {"x": pa.int64()},
    )
    assert found == {"id": "pii", "fare": "time", "pay": "sensitive", "note": "feature slice", "x": "feature"}


def test_personal_data_are_no_feature():
    assert roles("pii: [note]\nfeatures: [note, fare]")["note"] == "pii"


def test_a_text_problem_keeps_other_columns_as_metadata():
    found = roles("text: note")
    assert found == {"id": "id", "fare": "metadata", "tips": "metadata", "pay": "metadata"}


def test_a_columns_name_that_the_example_table_needs_is_changed():
    types = {"label": pa.string(), "split": pa.string(), "source_split": pa.string(), "x": pa.int64()}
    assert list(roles("", types)) == ["source_split_", "source_split", "x"]


def test_nested_columns_and_columns_without_a_name_are_left_out():
    plan = planned("", {"label": pa.string(), "": pa.int64(), "n": None, "x": pa.int64()})
    assert [column.name for column in plan.outputs] == ["x"]
    assert len([sentence for sentence in plan.resolved.inferred if "left out" in sentence]) == 2


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("ignore: [nothing]", "columns of t.csv, got 'nothing'; there are id, fare, tips, pay, note, label"),
        ("label: {column: target}", "columns of t.csv, got 'target'"),
        ("label: {expression: tip > 1}", "columns of t.csv, got 'tip'"),
        ("text: body", "columns of t.csv, got 'body'"),
        ("modality: text", "must name the text's column"),
        ("modality: image", "name a folder of images"),
        ("ignore: [id, fare, tips, pay, note]", "must have a feature column"),
    ],
)
def test_a_problem_file_that_does_not_fit_is_refused_in_one_sentence(problem, message):
    with pytest.raises(ValueError, match=message):
        planned(problem)


def test_a_table_without_a_label_is_refused():
    with pytest.raises(ValueError, match=r"must have a label.*its columns are x"):
        planned("", {"x": pa.int64()})
