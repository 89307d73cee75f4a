from components.shared.runtime.fingerprints import fingerprint_source
from components.shared.runtime.local_files import local_files


def names(folder) -> list[str]:
    return [name for name, _ in local_files(folder)]


def test_files_come_in_the_order_of_their_names(tmp_path):
    for name in ("b/2", "b/1", "a", "c/d/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert names(tmp_path) == ["a", "b/1", "b/2", "c/d/e"]


def test_a_linked_folder_is_entered(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1").write_text("x")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "root") == ["link/1"]


def test_a_link_in_a_circle_is_named_and_not_followed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1").write_text("x")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    assert names(tmp_path) == ["a/1", "a/up", "self"]


def test_an_empty_folder_and_a_broken_link_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "nowhere").symlink_to("/no/such/file")
    assert names(tmp_path) == ["empty", "nowhere"]


def test_the_fingerprint_sees_a_change_behind_a_linked_folder(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1").write_text("x")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
    before = fingerprint_source(str(tmp_path / "root"))
    (tmp_path / "elsewhere" / "1").write_text("y")
    assert fingerprint_source(str(tmp_path / "root")) != before


def test_a_folder_with_links_to_nowhere_has_a_fingerprint(tmp_path):
    (tmp_path / "self").symlink_to("self")
    assert len(fingerprint_source(str(tmp_path))) == 32
