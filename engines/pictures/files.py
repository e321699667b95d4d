"""Opens learners' pictures safely, and draws the few pictures the engines need themselves."""

from __future__ import annotations

import io
import warnings
from functools import cache
from pathlib import Path
from typing import IO, Literal

import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFont, ImageOps

from engines.evidence import PlainError

Source = np.ndarray | Image.Image | str | Path | bytes | IO[bytes]
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "MPO")
ORIENTATION = ExifTags.Base.Orientation
MAX_PIXELS = 40_000_000
MAX_BYTES = 40_000_000
ENOUGH = 4
"""How many times the frame's side is kept of a larger picture: finer pixels change nothing that is seen."""
BAND = 64
"""Rows, after shrinking, that are treated at once, so that a huge picture is never copied whole."""


def open_picture(source: Source, *, width: int, height: int, fit: Literal["crop", "pad"] = "crop") -> np.ndarray:
    """Any picture as uint8 [height, width, 3]: turned as its EXIF says, alpha laid on white.

    ``fit``: "crop" fills the frame and cuts what sticks out evenly, "pad" shows all of it on white. Of an
    animation the first frame counts. PlainError for files that are missing, corrupt, of another kind, or
    larger than 40 megabytes or 40 million pixels (checked before any pixel is unpacked).
    """
    side = ENOUGH * max(width, height)
    try:
        picture = ImageOps.exif_transpose(_shrunk(_opened(source, side), side))
    except PlainError:
        raise
    except Image.DecompressionBombError as error:
        raise PlainError("This picture is enormous: 40 million pixels at most. Shrink it first.") from error
    except Exception as error:  # Pillow's decoders raise many kinds on broken files
        raise PlainError("This file cannot be read as a picture. Try a PNG, JPEG or WebP file.") from error
    if picture.size == (width, height):
        return np.asarray(picture)
    if fit == "pad":
        fitted = ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, color="white")
    else:
        fitted = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(fitted)


def _opened(source: Source, side: int) -> Image.Image:
    """The picture; of a JPEG an eighth, a quarter or a half, as long as ``side`` pixels each way are left."""
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        _check_size(source.size)
        return source
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise PlainError("There is no picture to open. Choose a file first.")
        if path.stat().st_size > MAX_BYTES:
            raise PlainError("This file is larger than 40 megabytes. Save a smaller copy and try again.")
        source = path.read_bytes()
    data = source if isinstance(source, bytes) else source.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise PlainError("This file is larger than 40 megabytes. Save a smaller copy and try again.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # _check_size is stricter
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    _check_size(picture.size)
    picture.draft(None, (side, side))
    picture.load()
    return picture


def _check_size(size: tuple[int, int]) -> None:
    columns, rows = size
    if columns * rows > MAX_PIXELS:
        raise PlainError(f"This picture has {columns} × {rows} pixels; 40 million at most. Shrink it first.")
    if min(columns, rows) < 1 or max(columns, rows) > 200 * min(columns, rows):
        raise PlainError("This picture is far too thin to be shown. Choose one nearer to a square.")


def _from_array(array: np.ndarray) -> Image.Image:
    """Arrays as Gradio hands them over: uint8 or floats in 0…1, grey, RGB or RGBA."""
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (3, 4))) or 0 in array.shape:
        raise PlainError("A picture must be a grid of grey, RGB or RGBA pixels.")
    _check_size((array.shape[1], array.shape[0]))
    if array.dtype != np.uint8:
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 255:
            raise PlainError("A picture's numbers must lie between 0 and 255.")
        scale = 255 if np.issubdtype(array.dtype, np.floating) and array.max() <= 1 else 1
        array = (array * scale).round().astype(np.uint8)
    return Image.fromarray(array)


def _shrunk(picture: Image.Image, side: int) -> Image.Image:
    """RGB on white by a whole fraction, both sides at least ``side`` where they were; its EXIF orientation kept."""
    deep = picture.mode.startswith(("I", "F")) and np.asarray(picture).max(initial=0) > 255
    factor = min(picture.size) // side
    if factor < 2:
        small = _flat(picture, deep)
    else:
        columns, rows = picture.size
        small = Image.new("RGB", (-(-columns // factor), -(-rows // factor)))
        for top in range(0, rows, BAND * factor):
            band = picture.crop((0, top, columns, min(rows, top + BAND * factor)))
            small.paste(_flat(band, deep).reduce(factor), (0, top // factor))
    turn = picture.getexif().get(ORIENTATION)
    if turn and small is not picture:
        small.getexif()[ORIENTATION] = turn
    return small


def _flat(picture: Image.Image, deep: bool = False) -> Image.Image:
    """RGB; what is transparent becomes white. ``deep``: numbers above 255 mean 16 bits."""
    if picture.mode == "RGB":
        return picture
    if picture.mode.startswith(("I", "F")):
        numbers = np.asarray(picture, dtype=np.float32) / (256 if deep else 1)
        return Image.fromarray(numbers.clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


# --- drawn text -------------------------------------------------------------------------------------------


def draw_text(text: str, letter_height: int, *, width: int, height: int) -> np.ndarray:
    """``text`` in black on white, capitals ``letter_height`` pixels tall, centred: uint8 [height, width, 3].

    PlainError when it does not fit: a cut word would blame the reader for what was never drawn.
    """
    if not 3 <= letter_height <= height:
        raise PlainError(f"Letters must be between 3 and {height} pixels tall.")
    font = _font_with_capitals(letter_height)
    left, top, right, bottom = font.getbbox(text)
    if right - left > width or bottom - top > height:
        raise PlainError(f"{text!r} is too wide for {width} pixels at this height. Use a shorter word.")
    picture = Image.new("RGB", (width, height), "white")
    place = ((width - right - left) / 2, (height - bottom - top) / 2)
    ImageDraw.Draw(picture).text(place, text, fill="black", font=font)
    return np.asarray(picture)


def font_size(letter_height: int) -> int:
    """The size of Pillow's own font at which :func:`draw_text` draws capitals ``letter_height`` pixels tall."""
    return round(_font_with_capitals(letter_height).size)


@cache
def _font_with_capitals(letter_height: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font at the size whose capital H is nearest to ``letter_height`` pixels."""

    def miss(size: int) -> float:
        _, top, _, bottom = _font(size).getbbox("H")
        return abs(bottom - top - letter_height)

    return _font(min(range(letter_height, 2 * letter_height + 4), key=miss))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
