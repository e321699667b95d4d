"""What the two-physics lesson offers to ``gradio_client``."""

from __future__ import annotations

from typing import Any

from engines.pictures import diffusion
from engines.stickers import nearest
from lessons.shell import waking
from lessons.shell.api import Endpoint
from lessons.shell.film import data_uri
from lessons.two_physics import memory


def nearest_scenes(caption: str, seed: int = 0, steps: int | None = None) -> dict:
    """Paint a caption and find the three of the bundled painter's training scenes nearest to the picture.

    seed: where the noise comes from. steps: passes, 1 to 100. ``control``: the same search for a real scene that nobody
    was trained on, chosen to fit the caption. A distance is the root mean squared difference over 32 × 32 patches, as
    a share of full brightness; one unseen scene in a hundred lies nearer than ``copied_below``. Pictures are data URIs.
    """
    painter = waking.open_painter()
    plan = diffusion.Plan(caption, (seed,), steps=painter.passes(steps))
    memory.ahead(caption)
    picture = diffusion.paint(painter, plan)[0]
    own, control = memory.search(painter, picture, caption)
    return {
        "caption": caption, "seed": plan.seeds[0], "picture": data_uri(picture), "nearest": _near(own),
        "control": {"caption": control.caption, "picture": data_uri(control.picture), "nearest": _near(control)},
        "copied_below": nearest.load().copied, "training_scenes": len(nearest.load().codes), "model": painter.name,
        "revision": painter.revision,
    }  # fmt: skip


def _near(found: memory.Found) -> list[dict[str, Any]]:
    return [
        {"seed": one.seed, "caption": one.caption, "distance": one.distance, "picture": data_uri(one.picture)}
        for one in found.near
    ]


ENDPOINTS = (Endpoint(nearest_scenes, "pictures"),)
