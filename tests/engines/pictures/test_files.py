"""Opening strangers' pictures: right when they are right, refused in plain words when they are not."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from engines.evidence import PlainError
from engines.pictures import files
from engines.pictures.files import draw_text, open_picture


def encoded(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def two_colours(width: int = 40, height: int = 20) -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), "red")
    picture.paste("blue", (width // 2, 0, width, height))
    return picture


def test_a_picture_of_the_right_size_is_left_alone():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 40, 3), dtype=np.uint8)
    for source in (pixels, Image.fromarray(pixels), encoded(Image.fromarray(pixels))):
        np.testing.assert_array_equal(open_picture(source, width=40, height=20), pixels)


def test_exif_turns_the_picture():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    opened = open_picture(encoded(two_colours(), "JPEG", exif=exif, quality=95), width=20, height=40)
    assert opened[5, 10, 0] > 200 and opened[35, 10, 2] > 200


def test_transparency_becomes_white():
    glass = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0])
    for data in (encoded(glass), encoded(palette, transparency=0), encoded(glass.convert("LA"))):
        assert (open_picture(data, width=8, height=8) == 255).all()


def test_cropping_and_padding():
    tall = open_picture(encoded(two_colours(40, 20)), width=20, height=20)
    assert tall[10, 2, 0] == 255 and tall[10, 17, 2] == 255 and tall.shape == (20, 20, 3)
    padded = open_picture(encoded(two_colours(40, 20)), width=40, height=40, fit="pad")
    assert (padded[:9] == 255).all() and padded[20, 5, 1] == 0


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "I;16", "F", "RGBA", "HSV", "LAB"])
def test_every_kind_of_pixel_becomes_rgb(mode):
    picture = Image.new("F", (8, 8), 100.0) if mode == "F" else Image.new("L", (8, 8), 100).convert(mode)
    opened = open_picture(picture, width=8, height=8)
    assert opened.shape == (8, 8, 3) and opened.dtype == np.uint8


def large(mode: str) -> Image.Image:
    """A ramp with a transparent half, far larger than what is asked for below."""
    ramp = np.tile(np.linspace(0, 255, 1201), (901, 1))
    if mode == "RGBA":
        alpha = np.where(np.arange(901)[:, None] < 450, 255, 0) * np.ones((1, 1201))
        return Image.fromarray(np.stack([ramp, ramp, ramp, alpha], axis=-1).astype(np.uint8))
    if mode == "I;16":
        return Image.fromarray((ramp * 257).astype(np.uint16))
    return Image.fromarray(ramp.astype(np.uint8)).convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "I;16", "P", "CMYK"])
@pytest.mark.parametrize("turn", [1, 6])
def test_large_pictures_are_shrunk_before_they_are_copied(monkeypatch, mode, turn):
    rows: list[int] = []
    flat = files._flat
    monkeypatch.setattr(files, "_flat", lambda one, deep: rows.append(one.height) or flat(one, deep))
    picture = large(mode)
    picture.getexif()[0x0112] = turn
    opened = open_picture(picture, width=20, height=20)
    assert max(rows) <= 64 * 11 and sum(rows) == 901
    ramp = opened[:10, :, 0] if turn == 1 else opened[:, 10:, 0].T
    expected = 255 * (150.5 + (np.arange(20) + 0.5) / 20 * 900) / 1201
    np.testing.assert_allclose(ramp[3], expected, atol=4)
    if mode == "RGBA":
        clear = opened[14:] if turn == 1 else opened[:, :6]  # away from the seam
        assert (clear == 255).all()


def test_large_jpegs_are_read_small(monkeypatch):
    sizes: list[tuple[int, int]] = []
    shrunk = files._shrunk
    monkeypatch.setattr(files, "_shrunk", lambda one, side: sizes.append(one.size) or shrunk(one, side))
    exif = Image.Exif()
    exif[0x0112] = 6
    opened = open_picture(encoded(two_colours(1600, 800), "JPEG", exif=exif, quality=95), width=20, height=40)
    assert sizes == [(400, 200)] and opened[5, 10, 0] > 200 and opened[35, 10, 2] > 200


def test_arrays_of_floats_and_grey_arrays():
    assert (open_picture(np.full((4, 4), 0.5), width=4, height=4) == 128).all()
    assert (open_picture(np.full((4, 4, 1), 7, np.uint8), width=4, height=4) == 7).all()


def bomb(width: int, height: int) -> bytes:
    """A tiny PNG file that claims to be enormous."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "source, message",
    [
        (b"not a picture at all", "cannot be read as a picture"),
        (b"", "cannot be read as a picture"),
        (encoded(two_colours())[:60], "cannot be read as a picture"),
        (encoded(two_colours(), "JPEG")[:300], "cannot be read as a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read as a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be read as a picture"),
        (bomb(9_000, 9_000), "9000 × 9000 pixels"),
        (bomb(60_000, 60_000), "40 million"),
        (bomb(2**31 - 1, 2**31 - 1), "40 million"),
        (bomb(39_000, 2), "too thin"),
        (b"x" * 40_000_001, "larger than 40 megabytes"),
        ("/nowhere/picture.png", "Choose a file"),
        (np.zeros((4, 4, 5)), "RGB or RGBA"),
        (np.zeros((0, 4, 3)), "RGB or RGBA"),
        (np.full((4, 4), np.nan), "between 0 and 255"),
    ],
)  # fmt: skip
def test_bad_pictures_are_refused(source, message):
    with pytest.raises(PlainError, match=message):
        open_picture(source, width=8, height=8)


@pytest.mark.parametrize("letter_height", [6, 12, 24])
def test_drawn_capitals_have_the_height_asked_for(letter_height):
    rows = np.flatnonzero((draw_text("HEN", letter_height, width=128, height=128) < 128).any(axis=(1, 2)))
    assert abs(rows[-1] - rows[0] + 1 - letter_height) <= 1
    assert abs((rows[0] + rows[-1]) / 2 - 63.5) <= 1.5


def test_text_that_does_not_fit_is_refused():
    with pytest.raises(PlainError, match="too wide"):
        draw_text("STRAWBERRIES", 40, width=128, height=128)
