"""The world of the sign lab: its words, how its signs look, and the four causes that its painters differ in."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engines.checks import one_of
from engines.evidence import PlainError
from engines.pictures.files import font_file
from engines.pictures.painter import MODELS

FOLDER = MODELS / "signs"
MISSING = (
    "The sign painters are not here. They belong in the folder models/signs, which comes with the playground's "
    "repository; train them with “python -m training.signs”."
)
SLOTS, PITCH, MARGIN, HEIGHT, WIDTH = 8, 24, 8, 32, 208
"""Letter slots, pixels a slot, pixels left of the first, and the picture's sides: latents are 4×26."""
FONT_SIZE = 36
CAPTION = "a sign that says {}"
COLOURS: dict[str, tuple[int, int, int]] = {
    "white": (245, 245, 245), "yellow": (240, 205, 80), "green": (40, 120, 60), "blue": (40, 80, 170),
    "red": (190, 45, 45),
}  # fmt: skip


@dataclass(frozen=True)
class Cause:
    """One painter of the lab: its ``key`` (also its folder), a short ``name``, and what sets it apart."""

    key: str
    name: str
    description: str
    boxed: bool = False


CAUSES: dict[str, Cause] = {
    cause.key: cause
    for cause in (
        Cause("sloppy", "Sloppy captions", "Learnt from captions like “IMG_2041.jpg”: few of them name the word."),
        Cause("spelled", "Captions that spell", "Every caption names the word. The text encoder reads word pieces."),
        Cause("characters", "Reads letters", "The same captions. The text encoder reads them letter by letter."),
        Cause("boxes", "Layout given", "The same captions, and a picture of the letters in their box.", boxed=True),
    )
}


@dataclass(frozen=True)
class Words:
    """The recorded word lists, all in capitals."""

    seen: tuple[str, ...]
    never_seen: tuple[str, ...]
    source: str

    def of_length(self, letters: int, *, seen: bool) -> tuple[str, ...]:
        return tuple(word for word in (self.seen if seen else self.never_seen) if len(word) == letters)

    def has_seen(self, word: str) -> bool:
        """Whether the painters were trained on signs with this word."""
        return word.upper() in self.seen


# --- words ------------------------------------------------------------------------------------------------


@cache
def words() -> Words:
    """The words the painters were trained on, and those kept from them; PlainError when they are not here."""
    if not (FOLDER / "words.json").is_file():
        raise PlainError(MISSING)
    lists = json.loads((FOLDER / "words.json").read_text(encoding="utf-8"))
    return Words(tuple(lists["seen"]), tuple(lists["never_seen"]), lists["source"])


def check_word(word: object) -> str:
    """``word`` in capitals; PlainError unless it is 1 to 8 letters A–Z."""
    text = word.strip() if isinstance(word, str) else ""
    if not re.fullmatch(rf"[A-Za-z]{{1,{SLOTS}}}", text):
        raise PlainError(
            f"The lab's painters know signs of 1 to {SLOTS} letters from A to Z, nothing else. "
            "Type one such word, as OPEN."
        )
    return text.upper()


def check_cause(cause: str) -> Cause:
    """The cause of that key; PlainError when there is none."""
    return CAUSES[one_of("The sign painter", cause, CAUSES)]


def is_seen(word: str) -> bool:
    """Whether the painters were trained on signs with this word."""
    return words().has_seen(check_word(word))


# --- drawing ----------------------------------------------------------------------------------------------


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font_file()), size)


def draw_sign(word: str, colour: str = "white") -> np.ndarray:
    """A sign as the painters were shown it, uint8 [32, 208, 3]."""
    ink = (25, 25, 30) if colour in ("white", "yellow") else (250, 250, 250)
    return _lettered(word, COLOURS[colour], ink)


def draw_box(word: str) -> np.ndarray:
    """The layout that the painter "boxes" is given, uint8 [32, 208, 3]: black, a white box, black letters in it."""
    return _lettered(word, (0, 0, 0), (0, 0, 0), box=(255, 255, 255))


def _lettered(
    word: str, board: tuple[int, int, int], ink: tuple[int, int, int], box: tuple[int, int, int] | None = None
) -> np.ndarray:
    fine = 4
    picture = Image.new("RGB", (WIDTH * fine, HEIGHT * fine), board)
    draw, font = ImageDraw.Draw(picture), _font(FONT_SIZE * fine)
    if box:
        draw.rectangle([MARGIN * fine, 0, (MARGIN + PITCH * len(word)) * fine - 1, HEIGHT * fine], box)
    _, top, _, bottom = font.getbbox("H", anchor="ls")
    baseline = HEIGHT * fine / 2 - (top + bottom) / 2
    for slot, letter in enumerate(word):
        draw.text(((MARGIN + PITCH * (slot + 0.5)) * fine, baseline), letter, ink, font, anchor="ms")
    return np.asarray(picture.resize((WIDTH, HEIGHT), Image.Resampling.BOX))
