import fsspec
import pytest

from components.shared.runtime.fingerprints import (
    fingerprint_bytes,
    fingerprint_file,
    fingerprint_files,
    fingerprint_json,
    fingerprint_source,
)


def test_a_fingerprint_is_the_beginning_of_the_sha_256():
    assert fingerprint_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223"


def test_a_file_has_the_fingerprint_of_its_bytes_however_long(tmp_path):
    content = b"x" * (3 << 20)
    (tmp_path / "a").write_bytes(content)
    assert fingerprint_file(tmp_path / "a") == fingerprint_bytes(content)


def test_the_order_of_keys_does_not_matter_and_values_do():
    assert fingerprint_json({"a": 1, "b": [2]}) == fingerprint_json({"b": [2], "a": 1})
    assert fingerprint_json({"a": 1}) != fingerprint_json({"a": "1"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint_json(float("nan"))


def test_named_files_may_come_in_any_order(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    pairs = [("a", tmp_path / "a"), ("b", tmp_path / "b")]
    assert fingerprint_files(pairs) == fingerprint_files(pairs[::-1])
    assert fingerprint_files(pairs) != fingerprint_files([("a", tmp_path / "b"), ("b", tmp_path / "a")])


def test_a_folder_changes_when_a_file_is_added_removed_renamed_or_changed(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.jpg").write_bytes(b"one")
    seen = [fingerprint_source(str(tmp_path))]
    assert fingerprint_source(str(tmp_path)) == seen[0]
    (tmp_path / "cat" / "2.jpg").write_bytes(b"two")
    seen.append(fingerprint_source(str(tmp_path)))
    (tmp_path / "cat" / "2.jpg").rename(tmp_path / "cat" / "3.jpg")
    seen.append(fingerprint_source(str(tmp_path)))
    (tmp_path / "cat" / "3.jpg").write_bytes(b"TWO")
    seen.append(fingerprint_source(str(tmp_path)))
    assert len(set(seen)) == 4
    (tmp_path / "cat" / "3.jpg").unlink()
    assert fingerprint_source(str(tmp_path)) == seen[0]


def test_the_same_files_elsewhere_have_the_same_fingerprint(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_bytes(b"x")
    assert fingerprint_source(str(tmp_path / "here")) == fingerprint_source(str(tmp_path / "there"))
    assert fingerprint_source(f"file://{tmp_path}/here") == fingerprint_source(str(tmp_path / "here"))


def test_a_remote_source_changes_with_its_files():
    memory = fsspec.filesystem("memory")
    memory.pipe("/fingerprints/a.csv", b"1")
    first = fingerprint_source("memory://fingerprints")
    assert fingerprint_source("memory://fingerprints") == first
    memory.pipe("/fingerprints/b.csv", b"2")
    assert fingerprint_source("memory://fingerprints") != first
    memory.rm("/fingerprints", recursive=True)


def test_nothing_there_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="the data source must exist, but there is nothing at"):
        fingerprint_source(str(tmp_path / "none"))
