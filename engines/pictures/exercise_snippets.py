"""Plain code for the code drawer of the predict-and-test lesson; see :mod:`engines.pictures.snippets`."""

from __future__ import annotations

from collections.abc import Sequence

from engines.pictures.snippets import load_pipeline


def galleries(model: str, captions: Sequence[str], *, seeds: Sequence[int], steps: int, guidance_scale: float) -> str:
    """``result``: dict of caption -> list of pictures, one a seed."""
    return f"""{load_pipeline(model)}
result = {{}}
for caption in {list(captions)!r}:
    result[caption] = pipeline(
        caption, num_inference_steps={steps}, guidance_scale={guidance_scale!r}, num_images_per_prompt={len(seeds)},
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in {list(seeds)!r}],
    ).images
"""


def brier(answers: Sequence[tuple[float, int, int]]) -> str:
    """``result``: mean squared gap between each confidence and what happened; rows (confidence, right, of)."""
    return f"""import numpy as np

result = np.mean([
    (right * (confidence - 1) ** 2 + (of - right) * confidence**2) / of
    for confidence, right, of in {list(answers)!r}
])
"""
