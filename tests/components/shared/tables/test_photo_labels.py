import random

import pytest

from components.shared.tables.photo_labels import photo_labels

CLASSES = {"cat", "dog"}


def labels(*names: str, classes: set[str] | None = None) -> list[str | None]:
    return list(photo_labels(names, is_class=None if classes is None else classes.__contains__).labels)


@pytest.mark.parametrize("classes", [None, CLASSES])
def test_the_topmost_folder_decides(classes):
    assert labels("cat/dog/1.jpg", "dog/cat/cat/2.jpg", classes=classes) == ["cat", "dog"]


@pytest.mark.parametrize("classes", [None, CLASSES])
def test_below_a_split_the_topmost_folder_decides(classes):
    found = photo_labels(
        ["train/cat/dog/1.jpg", "test/dog/cat/2.jpg", "Val/dog/3.jpg"],
        is_class=None if classes is None else classes.__contains__,
    )
    assert found.labels == ("cat", "dog", "dog")
    assert found.splits == ("train", "test", "validation")
    assert found.split_folders == ("Val", "test", "train")


def test_a_folder_beside_class_folders_is_a_class_that_is_not_known():
    assert labels("cat/1.jpg", "misc/cat/2.jpg", classes=CLASSES) == ["cat", "misc"]


def test_folders_above_the_known_classes_are_passed_over():
    assert labels("photos/2024/cat/1.jpg", "photos/2024/bird/dog/2.jpg", classes=CLASSES) == ["cat", "bird"]


def test_a_photo_in_no_folder_takes_the_class_that_its_name_begins_with():
    assert labels("cat/1.jpg", "dog/2.jpg", "dog.3.jpg", "bird.4.jpg") == ["cat", "dog", "dog", None]


def test_where_names_give_the_classes_only_folders_named_for_one_count():
    names = [f"cat.{number}.jpg" for number in range(9)] + [f"dog.{number}.jpg" for number in range(9)]
    assert labels("dog/cat.1.jpg", "more/cat.2.jpg", "dog/party.jpg", *names)[:3] == ["dog", "cat", "dog"]


@pytest.mark.parametrize("names", [["a.jpg"], [f"{name}_1.jpg" for name in "abcdefghijklm"]])
def test_without_folders_and_with_names_that_hardly_repeat_there_is_no_label(names):
    found = photo_labels(names)
    assert set(found.labels) == {None}
    assert found.from_folders is None


def test_knowing_the_classes_beforehand_changes_no_answer():
    parts = ("cat", "dog", "bird", "misc", "train", "test")
    leaves = ("cat.{}.jpg", "dog_{}.png", "IMG_{}.jpg", "{}.jpg", "party.jpg")
    chance = random.Random(0)
    for _ in range(2000):
        names = [
            "/".join([*chance.choices(parts, k=chance.randint(0, 3)), chance.choice(leaves).format(number)])
            for number in range(chance.randint(1, 12))
        ]
        inferred = photo_labels(names)
        classes = {label for label in inferred.labels if label is not None}
        assert photo_labels(names, is_class=classes.__contains__) == inferred
