import pyarrow as pa
import pytest

from components.model_analysis.traits.example_traits import traits_of
from components.model_analysis.traits.image_traits import image_traits
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter


def written(path, modality, columns, roles, **info):
    num_rows = len(next(iter(columns.values())))
    base = {
        "example_id": pa.array([f"e{number}" for number in range(num_rows)]),
        "split": pa.array(["test"] * num_rows),
        "label": pa.array(["a", "b"] * (num_rows // 2) + ["a"] * (num_rows % 2)),
    }
    stated = ExampleTableInfo(modality=modality, class_names=("a", "b"), column_roles=roles, **info)
    extra = {name: array.type for name, array in columns.items() if name in roles}
    with ExampleTableWriter(path, stated, extra_columns=extra) as writer:
        writer.write(pa.RecordBatch.from_arrays([*base.values(), *columns.values()], [*base, *columns]))
    return ExampleTable(path)


def test_photos_are_measured_in_the_order_asked(tmp_path, photo):
    images = [photo("cat"), photo("dog"), b"no image"]
    examples = written(
        tmp_path, "image", {"image": pa.array(images, pa.binary()), "camera": pa.array(["x", "y", "z"])},
        {"camera": "slice"},
    )  # fmt: skip
    found = traits_of(examples, ["e2", "e1", "e0"])
    assert found.column("example_id").to_pylist() == ["e2", "e1", "e0"]
    assert found.column("camera").to_pylist() == ["z", "y", "x"]
    brightness = found.column("brightness").to_pylist()
    assert brightness == [None, image_traits(images[1])["brightness"], image_traits(images[0])["brightness"]]


def test_what_ingestion_stored_is_taken_as_it_is(tmp_path, photo):
    columns = {"image": pa.array([photo("cat")] * 2, pa.binary()), "brightness": pa.array([0.125, 0.25])}
    found = traits_of(written(tmp_path, "image", columns, {"brightness": "derived"}), ["e0", "e1"])
    assert found.column("brightness").to_pylist() == [0.125, 0.25]
    assert None not in found.column("off_centre").to_pylist()


def test_a_missing_text_has_no_traits(tmp_path):
    columns = {"text": pa.array(["좋아요", None, "a b"], pa.string())}
    found = traits_of(written(tmp_path, "text", columns, {}), ["e0", "e1", "e2"])
    assert found.column("text_length").to_pylist() == [3, None, 3]
    assert found.column("share_latin").to_pylist() == [0.0, None, 1.0]


def test_rows_are_described_by_features_and_slices_but_never_by_personal_data(tmp_path):
    columns = {name: pa.array([1.0, 2.0]) for name in ("miles", "age", "phone", "note")}
    roles = {"miles": "feature", "age": "sensitive", "phone": ("pii", "slice"), "note": "metadata"}
    found = traits_of(written(tmp_path, "tabular", columns, roles), ["e1"])
    assert found.to_pylist() == [{"example_id": "e1", "miles": 2.0, "age": 2.0}]


def test_an_example_of_another_table_is_an_error(tmp_path):
    examples = written(tmp_path, "tabular", {"miles": pa.array([1.0])}, {"miles": "feature"})
    with pytest.raises(ValueError, match=r"'x' is not, nor are 1 others: give the table that was scored"):
        traits_of(examples, ["e0", "x", "y"])


def test_no_examples_have_the_columns_all_the_same(tmp_path):
    examples = written(tmp_path, "text", {"text": pa.array(["a"])}, {})
    assert "share_emoji" in traits_of(examples, []).column_names
