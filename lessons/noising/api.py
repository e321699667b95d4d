"""What the noising lesson offers to ``gradio_client``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from engines.checks import whole
from engines.evidence import Evidence
from engines.pictures import diffusion
from engines.pictures import measures as picture_measures
from engines.pictures.files import open_picture
from lessons.noising import measures, turn
from lessons.shell import waking
from lessons.shell.api import Endpoint
from lessons.shell.film import data_uri
from lessons.shell.scenes import CAPTIONS, example
from lessons.shell.uploads import named_or_sent

SIDE = 256  # of a picture on its way to the painter, which cuts its own size from it


def _picture_from(text: Any) -> tuple[str, np.ndarray]:
    """A bundled picture by name, or a picture sent as base64, data URI or upload; (name, uint8 [256, 256, 3])."""
    name, data = named_or_sent(text, CAPTIONS)
    if data is None:
        return name, example(name, SIDE, SIDE)
    return name, open_picture(data, width=SIDE, height=SIDE)


def noise(picture: str = "owl-meadow", timestep: int = 500, seed: int = 0, caption: str = "") -> dict:
    """Ruin a picture to one timestep and guess it back in a single pass.

    picture: as for /round_trip. timestep: 0 (nearly clean)
    to 999 (nearly pure noise). Returns the three pictures as data URIs, alpha, sigma and PSNR in dB.
    """
    painter = waking.open_painter()
    name, pixels = _picture_from(picture)
    (guess,) = diffusion.noising(painter, pixels, timesteps=(timestep,), seed=seed, caption=caption)
    return {
        "picture": name, "timestep": guess.timestep, "alpha": guess.alpha, "sigma": guess.sigma, "seed": seed,
        "psnr": guess.psnr, "noisy_psnr": guess.noisy_psnr, "ceiling_psnr": guess.ceiling_psnr,
        "noisy": data_uri(guess.noisy_picture),
        "predicted_noise": data_uri(picture_measures.noise_picture(guess.predicted_noise)),
        "guess": data_uri(guess.guess), "model": painter.name, "revision": painter.revision,
    }  # fmt: skip


def denoise(caption: str, seed: int = 0, steps: int | None = None, guidance: float | None = None) -> Iterator[dict]:
    """Paint a caption from noise; streams one result a pass with canvas, noise estimate and predicted picture.

    seed: where the noise comes from. steps: passes, 1 to 100. guidance: the guidance scale. Left out, both
    are the painter's own. Pictures are data URIs; the last result also holds the finished picture. Each result names
    model, revision, seed and guidance scale.
    """
    painter = waking.open_painter()
    plan = diffusion.Plan(
        caption, (seed,), steps=painter.passes(steps), guidance_scale=guidance, previews=True, canvas=True
    )
    scale = measures.guidance(painter, guidance)
    for event in diffusion.denoise(painter, plan):
        assert event.canvas is not None and event.previews is not None
        yield {
            "pass": event.index + 1, "passes": event.passes, "timestep": event.timestep, "alpha": event.alpha,
            "sigma": event.sigma, "seconds": event.seconds,
            "numbers_changed": float((event.latent != event.latent_before).mean()),
            "canvas": data_uri(event.canvas[0]),
            "noise": data_uri(picture_measures.noise_picture(event.noise[0])),
            "predicted": data_uri(event.previews[0]),
            "picture": data_uri(event.pictures[0]) if event.pictures is not None else None,
            "caption": caption, "seed": plan.seeds[0], "guidance": scale, "model": painter.name,
            "revision": painter.revision,
        }  # fmt: skip


def swap_prompt(
    first: str,
    second: str,
    swap_before_pass: int | None = None,
    seed: int = 0,
    seeds: int = 4,
    steps: int | None = None,
) -> dict:
    """Swap the caption on the way: how many pictures end nearer to what the new caption paints by itself?

    swap_before_pass: counted from 1; a third of the way when left out. seeds: pictures, 1 to 12, from ``seed`` on.
    steps: passes, 2 to 100; the painter's own number when left out.
    """
    whole("The number of seeds", seeds, 1, 12)
    painter = waking.open_painter()
    steps = whole("The number of passes", painter.passes(steps), 2, 100)
    made = painter.made(steps)
    third = max(1, round(made / 3))
    at = whole("The pass of the swap", third if swap_before_pass is None else swap_before_pass, 1, made) - 1
    turned = turn.turn(painter, first, second, swaps=(at,), holes=False, seed=seed, seeds=seeds, steps=steps)
    (result,) = (step for step in turned if isinstance(step, Evidence))
    pictures = [data_uri(picture) for picture in result.value.swapped[at]]
    return {**result.as_json(), "turned": result.value.turned[at].tolist(), "pictures": pictures}


ENDPOINTS = (Endpoint(noise, "pictures"), Endpoint(denoise, "pictures"), Endpoint(swap_prompt, "pictures"))
