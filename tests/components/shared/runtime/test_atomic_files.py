import math
import shutil

import pytest

from components.shared.runtime.atomic_files import atomic_file, atomic_folder, read_json, write_json, write_text


class Stopped(Exception):
    pass


def test_a_file_appears_whole_with_its_folders_and_is_readable_by_others(tmp_path):
    with atomic_file(tmp_path / "a" / "b.txt") as part:
        part.write_text("hello")
        assert not (tmp_path / "a" / "b.txt").exists()
    assert (tmp_path / "a" / "b.txt").read_text() == "hello"
    assert (tmp_path / "a" / "b.txt").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_file_whose_writer_fails_leaves_nothing_and_keeps_the_old_one(tmp_path):
    (tmp_path / "b.txt").write_text("old")

    def write_half() -> None:
        with atomic_file(tmp_path / "b.txt") as part:
            part.write_text("half")
            raise Stopped

    with pytest.raises(Stopped):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]
    assert (tmp_path / "b.txt").read_text() == "old"


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "stale").touch()
    with atomic_folder(tmp_path / "out") as folder:
        (folder / "fresh").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["fresh"]
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_a_folder_is_never_half_replaced(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "stale").touch()
    seen = []
    removed = shutil.rmtree

    def watched(path, **options):
        seen.append({file.name for file in (tmp_path / "out").iterdir()})
        removed(path, **options)

    monkeypatch.setattr(shutil, "rmtree", watched)
    with atomic_folder(tmp_path / "out") as folder:
        (folder / "fresh").touch()
    assert seen
    assert all(names == {"fresh"} for names in seen)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_whose_writer_fails_leaves_nothing_and_keeps_the_old_one(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()

    def write_half() -> None:
        with atomic_folder(tmp_path / "out") as folder:
            (folder / "half").touch()
            raise Stopped

    with pytest.raises(Stopped):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["old"]


def test_json_keeps_korean_readable_and_reads_back(tmp_path):
    write_json(tmp_path / "a.json", {"도시": "서울"})
    assert "서울" in (tmp_path / "a.json").read_text("utf-8")
    assert read_json(tmp_path / "a.json", what="the thing") == {"도시": "서울"}


def test_json_has_no_nan_and_leaves_no_file_behind(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"value": math.nan})
    assert list(tmp_path.iterdir()) == []


def test_missing_and_damaged_json_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the thing must be a JSON file, but there is no file at .*a\.json"):
        read_json(tmp_path / "a.json", what="the thing")
    write_text(tmp_path / "a.json", '{"half": ')
    with pytest.raises(ValueError, match=r"the thing at .*a\.json must be JSON in UTF-8"):
        read_json(tmp_path / "a.json", what="the thing")
    (tmp_path / "a.json").write_bytes(b'"\xb0\xa1"')
    with pytest.raises(ValueError, match="must be JSON in UTF-8"):
        read_json(tmp_path / "a.json", what="the thing")


def test_a_folder_that_came_first_is_kept_where_it_is_not_to_be_replaced(tmp_path):
    with atomic_folder(tmp_path / "one", replace=False) as part:
        (part / "mine").write_text("")
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / "theirs").write_text("")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["theirs"]
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_file_in_a_folders_place_is_an_error(tmp_path):
    (tmp_path / "one").write_text("")
    with pytest.raises(OSError, match="one"), atomic_folder(tmp_path / "one", replace=False):
        pass
