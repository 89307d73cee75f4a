"""Whatever a camera or a client sends becomes 8-bit RGB, or is refused with a reason."""

import io

import numpy as np
from PIL import Image
import pytest

from components.modeling.images import decoding as image_decoding
from components.modeling.images.decoding import decode_image, encode_png, num_pixels, UndecodableImageError


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


PHOTO = Image.effect_noise((75, 53), 90)
COLOURED = Image.merge("RGB", [PHOTO, PHOTO.rotate(90), PHOTO.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (COLOURED, {"quality": 85}),
        (COLOURED, {"quality": 20, "subsampling": "4:4:4"}),
        (COLOURED, {"quality": 95, "subsampling": "4:2:2"}),
        (COLOURED, {"quality": 85, "progressive": True}),
        (COLOURED, {"quality": 85, "keep_rgb": True}),
        (COLOURED, {"quality": 85, "restart_marker_blocks": 2}),
        (COLOURED.crop((0, 0, 1, 1)), {"quality": 85}),
        (PHOTO, {"quality": 85}),
    ],
)
def test_a_plain_jpeg_has_the_pixels_that_pillow_gives(image, options):
    data = encoded(image, "JPEG", **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    decoded = decode_image(data)
    np.testing.assert_array_equal(decoded.pixels_HWC, expected)
    assert (decoded.file_format, decoded.channels, decoded.conversions) == ("JPEG", len(image.getbands()), ())


LARGE = Image.merge("RGB", [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.effect_noise((256, 256), 9)])


@pytest.mark.parametrize(("min_side_px", "side"), [(None, 256), (200, 256), (128, 128), (127, 128), (64, 64), (5, 32)])
def test_a_jpeg_may_be_decoded_smaller_but_never_below_the_side_that_is_asked_for(min_side_px, side):
    decoded = decode_image(encoded(LARGE, "JPEG"), min_side_px=min_side_px)
    assert decoded.pixels_HWC.shape == (side, side, 3)


def test_the_shorter_side_decides_and_odd_sides_are_rounded_up():
    assert decode_image(encoded(LARGE.crop((0, 0, 255, 131)), "JPEG"), min_side_px=66).pixels_HWC.shape == (66, 128, 3)
    assert decode_image(encoded(LARGE.crop((0, 0, 255, 131)), "JPEG"), min_side_px=67).pixels_HWC.shape == (131, 255, 3)


@pytest.mark.parametrize("size", [(256, 256), (251, 203)])
def test_a_smaller_jpeg_has_the_pixels_that_pillow_gives(size):
    data = encoded(LARGE.resize(size), "JPEG", quality=90)
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (size[0] // 4, size[1] // 4))
    np.testing.assert_array_equal(decode_image(data, min_side_px=40).pixels_HWC, np.asarray(image))


def test_a_turned_jpeg_is_decoded_smaller_too():
    exif = LARGE.getexif()
    exif[274] = 6
    data = encoded(LARGE.crop((0, 0, 256, 128)), "JPEG", exif=exif)
    turned, plain = decode_image(data, min_side_px=64), decode_image(encoded(LARGE.crop((0, 0, 256, 128)), "JPEG"))
    assert turned.pixels_HWC.shape == (128, 64, 3)
    assert turned.conversions == ("turned upright as its EXIF orientation says",)
    upright = np.asarray(Image.fromarray(np.rot90(plain.pixels_HWC, -1)).reduce(2), np.int64)
    assert np.abs(upright - turned.pixels_HWC).mean() < 3


def test_an_image_is_turned_as_its_xmp_says():
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    decoded = decode_image(encoded(Image.new("RGB", (6, 3)), "JPEG", xmp=xmp))
    assert decoded.pixels_HWC.shape == (6, 3, 3)
    assert any("EXIF" in conversion for conversion in decoded.conversions)


def test_a_jpeg_with_an_exif_that_turns_nothing_has_the_pixels_that_pillow_gives():
    exif = COLOURED.getexif()
    exif[274], exif[305] = 1, "camera"
    data = encoded(COLOURED, "JPEG", exif=exif)
    np.testing.assert_array_equal(decode_image(data).pixels_HWC, decode_image(encoded(COLOURED, "JPEG")).pixels_HWC)
    assert decode_image(data).conversions == ()


def test_other_formats_keep_their_size():
    assert decode_image(encoded(LARGE, "PNG"), min_side_px=16).pixels_HWC.shape == (256, 256, 3)


def test_a_jpeg_of_several_frames_says_so():
    decoded = decode_image(encoded(COLOURED, "MPO", save_all=True, append_images=[COLOURED.rotate(180)]))
    assert any("first of 2 frames" in conversion for conversion in decoded.conversions)
    expected = decode_image(encoded(COLOURED, "JPEG")).pixels_HWC
    np.testing.assert_array_equal(decoded.pixels_HWC, expected)


def test_a_jpeg_beyond_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(image_decoding, "MAX_PIXELS", 16)
    with pytest.raises(UndecodableImageError, match="75 x 53 pixels"):
        decode_image(encoded(COLOURED, "JPEG"))


@pytest.mark.parametrize("length", range(2, 40, 3))
def test_a_header_that_ends_early_is_refused(length):
    with pytest.raises(UndecodableImageError):
        decode_image(encoded(COLOURED, "JPEG")[:length])


def test_a_jpeg_with_bytes_after_its_end_is_taken_as_pillow_takes_it():
    data = encoded(COLOURED, "JPEG")
    np.testing.assert_array_equal(decode_image(data + b"\0" * 50).pixels_HWC, decode_image(data).pixels_HWC)


def test_a_jpeg_damaged_in_the_middle_has_the_pixels_that_pillow_gives():
    data = bytearray(encoded(COLOURED, "JPEG", quality=90))
    data[len(data) // 2 : len(data) // 2 + 8] = b"\x55" * 8
    expected = np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB"))
    np.testing.assert_array_equal(decode_image(bytes(data)).pixels_HWC, expected)


def test_pixels_are_counted_from_the_header():
    assert num_pixels(encode_png(np.zeros((4, 5, 3), np.uint8))) == 20
    with pytest.raises(UndecodableImageError, match="no image"):
        num_pixels(b"text")
