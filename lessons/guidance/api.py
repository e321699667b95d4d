"""What the guidance lesson offers to ``gradio_client``."""

from __future__ import annotations

import numpy as np

from engines.checks import whole
from engines.evidence import Evidence
from engines.pictures.diffusion import Pass
from engines.statistics import cells, share
from lessons.guidance import maps, one_by_one, sweep
from lessons.guidance.measures import places
from lessons.shell import waking
from lessons.shell.api import Endpoint
from lessons.shell.film import data_uri


def word_maps(caption: str, word: str, seed: int = 0, steps: int | None = None) -> dict:
    """Where the painter looks at a word of the caption, pass by pass and size by size.

    caption: up to 400 characters. word: one word of it; if it occurs more than once its maps are added.
    steps: passes, 1 to 50; the painter's own number when left out. Each pass holds its timestep and "maps": one
    grid of attention shares a size ("8x8").
    "share" is the word's share of all attention, "never_read" the caption's words that the painter has no room for.
    """
    painter = waking.open_painter()
    steps = whole("The number of passes", painter.passes(steps), 1, 50)
    looked_at = list(places(painter.read(caption), word))  # refused before anything is painted
    events = list(maps.look(painter, caption, seed, seeds=1, steps=steps))
    timesteps = [step.timestep for step in events if isinstance(step, Pass)]
    (result,) = (step for step in events if isinstance(step, Evidence))
    value = result.value
    passes = [
        {"pass": i + 1, "timestep": timestep, "maps": {
            f"{h}x{w}": m[0, looked_at].sum(0).tolist() for (h, w), m in one.maps.items()
        }}
        for i, (timestep, one) in enumerate(zip(timesteps, value.maps, strict=True))
    ]  # fmt: skip
    return {
        **result.as_json(), "words": list(value.words),
        "share": float(value.shares[0, :, looked_at].mean(axis=1).sum()), "passes": passes,
        "picture": data_uri(value.picture), "never_read": list(painter.unread(caption)),
    }  # fmt: skip


def guidance_sweep(caption: str, seed: int = 0, scales: list[float] | None = None) -> dict:
    """One seed at several guidance scales: pictures, saturation, share of clipped colour values, judge's certainty.

    scales: 2 to 16 numbers from 0 to 30; 0, 1, 2, 4, 8, 12 and 20 when left out. "round_trip_db": how near the picture
    stays to itself through the autoencoder; what is unlike its own pictures comes back changed. "certainty" is null
    where the judge cannot tell; "why" says why. "never_read": the caption's words that the painter has no room for.
    """
    painter = waking.open_painter()
    swept = sweep.sweep(painter, caption, 1, seed=seed, scales=sweep.SCALES if scales is None else scales)
    (result,) = (step for step in swept if isinstance(step, Evidence))
    value = result.value
    rows = [
        {
            "scale": scale, "saturation": float(value.saturation[0, i]), "clipped": float(value.clipped[0, i]),
            "round_trip_db": float(value.returned[0, i]),
            "certainty": None if value.alignment is None else float(value.alignment[0, i]),
            "picture": data_uri(value.pictures[0, i]),
        }
        for i, scale in enumerate(value.scales)
    ]  # fmt: skip
    return {**result.as_json(), "why": value.why, "sweep": rows, "never_read": list(painter.unread(caption))}


def words_one_by_one(caption: str, seed: int = 0, seeds: int = 2, steps: int | None = None) -> dict:
    """The caption's words added one at a time: pictures, and how far each word moves them; the control in chance order.

    caption: 2 to 12 words. seeds: 1 to 8 of them from seed on. steps: passes, 1 to 50; the painter's own number when
    left out. "words": each word's "change" as written and "change_shuffled" (mean, low, high; 0 to 1; low and high are
    null for one seed), the judge's "certainty" after it (null where it cannot tell) and the first seed's "picture";
    "empty": the picture of no words. "order_change": how far all the words in chance order are from all as written;
    "other_seed": how far another seed is, null for one seed; "never_read": words that the painter has no room for.
    """
    painter = waking.open_painter()
    steps = whole("The number of passes", painter.passes(steps), 1, 50)
    seeds = whole("The number of seeds", seeds, 1, 8)
    added = one_by_one.one_by_one(painter, caption, seeds, seed=seed, steps=steps)
    *_, result = (step for step in added if isinstance(step, Evidence))
    value, other = result.value, result.value.other_seed()
    written, shuffled = value.moved(), value.moved_shuffled()
    rows = [
        {
            "word": word, "change": _mean(written[:, i]), "change_shuffled": _mean(shuffled[:, i]),
            "certainty": None if value.certainty is None else float(value.certainty[0, :, i + 1].mean()),
            "picture": data_uri(value.written[0, i + 1]),
        }
        for i, word in enumerate(value.words)
    ]  # fmt: skip
    return {
        **result.as_json(), "words": rows, "empty": data_uri(value.written[0, 0]),
        "order_change": _mean(value.order()), "other_seed": _mean(other) if len(other) else None,
        "never_read": list(painter.unread(caption)),
    }  # fmt: skip


def _mean(values: np.ndarray) -> dict[str, float | None]:
    return dict(zip(("mean", "low", "high"), cells(share(values)), strict=True))


ENDPOINTS = tuple(Endpoint(one, "pictures") for one in (words_one_by_one, word_maps, guidance_sweep))
