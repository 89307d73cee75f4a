import pytest

from components.shared.tables.photo_places import PhotoPlaces, shown_uri, UnusablePathError


@pytest.fixture
def places(tmp_path):
    (tmp_path / "set" / "a").mkdir(parents=True)
    (tmp_path / "set" / "a" / "1.jpg").write_bytes(b"x")
    (tmp_path / "out.jpg").write_bytes(b"x")
    return PhotoPlaces(root=str(tmp_path / "set"), is_local=True)


@pytest.mark.parametrize("path", ["a/1.jpg", "./a/../a/1.jpg", "a\\1.jpg", "{root}/a/1.jpg", "file://{root}/a/1.jpg"])
def test_a_photo_below_the_folder_is_found_however_it_is_written(places, path):
    assert places.place(path.format(root=places.root)) == ("a/1.jpg", "a/1.jpg")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../out.jpg", "leads out of the table's folder"),
        ("a/../../out.jpg", "leads out of the table's folder"),
        ("{root}/../out.jpg", "leads out of the table's folder"),
        ("/etc/passwd", "outside the table's folder"),
        ("file:///etc/passwd", "outside the table's folder"),
        ("a/2.jpg", "there is no such file"),
    ],
)
def test_nothing_outside_the_folder_is_placed(places, path, reason):
    with pytest.raises(UnusablePathError, match=reason):
        places.place(path.format(root=places.root))


def test_a_remote_folders_own_uris_are_relative_to_it_and_no_local_file_is_placed():
    places = PhotoPlaces(root="s3://bucket/set", is_local=False)
    assert places.place("s3://bucket/set/a/1.jpg") == ("a/1.jpg", "a/1.jpg")
    assert places.place("s3://other/1.jpg") == ("s3://other/1.jpg", "s3://other/1.jpg")
    for path in ("file:///etc/passwd", "/etc/passwd", "s3://bucket/set/../secret/1.jpg"):
        with pytest.raises(UnusablePathError):
            places.place(path)


def test_a_uri_is_shown_without_what_opens_it():
    uri = "https://kim:secret@host/a/1.jpg?X-Amz-Signature=abc"
    assert PhotoPlaces(root="/x", is_local=True).place(uri) == ("https://host/a/1.jpg", uri)
    assert shown_uri("a/1.jpg") == "a/1.jpg"
