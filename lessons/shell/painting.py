"""Pictures painted in view: where the painter is after every pass, and a run that can be stopped between two."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from engines.evidence import Underway
from engines.pictures import diffusion
from engines.pictures.diffusion import Painter, Pass, Plan


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
