import pytest

from components.data_ingestion.images.image_set import MeasuredImage, without_copies
from components.data_ingestion.images.labels import ImageEntry
from components.data_ingestion.images.measures import image_record


@pytest.fixture
def measured(photo, encoded):
    """An image of a name, with the pixels of a seed."""

    def image(name: str, seed: int, label: str, split: str | None = None) -> MeasuredImage:
        entry = ImageEntry(name=name, location=name, label=label, split=split)
        return MeasuredImage(entry=entry, record=image_record(encoded(photo(seed), "PNG")))

    return image


def kept_names(images: list[MeasuredImage]) -> list[str]:
    return [image.entry.name for image in without_copies(images)[0]]


def test_of_exact_copies_the_first_is_kept(measured):
    images = [measured("0", 1, "cat"), measured("1", 2, "dog"), measured("2", 1, "cat"), measured("3", 1, "cat")]
    _, dropped, contradictory = without_copies(images)
    assert kept_names(images) == ["0", "1"]
    assert (dropped, contradictory) == ([("2", "0"), ("3", "0")], [])


def test_of_exact_copies_the_one_for_training_is_kept(measured):
    assert kept_names([measured("0", 1, "cat", "test"), measured("1", 1, "cat", "train")]) == ["1"]


def test_of_copies_under_different_labels_none_is_kept(measured):
    images = [measured("0", 1, "cat"), measured("1", 2, "dog"), measured("2", 1, "dog")]
    assert kept_names(images) == ["1"]
    assert [item.name for item in without_copies(images)[2]] == ["0", "2"]
