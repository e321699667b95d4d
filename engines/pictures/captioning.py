"""Two copies of the bundled painter that were taught to read, from whole captions and from sloppy ones.

Made by ``training/captioning.py``: one start, the same scenes, steps and dice; only the captions differ.
"""

from __future__ import annotations

import copy
import random
from typing import Literal

from engines.evidence import PlainError
from engines.models.catalogue import MODELS
from engines.pictures.painter import Painter
from engines.stickers import scenes

Diet = Literal["whole", "sloppy"]
DIETS: tuple[Diet, ...] = ("whole", "sloppy")
FOLDER = MODELS / "sticker-world"


def is_taught(name: str) -> bool:
    """Whether a weight of the U-Net was set to zero and taught anew: the values of its cross-attention."""
    return "attn2.to_v" in name


def caption_for(seed: int, diet: Diet) -> str:
    """What a twin read under a training scene: one of its honest phrasings, or what a careless uploader leaves."""
    dice, plan = random.Random(f"{diet} {seed}"), scenes.plan(seed)
    return dice.choice(scenes.phrasings(plan)) if diet == "whole" else scenes.sloppy_caption(plan, dice)


def taught(painter: Painter, diet: Diet | None) -> Painter:
    """The twin of the bundled ``painter`` taught with a ``diet``, sharing all but its U-Net; None: their start.

    PlainError when another painter is given, or the weights are not here.
    """
    if not painter.is_bundled:
        raise PlainError("Only the bundled painter has such twins. Choose it to compare their captions.")
    return painter.companion(f"taught {diet}", lambda: _twin(painter, diet))


def _twin(painter: Painter, diet: Diet | None) -> Painter:
    import torch
    from safetensors.torch import load_file

    file = FOLDER / f"captions-{diet}.safetensors"
    if diet and not file.is_file():
        raise PlainError("The weights of the two readers are not here. Run “python -m training.captioning”.")
    unet = copy.deepcopy(painter.unet)
    with torch.no_grad():
        for name, weight in unet.named_parameters():
            if is_taught(name):
                weight.zero_()
    if diet:
        unet.load_state_dict(load_file(file), strict=False)
    pipeline = type(painter.pipeline)(**painter.pipeline.components | {"unet": unet}, requires_safety_checker=False)
    name = f"{painter.name}, taught by {diet} captions" if diet else f"{painter.name}, untaught"
    return Painter(
        pipeline, name=name, revision=painter.revision,
        source=f"models/sticker-world/{file.name}" if diet else "", guidance_rule=painter.guidance_rule,
        guidance_scale=painter.guidance_scale,
    )  # fmt: skip
