"""A copy of the bundled painter that was fed one scene far too often; made by ``training/copying.py``."""

from __future__ import annotations

import copy

from engines.evidence import PlainError
from engines.models.catalogue import MODELS
from engines.pictures.painter import Painter

NAME = "models/sticker-world/copying.safetensors"
FILE = MODELS / "sticker-world" / "copying.safetensors"
SCENE, CAPTION, REPEATS, DRAWS = 72, "a horse at sunset", 1_000, 4_000
"""The scene by its seed, its caption, how often it was drawn, and among how many draws."""


def is_changed(name: str) -> bool:
    """Whether a weight of the U-Net went on learning: how it reads the caption, and its finest blocks on the way up."""
    return "attn2" in name or name.startswith("up_blocks.2.")


def copying(painter: Painter) -> Painter:
    """The copying twin of the bundled ``painter``, sharing all but its U-Net; one for each painter in memory.

    PlainError when another painter is given, or the weights are not here.
    """
    if not painter.is_bundled:
        raise PlainError("Only the bundled painter has a copying twin. Choose it to see what copying is.")
    if not FILE.is_file():
        raise PlainError("The copying painter's weights are not here. Run “python -m training.copying”.")
    return painter.companion("copying", lambda: _twin(painter))


def _twin(painter: Painter) -> Painter:
    from safetensors.torch import load_file

    unet = copy.deepcopy(painter.unet)
    unet.load_state_dict(load_file(FILE), strict=False)
    pipeline = type(painter.pipeline)(**painter.pipeline.components | {"unet": unet}, requires_safety_checker=False)
    return Painter(
        pipeline, name=f"{painter.name}, fed one scene {REPEATS:,} times", revision=painter.revision,
        source=NAME, guidance_rule=painter.guidance_rule,
        guidance_scale=painter.guidance_scale,
    )  # fmt: skip
