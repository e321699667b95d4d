"""Opens learners' pictures safely, and draws the few pictures the engines need themselves."""

from __future__ import annotations

import importlib.util
import io
import math
import warnings
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, Literal

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageDraw, ImageFile, ImageFont, ImageOps, features

from engines.evidence import PlainError

Source = np.ndarray | Image.Image | str | Path | bytes | IO[bytes]
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", *(("AVIF",) if features.check("avif") else ()))
ORIENTATION = ExifTags.Base.Orientation
MAX_PIXELS = 40_000_000
MAX_BYTES = 40_000_000
ENOUGH = 4
"""How many times the frame's side is kept of a larger picture: finer pixels change nothing that is seen."""
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
BAND = 64
"""Rows, after shrinking, that are treated at once, so that a huge picture is never copied whole."""


def open_picture(source: Source, *, width: int, height: int, fit: Literal["crop", "pad"] = "crop") -> np.ndarray:
    """Any picture as uint8 [height, width, 3] in sRGB, as a browser shows it on a white page.

    It is turned as its EXIF says, its colours are read by its ICC profile, and what is transparent becomes white.

    ``fit``: "crop" fills the frame and cuts what sticks out evenly, "pad" shows all of it on white. Of an
    animation the first frame counts; what a cut-off JPEG has lost is grey. PlainError for files that are missing,
    corrupt, of another kind, whose numbers do not say what is white, or larger than 40 megabytes or 40 million
    pixels (checked before any pixel is unpacked).
    """
    side = ENOUGH * max(width, height)
    try:
        picture = ImageOps.exif_transpose(_shrunk(_opened(source, side), side))
    except PlainError:
        raise
    except Image.DecompressionBombError as error:
        raise PlainError("This picture is enormous: 40 million pixels at most. Shrink it first.") from error
    except Exception as error:  # Pillow's decoders raise many kinds on broken files
        raise PlainError(
            "This file cannot be read as a picture. It may be damaged; if not, try a PNG, JPEG or WebP file."
        ) from error
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
    try:
        return _loaded(data, side)
    except OSError:
        if not data.startswith(JPEG_START):
            raise
    return _loaded(data + JPEG_END, side)  # its data were cut off: the decoder fills up what is missing


def _loaded(data: bytes, side: int) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # _check_size is stricter
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    _check_size(picture.size)
    key = _key(picture)
    picture.draft(None, (side, side))
    picture.load()
    if key is not None:
        picture.info["transparency"] = key
    return picture


def _key(picture: ImageFile.ImageFile) -> int | tuple[int, ...] | None:
    """The transparent colour of a PNG without a palette, on the scale of Pillow's pixels; None where there is none.

    The file gives it in its own bits a sample (PNG specification, §11.3.2.1); Pillow unpacks 2 and 4 bits of grey to
    8, and keeps the upper 8 of the 16 of a colour.
    """
    key = picture.info.get("transparency")
    if picture.format != "PNG" or not picture.tile or picture.mode == "P":
        return None
    packing = picture.tile[0][3]
    if isinstance(key, int) and packing in ("L;2", "L;4"):
        return key * (85 if packing == "L;2" else 17)
    if isinstance(key, tuple):
        return tuple(level >> 8 for level in key) if packing == "RGB;16B" else key
    return key if isinstance(key, int) else None


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
    """sRGB on white by a whole fraction, both sides at least ``side`` where they were; its EXIF orientation kept."""
    flat = _Flattening(picture)
    factor = min(picture.size) // side
    if factor < 2:
        small = flat(picture)
    else:
        columns, rows = picture.size
        small = Image.new("RGB", (-(-columns // factor), -(-rows // factor)))
        for top in range(0, rows, BAND * factor):
            band = picture.crop((0, top, columns, min(rows, top + BAND * factor)))
            small.paste(flat(band).reduce(factor), (0, top // factor))
    turn = picture.getexif().get(ORIENTATION)
    if turn and small is not picture:
        small.getexif()[ORIENTATION] = turn
    return small


class _Flattening:
    """How a picture, or a band of it, becomes sRGB on white: settled once for the whole picture."""

    def __init__(self, picture: Image.Image) -> None:
        self.numbers = picture.mode.startswith(("I", "F"))
        self.levels = _levels(picture) if self.numbers else 255.0
        profile = picture.info.get("icc_profile")
        grey = self.numbers or picture.mode in ("1", "L", "LA", "La")
        self.mode = "L" if grey else "CMYK" if picture.mode == "CMYK" else "RGB"
        self.to_srgb = _to_srgb(profile, self.mode) if profile else None

    def __call__(self, band: Image.Image) -> Image.Image:
        if band.mode == "RGB" and self.to_srgb is None and "transparency" not in band.info:
            return band
        opaque, coloured = _opaque(band), band
        if self.numbers:
            shades = np.asarray(band, dtype=np.float32) * (255 / self.levels)
            coloured = Image.fromarray(shades.round().astype(np.uint8))
        if self.to_srgb is not None:
            coloured = ImageCms.applyTransform(coloured.convert(self.mode), self.to_srgb) or coloured
        coloured = coloured.convert("RGB")
        if opaque is None:
            return coloured
        return Image.composite(coloured, Image.new("RGB", band.size, "white"), opaque)


def _opaque(picture: Image.Image) -> Image.Image | None:
    """How opaque each pixel is, 0 to 255; None where all are."""
    if not picture.has_transparency_data:
        return None
    key = picture.info.get("transparency")
    if picture.mode not in ("RGB", "1", "L", "I", "I;16") or key is None:
        return picture.convert("RGBA").getchannel("A")
    differs = np.asarray(picture) != np.asarray(key != 0 if picture.mode == "1" else key)
    return Image.fromarray((differs if differs.ndim == 2 else differs.any(axis=-1)).astype(np.uint8) * 255)


def _levels(picture: Image.Image) -> float:
    """The number that means white in a picture of large or fractional numbers; PlainError where nothing says so."""
    if picture.mode.startswith("I;16"):
        return 65535.0
    low, high = _extremes(picture)
    if not low >= 0 or not math.isfinite(high):
        raise PlainError("This picture holds numbers that are no shade of grey. Save it as an 8-bit PNG and try again.")
    known = (1.0, 255.0) if picture.mode == "F" else (255.0, 65535.0)
    if high > known[-1]:
        raise PlainError(
            f"This picture's numbers run from {low:g} to {high:g}, and nothing in it says which of them is white. "
            "Save it as an 8- or 16-bit PNG and try again."
        )
    return next(white for white in known if high <= white)


def _extremes(picture: Image.Image) -> tuple[float, float]:
    """The least and the greatest number, nan where one is none; read in bands."""
    columns, rows = picture.size
    bands = (picture.crop((0, top, columns, min(rows, top + BAND))) for top in range(0, rows, BAND))
    ends = np.array([(numbers.min(), numbers.max()) for numbers in map(np.asarray, bands)], dtype=np.float64)
    return float(ends[:, 0].min()), float(ends[:, 1].max())


def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """What turns pixels of ``mode`` with this ICC profile into sRGB; None for a profile that is broken or of another
    kind of pixels, which browsers leave aside too."""
    try:
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


# --- drawn text -------------------------------------------------------------------------------------------


Face = Literal["pillow", "plex"]
"""Pillow's own font, which holds A to Z and figures, and the font of the signs, which holds what Europe writes."""


def draw_text(text: str, letter_height: int, *, width: int, height: int, face: Face | None = None) -> np.ndarray:
    """``text`` in black on white, capitals ``letter_height`` pixels tall, centred: uint8 [height, width, 3].

    ``face``: the font; None is :func:`face_for` the text. PlainError for a letter that no font here holds, and when
    the text does not fit: a cut word would blame the reader for what was never drawn.
    """
    if not 3 <= letter_height <= height:
        raise PlainError(f"Letters must be between 3 and {height} pixels tall.")
    font = _font_with_capitals(letter_height, face or face_for(text))
    left, top, right, bottom = font.getbbox(text)
    if right - left > width or bottom - top > height:
        raise PlainError(f"{text!r} is too wide for {width} pixels at this height. Use a shorter word.")
    picture = Image.new("RGB", (width, height), "white")
    place = ((width - right - left) / 2, (height - bottom - top) / 2)
    ImageDraw.Draw(picture).text(place, text, fill="black", font=font)
    return np.asarray(picture)


def face_for(text: str) -> Face:
    """The first font that holds every character; PlainError names those that none holds."""
    missing = [character for character in dict.fromkeys(text) if not _holds("pillow", character)]
    if not missing:
        return "pillow"
    missing = [character for character in missing if not _holds("plex", character)]
    if missing:
        named = ", ".join(f"“{character}”" for character in missing[:5])
        raise PlainError(f"The fonts here have no {named}, so it cannot be drawn. Use other letters.")
    return "plex"


def font_size(letter_height: int, face: Face = "pillow") -> int:
    """The size of a font at which :func:`draw_text` draws capitals ``letter_height`` pixels tall."""
    return round(_font_with_capitals(letter_height, face).size)


def font_file() -> Path:
    """IBM Plex Mono Bold, which the page's framework brings along."""
    spec = importlib.util.find_spec("gradio")
    if spec is None or spec.origin is None:
        raise PlainError("The font of the signs comes with Gradio. Install requirements.txt.")
    fonts = Path(spec.origin).parent / "templates" / "frontend" / "static" / "fonts"
    return fonts / "IBMPlexMono" / "IBMPlexMono-Bold.woff2"


@cache
def _font_with_capitals(letter_height: int, face: Face) -> ImageFont.FreeTypeFont:
    """The font at the size whose capital H is nearest to ``letter_height`` pixels."""

    def miss(size: int) -> float:
        _, top, _, bottom = _font(size, face).getbbox("H")
        return abs(bottom - top - letter_height)

    return _font(min(range(letter_height, 2 * letter_height + 4), key=miss), face)


@cache
def _font(size: int, face: Face) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size) if face == "pillow" else ImageFont.truetype(str(font_file()), size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@lru_cache(1024)
def _holds(face: Face, character: str) -> bool:
    """Whether a font has this character; in place of others it draws the box of a private one."""
    font, absent = _font(40, face), "\ue000"
    drawn, box = ((bytes(font.getmask(one)), font.getbbox(one)) for one in (character, absent))
    return character.isspace() or drawn != box
