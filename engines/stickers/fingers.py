"""Counts the fingers of one open hand in a picture, by its outline: numpy and Pillow, nothing trained.

The hand is what looks more like the middle of the picture than like its left and right edges. From the palm's
centre a ray is cast in every direction; a finger is a bump in how far the rays get. What such a counter can and
cannot tell is measured in ``models/sticker-world/fingers.json`` by ``training/fingers.py``; see :func:`validation`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from engines.evidence import PlainError
from engines.pictures.painter import MODELS

SIDE = 128
RAYS = 540
MAX_PICTURES = 64
SMOOTH, PROMINENCE, REACH = 13, 0.006, 1.1
"""Rays averaged; how far a bump must rise above its valleys, and how far it must reach, in palm radii."""
LEAST, MOST = 0.05, 0.5
"""A hand covers between these shares of the picture; anything else is no hand that this counter knows."""


@dataclass(frozen=True)
class Hand:
    """What was counted: ``fingers`` is None when no single hand stands out in the middle of the picture.

    ``tips``, ``palm``: (x, y) in shares of the side from the top left. ``outline``: the same, one point a ray.
    ``area``: share of the picture that was taken for the hand.
    """

    fingers: int | None
    tips: tuple[tuple[float, float], ...]
    palm: tuple[float, float] | None
    outline: tuple[tuple[float, float], ...]
    area: float


def count_fingers(pictures: np.ndarray) -> tuple[Hand, ...]:
    """One :class:`Hand` for each of the pictures uint8 [n, H, W, 3]; they are scaled to 128×128 first."""
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or not 1 <= len(pictures) <= MAX_PICTURES:
        raise PlainError(f"Give between 1 and {MAX_PICTURES} colour pictures of hands.")
    return tuple(_hand(np.asarray(Image.fromarray(p).resize((SIDE, SIDE), Image.Resampling.BICUBIC))) for p in pictures)


def _hand(picture: np.ndarray) -> Hand:
    mask, likeness = segment(picture.astype(np.float32))
    area = float(mask.mean())
    if not LEAST <= area <= MOST:
        return Hand(None, (), None, (), area)
    (x, y), radius = _palm(mask)
    reach = _rays(mask, likeness, x, y)
    smooth = np.convolve(np.concatenate([reach[-SMOOTH:], reach, reach[:SMOOTH]]), np.ones(SMOOTH) / SMOOTH, "same")
    smooth = smooth[SMOOTH:-SMOOTH]
    angles = _angles()
    bumps = [
        at
        for at in _bumps(smooth, PROMINENCE * radius)
        if smooth[at] > REACH * radius and not 1.2 * np.pi < angles[at] < 1.8 * np.pi  # not the wrist below
    ]

    def point(at: int) -> tuple[float, float]:
        return (x + np.cos(angles[at]) * reach[at]) / SIDE, (y - np.sin(angles[at]) * reach[at]) / SIDE

    outline = tuple(point(at) for at in range(0, RAYS, 3))
    return Hand(len(bumps), tuple(point(at) for at in bumps), (x / SIDE, y / SIDE), outline, area)


# --- which pixels are the hand ----------------------------------------------------------------------------


def segment(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mask bool, likeness float), both [128, 128], of float pixels [128, 128, 3] on 0…255.

    ``likeness`` is positive where a pixel is nearer to the hand's colours than to the background's. The
    background's are those of the edges within eight rows, for Sticker World's grounds lie in level bands.
    """
    rows = np.arange(SIDE)
    edges = [np.median(pixels[:, :6], axis=1), np.median(pixels[:, -6:], axis=1)]
    ground = np.full((SIDE, SIDE), np.inf, np.float32)
    for shift in range(-8, 9, 2):
        for edge in edges:
            colour = edge[np.clip(rows + shift, 0, SIDE - 1)][:, None]
            ground = np.minimum(ground, np.sqrt(((pixels - colour) ** 2).sum(axis=-1)))
    y, x = np.mgrid[:SIDE, :SIDE]
    core = (x - 64) ** 2 + (y - 76) ** 2 <= 9**2
    colours = _palette(pixels[core], 6)
    mask, likeness = core, ground
    for _ in range(3):
        likeness = ground - np.sqrt(((pixels[:, :, None] - colours) ** 2).sum(axis=-1).min(axis=-1))
        mask = _connected(likeness > 0, core)
        if not mask.any():
            break
        colours = _palette(pixels[mask], 8)
    return mask, likeness


def _palette(colours: np.ndarray, count: int) -> np.ndarray:
    """``count`` typical colours of [n, 3], by k-means from quantiles of brightness."""
    ordered = colours[np.argsort(colours.sum(axis=1), kind="stable")]
    centres = ordered[np.linspace(0, len(ordered) - 1, count).astype(int)]
    for _ in range(8):
        nearest = ((ordered[:, None] - centres) ** 2).sum(axis=-1).argmin(axis=1)
        centres = np.stack([
            ordered[nearest == i].mean(axis=0) if (nearest == i).any() else centres[i] for i in range(count)
        ])  # fmt: skip
    return centres


def _connected(mask: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The part of ``mask`` that hangs together with ``start``."""
    region = mask & start
    while True:
        grown = _grow(region) & mask
        if (grown == region).all():
            return region
        region = grown


def _grow(mask: np.ndarray) -> np.ndarray:
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


# --- from the outline to fingers --------------------------------------------------------------------------


def _palm(mask: np.ndarray) -> tuple[tuple[float, float], int]:
    """Centre (x, y) and radius, in pixels, of what is left last when the mask is worn away from outside."""
    left, radius = mask, 0
    core = mask
    while left.any():
        core, radius = left, radius + 1
        padded = np.pad(~left, 1, constant_values=True)
        left = ~_grow(padded)[1:-1, 1:-1]
    y, x = (float(places.mean()) for places in np.nonzero(core))
    return (x, y), radius


def _angles() -> np.ndarray:
    return np.linspace(0, 2 * np.pi, RAYS, endpoint=False)


def _rays(mask: np.ndarray, likeness: np.ndarray, x: float, y: float, fine: int = 4) -> np.ndarray:
    """How many pixels each ray from (x, y) runs until it leaves the hand for good; finer than a pixel."""
    soft = np.where(_grow(_grow(mask)), np.clip(likeness / (np.abs(likeness) + 30), -1, 1), -1).astype(np.float32)
    side = SIDE * fine
    inside = np.asarray(Image.fromarray(soft).resize((side, side), Image.Resampling.BICUBIC)) > 0
    steps = np.arange(0, side * 0.75)
    columns = (x + 0.5) * fine + np.outer(np.cos(_angles()), steps)
    rows = (y + 0.5) * fine - np.outer(np.sin(_angles()), steps)
    within = (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
    here = inside[np.clip(rows, 0, side - 1).astype(int), np.clip(columns, 0, side - 1).astype(int)] & within
    return np.where(here.any(axis=1), here.shape[1] - 1 - here[:, ::-1].argmax(axis=1), 0) / fine


def _bumps(reach: np.ndarray, prominence: float) -> list[int]:
    """Where a closed curve has maxima that rise at least ``prominence`` above the valleys on both sides."""
    turn = int(reach.argmin())
    curve = np.roll(reach, -turn)
    found = []
    for at in range(1, len(curve) - 1):
        if not (curve[at] > curve[at - 1] and curve[at] >= curve[at + 1]):
            continue
        higher = np.nonzero(curve > curve[at])[0]
        before, after = higher[higher < at], higher[higher > at]
        left = curve[(before[-1] if len(before) else 0) : at].min()
        right = curve[at + 1 : (after[0] + 1 if len(after) else len(curve))].min()
        if curve[at] - max(left, right) >= prominence:
            found.append((at + turn) % len(curve))
    return sorted(found)


# --- what the counter is worth ----------------------------------------------------------------------------


@cache
def validation() -> dict[str, Any]:
    """The recorded test of this counter on rendered hands whose fingers are known; {} when it is not there."""
    file = MODELS / "sticker-world" / "fingers.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
