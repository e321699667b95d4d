"""Pictures painted in view: where the painter is after every pass, and a run that can be stopped between two."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from engines.evidence import Underway
from engines.pictures import diffusion
from engines.pictures.diffusion import Painter, Pass, Plan
from engines.pictures.measures import error_map


def underway(event: Pass, words: str) -> Underway:
    """Which pass of ``words`` is done."""
    done = event.index + 1
    return Underway(done / event.passes, f"{words}: pass {done} of {event.passes}")


def painting(painter: Painter, plan: Plan, words: str) -> Generator[Underway, None, np.ndarray]:
    """The finished pictures of a plan, uint8 [rows, H, W, 3]: ``pictures = yield from painting(...)``."""
    for event in diffusion.denoise(painter, plan):
        yield underway(event, words)
    assert event.pictures is not None
    return event.pictures


def strangeness(painter: Painter, pictures: np.ndarray) -> np.ndarray:
    """How much of each pixel the autoencoder's round trip changes, float32 [rows, H, W] in [0, 1].

    The autoencoder gives back what is like the pictures it was made for, and changes what is unlike them: noise, or
    a canvas on which two pictures meet. So it tells a patch that is mended, whatever it shows, from one that is not.
    """
    back = painter.decode(painter.encode(pictures), checked=False)
    return np.stack([error_map(a, b) for a, b in zip(pictures, back, strict=True)])
