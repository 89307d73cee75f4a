import pyarrow as pa
import pytest

from components.data_ingestion.tables.column_plan import column_plan
from components.shared.contracts.problem import parse_problem

TYPES = {
    "id": pa.int64(),
    "fare": pa.float64(),
    "tips": pa.float64(),
    "pay": pa.string(),
    "note": pa.string(),
    "label": pa.string(),
}


def roles(problem: str, types: dict = TYPES) -> dict[str, str]:
    plan = column_plan(types, parse_problem(problem), source="t.csv")
    return {column.name: column.role for column in plan.outputs}


def test_without_a_problem_file_everything_but_label_and_id_is_a_feature():
    plan = column_plan(TYPES, parse_problem(""), source="t.csv")
    assert (plan.modality, plan.label) == ("tabular", "label")
    assert {column.name: column.role for column in plan.outputs} == {
        "id": "metadata",
        "fare": "feature",
        "tips": "feature",
        "pay": "feature",
        "note": "feature",
    }
    assert "the label is the column 'label'" in plan.inferred


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
    assert found == {"id": "pii", "fare": "time", "pay": "sensitive", "note": "slice", "x": "feature"}


def test_personal_data_are_no_feature():
    assert roles("pii: [note]\nfeatures: [note, fare]")["note"] == "pii"


def test_a_text_problem_keeps_other_columns_as_metadata():
    found = roles("text: note")
    assert found == {"id": "metadata", "fare": "metadata", "tips": "metadata", "pay": "metadata"}


def test_a_columns_name_that_the_example_table_needs_is_changed():
    types = {"label": pa.string(), "split": pa.string(), "source_split": pa.string(), "x": pa.int64()}
    assert list(roles("", types)) == ["source_split_", "source_split", "x"]


def test_nested_columns_and_columns_without_a_name_are_left_out():
    plan = column_plan(
        {"label": pa.string(), "": pa.int64(), "n": None, "x": pa.int64()}, parse_problem(""), source="t"
    )
    assert [column.name for column in plan.outputs] == ["x"]
    assert len([sentence for sentence in plan.inferred if "left out" in sentence]) == 2


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("ignore: [nothing]", "names the column 'nothing', but t.csv has id, fare, tips, pay, note, label"),
        ("label: {column: target}", "names the column 'target'"),
        ("label: {expression: tip > 1}", "names the column 'tip'"),
        ("text: body", "names the column 'body'"),
        ("modality: text", "must name the text's column"),
        ("modality: image", "name a folder of images"),
        ("ignore: [id, fare, tips, pay, note]", "must have a feature column"),
    ],
)
def test_a_problem_file_that_does_not_fit_is_refused_in_one_sentence(problem, message):
    with pytest.raises(ValueError, match=message):
        column_plan(TYPES, parse_problem(problem), source="t.csv")


def test_a_table_without_a_label_is_refused():
    with pytest.raises(ValueError, match=r"must have a label.*its columns are x"):
        column_plan({"x": pa.int64()}, parse_problem(""), source="t.csv")
