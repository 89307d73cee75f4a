"""Whatever a camera or a client sends becomes 8-bit RGB, or is refused with a reason."""

import io

import numpy as np
from PIL import Image
import pytest

from components.modeling import image_decoding
from components.modeling.image_decoding import decode_image, encode_png, num_pixels, UndecodableImageError


def encoded(image: Image.Image, file_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=file_format, **options)
    return buffer.getvalue()


def test_a_png_of_rgb_pixels_comes_back_to_the_pixel():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    decoded = decode_image(encode_png(pixels))
    np.testing.assert_array_equal(decoded.pixels_HWC, pixels)
    assert (decoded.file_format, decoded.channels, decoded.conversions) == ("PNG", 3, ())


def test_grey_becomes_three_equal_channels_without_a_conversion():
    decoded = decode_image(encoded(Image.new("L", (4, 4), 77), "PNG"))
    assert (decoded.pixels_HWC == 77).all()
    assert (decoded.channels, decoded.conversions) == (1, ())


def test_transparent_pixels_become_white():
    decoded = decode_image(encoded(Image.new("RGBA", (4, 4), (255, 0, 0, 0)), "PNG"))
    assert (decoded.pixels_HWC == 255).all()
    assert "alpha laid on white" in decoded.conversions


def test_sixteen_bits_keep_their_high_byte():
    values = np.array([[0, 257, 65535]], dtype=np.uint16)
    decoded = decode_image(encoded(Image.fromarray(values), "PNG"))
    assert decoded.pixels_HWC[0, :, 0].tolist() == [0, 1, 255]
    assert any("16-bit" in conversion for conversion in decoded.conversions)


def test_cmyk_becomes_the_colour_that_was_meant():
    decoded = decode_image(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95))
    red, green, blue = decoded.pixels_HWC[8, 8].tolist()
    assert red > 200
    assert max(green, blue) < 60
    assert "CMYK converted to RGB" in decoded.conversions


def test_palette_colours_are_looked_up():
    image = Image.new("RGB", (4, 4), (10, 200, 30)).convert("P", palette=Image.Palette.ADAPTIVE)
    decoded = decode_image(encoded(image, "PNG"))
    assert decoded.pixels_HWC[0, 0].tolist() == [10, 200, 30]
    assert "palette converted to RGB" in decoded.conversions


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    decoded = decode_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert decoded.pixels_HWC[0, 0].tolist() == [255, 0, 0]
    assert any("first of 3 frames" in conversion for conversion in decoded.conversions)


def test_an_image_is_turned_as_its_exif_says():
    image = Image.new("RGB", (6, 3))
    exif = image.getexif()
    exif[274] = 6
    decoded = decode_image(encoded(image, "JPEG", exif=exif))
    assert decoded.pixels_HWC.shape == (6, 3, 3)
    assert any("EXIF" in conversion for conversion in decoded.conversions)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello, I am a text file", "no image of a known format"),
        (encode_png(np.zeros((64, 64, 3), np.uint8))[:60], "truncated or damaged"),
        (encoded(Image.effect_noise((64, 64), 50).convert("RGB"), "JPEG")[:-400], "truncated or damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged|no image"),
        (b"P6 but no portable pixmap", "damaged|no image"),
        (b"%PDF-1.4 not a picture", "no image of a known format"),
    ],
)
def test_what_is_no_usable_image_is_refused_with_a_reason(data, reason):
    with pytest.raises(UndecodableImageError, match=reason):
        decode_image(data)


def test_a_decompression_bomb_is_refused_from_its_header():
    bomb = encoded(Image.new("1", (20000, 20000)), "PNG")
    assert len(bomb) < 100_000
    with pytest.raises(UndecodableImageError, match=r"20000 x 20000|more than the"):
        decode_image(bomb)


def test_an_image_at_the_limit_is_taken(monkeypatch):
    monkeypatch.setattr(image_decoding, "MAX_PIXELS", 16)
    assert decode_image(encode_png(np.zeros((4, 4, 3), np.uint8))).pixels_HWC.shape == (4, 4, 3)
    with pytest.raises(UndecodableImageError, match="5 x 4 pixels"):
        decode_image(encode_png(np.zeros((4, 5, 3), np.uint8)))


def test_pixels_are_counted_from_the_header():
    assert num_pixels(encode_png(np.zeros((4, 5, 3), np.uint8))) == 20
    with pytest.raises(UndecodableImageError, match="no image"):
        num_pixels(b"text")
