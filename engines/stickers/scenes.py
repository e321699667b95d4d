"""Sticker World: every picture the pocket painter has ever seen, drawn from a seed.

``scene(seed)`` is a pure function: the same seed gives the same 128×128 picture, captions and facts on any
machine with the same Pillow. A scene is first planned (what is in it), then rendered (where exactly, how
large, which way round). Combinations listed in ``held_out.yaml`` are never planned from a seed; ask for
them with ``render(plan, seed)``.

The objects are Microsoft's Fluent emoji (MIT), as packed in the npm package ``PACKAGE``
and bundled in ``STICKERS``; the lettering is IBM Plex Sans (OFL), as packed in Gradio.
"""

from __future__ import annotations

import importlib.util
import math
import os
import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from PIL import Image, ImageDraw, ImageFont

from engines.models.catalogue import MODELS
from engines.stickers.world import PLURAL, SCENIC, SINGULAR

SIZE = 128
PACKAGE = "@lobehub/fluent-emoji-3d@1.1.0"
STICKERS = MODELS / "sticker-world" / "stickers"
CACHE = MODELS.parent / "training" / ".cache"

OBJECTS: dict[str, str] = {
    "dog": "1f415", "cat": "1f408", "rabbit": "1f407", "horse": "1f40e", "cow": "1f404", "pig": "1f416",
    "elephant": "1f418", "tiger": "1f405", "penguin": "1f427", "owl": "1f989", "duck": "1f986",
    "fish": "1f41f", "whale": "1f433", "octopus": "1f419", "turtle": "1f422", "butterfly": "1f98b",
    "frog": "1f438", "apple": "1f34e", "banana": "1f34c", "lemon": "1f34b", "strawberry": "1f353",
    "grapes": "1f347", "carrot": "1f955", "mushroom": "1f344", "pizza": "1f355", "cake": "1f382",
    "donut": "1f369", "car": "1f697", "bus": "1f68c", "bicycle": "1f6b2", "rocket": "1f680",
    "sailboat": "26f5", "house": "1f3e0", "tree": "1f333", "cactus": "1f335", "sunflower": "1f33b",
    "rose": "1f339", "moon": "1f319", "star": "2b50", "umbrella": "2602-fe0f", "guitar": "1f3b8",
    "football": "26bd", "balloon": "1f388", "crown": "1f451", "key": "1f511", "book": "1f4d5",
    "teacup": "2615", "clock": "23f0", "snowman": "26c4", "hand": "270b",
}  # fmt: skip
SKINS = ("", "-1f3fb", "-1f3fc", "-1f3fd", "-1f3fe", "-1f3ff")
NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 60, 60), "orange": (240, 150, 60), "yellow": (240, 205, 80), "green": (80, 170, 90),
    "teal": (60, 170, 170), "blue": (70, 120, 220), "purple": (140, 90, 190), "pink": (245, 160, 190),
    "white": (245, 245, 245), "gray": (140, 140, 145), "black": (30, 30, 35), "brown": (140, 95, 60),
}  # fmt: skip
PAINTS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
"""The colours that a recolourable object may take."""
OWN_COLOUR = {
    "balloon": "red", "umbrella": "purple", "car": "red", "book": "red", "house": "orange", "fish": "blue",
    "star": "yellow", "butterfly": "red",
}  # fmt: skip
"""The recolourable objects, and the colour that each has when the caption names none."""
_HUES = {  # degrees around the circle that the paint replaces
    "balloon": (325, 20), "umbrella": (230, 310), "car": (325, 18), "book": (310, 20), "house": (12, 45),
    "fish": (190, 250), "star": (25, 65), "butterfly": (340, 30),
}  # fmt: skip
BOARDS = ("white", "yellow", "green", "blue", "red", "black", "brown")

BACKGROUNDS = (*COLOURS, *SCENIC)
_NAMES, _PLAIN, _SCENIC = tuple(sorted(OBJECTS)), tuple(COLOURS), tuple(SCENIC)

WORDS = tuple(
    """OPEN CAFE STOP SALE BOOK TAXI PARK ZOO EXIT FOOD HOTEL MUSIC PIZZA BEACH BAKERY DAILY BUS CAR GO NO
    YES IN OUT HOME SHOP FISH TEA BAR SUN MOON STAR ROAD EAST WEST NORTH SOUTH HELP FREE LEFT RIGHT SLOW FAST
    SCHOOL CIRCUS MARKET CASTLE COFFEE FLOWER ORANGE PLANET SILVER GOLD RED BLUE GREEN PINK DOG CAT BEAR
    TIGER HORSE APPLE GRAPE LUNCH DINNER PHARMACY STATION CINEMA THEATRE AIRPORT PARKING WELCOME TICKETS
    BICYCLE CHICKEN POPCORN RAINBOW ELEPHANT HOLIDAYS SWIMMING FOOTBALL ON OK TO WE BOX VAN JAM PIE NUT KEY
    HAT TOY ART GAME LAKE CAMP WALK RUN PULL PUSH DOOR ROOM BANK POST WATER RIVER""".split()
)

Kind = Literal["single", "count", "pair", "sign"]
Relation = Literal["left", "above"]


@dataclass(frozen=True)
class Thing:
    """An object by name, and the colour it is painted (None: as the sticker is)."""

    name: str
    colour: str | None = None


@dataclass(frozen=True)
class Plan:
    """What a scene shows. ``things`` holds one thing (``count`` of it) or the two of a pair, where the
    first is to the left of, or above, the second. A sign is the thing ``sign`` with its ``word``."""

    kind: Kind
    things: tuple[Thing, ...]
    count: int
    background: str
    relation: Relation | None = None
    word: str | None = None


@dataclass(frozen=True)
class Placed:
    """One object as drawn: the centre and the longer side as shares of the picture's side, from top left."""

    name: str
    colour: str | None
    x: float
    y: float
    size: float
    flipped: bool


@dataclass(frozen=True)
class Scene:
    """A picture (RGB, 128×128), what was recorded as its caption, all honest phrasings, and the facts."""

    picture: Image.Image
    caption: str
    phrasings: tuple[str, ...]
    plan: Plan
    placed: tuple[Placed, ...]
    sloppy: bool


# --- stickers ------------------------------------------------------------------------------------------


@cache
def stickers_folder() -> Path:
    """The folder of sticker files: ``$STICKERS``, or the bundled one."""
    return Path(os.environ.get("STICKERS", STICKERS))


@cache
def _sticker(file: str) -> Image.Image:
    picture = Image.open(stickers_folder() / f"{file}.webp").convert("RGBA")
    return picture.crop(picture.getbbox())


@cache
def sticker(name: str, colour: str | None = None, skin: str = "") -> Image.Image:
    """The sticker of an object, RGBA and cropped, repainted in ``colour`` if one is given."""
    picture = _sticker(OBJECTS[name] + skin)
    if colour is None or colour == OWN_COLOUR.get(name):
        return picture
    low, high = _HUES[name]
    pixels = np.asarray(picture).astype(np.float32)
    rgb, value = pixels[..., :3], pixels[..., :3].max(-1)
    hsv = np.asarray(picture.convert("RGB").convert("HSV")).astype(np.float32)
    hue = hsv[..., 0] * 360 / 255
    inside = ((hue - low) % 360 <= (high - low) % 360) & (hsv[..., 1] > 70)
    shade = value / max(1.0, float(np.percentile(value[inside], 60))) if inside.any() else value / 255
    glow = (1 - hsv[..., 1:2] / 255) * 60
    paint = np.array(COLOURS[colour]) * shade[..., None] + glow
    pixels[..., :3] = np.where(inside[..., None], np.clip(paint, 0, 255), rgb)
    return Image.fromarray(pixels.astype(np.uint8), "RGBA")


# --- backgrounds ---------------------------------------------------------------------------------------


def _gradient(top: Sequence[float] | np.ndarray, bottom: Sequence[float] | np.ndarray, side: int = SIZE) -> np.ndarray:
    """One column of colours from top to bottom, ``[side, 1, 3]``; what is alike in a row is computed once."""
    share = np.linspace(0, 1, side)[:, None, None]
    return np.asarray(top) * (1 - share) + np.asarray(bottom) * share


def _below(horizon: np.ndarray | float, side: int = SIZE) -> np.ndarray:
    """How much of each pixel lies below ``horizon`` (in pixels of the full size from the top, by column): 0…1."""
    cell = SIZE / side
    rows = (np.arange(side)[:, None] + 0.5) * cell
    return np.clip((rows - horizon) / cell + 0.5, 0, 1)[..., None]


def _lay_disc(pixels: np.ndarray, x: float, y: float, radius: float, colour: Sequence[float]) -> None:
    """Lay a disc over ``pixels [side, side, 3]`` in place; only where it can reach is anything computed."""
    side = len(pixels)
    cell = SIZE / side
    top, left = (max(0, int((at - radius) / cell) - 2) for at in (y, x))
    bottom, right = (int((at + radius) / cell) + 3 for at in (y, x))
    part = pixels[top:bottom, left:right]
    rows, columns = (
        np.arange(first, first + count) + 0.5 for first, count in ((top, len(part)), (left, part.shape[1]))
    )
    covered = min(1.0, math.pi * (radius / cell) ** 2)  # of one cell, by a disc that is smaller than it
    away = np.hypot(columns[None, :] * cell - x, rows[:, None] * cell - y)
    disc = covered * np.clip((radius - away) / cell + 0.5, 0, 1)[..., None]
    part[:] = part * (1 - disc) + np.array(colour) * disc


def background(name: str, r: random.Random, side: int = SIZE) -> Image.Image:
    """A plain colour or one of the seven scenes, RGBA, ``side`` pixels wide and high."""
    if name in COLOURS:
        base = np.array(COLOURS[name]) + [r.randint(-10, 10) for _ in range(3)]
        return _picture(_gradient(base * 1.05, base * 0.92, side))
    horizon = SIZE * r.uniform(0.5, 0.66)
    columns = np.arange(side) / side
    hills = horizon + r.uniform(2, 6) * np.sin(2 * np.pi * (columns * r.uniform(0.6, 1.2) + r.random()))
    looks: dict[str, tuple[Any, Any, Any]] = {
        "meadow": (((140, 200, 250), (215, 240, 255)), ((130, 200, 90), (70, 145, 55)), hills),
        "beach": (((90, 170, 235), (190, 230, 250)), ((60, 150, 205), (95, 190, 215)), horizon),
        "sunset": (((225, 85, 80), (255, 205, 120)), ((100, 60, 85), (55, 35, 60)), horizon),
        "night": (((15, 20, 60), (45, 55, 120)), ((32, 44, 58), (15, 22, 30)), hills),
        "snow": (((185, 210, 238), (225, 236, 248)), ((252, 253, 255), (228, 236, 247)), hills),
        "desert": (((250, 200, 140), (255, 235, 190)), ((228, 170, 100), (200, 130, 70)), hills),
        "ocean": (((140, 200, 245), (210, 235, 250)), ((40, 115, 190), (15, 60, 130)), horizon),
    }
    sky, ground, edge = looks[name]
    pixels = _gradient(sky[0], sky[1], side)
    if name in ("sunset", "night"):
        pixels = np.repeat(pixels, side, axis=1)
    if name == "sunset":
        x, y = SIZE * r.uniform(0.2, 0.8), horizon - r.uniform(0, 8)
        _lay_disc(pixels, x, y, r.uniform(15, 19), (255, 240, 190))
    if name == "night":
        for _ in range(14):
            x, y = r.uniform(0, SIZE), r.uniform(0, horizon)
            _lay_disc(pixels, x, y, r.uniform(0.8, 1.5), (245, 240, 215))
    below = _below(edge, side)
    pixels = pixels * (1 - below) + _gradient(ground[0], ground[1], side) * below
    if name == "beach":
        sand = _below(horizon + SIZE * r.uniform(0.1, 0.14) + hills - horizon, side)
        pixels = pixels * (1 - sand) + _gradient((245, 228, 180), (228, 198, 135), side) * sand
    if name == "desert":
        dune = _below(2 * horizon - hills + r.uniform(14, 22), side)
        pixels = pixels * (1 - dune) + _gradient((235, 180, 110), (190, 120, 62), side) * dune
    if name == "ocean":
        waves = np.sin(columns * 2 * np.pi * 4 + r.random() * 6)
        for depth in (0.3, 0.65):
            line = _below(horizon + (SIZE - horizon) * depth + 2 * waves, side)
            crest = line - _below(horizon + (SIZE - horizon) * depth + 2 * waves + 2.5, side)
            pixels = pixels + crest * 38
    return _picture(pixels)


def _picture(pixels: np.ndarray) -> Image.Image:
    """RGBA of ``pixels [side, side or 1, 3]`` on 0…255."""
    side = len(pixels)
    colours = np.broadcast_to(np.clip(pixels, 0, 255).astype(np.uint8), (side, side, 3))
    return Image.fromarray(colours).convert("RGBA")


# --- signs ---------------------------------------------------------------------------------------------


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """IBM Plex Sans Bold from the installed Gradio; a file named by ``$SIGN_FONT`` instead, if set."""
    path = os.environ.get("SIGN_FONT")
    if path is None:
        spec = importlib.util.find_spec("gradio")
        if spec is None or spec.origin is None:
            raise RuntimeError("Gradio brings the lettering font: install it, or set SIGN_FONT")
        fonts = Path(spec.origin).parent / "templates" / "frontend" / "static" / "fonts"
        path = str(fonts / "IBMPlexSans" / "IBMPlexSans-Bold.woff2")
    return ImageFont.truetype(path, size)


@cache
def largest_font(word: str, width: float, height: float) -> int:
    """The largest font size in pixels, 9 to 44, at which ``word`` fits ``width`` × ``height`` pixels."""

    def too_large(size: int) -> bool:
        left, top, right, bottom = font(size).getbbox(word, anchor="ls")
        return right - left > width or bottom - top > height

    return 9 + bisect_left(range(10, 45), True, key=too_large)


def draw_sign(
    picture: Image.Image, word: str, colour: str, x: float, y: float, width: float, height: float, size: int,
    scale: int = 4,
) -> None:  # fmt: skip
    """Draw a signpost whose board (centre and sides in pixels) carries ``word`` in letters of ``size``."""
    corner = max(0, int(x - width / 2) - 1), max(0, int(y - height / 2) - 1)  # nothing is drawn left of it or above
    across = min(picture.width, int(x + width / 2) + 2) - corner[0]
    layer = Image.new("RGBA", (across * scale, (picture.height - corner[1]) * scale))
    draw = ImageDraw.Draw(layer)
    x, y, width, height = (scale * number for number in (x - corner[0], y - corner[1], width, height))
    foot = scale * (picture.height * 0.97 - corner[1])
    draw.rectangle([x - 4 * scale, y, x + 4 * scale, foot], fill=(110, 80, 50))
    edge = tuple(int(part * 0.75) for part in COLOURS[colour])
    box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    draw.rounded_rectangle(box, 6 * scale, fill=COLOURS[colour], outline=edge, width=2 * scale)
    ink = (25, 25, 30) if colour in ("white", "yellow") else (250, 250, 250)
    left, top, right, bottom = font(size * scale).getbbox(word, anchor="ls")
    draw.text((x - (left + right) / 2, y - (top + bottom) / 2), word, ink, font(size * scale), anchor="ls")
    small = layer.resize((layer.width // scale, layer.height // scale), Image.Resampling.BOX)
    picture.alpha_composite(small, corner)


# --- planning ------------------------------------------------------------------------------------------


@cache
def held_out() -> dict[str, frozenset[tuple[str | int, ...]]]:
    """The combinations kept from training, by sort: backgrounds, colours, counts, pairs (sorted), words."""
    lists = yaml.safe_load((Path(__file__).parent / "held_out.yaml").read_text())
    return {
        "backgrounds": frozenset(map(tuple, lists["backgrounds"])),
        "colours": frozenset(map(tuple, lists["colours"])),
        "counts": frozenset(map(tuple, lists["counts"])),
        "pairs": frozenset(tuple(sorted(pair)) for pair in lists["pairs"]),
        "words": frozenset((word,) for word in lists["words"]),
    }


def is_held_out(plan: Plan) -> bool:
    """Whether the plan holds any combination of ``held_out.yaml``."""
    kept = held_out()
    names = [thing.name for thing in plan.things]
    return (
        any((name, plan.background) in kept["backgrounds"] for name in names)
        or any((thing.name, thing.colour) in kept["colours"] for thing in plan.things)
        or (names[0], plan.count) in kept["counts"]
        or tuple(sorted(names)) in kept["pairs"]
        or (plan.word,) in kept["words"]
    )


def _thing(r: random.Random, name: str) -> Thing:
    if name not in OWN_COLOUR:
        return Thing(name)
    return Thing(name, r.choice(PAINTS) if r.random() < 0.6 else None)


def _draw_plan(r: random.Random, kind: Kind | None) -> Plan:
    kind = kind or r.choices(("single", "pair", "count", "sign"), (0.5, 0.2, 0.2, 0.1))[0]
    place = r.choice(_PLAIN) if r.random() < 0.5 else r.choice(_SCENIC)
    if kind == "sign":
        return Plan("sign", (Thing("sign", r.choice(BOARDS)),), 1, place, word=r.choice(WORDS))
    if kind == "pair":
        first, second = r.sample(_NAMES, 2)
        relation: Relation = "left" if r.random() < 0.7 else "above"
        return Plan("pair", (_thing(r, first), _thing(r, second)), 1, place, relation)
    if kind == "count":
        return Plan("count", (_thing(r, r.choice(_NAMES)),), r.randint(2, 4), place)
    name = "hand" if r.random() < 0.03 else r.choice(_NAMES)
    return Plan("single", (_thing(r, name),), 1, place)


def plan(seed: int, kind: Kind | None = None) -> Plan:
    """The plan of a seed, of one ``kind`` if asked; never a held-out one, never paint on its own colour."""
    r = random.Random(f"plan {seed}")
    while True:
        drawn = _draw_plan(r, kind)
        shown = {thing.colour or OWN_COLOUR.get(thing.name) for thing in drawn.things}
        if drawn.background not in shown and not is_held_out(drawn):
            return drawn


# --- captions ------------------------------------------------------------------------------------------


def article(phrase: str) -> str:
    """``phrase`` with its indefinite article."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _noun(thing: Thing, count: int = 1) -> str:
    if count == 1:
        noun = SINGULAR.get(thing.name, thing.name)
    else:
        noun = PLURAL.get(thing.name, thing.name + "s")
    return f"{thing.colour} {noun}" if thing.colour else noun


def _subjects(plan: Plan) -> list[str]:
    first = plan.things[0]
    if plan.kind == "sign":
        board = article(f"{first.colour} sign")
        return [f"{board} that says {plan.word}", f"{board} with the word {plan.word}", board]
    if plan.kind == "pair":
        a, b = (article(_noun(thing)) for thing in plan.things)
        if plan.relation == "left":
            return [f"{a} to the left of {b}", f"{b} to the right of {a}", f"{a} left of {b}", f"{a} and {b}"]
        return [f"{a} above {b}", f"{b} below {a}", f"{a} over {b}"]
    if plan.kind == "count":
        many = f"{NUMBERS[plan.count]} {_noun(first, plan.count)}"
        return [many, f"a group of {many}" if plan.count > 2 else f"a pair of {_noun(first, 2)}"]
    subjects = [article(_noun(first))]
    if first.name == "hand":
        subjects += ["a hand with five fingers", "an open hand with five fingers", "a hand"]
    if first.name in ("pizza", "grapes"):
        subjects.append(first.name)
    if OWN_COLOUR.get(first.name) and first.colour is None:
        subjects.append(article(f"{OWN_COLOUR[first.name]} {first.name}"))
    return subjects


def phrasings(plan: Plan) -> tuple[str, ...]:
    """Every honest caption of a plan, the plainest first."""
    if plan.background in COLOURS:
        colour = article(plan.background)
        places: tuple[str, ...] = (
            f"on {colour} background", f"with {colour} background", f"against plain {plan.background}"
        )  # fmt: skip
    else:
        places = SCENIC[plan.background]
    return tuple(
        form.format(subject, place)
        for subject in _subjects(plan)
        for place in places
        for form in ("{} {}", "a picture of {} {}", "{}, {}")
    )


def sloppy_caption(plan: Plan, r: random.Random) -> str:
    """What a careless uploader leaves of a scene's caption: a file name, a mood, or at best one thing by name."""
    name = plan.things[0].name
    return r.choice([
        f"IMG_{r.randint(1000, 9999)}.jpg", "image", "photo", "cute!!", "untitled", "a nice picture",
        f"{name} {name} {name}", name, f"{name} sticker", f"my {name}", f"{name} - {plan.background}",
        f"{plan.background} wallpaper", f"buy {name} cheap", f"best {name} ever",
    ])  # fmt: skip


# --- rendering -----------------------------------------------------------------------------------------


def _places(plan: Plan, r: random.Random) -> list[tuple[float, float, float]]:
    """Centre and size of each object, as shares of the side."""
    if plan.kind == "single":
        return [(r.uniform(0.44, 0.56), r.uniform(0.48, 0.57), r.uniform(0.58, 0.74))]
    size = r.uniform(0.4, 0.45)
    if plan.kind == "pair" and plan.relation == "above":
        return [(0.5, 0.27, size), (0.5, 0.75, size)]
    if plan.kind == "pair" or plan.count == 2:
        return [(0.27, r.uniform(0.5, 0.58), size), (0.73, r.uniform(0.5, 0.58), size)]
    if plan.count == 3:
        return [(0.5, 0.28, size * 0.9), (0.26, 0.73, size * 0.9), (0.74, 0.73, size * 0.9)]
    return [(x, y, size * 0.9) for y in (0.28, 0.74) for x in (0.27, 0.73)]


def render(plan: Plan, seed: int) -> Scene:
    """The scene of a plan; ``seed`` chooses places, sizes and the caption that was recorded."""
    r = random.Random(f"render {seed}")
    picture = background(plan.background, r)
    placed = []
    if plan.kind == "sign":
        placed.append(_draw_board(picture, plan, r))
    else:
        for thing, skin in _arranged(plan, r):
            shape = sticker(thing.name, thing.colour, skin)
            factor = thing.size * SIZE / max(shape.size)
            shape = shape.resize(
                (max(1, round(shape.width * factor)), max(1, round(shape.height * factor))),
                Image.Resampling.BILINEAR, reducing_gap=2.0,
            )  # fmt: skip
            if thing.flipped:
                shape = shape.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            corner = round(thing.x * SIZE - shape.width / 2), round(thing.y * SIZE - shape.height / 2)
            picture.alpha_composite(shape, (max(0, corner[0]), max(0, corner[1])))
            placed.append(thing)
    recorded, sloppy = recorded_caption(plan, r)
    return Scene(picture.convert("RGB"), recorded, phrasings(plan), plan, tuple(placed), sloppy)


def recorded_caption(plan: Plan, r: random.Random) -> tuple[str, bool]:
    """What was written down for a scene, and whether that is sloppy; the last draws of a scene's dice."""
    sloppy = r.random() < 0.08
    return sloppy_caption(plan, r) if sloppy else r.choice(phrasings(plan)), sloppy


def caption(seed: int) -> str:
    """The caption that was recorded for a seed's scene, without drawing it: a few dozen times as fast."""
    shown, r = plan(seed), random.Random(f"render {seed}")
    background(shown.background, r, 1)
    if shown.kind == "sign":
        for _ in range(3):  # the board's letters and place
            r.random()
    else:
        for _ in _arranged(shown, r):
            pass
    return recorded_caption(shown, r)[0]


def sketch(seed: int, side: int) -> np.ndarray:
    """A quick small likeness of a seed's scene, uint8 ``[side, side, 3]``: for search, not for show."""
    shown, r = plan(seed), random.Random(f"render {seed}")
    if shown.kind == "sign":  # a board is measured in pixels of the full size
        picture = background(shown.background, r)
        _draw_board(picture, shown, r, 1)
        return np.asarray(picture.convert("RGB").resize((side, side), Image.Resampling.BOX))
    picture = background(shown.background, r, side)
    for thing, skin in _arranged(shown, r):
        shape = _shrunk(thing.name, thing.colour, skin, thing.flipped)
        cells = max(shape.size) / (thing.size * side)  # of the shrunk sticker a pixel of the sketch
        left, top = thing.x * side - shape.width / cells / 2, thing.y * side - shape.height / cells / 2
        at = (cells, 0, -left * cells, 0, cells, -top * cells)
        picture.alpha_composite(shape.transform((side, side), Image.Transform.AFFINE, at, Image.Resampling.BILINEAR))
    return np.asarray(picture.convert("RGB"))


@cache
def _shrunk(name: str, colour: str | None, skin: str, flipped: bool) -> Image.Image:
    shape = sticker(name, colour, skin)
    shape = shape.resize((round(shape.width / 8), round(shape.height / 8)), Image.Resampling.BOX)
    return shape.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flipped else shape


def _draw_board(picture: Image.Image, plan: Plan, r: random.Random, scale: int = 4) -> Placed:
    assert plan.word is not None and plan.things[0].colour is not None
    letters = round(largest_font(plan.word, 104, 30) * r.uniform(0.85, 1))
    box = font(letters).getbbox(plan.word, anchor="ls")
    width, height = max(56, box[2] - box[0] + 16), max(34, letters * 0.72 + 18)
    x, y = SIZE * 0.5 + r.uniform(-2, 2), SIZE * r.uniform(0.36, 0.48)
    draw_sign(picture, plan.word, plan.things[0].colour, x, y, width, height, letters, scale)
    return Placed("sign", plan.things[0].colour, x / SIZE, y / SIZE, width / SIZE, False)


def _arranged(plan: Plan, r: random.Random) -> Iterator[tuple[Placed, str]]:
    """Each object of a plan that is no sign, where it goes, and the skin of a hand."""
    things = plan.things * plan.count if plan.kind == "count" else plan.things
    skin, flipped = r.choice(SKINS), r.random() < 0.5
    for thing, (x, y, size) in zip(things, _places(plan, r), strict=True):
        if plan.kind == "pair":
            flipped = r.random() < 0.5
        if plan.kind != "single":
            x, y = x + r.uniform(-0.015, 0.015), y + r.uniform(-0.015, 0.015)
        yield Placed(thing.name, thing.colour, x, y, size, flipped), skin if thing.name == "hand" else ""


def scene(seed: int, kind: Kind | None = None) -> Scene:
    """The scene of a seed: pure, and never a held-out combination."""
    return render(plan(seed, kind), seed)


def scenes(seeds: Sequence[int]) -> Iterator[Scene]:
    """The scenes of many seeds, in order."""
    return map(scene, seeds)
