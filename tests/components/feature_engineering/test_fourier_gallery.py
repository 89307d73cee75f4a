"""What the report shows of frequencies, and that restoration gains what its captions say."""

import io
import re

import numpy as np
from PIL import Image
import pytest

from components.feature_engineering.fourier_gallery import fourier_gallery, fourier_steps
from components.shared.feature_store.store import FeatureStore


@pytest.fixture(scope="module", params=["temple", "flower"])
def steps(request) -> dict[str, np.ndarray]:
    """Captions and pictures of a real photo."""
    from sklearn.datasets import load_sample_images

    photo = load_sample_images().images[["temple", "flower"].index(request.param)]
    square = np.asarray(Image.fromarray(photo).crop((100, 0, 527, 427)).resize((160, 160)))
    return {what: image[0].numpy() for what, image in fourier_steps(square)}


def decibels(caption: str) -> float:
    return float(re.search(r"PSNR ([\d.]+) dB", caption)[1])


def caption(steps, beginning: str) -> str:
    [found] = [what for what in steps if what.startswith(beginning)]
    return found


@pytest.mark.parametrize(
    ("harmed", "restored", "gain_db"),
    [("blurred", "restored by Wiener", 2.5), ("with periodic noise", "its peaks found", 8.0)],
)
def test_restoration_gains_the_decibels_that_its_captions_name(steps, harmed, restored, gain_db):
    original = steps["as stored"]
    captions = [caption(steps, harmed), caption(steps, restored)]
    measured = [-10 * np.log10(((steps[what] - original) ** 2).mean()) for what in captions]
    assert [decibels(what) for what in captions] == pytest.approx(measured, abs=0.06)
    assert measured[1] - measured[0] > gain_db


def test_filters_part_an_image_into_coarse_and_fine(steps):
    low, high = steps[caption(steps, "low-pass")], steps[caption(steps, "high-pass")]
    np.testing.assert_allclose(low + high - 0.5, steps["as stored"], atol=1e-4)
    assert np.abs(np.diff(low)).mean() < 0.65 * np.abs(np.diff(steps["as stored"])).mean()


def test_a_twentieth_of_the_frequencies_is_four_times_smaller(steps):
    what = caption(steps, "the strongest 5%")
    assert what.endswith("4.1 times smaller")
    assert decibels(what) > 22.0


def test_the_gallery_shows_nine_pictures_of_two_training_images(stripes_store):
    pictures = [picture for row in fourier_gallery(FeatureStore(stripes_store)) for picture in row]
    assert len(pictures) == 18
    assert [picture.caption.split(", ")[0] for picture in pictures] == ["across"] * 9 + ["down"] * 9
    assert pictures[0].caption == "across, as stored"
    sizes = {Image.open(io.BytesIO(picture.data)).size for picture in pictures}
    assert sizes == {(96, 96)}
