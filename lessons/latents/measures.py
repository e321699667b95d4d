"""The latent autoencoder, measured: pictures in, Evidence out.

What the experiments share. Read them as the lesson goes: :mod:`shrink`, :mod:`smear`, :mod:`surgery`
and :mod:`text`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.evidence import Provenance
from engines.pictures.diffusion import Painter
from engines.pictures.files import Source, open_picture
from engines.statistics import mean_interval
from lessons.shell.scenes import CAPTIONS, example
from lessons.shell.uploads import OWN

__all__ = ["CAPTIONS", "OWN", "Chosen", "example"]

BATCH = 8
FIRST = "owl-meadow"
"""The picture that the page begins with; :mod:`lessons.latents.candidates` says why."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """The picture an experiment is about: uint8 [H, W, 3] of the painter's size, and what to call it."""

    name: str
    picture: np.ndarray

    @property
    def caption(self) -> str:
        return CAPTIONS.get(self.name, self.name)

    @property
    def path(self) -> str:
        """Where code finds the picture."""
        return path_of(self.name) if self.name in CAPTIONS else "your-picture.png"


def path_of(name: str) -> str:
    """Where code finds a bundled scene."""
    return f"lessons/shell/scenes/{name}.png"


def choose(painter: Painter, name: str, own: Source | None = None) -> Chosen:
    """A bundled scene by name, or a picture of one's own fitted to the painter's size."""
    if own is None:
        return Chosen(name, example(name, painter.height, painter.width))
    return Chosen(OWN, open_picture(own, width=painter.width, height=painter.height))


def picked(painter: Painter, choice: tuple[str, np.ndarray | None]) -> Chosen:
    """What the picker holds: the name of a scene, and the learner's own picture, chosen or not."""
    name, own = choice
    return choose(painter, name, own if name == OWN else None)


def scenes(painter: Painter) -> np.ndarray:
    """The bundled scenes uint8 [12, H, W, 3], in the order of ``CAPTIONS``."""
    return np.stack([example(name, painter.height, painter.width) for name in CAPTIONS])


def decode(painter: Painter, latents: np.ndarray) -> Iterator[np.ndarray]:
    """Pictures uint8 [n, H, W, 3] of latents [N, C, h, w], batch by batch."""
    for first in range(0, len(latents), BATCH):
        yield painter.decode(latents[first : first + BATCH], checked=False)


def encode(painter: Painter, pictures: np.ndarray) -> np.ndarray:
    """Latents float32 [n, C, h, w] of pictures uint8 [n, H, W, 3]."""
    return np.concatenate([painter.encode(pictures[i : i + BATCH]) for i in range(0, len(pictures), BATCH)])


def round_trips(painter: Painter, pictures: np.ndarray) -> np.ndarray:
    """Pictures uint8 [n, H, W, 3] through the autoencoder and back."""
    return np.concatenate(list(decode(painter, encode(painter, pictures))))


def provenance(painter: Painter, began: float, seed: int | None = None, **settings: Any) -> Provenance:
    name = f"{painter.name}’s autoencoder"
    return Provenance("live", name, painter.revision, settings, seed, time.perf_counter() - began)


def bounds(values: Sequence[float], digits: int = 2) -> tuple[float, float | None, float | None]:
    """Mean, low and high for a table; no bounds for a single value."""
    mean, low, high = mean_interval(list(values))
    known = math.isfinite(low)
    return round(mean, digits), round(low, digits) if known else None, round(high, digits) if known else None
