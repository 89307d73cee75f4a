from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.contracts.label_versions.writing import table_fingerprint
from components.shared.contracts.merge_labels import Correction, merge_labels, read_corrections
from components.shared.runtime.errors import ContractError
from components.shared.tables.personal_columns import hashed_texts

GOLDEN = Path(__file__).parent / "golden" / "example_table_v1"
INFO = ExampleTableInfo(
    modality="text", class_names=("neg", "pos"), column_roles={"length": "derived"}, label_version=3
)


@pytest.fixture
def table(tmp_path) -> ExampleTable:
    columns = {
        "example_id": pa.array(["a", "b", "=c", "kim@example.com", "e"]),
        "split": pa.array(["train", "train", "test", "test", "test"]),
        "label": pa.array(["pos", "neg", "neg", "pos", None]),
        "label_source": pa.array(["model", "rule", "person", "person", None]),
        "label_version": pa.array([2, 3, 3, 3, 3], pa.int32()),
        "text": pa.array(["좋다", "음", "싫다", "?", "!"]),
        "length": pa.array([2, 1, 2, 1, 1], pa.int32()),
    }
    with ExampleTableWriter(tmp_path / "old", INFO, extra_columns={"length": pa.int32()}) as writer:
        writer.write(pa.RecordBatch.from_arrays(list(columns.values()), list(columns)))
    return ExampleTable(tmp_path / "old")


def test_corrected_labels_are_a_persons_and_the_rest_is_copied(table, tmp_path):
    before = table.read()
    told = [
        Correction(example_id="a", is_wrong=True, label="Neg"),
        Correction(example_id="b", is_wrong=False),
        Correction(example_id="=c", is_wrong=True),
        Correction(example_id="e", is_wrong=False, label="pos"),
    ]

    merged = merge_labels(table, told, tmp_path / "new")

    new = ExampleTable(tmp_path / "new")
    rows = new.read()
    assert rows.column("label").to_pylist() == ["neg", "neg", None, "pos", "pos"]
    assert rows.column("label_source").to_pylist() == ["person", "person", None, "person", "person"]
    assert rows.column("label_version").to_pylist() == [3, 3, 3, 3, 3]
    for name in ("example_id", "split", "text", "length", "content_id"):
        assert rows.column(name).equals(before.column(name))
    [change] = new.info.lineage
    assert replace(new.info, lineage=()) == table.info
    assert change.parent == table_fingerprint(table)
    assert change.kind == "corrections"
    assert table.read().equals(before)
    assert (merged.num_changed, merged.num_removed, merged.num_confirmed) == (2, 1, 1)
    assert merged.changes == {("pos", "neg"): 1, ("neg", ""): 1, ("", "pos"): 1}


def test_an_identifier_that_scoring_hashed_is_recognised(table, tmp_path):
    [name] = hashed_texts(pa.array(["kim@example.com"])).to_pylist()

    merge_labels(table, [Correction(example_id=name, is_wrong=True, label="neg")], tmp_path / "new")

    assert name != "kim@example.com"
    assert ExampleTable(tmp_path / "new").read(["label"]).column(0).to_pylist() == ["pos", "neg", "neg", "neg", None]


def test_a_table_of_the_first_version_gets_its_provenance(tmp_path):
    table = ExampleTable(GOLDEN)
    name, label = (table.read([column]).column(0)[0].as_py() for column in ("example_id", "label"))

    merge_labels(table, [Correction(example_id=name, is_wrong=False)], tmp_path / "new")

    new = ExampleTable(tmp_path / "new").read()
    assert new.column("label")[0].as_py() == label
    assert new.num_rows == table.num_rows


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([Correction(example_id="z", is_wrong=False)], "an example of .*old must be named, got 'z'"),
        ([Correction(example_id="a", is_wrong=True, label="dog")], "must be one of neg, pos, got 'dog'"),
    ],
)
def test_what_does_not_fit_the_table_is_refused_and_leaves_no_table(table, tmp_path, told, message):
    with pytest.raises(ContractError, match=message):
        merge_labels(table, told, tmp_path / "new")

    with pytest.raises(FileNotFoundError):
        ExampleTable(tmp_path / "new")


def test_a_table_is_never_written_over_itself(table):
    with pytest.raises(ContractError, match="a folder of its own"):
        merge_labels(table, [], table.path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_corrections_are_read_as_spreadsheets_save_them(tmp_path, delimiter):
    lines = [
        ["example_id", "given_label", "verdict", "corrected_label"],
        ["a", "pos", "", "neg"],
        ["b", "neg", "Right", ""],
        ["'=c", "neg", "wrong", ""],
        ["d", "pos", "", ""],
        ["e", "pos", "", "pos"],
    ]
    path = tmp_path / "filled.csv"
    path.write_text("\r\n".join(delimiter.join(line) for line in lines), encoding="utf-8-sig")

    found = read_corrections(path)

    assert found == [
        Correction(example_id="a", is_wrong=True, label="neg"),
        Correction(example_id="b", is_wrong=False),
        Correction(example_id="=c", is_wrong=True),
        Correction(example_id="e", is_wrong=False, label="pos"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,verdict\na,right\n", "must have the column example_id and verdict or corrected_label"),
        ("example_id,verdict\na,maybe\n", "row 2: verdict must be right, wrong or empty, got 'maybe'"),
        ("example_id,verdict\na,right\na,wrong\n", "judge each example once, got 'a' twice"),
        ("example_id,verdict\n,right\n", "row 2: example_id must not be empty"),
        (
            "example_id,given_label,verdict,corrected_label\na,pos,right,neg\n",
            "row 2: verdict and corrected_label must agree",
        ),
    ],
)
def test_corrections_that_say_nothing_clear_are_refused(tmp_path, content, message):
    path = tmp_path / "filled.csv"
    path.write_text(content)
    with pytest.raises(ContractError, match=message):
        read_corrections(path)


def test_corrections_that_are_not_there_or_not_utf_8_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is none at"):
        read_corrections(tmp_path / "none.csv")
    (tmp_path / "old.csv").write_bytes("example_id,verdict\n가,right\n".encode("cp949"))
    with pytest.raises(ContractError, match="save the sheet as CSV UTF-8"):
        read_corrections(tmp_path / "old.csv")
