import io

import numpy as np
from PIL import Image, ImageEnhance
import pytest

from components.data_ingestion.clusters import connected_clusters
from components.data_ingestion.images.measures import image_record
from components.data_ingestion.images.near_duplicates import candidate_pairs, near_duplicate_pairs
from components.data_ingestion.known_datasets import digits_listing, DigitsReader


def pairs_of(files: list[bytes]) -> list[list[int]]:
    records = [image_record(data) for data in files]
    hashes = np.array([record.difference_hash for record in records], dtype=np.uint64)
    thumbnails = np.stack([np.frombuffer(record.thumbnail, np.uint8) for record in records])
    return near_duplicate_pairs(hashes, thumbnails).tolist()


def saved(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


VARIANTS = {
    "saved again at low quality": lambda image: saved(image, format="JPEG", quality=25),
    "saved as another format": lambda image: saved(image, format="PNG"),
    "half the size": lambda image: saved(image.resize((image.width // 2, image.height // 2)), format="JPEG"),
    "squashed": lambda image: saved(image.resize((96, 96)), format="JPEG"),
    "grey": lambda image: saved(image.convert("L"), format="JPEG"),
    "brighter": lambda image: saved(ImageEnhance.Brightness(image).enhance(1.05), format="JPEG"),
    "more contrast": lambda image: saved(ImageEnhance.Contrast(image).enhance(1.1), format="JPEG"),
    "one pixel cut off": lambda image: saved(image.crop((1, 1, image.width, image.height)), format="JPEG"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_edited_copy_is_found_among_other_photos(photo, encoded, variant):
    files = [encoded(photo(seed, height=240, width=320), quality=92) for seed in range(20)]
    files.append(VARIANTS[variant](Image.open(io.BytesIO(files[7]))))
    assert pairs_of(files) == [[7, 20]]


def test_different_photos_are_no_near_duplicates(photo, encoded):
    assert pairs_of([encoded(photo(seed)) for seed in range(200)]) == []


def test_flat_colours_are_no_near_duplicates(encoded):
    assert pairs_of([encoded(np.full((32, 32, 3), 10 * level, np.uint8), "PNG") for level in range(25)]) == []


@pytest.mark.slow
def test_digits_that_look_alike_are_no_near_duplicates():
    reader, entries = DigitsReader(), digits_listing().entries
    assert pairs_of([reader.read(entry.location) for entry in entries if entry.label in ("1", "0")]) == []


def test_candidates_are_exactly_the_pairs_within_seven_bits():
    generator = np.random.default_rng(0)
    hashes = generator.integers(0, 2**63, 300, dtype=np.uint64)
    copies = hashes[:100].copy()
    for index in range(100):
        for bit in generator.choice(64, index % 12, replace=False):
            copies[index] ^= np.uint64(1 << int(bit))
    both = np.concatenate([hashes, copies])
    distances = np.bitwise_count(both[:, None] ^ both[None, :])
    wanted = [[i, j] for i, j in zip(*np.nonzero(distances <= 7), strict=True) if i < j]
    assert candidate_pairs(both).tolist() == wanted
    assert len(wanted) > 60


def test_thousands_of_equal_hashes_are_chained_not_compared_with_each_other():
    pairs = candidate_pairs(np.zeros(3000, dtype=np.uint64))
    assert len(pairs) == 2999
    assert set(connected_clusters(3000, pairs.tolist()).tolist()) == {0}


def test_no_image_and_one_image_have_no_pairs():
    assert near_duplicate_pairs(np.empty(0, np.uint64), np.empty((0, 4), np.uint8)).shape == (0, 2)
    assert near_duplicate_pairs(np.zeros(1, np.uint64), np.array([[0, 255, 0, 255]], np.uint8)).shape == (0, 2)
