"""Compare the judge with an eye on 244 pictures of kinds that it was never trained on.

    python -m training.eyes --sheets FOLDER    # numbered pictures to look at, in chance order
    python -m training.eyes                    # the judge against the labels in eyes.yaml

The pictures are made again from their seeds: finished paintings of easy and of impossible captions, the guesses of a
painting's first passes, paintings blurred, paintings under strange dials, and pictures from outside Sticker World.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image, ImageDraw, ImageFilter

from engines.pictures import diffusion
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.files import draw_text
from engines.statistics import wilson
from engines.stickers import judge
from engines.stickers.judge import Judge
from training import tools

SIDE = 128
ACROSS, DOWN, ZOOM = 8, 4, 1.5
ORDINARY = (
    "a dog on a white background", "a cat in the snow", "a rabbit on a green meadow", "a horse at sunset",
    "a cow on a yellow background", "a pig and a tree on a blue background", "an elephant in the desert",
    "a tiger on a teal background", "a penguin in the snow", "an owl under a night sky", "two ducks in the ocean",
    "a red fish on a white background", "a whale in the ocean", "an octopus on a purple background",
    "a turtle on a sandy beach", "a blue butterfly on a pink background", "a frog above a mushroom in a meadow",
    "four apples on a white background", "a banana on a black background", "three lemons on a gray background",
    "a strawberry to the left of a cake on a white background", "grapes on an orange background",
    "a carrot on a brown background", "a slice of pizza on a green background", "a donut on a blue background",
    "a purple car in the desert", "a bus at sunset", "a bicycle on a red background", "a rocket under a night sky",
    "a sailboat in the ocean",
)  # fmt: skip
HARD = (
    "five ducks on a white background", "six apples on a blue background", "seven cats in the snow",
    "a purple pizza on a white background", "a blue strawberry on a white background",
    "a dragon on a white background",
    "a dragon in front of a castle", "a zebra in the desert", "a robot on a gray background",
    "a piano on a red background",
    "a cat on a bicycle", "a dog riding a horse", "a penguin in a teacup", "a rabbit holding a carrot",
    "a duck without a cat on a white background", "a horse and no cow on a green meadow",
    "a dog with two heads", "a cat with wings on a white background", "a house made of cake",
    "a crowd of penguins in the snow", "a tiny key behind a huge book", "half an apple on a white background",
    "a green dog and a red cat", "a pig in a car at night", "freedom", "the smell of rain", "",
    "an upside down umbrella at the beach", "a guitar melting on a clock", "a snowman in the desert with a crown",
)  # fmt: skip
PARTS = (1, 3, 5, 8)
"""The passes of 25 whose guess of the finished picture is shown."""
BLURS = (3.0, 5.0, 8.0)
"""Standard deviations in pixels of a picture 128 wide."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture uint8 [128, 128, 3] to be judged by eye, and the group it belongs to."""

    group: str
    pixels: np.ndarray


def pictures(painter: Painter) -> list[Shown]:
    """All 244 of them, in the chance order in which they were looked at."""
    shown = [*_finished(painter), *_begun(painter), *_blurred(painter), *_strange(painter), *_foreign()]
    random.Random("eyes").shuffle(shown)
    return shown


def _painted(
    painter: Painter, captions: Sequence[str], seed: int, steps: int = 25, guidance: float = 4.0
) -> np.ndarray:
    seeds = tuple(range(seed, seed + len(captions)))
    return diffusion.paint(painter, Plan(tuple(captions), seeds, steps=steps, guidance_scale=guidance))


def _finished(painter: Painter) -> Iterator[Shown]:
    for group, captions in (("finished", ORDINARY), ("impossible", HARD)):
        for first in range(0, len(captions), 10):
            for picture in _painted(painter, captions[first : first + 10], 500 + first):
                yield Shown(group, picture)


def _begun(painter: Painter) -> Iterator[Shown]:
    for first in (0, 8):
        captions = ORDINARY[first : first + 8]
        plan = Plan(captions, tuple(range(600 + first, 608 + first)), steps=25, previews=True)
        for event in diffusion.denoise(painter, plan):
            if event.index in PARTS:
                assert event.previews is not None
                yield from (Shown("half-painted", guess) for guess in event.previews)


def _blurred(painter: Painter) -> Iterator[Shown]:
    for picture in (*_painted(painter, ORDINARY[14:22], 700), *_painted(painter, ORDINARY[22:30], 708)):
        for sigma in BLURS:
            yield Shown("blurred", np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(sigma))))


def _strange(painter: Painter) -> Iterator[Shown]:
    for number, (steps, guidance) in enumerate(((25, 0.0), (25, 1.0), (25, 16.0), (1, 4.0), (2, 4.0), (4, 4.0))):
        captions = (*ORDINARY[number::6], ORDINARY[-number - 1])
        for picture in _painted(painter, captions, 800 + 10 * number, steps, guidance):
            yield Shown("strange dials", picture)


def _foreign() -> Iterator[Shown]:
    for word in ("CAFE", "dog", "42", "Hello", "a cat", "?!"):
        yield Shown("foreign", draw_text(word, 24, width=SIDE, height=SIDE))
    dice = random.Random("foreign")
    colours = [tuple(dice.randrange(256) for _ in range(3)) for _ in range(64)]
    for number in range(12):
        picture = Image.new("RGB", (SIDE, SIDE), colours[number])
        draw = ImageDraw.Draw(picture)
        for stroke in range(1 + number):
            left, top = dice.randrange(96), dice.randrange(96)
            box = (left, top, left + dice.randrange(12, 64), top + dice.randrange(12, 64))
            shape = (draw.ellipse, draw.rectangle, draw.line)[(number + stroke) % 3]
            shape(box, fill=colours[20 + number + stroke])
        yield Shown("foreign", np.asarray(picture))
    for number in range(4):
        fractal = Image.effect_mandelbrot((SIDE, SIDE), (-2 + number / 2, -1.2, 0.4 + number / 9, 1.2), 60)
        yield Shown("foreign", np.asarray(fractal.convert("RGB")))
    for sigma in (20, 60, 120):
        yield Shown("foreign", np.asarray(Image.effect_noise((SIDE, SIDE), sigma).convert("RGB")))
    for first, second in (("#1d4e89", "#b4532a"), ("#ffd76a", "#87ceeb"), ("#224422", "#88cc55")):
        ends = (Image.new("RGB", (SIDE, SIDE), colour) for colour in (first, second))
        fade = Image.composite(next(ends), next(ends), Image.linear_gradient("L").resize((SIDE, SIDE)))
        yield Shown("foreign", np.asarray(fade))
    wave = np.linspace(0, 6 * np.pi, SIDE)
    for turn in (0.0, 0.7, 1.4, 2.1):
        level = np.sin(wave[:, None] * np.cos(turn) + wave[None] * np.sin(turn))
        pixels = np.stack([level, np.roll(level, 20, 0), -level], -1) * 127 + 128
        yield Shown("foreign", pixels.round().clip(0, 255).astype(np.uint8))
    cell = SIDE // 8
    board = (np.indices((SIDE, SIDE)) // cell).sum(0) % 2
    for dark, light in (((20, 20, 20), (240, 240, 240)), ((150, 60, 30), (250, 220, 170))):
        yield Shown("foreign", np.where(board[..., None], dark, light).astype(np.uint8))
    yield Shown("foreign", np.full((SIDE, SIDE, 3), 255, np.uint8))
    yield Shown("foreign", np.zeros((SIDE, SIDE, 3), np.uint8))


def sheets(shown: Sequence[Shown], folder: Path) -> None:
    """Numbered contact sheets that tell nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    side = round(SIDE * ZOOM)
    for first in range(0, len(shown), ACROSS * DOWN):
        sheet = Image.new("RGB", (ACROSS * (side + 6), DOWN * (side + 20)), "white")
        draw = ImageDraw.Draw(sheet)
        for at, one in enumerate(shown[first : first + ACROSS * DOWN]):
            x, y = at % ACROSS * (side + 6), at // ACROSS * (side + 20)
            draw.text((x + 2, y + 3), str(first + at), fill="black")
            sheet.paste(Image.fromarray(one.pixels).resize((side, side), Image.Resampling.BICUBIC), (x, y + 18))
        sheet.save(folder / f"{first:03d}.png")


@dataclass(frozen=True)
class Compared:
    """One picture: what an eye names in it and what the judge does; unclear: whether it sees what it cannot tell."""

    group: str
    eye: Counter[str]
    eye_unclear: bool
    judge: Counter[str]
    judge_unclear: bool

    @property
    def agrees(self) -> bool:
        """Whether a judge that gives an answer names what the eye does, and nothing is left over."""
        return self.judge == self.eye and not self.eye_unclear


def label(words: str) -> tuple[Counter[str], bool]:
    """A label of ``eyes.yaml``, as ("2 duck, ?") -> ({"duck": 2}, True)."""
    parts = [] if words == "-" else words.split(", ")
    named: Counter[str] = Counter()
    for part in parts:
        if part != "?":
            number, _, name = part.rpartition(" ")
            named[name] += int(number or 1)
    return named, "?" in parts


def compare(shown: Sequence[Shown], using: Judge) -> list[Compared]:
    labels: dict[int, str] = yaml.safe_load((Path(__file__).parent / "eyes.yaml").read_text(encoding="utf-8"))
    readings = using.look(np.stack([one.pixels for one in shown]))
    return [
        Compared(one.group, *label(labels[at]), Counter(reading.counts()), reading.unclear)
        for at, (one, reading) in enumerate(zip(shown, readings, strict=True))
    ]


def figures(rows: Sequence[Compared]) -> dict[str, Any]:
    """How often the judge answers and agrees, where the eye is sure and where it is not, with Wilson intervals."""
    answered = [row for row in rows if not row.judge_unclear]
    clear = [row for row in rows if not row.eye_unclear and row.eye]
    lost = [row for row in rows if row.eye_unclear]
    foreign = [row for row in rows if not row.eye_unclear and not row.eye]
    sworn = sum(sum(row.judge.values()) for row in rows)
    shares = {
        "answers": (len(answered), len(rows)),
        "agrees where it answers": (sum(row.agrees for row in answered), len(answered)),
        "things it swears to that the eye names too": (sum(sum((row.judge & row.eye).values()) for row in rows), sworn),
        "answers where the eye names all": (sum(not row.judge_unclear for row in clear), len(clear)),
        "cannot tell where the eye cannot": (sum(row.judge_unclear for row in lost), len(lost)),
        "names nothing where nothing of this world is": (sum(not row.judge for row in foreign), len(foreign)),
    }
    return {name: tools.score(wilson(*share)) for name, share in shares.items() if share[1]}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sheets", type=Path, help="only write the pictures there, to be looked at")
    parser.add_argument("--judge", type=Path, default=tools.MODELS / "judge")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    shown = pictures(diffusion.load())
    if options.sheets:
        sheets(shown, options.sheets)
        return
    using = judge.load(options.judge)
    rows = compare(shown, using)
    record = {"pictures": len(rows), "shares": figures(rows)}
    record["by_group"] = {
        group: {
            "pictures": len(some), "answers": sum(not row.judge_unclear for row in some),
            "agrees": sum(row.agrees and not row.judge_unclear for row in some),
        }
        for group in dict.fromkeys(row.group for row in rows)
        for some in [[row for row in rows if row.group == group]]
    }  # fmt: skip
    print(json.dumps(record, indent=1))
    file = options.judge / "metrics.json"
    metrics = json.loads(file.read_text(encoding="utf-8")) | {"against_an_eye": record}
    file.write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
