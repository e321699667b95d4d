"""The painter's autoencoder on its own: what a picture becomes, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engines.checks import MAX_SEED, check_number, whole
from engines.evidence import PlainError
from engines.pictures.files import draw_text, face_for
from engines.pictures.measures import error_map, psnr
from engines.pictures.painter import Painter

MAX_SWEEP = 128
Operation = Literal["zero", "shuffle", "swap"]


@dataclass(frozen=True)
class NumberCount:
    """How many numbers a picture holds before and after: both exact, and their ratio."""

    picture: int
    latent: int

    @property
    def ratio(self) -> float:
        return self.picture / self.latent


@dataclass(frozen=True, eq=False)
class RoundTrip:
    """A picture through the autoencoder and back.

    picture, restored: uint8 [H, W, 3]. latent: float32 [C, h, w], scaled as the painter uses it.
    error: float32 [H, W], mean absolute difference over the colours in [0, 1]. psnr: dB.
    """

    picture: np.ndarray
    latent: np.ndarray
    restored: np.ndarray
    error: np.ndarray
    psnr: float
    numbers: NumberCount


@dataclass(frozen=True, eq=False)
class ChannelViews:
    """Each latent channel as a grey picture uint8 [C, h, w]; black is ``low``, white ``high`` in all of them."""

    views: np.ndarray
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Surgery:
    """A picture decoded after one latent channel was changed; ``psnr`` against the untouched round trip."""

    channel: int
    how: Operation
    latent: np.ndarray
    picture: np.ndarray
    psnr: float


@dataclass(frozen=True, eq=False)
class LegibilitySample:
    """Drawn text and what the round trip makes of it; reading it is left to ``judge.read_text``."""

    text: str
    letter_height: int
    drawn: np.ndarray
    restored: np.ndarray


def round_trip(painter: Painter, picture: np.ndarray) -> RoundTrip:
    """Encode (the mean, not a draw) and decode a picture uint8 [H, W, 3]."""
    latent = painter.encode(picture[None])
    restored = painter.decode(latent, checked=False)[0]
    return RoundTrip(
        picture=picture,
        latent=latent[0],
        restored=restored,
        error=error_map(picture, restored),
        psnr=psnr(picture, restored),
        numbers=NumberCount(picture.size, latent.size),
    )


def channel_views(latent: np.ndarray) -> ChannelViews:
    """The channels of a latent float32 [C, h, w] as grey pictures on one shared scale."""
    low, high = float(latent.min()), float(latent.max())
    spread = (latent - low) / (high - low if high > low else 1.0)
    return ChannelViews((spread * 255).round().astype(np.uint8), low, high)


def change_channel(
    latent: np.ndarray, channel: int, how: Operation, *, seed: int = 0, donor: np.ndarray | None = None
) -> np.ndarray:
    """A copy of a latent float32 [C, h, w] with one channel zeroed, its cells shuffled, or taken from ``donor``."""
    check_number("The channel", channel, 0, latent.shape[0] - 1, whole=True)
    changed = latent.copy()
    if how == "zero":
        changed[channel] = 0
    elif how == "shuffle":
        cells = latent[channel]
        changed[channel] = (
            np.random.default_rng(whole("The seed", seed, 0, MAX_SEED)).permutation(cells.ravel()).reshape(cells.shape)
        )
    elif how == "swap" and donor is not None and donor.shape == latent.shape:
        changed[channel] = donor[channel]
    else:
        raise PlainError("A channel can be zeroed, shuffled, or swapped with that of a latent of the same size.")
    return changed


def operate(
    painter: Painter,
    latent: np.ndarray,
    channel: int,
    how: Operation,
    *,
    seed: int = 0,
    donor: np.ndarray | None = None,
) -> Surgery:
    """Change one channel of a latent float32 [C, h, w], see :func:`change_channel`, and decode."""
    changed = change_channel(latent, channel, how, seed=seed, donor=donor)
    untouched, picture = painter.decode(np.stack([latent, changed]), checked=False)
    return Surgery(channel, how, changed, picture, psnr(untouched, picture))


def legibility_sweep(
    painter: Painter, texts: Sequence[str], letter_heights: Sequence[int]
) -> tuple[LegibilitySample, ...]:
    """Every text at every letter height (pixels of a capital), drawn and sent through the round trip.

    All are drawn in one font, which holds every letter of theirs. Text that no font holds or that does not fit the
    painter's picture is refused with a PlainError.
    """
    check_number("The number of drawn words", len(texts) * len(letter_heights), 1, MAX_SWEEP, whole=True)
    asked = [(text, letter_height) for letter_height in letter_heights for text in texts]
    face = face_for("".join(texts))
    drawn = np.stack([draw_text(t, h, width=painter.width, height=painter.height, face=face) for t, h in asked])
    chunks = [drawn[first : first + 16] for first in range(0, len(drawn), 16)]
    restored = np.concatenate([painter.decode(painter.encode(chunk), checked=False) for chunk in chunks])
    return tuple(LegibilitySample(*a, d, r) for a, d, r in zip(asked, drawn, restored, strict=True))
