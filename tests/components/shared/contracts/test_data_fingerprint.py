import fsspec
import pytest

from components.shared.contracts.data_fingerprint import data_fingerprint
from components.shared.contracts.problem import parse_problem, Problem, SplitSpec
from components.shared.runtime.fingerprints import fingerprint_source

LIKE_BUNDLE = Problem(split=SplitSpec(like="bundle"))


@pytest.mark.parametrize("source", ["digits", "pets"])
def test_an_embedded_source_is_its_name(source):
    assert data_fingerprint(source) == source


def test_the_fingerprint_of_a_run_covers_its_test_file(tmp_path):
    (tmp_path / "train.tsv").write_text("a")
    (tmp_path / "test.tsv").write_text("b")
    source = str(tmp_path / "train.tsv")
    alone, together = data_fingerprint(source), data_fingerprint(source, Problem(split=SplitSpec(test_file="test.tsv")))
    (tmp_path / "test.tsv").write_text("c")
    assert data_fingerprint(source) == alone
    assert data_fingerprint(source, Problem(split=SplitSpec(test_file="test.tsv"))) not in (alone, together)


def test_the_fingerprint_of_a_run_covers_what_its_split_is_like(tmp_path):
    (tmp_path / "train.tsv").write_text("a")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "config.json").write_text("1")
    (tmp_path / "bundle" / "weights.safetensors").write_bytes(b"w")
    source = str(tmp_path / "train.tsv")
    found = [data_fingerprint(source), data_fingerprint(source, LIKE_BUNDLE), data_fingerprint("digits")]
    like_beside = Problem(split=SplitSpec(like=str(tmp_path / "bundle")))
    found.append(data_fingerprint("digits", like_beside))
    (tmp_path / "bundle" / "weights.safetensors").write_bytes(b"not read: the config lists its checksum")
    assert data_fingerprint(source, LIKE_BUNDLE) == found[1]
    (tmp_path / "bundle" / "config.json").write_text("2")
    found += [
        data_fingerprint(source, LIKE_BUNDLE),
        data_fingerprint("digits", Problem(split=SplitSpec(like=str(tmp_path / "bundle")))),
    ]
    assert len(set(found)) == 6


def test_the_fingerprint_of_a_table_covers_the_photos_that_it_names(tmp_path):
    memory = fsspec.filesystem("memory")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_bytes(b"one")
    (tmp_path / "other.jpg").write_bytes(b"other")
    memory.pipe("/sources/2.jpg", b"two")
    table = tmp_path / "list.csv"
    table.write_text("path,label\nphotos/1.jpg,cat\nmemory://sources/2.jpg,dog\nabsent.jpg,dog\n")
    seen = [data_fingerprint(str(table))]
    (tmp_path / "other.jpg").write_bytes(b"changed")
    assert data_fingerprint(str(table)) == seen[0]
    (tmp_path / "photos" / "1.jpg").write_bytes(b"changed")
    seen.append(data_fingerprint(str(table)))
    memory.pipe("/sources/2.jpg", b"changed")
    seen.append(data_fingerprint(str(table)))
    (tmp_path / "absent.jpg").write_bytes(b"here")
    seen.append(data_fingerprint(str(table)))
    memory.rm("/sources", recursive=True)
    assert len(set(seen)) == 4


def test_the_fingerprint_of_another_table_is_that_of_the_file(tmp_path):
    table = tmp_path / "list.csv"
    table.write_text("path,label\n/page/1,a\n/page/2,b\n")
    assert data_fingerprint(str(table)) == fingerprint_source(str(table))
    assert data_fingerprint(str(table), Problem(modality="tabular")) == fingerprint_source(str(table))
    (tmp_path / "notes.md").write_text("no table")
    assert data_fingerprint(str(tmp_path / "notes.md")) == fingerprint_source(str(tmp_path / "notes.md"))


def test_photos_are_found_by_the_column_that_a_repair_names(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"one")
    table = tmp_path / "list.csv"
    table.write_text("scan,label\n1.jpg,cat\nabsent.jpg,dog\n")
    problem = parse_problem("image: photo\nrepairs: [{column: scan, rename: photo}]")
    before = data_fingerprint(str(table), problem)
    (tmp_path / "1.jpg").write_bytes(b"changed")
    assert data_fingerprint(str(table), problem) != before
