"""Noising and denoising, measured: engine events in, Evidence out.

What the experiments share. Read them as the lesson goes: :mod:`ruining`, :mod:`passes`, :mod:`turning`,
:mod:`clay` and :mod:`drawing`.
"""

from __future__ import annotations

import numpy as np

from engines.pictures.diffusion import Painter


def guidance(painter: Painter, scale: float | None) -> float:
    return painter.guidance_scale if scale is None else scale


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root mean squared difference of two batches of pictures, [rows], on 0…1."""
    return np.sqrt(((a.astype(np.float32) - b.astype(np.float32)) ** 2).mean(axis=(1, 2, 3))) / 255
