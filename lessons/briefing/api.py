"""What the briefing lesson offers to ``gradio_client``."""

from __future__ import annotations

import numpy as np

from engines.evidence import Evidence
from lessons.briefing import bench
from lessons.briefing.measures import Judged, two
from lessons.shell import waking
from lessons.shell.api import Endpoint
from lessons.shell.film import data_uri


def compare_prompts(
    first: str, second: str, seed: int = 7, guidance: float | None = None, steps: int | None = None
) -> dict:
    """Two captions painted from one seed, with their difference, and the first from four other seeds as the control.

    first, second: up to 400 characters each. guidance: 0 to 30; the painter's own when left out. steps: passes, 1 to
    100; the painter's own number when left out. "stayed": the share of pixels of which no colour moves by more than 16
    of 255 steps. "change" and "other_seeds": mean difference of colours in [0, 1], of the second picture and of the
    four other seeds; "latent_change" and "latent_other_seeds" the same of the latents (root mean square). "judged": for
    each caption what the judge says of both pictures, aspect by aspect (null: cannot tell), or "why" it says nothing.
    "pictures": the first, the second, and the first from the other seeds; "difference" is grey, the lighter the farther
    apart. "never_read": for each caption the words that the painter has no room for.
    """
    two(first, second)
    painter = waking.open_painter()
    (result,) = (
        one for one in bench.bench(painter, first, second, seed, guidance, steps=steps) if isinstance(one, Evidence)
    )
    value = result.value
    return {
        **result.as_json(), "stayed": value.stayed, "change": value.change, "other_seeds": value.dice.tolist(),
        "latent_change": value.latent, "latent_other_seeds": value.latent_dice.tolist(),
        "judged": [_judged(one) for one in value.against],
        "pictures": [data_uri(picture) for picture in value.painted.pictures],
        "difference": data_uri((value.error * 255).round().astype(np.uint8)),
        "never_read": [list(painter.unread(caption)) for caption in value.captions],
    }  # fmt: skip


def _judged(one: Judged) -> dict:
    aspects = {
        name: {"expected": one.expected[name], "right": list(answers), "seen": list(one.seen[name])}
        for name, answers in one.aspects.items()
    }
    return {"caption": one.wish, "aspects": aspects, "not_judged": list(one.left), "why": one.why}


ENDPOINTS = (Endpoint(compare_prompts, "pictures"),)
