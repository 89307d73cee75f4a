"""What the name of a file tells."""

import unicodedata

import pytest

from components.shared.tables.photo_file_names import has_image_suffix, is_debris, numbered_label, readable_name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("cat.123.jpg", "cat"),
        ("dog_4.png", "dog"),
        ("dog-4.png", "dog"),
        ("cat (12).jpg", "cat"),
        ("cat 12.jpg", "cat"),
        ("photos/golden retriever_007.jpeg", "golden retriever"),
        ("고양이.1.jpg", "고양이"),
        ("class1.003.jpg", "class1"),
        ("2019_12.jpg", None),
        ("scan2_14.jpg", None),
        ("cat.jpg", None),
        ("123.jpg", None),
        ("_7.jpg", None),
    ],
)
def test_a_label_stands_before_a_number(name, label):
    assert numbered_label(name) == label


@pytest.mark.parametrize("name", ["a.JPG", "b.tiff", "c.heic", "d/e.PnM"])
def test_images_are_known_by_their_suffix(name):
    assert has_image_suffix(name)


@pytest.mark.parametrize("name", ["a.txt", "jpg", "a.jpg.part"])
def test_other_files_are_not(name):
    assert not has_image_suffix(name)


@pytest.mark.parametrize("name", [".DS_Store", "a/.hidden/b.jpg", "__MACOSX/a.jpg"])
def test_debris_is_known(name):
    assert is_debris(name)


def test_names_are_composed_and_korean_archives_are_read():
    assert readable_name(unicodedata.normalize("NFD", "고양이")) == "고양이"
    assert readable_name("고양이".encode("cp949").decode("utf-8", "surrogateescape")) == "고양이"
