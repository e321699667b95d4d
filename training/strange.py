"""Pictures in which nothing should be named: what the judge learns to doubt by.

Foreign ones (shapes, patterns, words, static), scenes blurred beyond recognition, things cut up and put together
wrongly, and the painter's guesses from nearly pure noise. Teaching a network what it was never meant for is outlier
exposure (Hendrycks et al. 2019, arXiv:1812.04606); here each cell of the picture says for itself whether it is strange.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler
from PIL import Image, ImageDraw, ImageFilter

from engines.pictures.files import draw_text
from engines.pictures.pocket_autoencoder import PocketAutoencoder
from engines.stickers import scenes as world
from engines.stickers.detector import GRID
from training import painter as painters
from training import tools
from training.autoencoder import to_pictures

SURE, UNSURE = (100, 600), (850, 1000)
"""Timesteps from which a guess is still what the scene was, and from which it is anything."""
EDGE = -1.0
"""A cell of which it is not said whether it is strange."""


@dataclass(frozen=True, eq=False)
class Strange:
    """Pictures uint8 [n, 128, 128, 3], and which of their cells are strange, float32 [n, 8, 8]: 0, 1 or EDGE."""

    pictures: np.ndarray
    cells: np.ndarray

    def __add__(self, other: Strange) -> Strange:
        pairs = ((self.pictures, other.pictures), (self.cells, other.cells))
        return Strange(*(np.concatenate(pair) for pair in pairs))


def whole(pictures: np.ndarray) -> Strange:
    """Pictures that are strange all over."""
    return Strange(pictures, np.ones((len(pictures), GRID, GRID), np.float32))


def foreign(count: int, seed: int) -> Strange:
    """Shapes, patterns, static and words, a quarter each."""
    dice = random.Random(f"foreign {seed}")
    makers: tuple[Callable[[random.Random], Image.Image], ...] = (_shapes, _pattern, _static, _word)
    return whole(np.stack([np.asarray(makers[at % len(makers)](dice).convert("RGB")) for at in range(count)]))


def _colour(dice: random.Random) -> tuple[int, int, int]:
    return dice.randrange(256), dice.randrange(256), dice.randrange(256)


def _shapes(dice: random.Random) -> Image.Image:
    picture = Image.new("RGB", (world.SIZE, world.SIZE), _colour(dice))
    draw = ImageDraw.Draw(picture)
    for _ in range(dice.randrange(1, 12)):
        left, top = dice.randrange(-10, 110), dice.randrange(-10, 110)
        box = (left, top, left + dice.randrange(8, 70), top + dice.randrange(8, 70))
        shape = dice.choice(("ellipse", "rectangle", "line", "polygon"))
        if shape == "line":
            draw.line(box, fill=_colour(dice), width=dice.randrange(1, 6))
        elif shape == "polygon":
            corners = [(dice.randrange(world.SIZE), dice.randrange(world.SIZE)) for _ in range(dice.randrange(3, 6))]
            draw.polygon(corners, fill=_colour(dice))
        else:
            getattr(draw, shape)(box, fill=_colour(dice))
    return picture


def _pattern(dice: random.Random) -> Image.Image:
    y, x = np.mgrid[: world.SIZE, : world.SIZE]
    if dice.random() < 0.3:
        light = (y // (size := dice.choice((8, 12, 16, 24))) + x // size) % 2
        return Image.fromarray(np.where(light[..., None], _colour(dice), _colour(dice)).astype(np.uint8))
    waves = [
        np.sin((dice.uniform(0, 50) * x + dice.uniform(0, 50) * y) / world.SIZE + dice.uniform(0, 6)) for _ in range(3)
    ]
    return Image.fromarray((np.stack(waves, -1) * 127 + 128).astype(np.uint8))


def _static(dice: random.Random) -> Image.Image:
    side = dice.choice((4, 5, 8, 11, 16, 32, world.SIZE))
    blocks = np.frombuffer(dice.randbytes(side * side * 3), np.uint8).reshape(side, side, 3)
    picture = Image.fromarray(blocks).resize((world.SIZE, world.SIZE), dice.choice(tuple(Image.Resampling)[:4]))
    return picture.filter(ImageFilter.GaussianBlur(dice.choice((0, 1, 3))))


def _word(dice: random.Random) -> Image.Image:
    word = "".join(dice.choices(string.ascii_letters + string.digits + "?!", k=dice.randrange(1, 6)))
    ink = Image.fromarray(draw_text(word, 18, width=world.SIZE, height=world.SIZE)).convert("L")
    paper, letters = (Image.new("RGB", ink.size, _colour(dice)) for _ in range(2))
    return Image.composite(paper, letters, ink)


def blurred(pictures: np.ndarray, seed: int) -> Strange:
    """Scenes under a blur of 9 to 16 pixels: something is there, and nobody could say what."""
    dice = random.Random(f"blurred {seed}")
    blur = [Image.fromarray(one).filter(ImageFilter.GaussianBlur(dice.uniform(9, 16))) for one in pictures]
    return whole(np.stack([np.asarray(one) for one in blur]))


def broken(pictures: np.ndarray, records: Sequence[dict[str, Any]], seed: int) -> Strange:
    """Scenes in which one thing is rolled, shuffled, mirrored into itself or joined with half of another scene's."""
    dice, centres = random.Random(f"broken {seed}"), (np.arange(GRID) + 0.5) * world.SIZE / GRID
    made, marked = pictures.copy(), np.zeros((len(pictures), GRID, GRID), np.float32)

    def corner(record: dict[str, Any], half: int) -> tuple[int, int]:
        thing = dice.choice(record["placed"])
        return tuple(  # type: ignore[return-value]
            round(min(max(thing[axis] * world.SIZE - half, 0), world.SIZE - 2 * half)) for axis in ("x", "y")
        )

    for at, record in enumerate(records):
        half = dice.randrange(14, 26)
        left, top = corner(record, half)
        part = made[at, top : top + 2 * half, left : left + 2 * half]
        kind = dice.randrange(4)
        if kind == 0:
            part[:] = np.roll(part, half, axis=dice.randrange(2))
        elif kind == 1:
            tile = half // 2
            tiles = [(row, column) for row in range(0, 4 * tile, tile) for column in range(0, 4 * tile, tile)]
            before = part.copy()
            for (row, column), (x, y) in zip(tiles, dice.sample(tiles, len(tiles)), strict=True):
                part[row : row + tile, column : column + tile] = before[x : x + tile, y : y + tile]
        elif kind == 2:
            part[:, half:] = part[:, :half][:, ::-1]
        else:
            other = dice.randrange(len(records))
            x, y = corner(records[other], half)
            part[:, :half] = pictures[other, y : y + 2 * half, x : x + half]
        away = np.maximum(abs(centres[:, None] - top - half), abs(centres[None] - left - half))
        marked[at] = np.where(away < half - 2, 1.0, np.where(away < half + 10, EDGE, 0.0))
    return Strange(made, marked)


@torch.no_grad()
def guesses(
    pictures: np.ndarray, captions: Sequence[str], timesteps: tuple[int, int], seed: int, where: torch.device
) -> np.ndarray:
    """What the bundled painter guesses in one pass of each picture, ruined to a timestep of the range (DDPM eq. 15)."""
    autoencoder = PocketAutoencoder.from_pretrained(tools.MODELS / "autoencoder", torch_dtype=torch.float32).to(where)
    painter = painters.load(tools.MODELS / "painter")
    painter.modules().to(where).eval()
    generator = torch.Generator().manual_seed(seed)
    scheduler: Any = DDPMScheduler(**painters.SCHEDULE)
    kept = scheduler.alphas_cumprod

    def one(chunk: tuple[np.ndarray, list[str], torch.Tensor, torch.Tensor]) -> np.ndarray:
        pixels, words, times, noise = chunk
        with torch.no_grad(), tools.autocast(where, tools.encoding_precision(where)):
            ids = painter.tokenizer(words, padding="max_length", truncation=True, return_tensors="pt").input_ids
            context = painter.text_encoder(ids.to(where)).last_hidden_state
            clean = autoencoder.encode(to_pictures(pixels, where)).latent_dist.mode().float()
            signal, ruin = kept[times].sqrt()[:, None, None, None], (1 - kept[times]).sqrt()[:, None, None, None]
            noisy = signal.to(where) * clean + ruin.to(where) * noise.to(where)
            found = painter.unet(noisy, times.to(where), encoder_hidden_states=context).sample.float()
            guess = autoencoder.decode((noisy - ruin.to(where) * found) / signal.to(where)).sample.float()
        return ((guess.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()

    chunks = []
    for start in range(0, len(pictures), 50):
        some = pictures[start : start + 50]
        times = torch.randint(*timesteps, (len(some),), generator=generator)
        noise = torch.randn(len(some), 4, 16, 16, generator=generator)
        chunks.append((np.asarray(some), list(captions[start : start + 50]), times, noise))
    return np.concatenate(tools.side_by_side(one, chunks, where))
