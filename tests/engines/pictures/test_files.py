"""Opening strangers' pictures: right when they are right, refused in plain words when they are not."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, features

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
    flat = files._Flattening.__call__
    monkeypatch.setattr(files._Flattening, "__call__", lambda how, one: rows.append(one.height) or flat(how, one))
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


# --- as a browser shows it --------------------------------------------------------------------------------

INPUTS = Path(__file__).parent / "inputs"


def sample(name: str, side: int = 256) -> np.ndarray:
    return open_picture(INPUTS / name, width=side, height=side).astype(int)


def png(depth: int, kind: int, pixels: bytes, size: tuple[int, int], *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file of raw rows (each after its filter byte), with ``chunks`` before the pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0)
    parts = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6


@pytest.mark.parametrize(
    "depth, kind, pixels, chunks, shade",
    [  # two pixels, the left one transparent and the right one opaque, of the shade told
        (1, GREY, "00 40", {b"tRNS": "0000"}, 255),
        (1, GREY, "00 80", {b"tRNS": "0001"}, 0),
        (2, GREY, "00 60", {b"tRNS": "0001"}, 170),
        (4, GREY, "00 3a", {b"tRNS": "0003"}, 170),
        (8, GREY, "00 03aa", {b"tRNS": "0003"}, 170),
        (16, GREY, "00 1234 1235", {b"tRNS": "1234"}, 18),
        (8, COLOUR, "00 010203 010204", {b"tRNS": "000100020003"}, (1, 2, 4)),
        (16, COLOUR, "00 110012001300 110012001400", {b"tRNS": "110012001300"}, (17, 18, 20)),
        (1, PALETTE, "00 40", {b"PLTE": "000000 0a0b0c", b"tRNS": "00"}, (10, 11, 12)),
        (8, PALETTE, "00 0001", {b"PLTE": "000000 0a0b0c", b"tRNS": "00ff"}, (10, 11, 12)),
        (8, GREY_ALPHA, "00 0300 aaff", {}, 170),
        (16, GREY_ALPHA, "00 03000000 aaaaffff", {}, 170),
        (8, COLOUR_ALPHA, "00 00000000 0a0b0cff", {}, (10, 11, 12)),
        (16, COLOUR_ALPHA, "00 0000000000000000 0a000b000c00ffff", {}, (10, 11, 12)),
    ],
)
def test_what_is_transparent_in_a_png_of_any_kind_becomes_white(depth, kind, pixels, chunks, shade):
    parts = [(name, bytes.fromhex(data)) for name, data in chunks.items()]
    opened = open_picture(png(depth, kind, bytes.fromhex(pixels), (2, 1), *parts), width=2, height=1)
    assert opened[0, 0].tolist() == [255, 255, 255]
    assert opened[0, 1].tolist() == (list(shade) if isinstance(shade, tuple) else [shade] * 3)


def test_a_colour_key_is_laid_on_white_as_a_browser_does():
    keyed, plain = sample("rgb_trns.png"), sample("ref.png")
    clear = (plain == (200, 40, 40)).all(axis=-1)
    assert clear.any() and (keyed[clear] == 255).all() and (keyed[~clear] == plain[~clear]).all()
    grey = np.asarray(Image.open(INPUTS / "l_key.png"))
    assert (sample("l_key.png")[grey == 2] == 255).all() and (sample("l_key.png")[grey != 2] != 255).all()


@pytest.mark.parametrize("name", ["icc_p3.png", "icc_adobergb.jpg", "icc_prophoto.png"])
def test_colour_profiles_are_followed(name):
    """The same picture in Display P3, Adobe RGB and ProPhoto numbers: all look like the one in sRGB."""
    assert np.abs(np.asarray(Image.open(INPUTS / name)).astype(int) - sample("ref.png")).mean() > 4
    assert np.abs(sample(name) - sample("ref.png")).max() <= 2


def test_profiles_of_transparent_grey_and_foreign_pixels():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    p3 = Image.open(INPUTS / "icc_p3.png").info["icc_profile"]
    (plain,), (glass,) = (
        open_picture(encoded(Image.new(mode, (1, 1), (0, 200, 0, 255)[: len(mode)]), icc_profile=p3), width=1, height=1)
        for mode in ("RGB", "RGBA")
    )
    np.testing.assert_array_equal(plain, glass)
    assert plain[0].tolist() != [0, 200, 0]
    for picture in (Image.new("L", (1, 1), 90), Image.new("P", (1, 1), 0), Image.new("CMYK", (1, 1), (0, 0, 0, 165))):
        if picture.mode == "P":
            picture.putpalette([90, 90, 90])
        kind = "TIFF" if picture.mode == "CMYK" else "PNG"
        for profile in (srgb, b"no profile at all"):
            opened = open_picture(encoded(picture, kind, icc_profile=profile), width=1, height=1)
            np.testing.assert_allclose(opened, 90, atol=1)


def test_a_jpeg_without_its_last_bytes_is_shown():
    assert np.abs(sample("trunc_last.jpg") - sample("ref.png")).max() <= 2
    whole = encoded(Image.fromarray(sample("ref.png").astype(np.uint8)), "JPEG", quality=95)
    expected = open_picture(whole, width=256, height=256).astype(int)
    for short, rows in ((1, 256), (2, 256), (3, 239), (20, 128)):
        opened = open_picture(whole[:-short], width=256, height=256)
        np.testing.assert_array_equal(opened[:rows], expected[:rows])
    half = open_picture(whole[: len(whole) // 2], width=256, height=256)
    np.testing.assert_array_equal(half[:32], expected[:32])


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif_is_read():
    assert np.abs(sample("avif.avif") - sample("ref.png")).mean() < 1


def tiff(array: np.ndarray) -> bytes:
    return encoded(Image.fromarray(array), "TIFF")


def test_large_and_fractional_numbers_are_scaled_where_the_file_says_how():
    shares = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    for array in (shares, shares * 255, (shares * 65535).round().astype(np.int32), (shares * 255).astype(np.uint8)):
        opened = open_picture(tiff(array), width=8, height=8)
        np.testing.assert_allclose(opened[..., 0], shares * 255, atol=1)
    dark = (shares * 200).astype(np.uint16)  # 16 bits by its kind, however small the numbers are
    assert open_picture(tiff(dark), width=8, height=8).max() <= 1
    assert abs(sample("float01.tif", 48).max() - 194) <= 1


@pytest.mark.parametrize(
    "source, message",
    [
        (INPUTS / "float_nan.tif", "no shade of grey"),
        (INPUTS / "int32.tif", "which of them is white"),
        (tiff(np.full((8, 8), -0.5, np.float32)), "no shade of grey"),
        (tiff(np.full((8, 8), np.inf, np.float32)), "no shade of grey"),
        (tiff(np.full((8, 8), 300, np.float32)), "from 300 to 300"),
    ],
)
def test_numbers_that_are_no_shades_are_refused_in_words(source, message):
    with pytest.raises(PlainError, match=message):
        open_picture(source, width=8, height=8)


def test_one_number_that_is_none_is_found_in_a_large_picture():
    array = np.zeros((900, 900), np.float32)
    array[-1, -1] = np.nan
    with pytest.raises(PlainError, match="no shade of grey"):
        open_picture(tiff(array), width=8, height=8)


def bomb(width: int, height: int) -> bytes:
    """A tiny PNG file that claims to be enormous."""
    return png(8, COLOUR, bytes(1000), (width, height))


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
