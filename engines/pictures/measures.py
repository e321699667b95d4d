"""Measures of pictures and of runs, in plain numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engines.pictures.painter import Painter


@dataclass(frozen=True, eq=False)
class Convergence:
    """How like the final picture each pass's prediction is, float [passes, rows], 1 = the same.

    ``low`` compares what is left after a Gaussian blur (composition), ``high`` what the blur took away
    (detail), ``whole`` the pictures as they are; each is a correlation over all their numbers.
    """

    whole: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def lock_pass(self, row: int, threshold: float = 0.95, band: str = "low") -> int:
        """The first pass (from 0) from which ``band`` stays at or above ``threshold`` to the end.

        The number of passes when even the last prediction stays below.
        """
        below = np.flatnonzero(getattr(self, band)[:, row] < threshold)
        return int(below[-1]) + 1 if below.size else 0


@dataclass(frozen=True)
class Overcooking:
    """``saturation``: mean of (max − min) / max over pixels; ``clipped``: share of values at 0 or 255."""

    saturation: float
    clipped: float


def convergence(predictions: np.ndarray, final: np.ndarray, *, sigma: float | None = None) -> Convergence:
    """Compare predictions [passes, rows, H, W, C] with ``final`` [rows, H, W, C].

    Works on pictures (uint8) and, with channels last, on latents. ``sigma`` is the blur in pixels,
    default H / 16: what survives it is larger than about a sixth of the picture.
    """
    sigma = final.shape[1] / 16 if sigma is None else sigma
    predictions, final = predictions.astype(np.float32), final.astype(np.float32)
    low, final_low = blur(predictions, sigma), blur(final, sigma)
    return Convergence(
        whole=_correlation(predictions, final),
        low=_correlation(low, final_low),
        high=_correlation(predictions - low, final - final_low),
    )


def blur(pictures: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of [..., H, W, C] by ``sigma`` pixels, mirrored at the edges."""
    for axis in (-3, -2):
        side = pictures.shape[axis]
        pictures = np.moveaxis(np.moveaxis(pictures, axis, -1) @ _kernel(side, sigma), -1, axis)
    return pictures


def _kernel(side: int, sigma: float) -> np.ndarray:
    """A blur along one axis as a matrix [side, side] whose columns sum to 1."""
    places = np.arange(side)
    matrix = np.zeros((side, side), np.float32)
    for mirror in (places, -1 - places, 2 * side - 1 - places):
        matrix += np.exp(-((mirror[:, None] - places) ** 2) / (2 * sigma**2))
    return matrix / matrix.sum(axis=0)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson correlation [passes, rows] over the last three axes; 0 where one of the two is flat."""
    axes = (-3, -2, -1)
    a, b = a - a.mean(axis=axes, keepdims=True), b - b.mean(axis=axes, keepdims=True)
    product = (a * b).sum(axis=axes)
    length = np.sqrt((a**2).sum(axis=axes) * (b**2).sum(axis=axes))
    return np.divide(product, length, out=np.zeros_like(product), where=length > 1e-6)


def overcooking(picture: np.ndarray) -> Overcooking:
    """Saturation and clipping of a uint8 picture [H, W, 3]."""
    high, low = picture.max(axis=-1).astype(float), picture.min(axis=-1).astype(float)
    saturation = np.divide(high - low, high, out=np.zeros_like(high), where=high > 0)
    return Overcooking(float(saturation.mean()), float(np.isin(picture, (0, 255)).mean()))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two uint8 pictures of one shape in dB; inf when equal."""
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return math.inf if error == 0 else float(10 * math.log10(255**2 / error))


SAME = 99.0
"""dB that stand for no difference at all, where a mean needs a number."""


def decibels(ratio: float) -> str:
    """A PSNR in words; two equal pictures have none."""
    return f"{ratio:.1f} dB" if ratio < SAME else "no difference"


def error_map(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean absolute difference over the colours of two uint8 pictures, float32 [H, W] in [0, 1]."""
    return np.abs(a.astype(np.float32) - b.astype(np.float32)).mean(axis=-1) / 255


def strangeness(painter: Painter, pictures: np.ndarray) -> np.ndarray:
    """How much of each pixel the autoencoder's round trip changes, float32 [rows, H, W] in [0, 1].

    The autoencoder gives back what is like the pictures it was made for, and changes what is unlike them: noise, or
    a canvas on which two pictures meet. So it tells a patch that is mended, whatever it shows, from one that is not.
    """
    back = painter.decode(painter.encode(pictures), checked=False)
    return np.stack([error_map(a, b) for a, b in zip(pictures, back, strict=True)])


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of two uint8 pictures in [0, 1]."""
    return float(error_map(a, b).mean())


def pairwise_differences(pictures: np.ndarray) -> np.ndarray:
    """Symmetric matrix [n, n] of :func:`difference` over uint8 pictures [n, H, W, 3]."""
    return np.array([[difference(a, b) for b in pictures] for a in pictures])


def edits(frames: np.ndarray, *, threshold: float = 1 / 255) -> np.ndarray:
    """Share of pixels that change by at least ``threshold`` (of full scale) from each frame to the next.

    ``frames``: uint8 [frames, H, W, 3]; the result is [frames − 1].
    """
    changes = np.abs(np.diff(frames.astype(np.int16), axis=0)).max(axis=-1) / 255
    return (changes >= threshold).mean(axis=(-2, -1))


def settled(frames: np.ndarray, *, tolerance: float = 16 / 255) -> np.ndarray:
    """Share of pixels already within ``tolerance`` of the last frame, and staying there, after each frame.

    ``frames``: uint8 [frames, H, W, 3]; the result [frames] ends at 1.
    """
    far = np.abs(frames.astype(np.int16) - frames[-1].astype(np.int16)).max(axis=-1) > tolerance * 255
    still_to_move = np.logical_or.accumulate(far[::-1], axis=0)[::-1]
    return 1 - still_to_move.mean(axis=(-2, -1))


def noise_picture(noise: np.ndarray, *, reach: float = 3.0) -> np.ndarray:
    """Latent-space noise [C, h, w] as uint8 [h, w, 3]: its first three channels, ±``reach`` on 0…255."""
    colours = np.moveaxis(noise[:3], 0, -1) / (2 * reach) + 0.5
    return (colours.clip(0, 1) * 255).round().astype(np.uint8)
