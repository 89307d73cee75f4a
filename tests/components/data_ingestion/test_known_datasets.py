import numpy as np
import pytest

from components.data_ingestion.known_datasets import (
    digits_listing,
    DigitsReader,
    pets_folder,
    pets_listing,
)
from components.modeling.images.decoding import decode_image
from components.shared.contracts.example_table import ExampleTable


def test_digits_are_five_thousand_grey_images_of_ten_classes():
    entries = digits_listing().entries
    labels, counts = np.unique([entry.label for entry in entries], return_counts=True)
    assert labels.tolist() == [str(digit) for digit in range(10)]
    assert counts.tolist() == [500] * 10
    image = decode_image(DigitsReader().read(entries[0].location))
    assert (image.pixels_HWC.shape, image.channels, image.file_format) == ((28, 28, 3), 1, "PNG")
    assert (image.pixels_HWC.min(), image.pixels_HWC.max()) == (0, 255)


@pytest.mark.slow
def test_digits_become_the_example_table(ingest):
    result, folder = ingest("digits")
    table = ExampleTable(folder / "examples")
    assert (result.passed, result.num_examples, result.num_quarantined, result.num_duplicates) == (True, 5000, 0, 0)
    assert table.info.class_names == tuple("0123456789")
    assert all(len(labels) == 10 for labels in result.counts.values())
    assert sum(result.counts["train"].values()) == pytest.approx(3500, abs=120)
    assert (folder / "report.html").stat().st_size < 500_000


def test_pets_are_labelled_by_species():
    text = "#Image CLASS-ID SPECIES BREED ID\nbeagle_1 5 2 3\nAbyssinian_100 1 1 1\n"
    assert [(entry.name, entry.location, entry.label) for entry in pets_listing(text).entries] == [
        ("Abyssinian_100.jpg", "images/Abyssinian_100.jpg", "cat"),
        ("beagle_1.jpg", "images/beagle_1.jpg", "dog"),
    ]


def test_annotations_of_another_form_are_refused():
    with pytest.raises(ValueError, match="must be a name and three numbers, got 'beagle_1 5'"):
        pets_listing("beagle_1 5\n")


def test_pets_without_a_network_are_refused_in_one_sentence_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for variable in ("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    # What is opened with these proxies is not kept for the tests that follow.
    monkeypatch.setattr("urllib.request._opener", None)
    with pytest.raises(ConnectionError, match="must be downloaded once, but that failed") as caught:
        pets_folder()
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "pluszero-mlops").iterdir()) == []
