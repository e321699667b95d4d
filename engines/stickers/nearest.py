"""The training scenes most like a picture, among all that the bundled painter was fed.

``models/sticker-world/nearest.npz``, made by ``training/nearest.py``, holds a short code of every training scene. A
scan of the codes proposes some; those are drawn again from their seeds, at full size, and compared exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from engines.evidence import PlainError
from engines.models.catalogue import MODELS
from engines.stickers import scenes

FILE = MODELS / "sticker-world" / "nearest.npz"
COARSE, PATCHES, PROPOSED = 16, 32, 32
"""Patches a side of a coded picture, patches a side of a compared one, and how many scenes are drawn and compared."""
_BLOCK = 1 << 15


@dataclass(frozen=True, eq=False)
class Near:
    """A training scene: its seed, its picture (uint8 [128, 128, 3]), its caption as recorded, and its distance."""

    seed: int
    picture: np.ndarray
    caption: str
    distance: float


@dataclass(frozen=True, eq=False)
class Index:
    """Codes int8 [scenes, n] in steps of ``step``, of pictures less ``mean`` [768] along ``axes`` [n, 768].

    held_out: the distance of each of some unseen scenes (seeds from 900,000,000) to its nearest training scene.
    """

    codes: np.ndarray
    axes: np.ndarray
    mean: np.ndarray
    step: float
    held_out: np.ndarray

    @property
    def copied(self) -> float:
        """A distance that only one unseen scene in a hundred falls below."""
        return float(np.quantile(self.held_out, 0.01))

    def proposed(self, picture: np.ndarray, count: int = PROPOSED) -> np.ndarray:
        """The seeds int [count] of the codes nearest to a picture's, uint8 [H, W, 3], nearest first."""
        wanted = (patches(picture, COARSE).reshape(-1) - self.mean) @ self.axes.T / self.step
        gaps = np.empty(len(self.codes), np.float32)
        for start in range(0, len(gaps), _BLOCK):
            away = self.codes[start : start + _BLOCK].astype(np.float32) - wanted.astype(np.float32)
            gaps[start : start + _BLOCK] = np.einsum("ij,ij->i", away, away)
        nearest = np.argpartition(gaps, min(count, len(gaps) - 1))[:count]
        return nearest[np.argsort(gaps[nearest], kind="stable")]

    def nearest(self, picture: np.ndarray, count: int = 3) -> tuple[Near, ...]:
        """The ``count`` training scenes least distant from a picture (uint8 [H, W, 3]), nearest first.

        PlainError when the picture is not square or its side no multiple of 32 pixels.
        """
        wanted, found = patches(picture, PATCHES), []
        for seed in self.proposed(picture):
            drawn = scenes.scene(int(seed))
            pixels = np.asarray(drawn.picture)
            found.append(Near(int(seed), pixels, drawn.caption, _apart(wanted, patches(pixels, PATCHES))))
        return tuple(sorted(found, key=lambda near: near.distance)[:count])


def patches(picture: np.ndarray, side: int) -> np.ndarray:
    """Mean colours of ``side`` × ``side`` patches of a square picture (uint8), float [side, side, 3] on 0…255."""
    height, width = picture.shape[:2]
    if height != width or height % side:
        raise PlainError(f"The picture must be square, and its side a multiple of {PATCHES} pixels.")
    cell = height // side
    rows = np.add.reduce([picture[first::cell].astype(np.uint16) for first in range(cell)])
    columns = np.add.reduce([rows[:, first::cell].astype(np.uint32) for first in range(cell)])
    return columns / cell**2


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean squared difference of two pictures over 32 × 32 patches, as a share of full brightness."""
    return _apart(patches(a, PATCHES), patches(b, PATCHES))


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(((a - b) ** 2).mean()) / 255)


@cache
def load(file: Path = FILE) -> Index:
    """The index of the bundled painter's training scenes; PlainError when it is not there."""
    if not file.is_file():
        raise PlainError("The index of the training scenes is not here. Run “python -m training.nearest”.")
    with np.load(file, allow_pickle=False) as kept:
        return Index(kept["codes"], kept["axes"], kept["mean"], float(kept["step"]), kept["held_out"])
