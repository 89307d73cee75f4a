import os
import unicodedata

import pytest

from components.data_ingestion.images.labels import image_listing
from components.model_analysis.scoring.image_folder import changed_labels, find_images, folder_batches, labels_of_paths
from components.shared.contracts.label_matching import LabelMatcher

MATCHER = LabelMatcher(["cat", "dog"])


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("cat/1.jpg", "cat"),
        ("photos/test/Dog/outdoors/x.jpg", "dog"),
        ("cat.123.jpg", "cat"),
        ("deep/DOG.7.png", "dog"),
        ("cat_001.jpg", "cat"),
        ("dog-12.jpeg", "dog"),
        ("dog/cat.1.jpg", "dog"),
        ("dog/cat/1.jpg", "dog"),
        ("x/dog/y/cat/1.jpg", "dog"),
        ("IMG_1234.jpg", None),
        ("cats/1.jpg", None),
        ("catalogue.1.jpg", None),
        ("cat.jpg", None),
        ("my cat/1.jpg", None),
    ],
)
def test_labels_come_from_the_topmost_class_folder_or_the_file_name(path, label) -> None:
    assert labels_of_paths([path], MATCHER) == [label]


def test_a_folder_beside_a_class_is_a_class_that_the_model_does_not_know() -> None:
    paths = ["a/cat/1.jpg", "a/bird/2.jpg", "a/bird/far/3.jpg", "b/bird/4.jpg", "5.jpg"]
    assert labels_of_paths(paths, MATCHER) == ["cat", "bird", "bird", None, None]


@pytest.mark.parametrize(
    "paths",
    [
        ["cat/1.jpg", "dog/2.jpg", "cat/dog/3.jpg", "dog/with/cat/4.jpg", "dog.5.jpg"],
        ["train/cat/dog/1.jpg", "train/dog/2.jpg", "test/dog/cat/3.jpg"],
        ["cat.1.jpg", "cat.2.jpg", "dog.3.jpg", "dog.4.jpg", "dog/cat.5.jpg", "more/cat.6.jpg"],
    ],
)
def test_scoring_a_folder_gives_the_labels_that_ingesting_it_gives(paths) -> None:
    ingested = {entry.name: entry.label for entry in image_listing(paths, source="here").entries}
    assert dict(zip(paths, labels_of_paths(paths, MATCHER), strict=True)) == ingested


def test_photos_that_the_rule_of_the_topmost_folder_changes_are_known() -> None:
    paths = ["cat/1.jpg", "cat/dog/2.jpg", "misc/cat/3.jpg", "dog.5.jpg"]
    changed = [(item.example_id, item.label, item.label_before) for item in changed_labels(paths, MATCHER)]
    assert changed == [("cat/dog/2.jpg", "cat", "dog"), ("misc/cat/3.jpg", "misc", "cat")]
    assert changed_labels(["a/cat/1.jpg", "a/bird/2.jpg", "IMG_3.jpg"], MATCHER) == []


def test_digits_as_classes_are_not_read_from_dates() -> None:
    matcher = LabelMatcher([str(digit) for digit in range(10)])
    assert labels_of_paths(["7/a.png", "7.12.png", "7-12.png", "3_14.png", "7.png"], matcher) == [
        "7",
        "7",
        None,
        None,
        None,
    ]


def test_images_are_found_at_any_depth_and_other_files_passed_over(tmp_path, photo) -> None:
    for name in ("b.JPG", "deep/er/a.png", "no_suffix", "notes.txt", ".hidden.jpg", "__MACOSX/a.jpg", "._cat.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(photo("cat"))
    (tmp_path / "README").write_text("no image")
    assert find_images(tmp_path) == ["b.JPG", "deep/er/a.png", "no_suffix"]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path, photo) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jpg").write_bytes(photo("cat"))
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "cat").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "circle").symlink_to(tmp_path / "root")
    assert "cat/a.jpg" in find_images(tmp_path / "root")


def test_names_are_composed_and_printable(tmp_path, photo) -> None:
    decomposed = unicodedata.normalize("NFD", "고양이.jpg")
    (tmp_path / decomposed).write_bytes(photo("cat"))
    with open(os.fsencode(tmp_path) + b"/\xff.jpg", "wb") as file:
        file.write(photo("cat"))
    (batch,) = folder_batches(tmp_path, find_images(tmp_path), MATCHER, batch_rows=8)
    assert set(batch.example_ids) == {"고양이.jpg", "\\xff.jpg"}
    assert all(path.read_bytes() for path in batch.files.values())
