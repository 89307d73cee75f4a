from pathlib import Path

import pyarrow as pa
import pytest

from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.predictions_table import PredictionsWriter
from components.shared.runtime.errors import ContractError

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
    assert table.schema.names == ["example_id", "split", "label", "text", "length"]
    assert table.info.modality == "text"
    assert table.info.class_names == ("neg", "pos")
    assert table.info.label_version == 1
    assert table.read(["text"], splits=["test"]).column(0).to_pylist() == ["싫다", "싫다"]


def test_every_column_has_its_role(tmp_path):
    info = ExampleTable(write(tmp_path, GOOD)).info
    assert info.column_roles == {
        "example_id": "id", "split": "split", "label": "label", "text": "payload", "length": "derived",
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
    assert table.info.column_roles["place"] == "slice"
    assert table.read(table.schema.names).to_pydict() == {
        "example_id": ["a", "b", "c"],
        "split": ["train", "validation", "test"],
        "label": ["cat", "dog", None],
        "image": [b"\x01", b"\x02", b""],
        "image_width": [10, 20, None],
        "place": ["서울", None, "부산"],
    }
