import io

import numpy as np
from PIL import Image
import pytest

from components.data_ingestion.images.measures import image_record
from components.mock_data.column_rules import ColumnRule
from components.mock_data.measure_facts import IMAGE_MEASURES, MeasureFacts
from components.mock_data.mock_images import mock_images
from components.modeling.images.photo_measures import IMAGE_MEASURES as INGESTED_MEASURES


def made(num_rows=24, num_classes=2, **rules):
    facts = MeasureFacts(rules={name: ColumnRule(name=name, **rule) for name, rule in rules.items()})
    rng = np.random.default_rng(0)
    return list(mock_images(rng.integers(num_classes, size=num_rows), num_classes, facts, rng))


def measures(image) -> dict[str, object]:
    return dict(zip(INGESTED_MEASURES, image_record(image.data).values, strict=True))


def test_the_measures_are_those_that_ingestion_takes():
    assert list(INGESTED_MEASURES.items()) == list(IMAGE_MEASURES.items())


@pytest.mark.parametrize(
    ("name", "suffix", "channels"),
    [
        ("PNG", ".png", 1),
        ("PNG", ".png", 3),
        ("JPEG", ".jpg", 1),
        ("JPEG", ".jpg", 3),
        ("BMP", ".bmp", 3),
        ("WEBP", ".webp", 3),
    ],
)
def test_sizes_channels_and_format_keep_to_the_schema(name, suffix, channels):
    rules = {
        "image_width": {"low": 20, "high": 30},
        "image_height": {"low": 31, "high": 40},
        "image_channels": {"low": channels, "high": channels},
        "image_format": {"values": ("TIFF", name)},
    }
    for image in made(**rules):
        found = measures(image)
        assert 20 <= found["image_width"] <= 30
        assert 31 <= found["image_height"] <= 40
        assert (found["image_channels"], found["image_format"], image.suffix) == (channels, name, suffix)


def test_brightness_and_contrast_come_out_nearly_as_asked():
    for image in made(brightness={"low": 0.3, "high": 0.4}, contrast={"low": 0.05, "high": 0.1}):
        found = measures(image)
        assert 0.3 <= found["brightness"] <= 0.4
        # The tint adds nothing to grey; rounding and the cut-off tails take a little.
        assert 0.045 <= found["contrast"] <= 0.105


def test_the_mean_colour_tells_nothing_of_the_class():
    rng = np.random.default_rng(0)
    shown = np.repeat([0, 1], 150)
    images = mock_images(shown, 2, MeasureFacts(), rng)
    means = np.array([np.asarray(Image.open(io.BytesIO(image.data))).mean(axis=(0, 1)) for image in images])
    difference = means[shown == 0].mean(axis=0) - means[shown == 1].mean(axis=0)
    error = means.std(axis=0) * np.sqrt(2 / 150)
    assert (np.abs(difference) < 3.5 * error).all()


def test_tiny_pictures_can_be_made():
    assert all(measures(image)["image_width"] == 1 for image in made(image_width={"low": 0, "high": 1}))


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"image_format": {"values": ("HEIC",)}}, "image_format must list one of PNG, JPEG, BMP, WEBP"),
        ({"image_channels": {"low": 4}}, r"image_channels must allow one of \(1, 3\)"),
    ],
)
def test_what_cannot_be_made_is_one_sentence(rules, sentence):
    with pytest.raises(ValueError, match=sentence):
        made(**rules)


def test_more_classes_than_textures_are_one_sentence():
    with pytest.raises(ValueError, match="at most 36 classes"):
        made(num_classes=37)
