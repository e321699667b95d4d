"""The inputs that could stand on the latents lesson's screens at first, and how each is measured."""

from __future__ import annotations

import numpy as np

from engines.pictures import painter as painters
from engines.pictures.autoencoder import Operation
from lessons.defaults import Choice, Figures, painters_print, value_of
from lessons.latents import measures, shrink, surgery, text


def squeezed(name: str) -> Figures:
    """Screen 1: how near the picture and the thumbnail come back, and how many pixels are exact."""
    value = value_of(shrink.shrink(painters.load(), measures.choose(painters.load(), name)))
    own = value.scores[0]
    return {"round trip, dB": own.psnr, "thumbnail, dB": own.thumbnail_psnr, "exact": own.exact}


def operated(name: str, how: Operation) -> Figures:
    """Screen 3: dB that are left with the worst channel changed, and with the mildest."""
    value = value_of(surgery.operate(painters.load(), measures.choose(painters.load(), name), how))
    left = [float(np.mean(harm.psnr)) for harm in value.harms]
    return {
        "worst": min(left),
        "mildest": max(left),
        "most harm in": surgery.led(value),
        "ahead by at least": surgery.beats(value)[1],
    }


def read(words: str, seed: str) -> Figures:
    """Screen 4: the smallest height that is read before and after the round trip."""
    value = value_of(text.legibility(painters.load(), "", int(words), int(seed)))
    before, after = text.surviving_height(value, after=False), text.surviving_height(value)
    return {"before": before or 0, "after": after or 0}


OWL = measures.FIRST
CHOICES = (
    Choice(
        "latents/shrink", (OWL,), ((OWL,), ("moon-night",), ("octopus-orange",)), squeezed,
        lambda figures: figures["round trip, dB"] > figures["thumbnail, dB"] + 14 and figures["exact"] < 0.5,
        "Fine plumage: the thumbnail loses it, the round trip does not, and yet few pixels are exact.", painters_print,
    ),
    Choice(
        "latents/surgery", (OWL, "zero"), ((OWL, "zero"), (OWL, "shuffle"), (OWL, "swap")), operated,
        lambda figures: figures["mildest"] - figures["worst"] > 6 and figures["ahead by at least"] > 0,
        "Whichever the operation, the scenes do not decide between channels 3 and 4, and the page says so.",
        painters_print,
    ),
    Choice(
        "latents/text", ("6", "7"), (("6", "7"), ("6", "0")), read,
        lambda figures: 0 < figures["before"] < figures["after"],
        "The same reader reads far smaller letters before the round trip than after it.", painters_print,
    ),
)  # fmt: skip
