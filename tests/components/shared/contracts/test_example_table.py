from pathlib import Path

import pyarrow as pa
import pytest

from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter
from components.shared.runtime.errors import ContractError
from components.shared.tables.repair_spec import Repair

GOLDEN = Path(__file__).parent / "golden" / "example_table_v1"
INFO = ExampleTableInfo(modality="text", class_names=("neg", "pos"), column_roles={"length": "derived"})


def batch_of(ids, splits, labels, texts, lengths) -> pa.RecordBatch:
    arrays = [pa.array(values, pa.string()) for values in (ids, splits, labels, texts)]
    return pa.RecordBatch.from_arrays(
        [*arrays, pa.array(lengths, pa.int32())], ["example_id", "split", "label", "text", "length"]
    )


def write(path: Path, *batches: pa.RecordBatch) -> Path:
    with ExampleTableWriter(path, INFO, extra_columns={"length": pa.int32()}) as writer:
        for batch in batches:
            writer.write(batch)
    return path


GOOD = batch_of(["a", "b", "c"], ["train", "train", "test"], ["pos", None, "neg"], ["좋다", "음", "싫다"], [2, 1, 2])


def test_what_was_written_is_read(tmp_path):
    table = ExampleTable(write(tmp_path, GOOD, GOOD))
    assert table.num_rows == 6
    assert table.schema.names == [
        "example_id", "split", "label", "content_id", "label_source", "label_version", "text", "length",
    ]  # fmt: skip
    assert table.info.modality == "text"
    assert table.info.class_names == ("neg", "pos")
    assert table.info.label_version == 1
    assert table.read(["text"], splits=["test"]).column(0).to_pylist() == ["싫다", "싫다"]


def test_every_column_has_its_role(tmp_path):
    info = ExampleTable(write(tmp_path, GOOD)).info
    assert {name: info.main_role(name) for name in info.column_roles} == {
        "example_id": "id", "split": "split", "label": "label", "content_id": "provenance",
        "label_source": "provenance", "label_version": "provenance", "text": "payload", "length": "derived",
    }  # fmt: skip
    assert info.columns_of("derived", "payload") == ("text", "length")


def test_examples_are_counted_by_split_and_label_with_unlabelled_ones_apart(tmp_path):
    counts = ExampleTable(write(tmp_path, GOOD)).counts()
    assert counts == {"train": {"pos": 1, "": 1}, "validation": {}, "test": {"neg": 1}}


def test_a_class_has_the_index_of_its_place():
    assert INFO.class_index("pos") == 1
    with pytest.raises(ContractError, match="label must be one of neg, pos, got 'mixed'"):
        INFO.class_index("mixed")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (batch_of(["a"], ["dev"], ["pos"], ["x"], [1]), "split must be one of train, validation, test, got 'dev'"),
        (batch_of(["a"], [None], ["pos"], ["x"], [1]), "split must be one of .*, got None"),
        (batch_of(["a"], ["train"], ["meh"], ["x"], [1]), "label must be one of neg, pos, got 'meh'"),
        (batch_of([""], ["train"], ["pos"], ["x"], [1]), "example_id must not be empty"),
        (batch_of([None], ["train"], ["pos"], ["x"], [1]), "example_id must not be empty"),
    ],
)
def test_a_bad_row_is_refused_and_leaves_no_table(tmp_path, wrong, message):
    with pytest.raises(ContractError, match=message):
        write(tmp_path, GOOD, wrong)
    with pytest.raises(FileNotFoundError):
        ExampleTable(tmp_path)


def test_a_column_without_a_role_and_an_unknown_role_are_refused(tmp_path):
    with pytest.raises(ContractError, match="column 'width' must have a role"):
        ExampleTableWriter(tmp_path, INFO, extra_columns={"width": pa.int32()})
    with pytest.raises(ContractError, match="the role of column 'width' must be one of"):
        ExampleTableInfo(modality="image", class_names=(), column_roles={"width": "decoration"})
    with pytest.raises(ContractError, match="modality must be image, text or tabular, got 'sound'"):
        ExampleTableInfo(modality="sound", class_names=(), column_roles={})


def test_a_predictions_table_is_not_an_example_table(tmp_path):
    with PredictionsWriter(tmp_path, class_names=("a", "b"), extra_columns={}):
        pass
    with pytest.raises(ContractError, match="must be a shard of example_table, got 'predictions_table'"):
        ExampleTable(tmp_path)


def test_version_1_still_loads():
    table = ExampleTable(GOLDEN)
    assert table.info.class_names == ("cat", "dog")
    assert table.info.label_version == 2
    assert table.info.roles_of("place") == ("slice",)
    assert table.read(table.schema.names).to_pydict() == {
        "example_id": ["a", "b", "c"],
        "split": ["train", "validation", "test"],
        "label": ["cat", "dog", None],
        "image": [b"\x01", b"\x02", b""],
        "image_width": [10, 20, None],
        "place": ["서울", None, "부산"],
    }


def test_a_column_may_have_several_roles_and_the_weightiest_says_how_it_is_treated(tmp_path):
    info = ExampleTableInfo(
        modality="tabular",
        class_names=("neg", "pos"),
        column_roles={"age": ("feature", "slice"), "name": ("feature", "pii"), "city": "feature"},
    )
    kinds = {"age": pa.int64(), "name": pa.string(), "city": pa.string()}
    with ExampleTableWriter(tmp_path, info, extra_columns=kinds):
        pass
    read = ExampleTable(tmp_path).info
    assert read.columns_of("feature") == ("age", "name", "city")
    assert read.columns_of("slice") == ("age",)
    assert read.roles_of("age") == ("feature", "slice")
    assert read.main_role("name") == "pii"


def test_labels_come_from_people_unless_the_writer_says_otherwise(tmp_path):
    columns = {name: GOOD.column(place) for place, name in enumerate(GOOD.schema.names)}
    told = {
        "content_id": pa.array([1, 2, None], pa.uint64()),
        "label_source": pa.array(["model", None, "rule"]),
        "label_version": pa.array([1, 1, 2]),
    }
    batch = pa.RecordBatch.from_arrays([*columns.values(), *told.values()], [*columns, *told])
    table = ExampleTable(write(tmp_path, GOOD, batch))
    found = table.read(["label_source", "label_version", "content_id"]).to_pydict()
    assert found["label_source"] == ["person", None, "person", "model", None, "rule"]
    assert found["label_version"] == [1, 1, 1, 1, 1, 2]
    assert found["content_id"] == [None, None, None, 1, 2, None]


def test_a_label_from_nobody_known_is_refused(tmp_path):
    columns = {name: GOOD.column(place) for place, name in enumerate(GOOD.schema.names)}
    columns["label_source"] = pa.array(["oracle", None, "person"])
    batch = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
    with pytest.raises(ContractError, match="label_source must be one of person, model, rule, got 'oracle'"):
        write(tmp_path, batch)


def test_version_1_is_read_as_labelled_by_people():
    found = ExampleTable(GOLDEN).read(["content_id", "label_version", "label_source"]).to_pydict()
    assert found == {
        "content_id": [None, None, None],
        "label_version": [2, 2, 2],
        "label_source": ["person", "person", None],
    }


def test_a_label_for_regression_is_a_finite_number(tmp_path):
    info = ExampleTableInfo(modality="tabular", class_names=(), column_roles={"x": "feature"}, task="regression")

    def batch(labels):
        ids = [str(number) for number in range(len(labels))]
        arrays = [pa.array(ids), pa.array(["train"] * len(ids)), pa.array(labels, pa.float64())]
        return pa.RecordBatch.from_arrays([*arrays, pa.array([1.0] * len(ids))], ["example_id", "split", "label", "x"])

    with ExampleTableWriter(tmp_path, info, extra_columns={"x": pa.float64()}) as writer:
        writer.write(batch([1.5, None, -2.0]))
    table = ExampleTable(tmp_path)
    assert table.info.task == "regression"
    assert table.read(["label"]).column(0).to_pylist() == [1.5, None, -2.0]
    assert table.counts()["train"] == {"labelled": 2, "": 1}
    with (
        pytest.raises(ContractError, match="must be a finite number"),
        ExampleTableWriter(tmp_path, info, extra_columns={"x": pa.float64()}) as writer,
    ):
        writer.write(batch([float("nan")]))
    with pytest.raises(ContractError, match="must have no class names"):
        ExampleTableInfo(modality="tabular", class_names=("a",), column_roles={}, task="regression")


def test_a_pool_has_neither_splits_nor_labels(tmp_path):
    info = ExampleTableInfo(modality="text", class_names=("neg", "pos"), column_roles={}, is_pool=True)
    names = ["example_id", "split", "label", "text"]

    def batch(split, label):
        arrays = [pa.array(["a"]), pa.array([split], pa.string()), pa.array([label], pa.string()), pa.array(["좋다"])]
        return pa.RecordBatch.from_arrays(arrays, names)

    with ExampleTableWriter(tmp_path, info, extra_columns={}) as writer:
        writer.write(batch(None, None))
        with pytest.raises(ContractError, match="a pool must hold examples without split"):
            writer.write(batch("train", None))
        with pytest.raises(ContractError, match="a pool must hold examples without label"):
            writer.write(batch(None, "pos"))
    table = ExampleTable(tmp_path)
    assert table.info.is_pool
    assert table.num_rows == 1
    assert not list(table.iter_batches(["example_id"], splits=["train", "validation", "test"]))


def test_version_2_still_loads():
    table = ExampleTable(GOLDEN.parent / "example_table_v2")
    assert table.info.label_version == 2
    assert table.info.label == {"column": "paid"}
    assert table.info.source_roles["age"] == ["feature", "slice"]
    assert table.info.columns_of("slice", "group") == ("age", "place")
    assert table.read(["example_id", "label", "content_id", "label_source", "label_version", "age"]).to_pydict() == {
        "example_id": ["a", "b", "c"],
        "label": ["yes", None, "no"],
        "content_id": [1, 2**63, None],
        "label_source": ["model", None, "person"],
        "label_version": [1, 2, 2],
        "age": [30, None, 41],
    }


def test_a_table_of_format_version_3_says_how_its_data_were_repaired():
    info = ExampleTable(GOLDEN.parent / "example_table_v3").info
    assert info.repairs == (Repair(column="groesse", rename="height"), Repair(column="height", scale=0.01))
    assert ExampleTable(GOLDEN.parent / "example_table_v2").info.repairs == ()
