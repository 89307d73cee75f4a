import os
import random
import unicodedata

import pytest

from components.data_ingestion.images.labels import image_listing, predefined_splits
from components.shared.tables.photo_file_names import readable_name


def labels(*names: str) -> dict[str, str]:
    return {entry.name: entry.label for entry in image_listing(names, source="here").entries}


def test_the_folder_is_the_class():
    assert labels("cat/1.jpg", "dog/a/b/2.PNG") == {"cat/1.jpg": "cat", "dog/a/b/2.PNG": "dog"}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("cat.123.jpg", "cat"),
        ("dog_4.png", "dog"),
        ("american_pit_bull_terrier_10.jpg", "american_pit_bull_terrier"),
        ("cat (7).jpeg", "cat"),
        ("고양이-12.webp", "고양이"),
    ],
)
def test_without_folders_the_name_before_the_number_is_the_class(name, label):
    assert labels(name, "bird.1.jpg", "bird.2.jpg", "bird.3.jpg")[name] == label


def test_folders_win_over_names():
    assert labels("cat/dog.1.jpg", "dog/cat.1.jpg") == {"cat/dog.1.jpg": "cat", "dog/cat.1.jpg": "dog"}


def test_images_beside_class_folders_are_set_aside():
    listing = image_listing(["cat/1.jpg", "dog/1.jpg", "stray.jpg"], source="here")
    assert [(item.name, item.reason) for item in listing.quarantined] == [
        ("stray.jpg", "it lies beside the class folders, not in one")
    ]


def test_files_that_do_not_claim_to_be_images_are_ignored_by_name():
    names = [
        "cat/1.jpg",
        "dog/1.jpg",
        "README.txt",
        "cat/.DS_Store",
        "cat/Thumbs.db",
        "cat/._1.jpg",
        "__MACOSX/cat/1.jpg",
    ]
    listing = image_listing(names, source="here")
    assert len(listing.entries) == 2
    assert sorted(item.name for item in listing.ignored) == sorted(names[2:])
    assert listing.quarantined == ()


def test_decomposed_names_give_the_same_label_as_composed_ones():
    decomposed = unicodedata.normalize("NFD", "고양이")
    assert decomposed != "고양이"
    assert set(labels(f"{decomposed}/1.jpg", "고양이/2.jpg", "개/1.jpg").values()) == {"고양이", "개"}


def test_a_name_in_no_encoding_is_still_a_text():
    readable_name(os.fsdecode(b"cat/\xff\xff.jpg")).encode("utf-8")


def test_folders_named_for_splits_are_the_split():
    names = ["train/cat/1.jpg", "train/dog/1.jpg", "val/cat/2.jpg", "test/dog/2.jpg"]
    listing = image_listing(names, source="here")
    assert [(entry.label, entry.split) for entry in listing.entries] == [
        ("dog", "test"),
        ("cat", "train"),
        ("dog", "train"),
        ("cat", "validation"),
    ]
    assert predefined_splits(listing) == ("test", "train", "validation")


def test_a_missing_split_is_left_to_be_cut_from_train():
    listing = image_listing(["train/cat.1.jpg", "train/dog.1.jpg", "test/cat.2.jpg"], source="here")
    assert predefined_splits(listing) == ("test",)


def test_the_photos_of_a_test_folder_without_labels_are_unlabelled():
    listing = image_listing(["train/cat.1.jpg", "train/dog.1.jpg", "test/1.jpg", "test/2.jpg"], source="here")
    assert [entry.name for entry in listing.entries] == ["train/cat.1.jpg", "train/dog.1.jpg"]
    assert [entry.name for entry in listing.unlabelled] == ["test/1.jpg", "test/2.jpg"]
    assert listing.ignored == ()
    assert "the folder for test holds no labels: its photos are in the pool" in listing.inferred[-1]
    assert predefined_splits(listing) == ()


def test_split_names_among_other_folders_are_classes():
    assert set(labels("train/1.jpg", "bus/1.jpg").values()) == {"train", "bus"}


def test_the_order_of_files_changes_nothing():
    names = [f"{label}/{number}.jpg" for label in ("a", "b") for number in range(20)]
    shuffled = random.Random(0).sample(names, len(names))
    assert image_listing(names, source="here") == image_listing(shuffled, source="here")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "must hold images, but it is empty"),
        (["notes.txt"], "must hold images, but it holds 1 other files"),
        (["train.csv", "notes.txt"], "name one as the source, train.csv"),
    ],
)
def test_a_folder_without_images_is_refused_in_one_sentence(names, message):
    with pytest.raises(ValueError, match=message):
        image_listing(names, source="here")


@pytest.mark.parametrize("names", [["holiday.jpg", "party.jpg"], [f"{name}_1.jpg" for name in "abcdefghijklm"]])
def test_all_photos_of_a_folder_that_gives_no_label_are_unlabelled(names):
    listing = image_listing(names, source="here")
    assert [entry.name for entry in listing.unlabelled] == names
    assert (listing.entries, listing.quarantined) == ((), ())


def test_a_photo_beside_the_class_folders_takes_the_class_in_its_name():
    assert labels("cat/1.jpg", "dog/1.jpg", "dog.2.jpg", "bird.3.jpg") == {
        "cat/1.jpg": "cat",
        "dog/1.jpg": "dog",
        "dog.2.jpg": "dog",
    }
