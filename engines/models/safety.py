"""Safety on shared servers: a screen for captions, and the pipeline's own checker for pictures.

Both guard painters that can paint anything; the bundled painter knows fifty stickers and needs neither. They are
off only where ``PLAYGROUND_SAFETY=off`` says so.

The screen is glin-profanity's English word list, which comes inside the package, with a few words on nakedness and
gore that it lacks. It knows words, not meanings: it lets a cruel caption of clean words through, stops an innocent
"cock crowing at dawn", and reads English only. The checker (Stable Diffusion 1.x pipelines ship one; 2.x, XL and
Turbo ship none) compares a picture with some nude concepts and blacks it out; it misses and overreaches too.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from engines.evidence import PlainError
from engines.models import settings
from engines.models.shelf import Turn

WORDS_ON_PICTURES = ("naked", "topless", "nudity", "undressed", "gore", "gory", "beheaded", "mutilated")
"""What a picture should not show and a list of swear words does not hold."""

_turn = Turn()


def wanted() -> bool:
    """Whether screen and checker are on: unless ``PLAYGROUND_SAFETY=off``. PlainError for another word."""
    return settings.SAFETY.read() == "on"


def screen(caption: str) -> None:
    """PlainError when the caption holds a word of the list; which word is said, so that it can be changed."""
    with _turn:
        found = _filter().check_profanity(caption)["profane_words"]
    if found:
        listed = ", ".join(f"“{word}”" for word in found)
        raise PlainError(
            f"The word screen of this server stops {listed}. It knows words, not meanings, so it may be wrong here: "
            "say it in other words."
        )


@cache
def _filter() -> Any:
    from glin_profanity import Filter

    return Filter({"languages": ["english"], "detect_leetspeak": True, "custom_words": list(WORDS_ON_PICTURES)})


def check(pipeline: Any, pictures: np.ndarray) -> tuple[np.ndarray, tuple[bool, ...]]:
    """Pictures uint8 [n, H, W, 3] with those that the pipeline's checker refuses blacked out, and which they are.

    As the library's pipeline does it after decoding. Without a checker the pictures come back as they are.
    """
    checker = getattr(pipeline, "safety_checker", None)
    if checker is None:
        return pictures, (False,) * len(pictures)
    import torch
    from PIL import Image

    device, dtype = pipeline._execution_device, pipeline.unet.dtype
    inputs = pipeline.feature_extractor([Image.fromarray(picture) for picture in pictures], return_tensors="pt")
    with torch.inference_mode():
        _, refused = checker(
            images=[picture for picture in pictures], clip_input=inputs.pixel_values.to(device=device, dtype=dtype)
        )
    kept = pictures.copy()
    for index, is_refused in enumerate(refused):
        if is_refused:
            kept[index] = 0
    return kept, tuple(bool(value) for value in refused)
