"""The bundled scenes of Sticker World that several lessons take for their examples."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from engines.evidence import PlainError
from engines.pictures.files import open_picture

FOLDER = Path(__file__).parent / "scenes"
CAPTIONS = {
    "cat-meadow": "a cat on a green meadow",
    "owl-meadow": "an owl on a green meadow",
    "strawberry-meadow": "a strawberry on a green meadow",
    "rocket-meadow": "a rocket on a green meadow",
    "moon-night": "a moon under a night sky",
    "penguin-night": "a penguin under a night sky",
    "cake-night": "a cake under a night sky",
    "house-night": "a house under a night sky",
    "octopus-orange": "an octopus on an orange background",
    "teacup-orange": "a teacup on an orange background",
    "guitar-orange": "a guitar on an orange background",
    "cactus-orange": "a cactus on an orange background",
}


@cache
def _example(name: str, height: int, width: int) -> np.ndarray:
    if name not in CAPTIONS:
        raise PlainError(f"There is no example called {name!r}. Choose one of: {', '.join(CAPTIONS)}.")
    picture = open_picture(FOLDER / f"{name}.png", width=width, height=height)
    picture.setflags(write=False)
    return picture


def example(name: str, height: int = 128, width: int = 128) -> np.ndarray:
    """A bundled scene uint8 [height, width, 3]; PlainError for an unknown name."""
    return _example(name, height, width)


def scenes() -> dict[str, tuple[str, np.ndarray]]:
    """Every bundled scene by name: its caption and picture."""
    return {name: (caption, example(name)) for name, caption in CAPTIONS.items()}
