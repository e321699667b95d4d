"""Screen 1: a picture as 256 numbers, the codebook they point into, and what the order of the numbers is worth."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from engines.evidence import Evidence, Finding, Table
from engines.pictures import tile_snippets
from engines.pictures.diffusion import Painter
from engines.pictures.files import Source
from engines.pictures.measures import SAME, decibels, psnr
from engines.pictures.tiles import SIDE, TileWriter, tile_writer
from engines.statistics import mean_interval, percent, plural, words
from lessons.image_tokens.measures import BYTES, picture_of, provenance
from lessons.shell.scenes import CAPTIONS, example
from lessons.shell.uploads import OWN

RIVAL = 9
"""Side of the thumbnail that is no larger than a picture of tiles: 9 × 9 colours of three bytes are 243 bytes."""
RANDOM_BOOKS = 8


@dataclass(frozen=True, eq=False)
class Booked:
    """A picture uint8 [H, W, 3] and its tiles int64 [16, 16].

    ``restored`` is decoded from the tiles, ``unrounded`` from the latents before they were rounded, ``thumbnail`` from
    9 × 9 colours, ``random`` from a codebook of as many entries drawn at random. ``shuffled`` has the same tiles in
    other places; ``swapped`` has each of the two commonest entries in the other's places. ``wall`` uint8
    [K, 8, 8, 3]: each entry's patch in a field of its own kind. ``others``: how many entries each bundled scene uses.
    """

    name: str
    picture: np.ndarray
    tiles: np.ndarray
    restored: np.ndarray
    unrounded: np.ndarray
    thumbnail: np.ndarray
    random: np.ndarray
    shuffled: np.ndarray
    swapped: np.ndarray
    pair: tuple[int, int]
    wall: np.ndarray
    others: tuple[int, ...]
    random_psnr: tuple[float, ...]

    @property
    def caption(self) -> str:
        return CAPTIONS.get(self.name, self.name)

    @property
    def used(self) -> int:
        return len(np.unique(self.tiles))

    def loss(self, other: np.ndarray) -> float:
        """The peak signal-to-noise ratio of another version, in dB."""
        return min(psnr(self.picture, other), SAME)


def book(painter: Painter, choice: tuple[str, np.ndarray | None], seed: int = 7) -> Iterator[Evidence[Booked]]:
    """The picture that the picker holds, by name or the learner's own, as tiles and back."""
    name, own = choice
    yield booked(painter, name, own if name == OWN else None, seed)


def booked(painter: Painter, name: str, own: Source | None, seed: int) -> Evidence[Booked]:
    """A bundled scene by name, or a picture of one's own, as tiles and back."""
    began = time.perf_counter()
    writer = tile_writer(painter)
    side = SIDE * painter.factor
    picture = picture_of(painter, name, own)
    latent = painter.encode(picture[None])
    tiles = writer.nearest(latent)[0]
    entries, counts = np.unique(tiles, return_counts=True)
    commonest = entries[np.argsort(-counts, kind="stable")][:2]
    first = int(commonest[0])
    second = int(commonest[1]) if len(commonest) > 1 else (first + 1) % len(writer.entries)
    exchange = np.arange(len(writer.entries))
    exchange[[first, second]] = second, first
    shuffled = np.random.default_rng(seed).permutation(tiles.ravel()).reshape(tiles.shape)
    restored, mixed, swapped = writer.decode(np.stack([tiles, shuffled, exchange[tiles]]))
    books = [random_book(latent, writer, seed + number) for number in range(RANDOM_BOOKS)]
    decoded = painter.decode(np.concatenate([latent, *books]), checked=False)
    scenes = np.stack([example(one, side, side) for one in CAPTIONS])
    value = Booked(
        name if own is None else OWN, picture, tiles, restored, decoded[0], through_thumbnail(picture), decoded[1],
        mixed, swapped, (first, second), writer.wall,
        tuple(len(np.unique(one)) for one in writer.encode(scenes)),
        tuple(min(psnr(picture, one), SAME) for one in decoded[1:]),
    )  # fmt: skip
    return _evidence(writer, value, seed, time.perf_counter() - began)


def random_book(latent: np.ndarray, writer: TileWriter, seed: int) -> np.ndarray:
    """A latent float32 [1, 4, h, w] rounded to as many entries as the codebook has, drawn from a normal distribution.

    Latents have mean 0 and deviation 1, so such entries lie where latents lie.
    """
    entries = np.random.default_rng(seed).standard_normal(writer.entries.shape).astype(np.float32)
    points = np.moveaxis(latent, 1, -1)  # [1, h, w, 4]
    own = (entries**2).sum(-1) - 2 * points @ entries.T
    return np.moveaxis(entries[own.argmin(-1)], -1, 1)


def through_thumbnail(picture: np.ndarray) -> np.ndarray:
    """A picture shrunk to 9 × 9 colours and enlarged again."""
    small = Image.fromarray(picture).resize((RIVAL, RIVAL), Image.Resampling.BOX)
    return np.asarray(small.resize(picture.shape[1::-1], Image.Resampling.BICUBIC))


def truth(value: Booked) -> tuple[float, str]:
    return value.used, f"{plural(value.used, 'entry', 'entries')} of {len(value.wall)}"


def _evidence(writer: TileWriter, value: Booked, seed: int, seconds: float) -> Evidence[Booked]:
    entries, counts = np.unique(value.tiles, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rounded, plain, rival = map(value.loss, (value.restored, value.unrounded, value.thumbnail))
    by_chance = mean_interval(list(value.random_psnr))
    others = mean_interval([float(one) for one in value.others])
    numbers = value.picture.size
    return Evidence(
        value=value,
        alt=(
            f"{value.caption}, as 16 rows of 16 tiles of {value.used} different kinds, and back: {decibels(rounded)}. "
            f"Without rounding the autoencoder gives {decibels(plain)}, a thumbnail of no more bytes "
            f"{decibels(rival)}, and {len(value.wall)} entries drawn at random {decibels(by_chance[0])}."
        ),
        table=Table(
            ("entry", "tiles of the picture", "share"),
            tuple((int(entries[i]), int(counts[i]), percent(counts[i] / value.tiles.size)) for i in order),
        ),
        provenance=provenance(writer, None, seed, seconds, picture=value.name, entries=len(value.wall)),
        findings=(
            Finding(
                f"{BYTES} bytes",
                f"for {numbers:,} numbers, {numbers / BYTES:.0f} to one: each tile is one number from 0 to "
                f"{len(value.wall) - 1}, and that is one byte",
            ),
            Finding(
                decibels(rounded),
                f"after the rounding, {decibels(plain)} without it. A thumbnail of {RIVAL} × {RIVAL} colours, as many "
                f"bytes: {decibels(rival)}; {len(value.wall)} entries drawn at random instead of learned ones "
                f"{words(by_chance, 1)}",
            ),
            Finding(
                f"{value.used} entries",
                f"are in use here, {words(others, 0)} in the {len(value.others)} bundled scenes; the commonest covers "
                f"{percent(counts.max() / value.tiles.size)} of this picture",
            ),
            _shuffled(value),
        ),
        snippet=tile_snippets.round_trip(
            f"lessons/shell/scenes/{value.name}.png" if value.name in CAPTIONS else "your-picture.png"
        ),
        expected={"tiles": value.tiles, "restored": value.restored},
    )  # fmt: skip


def _shuffled(value: Booked) -> Finding:
    """What is left when the tiles lie in other places, and when two entries do."""
    if value.used == 1:
        return Finding("nothing to shuffle", "all 256 tiles are of one kind, and look the same in any order")
    lost = value.loss(value.restored) - value.loss(value.shuffled)
    means = "all that made it a picture was the order" if lost > 3 else "in so plain a picture their order says little"
    return Finding(
        decibels(value.loss(value.shuffled)),
        f"with the same tiles in shuffled places: what they are is kept, and {means}. With entries {value.pair[0]} and "
        f"{value.pair[1]} in each other’s places it is {decibels(value.loss(value.swapped))}",
    )
