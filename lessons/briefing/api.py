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
    """Two captions painted from one seed, with their difference; four other seeds beside it are the control.

    first, second: up to 400 characters each. guidance: 0 to 30; the painter's own when left out. steps: passes, 1 to
    100; the painter's own number when left out. "stayed": the share of pixels of which no colour moves by more than 16
    of 255 steps. "seed_kept": mean difference of colours in [0, 1] between the captions for five seeds, yours first;
    "seed_changed": the same with the second caption from the other seeds, on average. "latent_seed_kept" and
    "latent_seed_changed" are those of the latents (root mean square). "judged": for each caption what the judge says of
    both pictures, aspect by aspect (null: cannot tell), or "why" it says nothing. "pictures": the first and the second;
    "others": the second caption from the other seeds; "difference" is grey, the lighter the farther apart.
    "never_read": for each caption the words that the painter has no room for.
    """
    two(first, second)
    painter = waking.open_painter()
    run = bench.bench(painter, first, second, seed, guidance, steps=steps)
    (result,) = (one for one in run if isinstance(one, Evidence))
    value = result.value
    return {
        **result.as_json(), "stayed": value.stayed, "seed_kept": value.kept.tolist(),
        "seed_changed": value.rolled.tolist(), "latent_seed_kept": value.latent_kept.tolist(),
        "latent_seed_changed": value.latent_rolled.tolist(), "judged": [_judged(one) for one in value.against],
        "pictures": [data_uri(picture) for picture in value.pair],
        "others": [data_uri(picture) for picture in value.painted[1].pictures[1:]],
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
