import fsspec
import pytest

from components.shared.tables.sources import (
    check_folder,
    check_source,
    companion_file,
    readable_store_errors,
)


@pytest.mark.parametrize("source", ["digits", "pets"])
def test_the_embedded_sources_are_known_by_name(source):
    check_source(source)


def test_folders_files_and_remote_files_that_exist_are_sources(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    fsspec.filesystem("memory").pipe("/sources/a.csv", b"1")
    for source in (str(tmp_path), str(tmp_path / "a.csv"), f"file://{tmp_path}", "memory://sources/a.csv"):
        check_source(source)
    fsspec.filesystem("memory").rm("/sources", recursive=True)


@pytest.mark.parametrize("source", ["", "  "])
def test_an_empty_source_is_refused(source):
    with pytest.raises(ValueError, match="must be a path, a URI or one of digits, pets, got nothing"):
        check_source(source)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(ValueError, match=r"carrier-pigeon://coop must be something that can be read: Protocol not"):
        check_source("carrier-pigeon://coop")


def test_nothing_there_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"but there is nothing at .*none"):
        check_source(str(tmp_path / "none"))


def test_a_companion_lies_inside_a_folder_or_beside_a_file_or_where_it_says(tmp_path):
    (tmp_path / "train.tsv").touch()
    (tmp_path / "test.tsv").touch()
    wanted = f"{tmp_path}/test.tsv"
    for source, name in ((tmp_path, "test.tsv"), (tmp_path / "train.tsv", "test.tsv"), (tmp_path, wanted)):
        assert companion_file(str(source), name) == wanted


def test_a_companion_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"split\.test_file must be a file beside the data source"):
        companion_file(str(tmp_path), "test.tsv")


def test_what_a_stores_client_raises_becomes_one_sentence():
    with (
        pytest.raises(ValueError, match=r"^the bucket must be there: no credentials found; are path"),
        readable_store_errors("the bucket must be there"),
    ):
        raise RuntimeError("no\ncredentials  found")


def test_a_folder_is_there_on_disk_or_behind_a_uri(tmp_path):
    fsspec.filesystem("memory").pipe("/folders/a.csv", b"1")
    for uri in (str(tmp_path), "memory://folders"):
        check_folder(uri, what="the log")
    fsspec.filesystem("memory").rm("/folders", recursive=True)


@pytest.mark.parametrize(
    ("uri", "kind", "sentence"),
    [
        ("", ValueError, "the log must be a path or a URI, got nothing"),
        ("/no/such/folder", FileNotFoundError, "the log must be a folder, but there is none at /no/such/folder"),
        (__file__, FileNotFoundError, "the log must be a folder, but there is none at"),
        ("nosuch://bucket", ValueError, "the log nosuch://bucket must be something that can be read"),
    ],
)
def test_what_is_no_folder_is_one_sentence(uri, kind, sentence):
    with pytest.raises(kind, match=sentence):
        check_folder(uri, what="the log")
