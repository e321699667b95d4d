"""Screen 1: a picture as 48 times fewer numbers, and what comes back."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from engines.evidence import Evidence, Finding, Table
from engines.pictures import autoencoder
from engines.pictures import snippets as picture_snippets
from engines.pictures.autoencoder import ChannelViews, RoundTrip
from engines.pictures.diffusion import Painter
from engines.pictures.measures import SAME, decibels, error_map, psnr
from engines.statistics import interval, mean_interval, percent, spread
from lessons.latents import measures as lab
from lessons.latents.measures import Chosen

NOTICEABLE = 16  # shades of 255


@dataclass(frozen=True)
class Score:
    """One picture's round trip: PSNR in dB, that of the thumbnail, and shares of pixels in [0, 1]."""

    name: str
    psnr: float
    thumbnail_psnr: float
    exact: float
    close: float


@dataclass(frozen=True, eq=False)
class Shrunk:
    """The chosen picture through the autoencoder, beside a thumbnail made of as many numbers.

    ``scores``: the chosen picture's first, then those of the other bundled scenes measured so far.
    """

    chosen: Chosen
    trip: RoundTrip
    channels: ChannelViews
    thumbnail: np.ndarray
    thumbnail_error: np.ndarray
    thumbnail_side: int
    scores: tuple[Score, ...]

    @property
    def pooled(self) -> tuple[Score, ...]:
        """Those that a mean is taken over: a learner's own picture is no sticker and stands apart from the bundled."""
        return self.scores[1:] if self.chosen.name == lab.OWN and len(self.scores) > 1 else self.scores


def thumbnail_side(latent_numbers: int) -> int:
    """The largest square thumbnail, three numbers a pixel, within a budget of ``latent_numbers``."""
    return max(1, math.isqrt(latent_numbers // 3))


def through_thumbnail(picture: np.ndarray, side: int) -> np.ndarray:
    """The rival: shrink uint8 [H, W, 3] to ``side``² pixels by averaging, and enlarge it again (bicubic)."""
    small = Image.fromarray(picture).resize((side, side), Image.Resampling.BOX)
    return np.asarray(small.resize((picture.shape[1], picture.shape[0]), Image.Resampling.BICUBIC))


def score(name: str, picture: np.ndarray, restored: np.ndarray, thumbnail: np.ndarray) -> Score:
    worst = np.abs(picture.astype(int) - restored).max(axis=-1)
    exact, close = float((worst == 0).mean()), float((worst <= NOTICEABLE).mean())
    return Score(name, min(psnr(picture, restored), SAME), min(psnr(picture, thumbnail), SAME), exact, close)


def shrink_picked(painter: Painter, picked: tuple[str, np.ndarray | None]) -> Iterator[Evidence[Shrunk]]:
    yield from shrink(painter, lab.picked(painter, picked))


def shrink(painter: Painter, chosen: Chosen) -> Iterator[Evidence[Shrunk]]:
    """The chosen picture first, then the same measures over all the bundled scenes."""
    began = time.perf_counter()
    trip = autoencoder.round_trip(painter, chosen.picture)
    side = thumbnail_side(trip.numbers.latent)
    thumbnail = through_thumbnail(chosen.picture, side)
    own = score(chosen.caption, chosen.picture, trip.restored, thumbnail)
    value = Shrunk(
        chosen, trip, autoencoder.channel_views(trip.latent), thumbnail, error_map(chosen.picture, thumbnail), side,
        (own,),
    )  # fmt: skip
    yield _evidence(painter, value, began)
    names = [name for name in lab.CAPTIONS if name != chosen.name]
    pictures = np.stack([lab.example(name, painter.height, painter.width) for name in names])
    restored = lab.round_trips(painter, pictures)
    others = tuple(
        score(lab.CAPTIONS[name], before, after, through_thumbnail(before, side))
        for name, before, after in zip(names, pictures, restored, strict=True)
    )
    yield _evidence(painter, Shrunk(**{**vars(value), "scores": (own, *others)}), began)


def truth(value: Shrunk) -> tuple[float, str]:
    """The share of pixels that come back exactly, and the measurement in words."""
    if value.chosen.name == lab.OWN:
        return value.scores[0].exact, f"{percent(value.scores[0].exact)} of the pixels of your picture"
    shares = [one.exact for one in value.scores]
    mean, low, high = mean_interval(shares)
    between = f" (95 % interval {interval(low, high)})" if math.isfinite(low) else ""
    return mean, f"{percent(mean)} of the pixels{between} in {len(shares)} pictures"


def _evidence(painter: Painter, value: Shrunk, began: float) -> Evidence[Shrunk]:
    numbers, own = value.trip.numbers, value.scores[0]
    gain, gains = own.psnr - own.thumbnail_psnr, [one.psnr - one.thumbnail_psnr for one in value.pooled]
    count = len(value.pooled)
    over = f"over {count} {'bundled ' if own not in value.pooled else ''}pictures" if count > 1 else "for this picture"
    nearer = f"{gain:+.1f} dB", "nearer to the original than", "The difference is what training bought."
    if own.thumbnail_psnr >= SAME:
        nearer = "no difference", "between the original and", "So plain a picture needs no learned decoder."
    elif gain <= 0:
        blur = "Here a plain blur does better: training pays on pictures like its own."
        nearer = f"{-gain:.1f} dB", "further from the original than", blur
    amount, compared, reason = nearer
    pooled = f"; {over}: {spread(gains, 1)} dB" if len(gains) > 1 or own.thumbnail_psnr < SAME else ""
    findings = (
        Finding(
            f"{numbers.ratio:.3g} × fewer",
            f"numbers: {numbers.picture:,} before, {numbers.latent:,} after. Exact, for every picture of this size.",
        ),
        Finding(
            decibels(own.psnr),
            f"is how near this picture comes back; {over}: {spread([one.psnr for one in value.pooled], 1)} dB.",
        ),
        Finding(
            amount,
            f"{compared} a thumbnail of {value.thumbnail_side} × {value.thumbnail_side} pixels, which "
            f"holds no more numbers{pooled}. {reason}",
        ),
        Finding(
            f"{percent(own.exact)} exact, {percent(own.close)} close",
            f"pixels of this picture; “close” means within {NOTICEABLE} shades of 255 in every colour.",
        ),
    )
    alt = (
        f"{value.chosen.caption} goes from {numbers.picture:,} numbers to {numbers.latent:,} and back; it returns at "
        f"{decibels(own.psnr)}, with {percent(own.exact)} of its pixels exact and {percent(own.close)} within "
        f"{NOTICEABLE} shades, while a thumbnail of no more numbers returns at {decibels(own.thumbnail_psnr)}."
    )
    rows = tuple(
        (
            one.name, round(one.psnr, 2), round(one.thumbnail_psnr, 2), round(100 * one.exact, 1),
            round(100 * one.close, 1),
        )
        for one in value.scores
    )  # fmt: skip
    columns = ("picture", "autoencoder, dB", "thumbnail, dB", "exact pixels, %", f"within {NOTICEABLE} shades, %")
    source = lab.provenance(painter, began, picture=value.chosen.name, pictures=count)
    code = picture_snippets.round_trip(painter.source, value.chosen.path)
    return Evidence(value, alt, Table(columns, rows), source, findings, code, value.trip.psnr)
