"""Noising and denoising, measured: engine events in, Evidence out.

What the experiments share. Read them as the lesson goes: :mod:`ruin`, :mod:`strip`, :mod:`lock`, :mod:`turn`,
:mod:`clay` and :mod:`own`.
"""

from __future__ import annotations

import numpy as np

from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter


def guidance(painter: Painter, scale: float | None) -> float:
    return painter.guidance_scale if scale is None else scale


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root mean squared difference of two batches of pictures, [rows], on 0…1."""
    return np.sqrt(((a.astype(np.float32) - b.astype(np.float32)) ** 2).mean(axis=(1, 2, 3))) / 255


def snippet(painter: Painter, caption: str, seeds: tuple[int, ...], steps: int, guidance_scale: float | None) -> str:
    scale = guidance(painter, guidance_scale)
    return picture_snippets.denoising(painter.source, caption, seeds=seeds, steps=steps, guidance_scale=scale)
