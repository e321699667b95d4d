"""Screen 3: one latent channel zeroed, shuffled or swapped, and what that does to the picture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, PlainError, Table, Underway
from engines.pictures import autoencoder
from engines.pictures import snippets as picture_snippets
from engines.pictures.autoencoder import Operation
from engines.pictures.diffusion import Painter
from engines.pictures.measures import blur, psnr
from engines.statistics import Mean, mean_interval, percent, spread, words
from lessons.latents import measures as lab
from lessons.latents.measures import Chosen

HOWS = {"zero": "set to zero", "shuffle": "shuffled", "swap": "swapped with another picture’s"}


@dataclass(frozen=True, eq=False)
class Harm:
    """What changing one channel did. Per picture: PSNR in dB against the untouched round trip, the share of
    the change that is brightness (the rest is colour), and the share coarser than a latent cell."""

    channel: int
    psnr: tuple[float, ...]
    brightness: tuple[float, ...]
    coarse: tuple[float, ...]
    latent: np.ndarray
    picture: np.ndarray


@dataclass(frozen=True, eq=False)
class Operated:
    """The chosen picture untouched and after each operation; ``harms`` in channel order, each of the chosen picture
    first. ``pooled``: what a mean is taken over; a learner's own picture stands apart from the bundled ones."""

    chosen: Chosen
    how: Operation
    latent: np.ndarray
    untouched: np.ndarray
    harms: tuple[Harm, ...]

    @property
    def pooled(self) -> slice:
        return slice(1, None) if self.chosen.name == lab.OWN else slice(None)

    def decibels(self) -> np.ndarray:
        """PSNR by channel and pooled picture, [channels, pictures]."""
        return np.array([harm.psnr[self.pooled] for harm in self.harms])


def operate_picked(
    painter: Painter, picked: tuple[str, np.ndarray | None], how: Operation
) -> Iterator[Underway | Evidence[Operated]]:
    yield from operate(painter, lab.picked(painter, picked), how)


def operate(
    painter: Painter, chosen: Chosen, how: Operation = "zero", *, seed: int = 0
) -> Iterator[Underway | Evidence[Operated]]:
    """The operation on every channel in turn, over the chosen picture and the bundled scenes."""
    if how not in get_args(Operation):
        raise PlainError(f"Choose one of: {', '.join(HOWS)}.")
    whole("The seed", seed, 0, MAX_SEED)
    began = time.perf_counter()
    yield Underway(0.0, "Encoding the pictures")
    others = [lab.example(name, painter.height, painter.width) for name in lab.CAPTIONS if name != chosen.name]
    latents = lab.encode(painter, np.stack([chosen.picture, *others]))
    untouched = np.concatenate(list(lab.decode(painter, latents)))
    harms: list[Harm] = []
    for channel in range(latents.shape[1]):
        changed = np.stack([
            autoencoder.change_channel(latent, channel, how, seed=seed + row, donor=latents[row - 1])
            for row, latent in enumerate(latents)
        ])  # fmt: skip
        pictures = np.concatenate(list(lab.decode(painter, changed)))
        harms.append(_harm(channel, untouched, pictures, changed[0], painter.factor))
        yield _evidence(painter, Operated(chosen, how, latents[0], untouched[0], tuple(harms)), seed, began)


def _harm(channel: int, before: np.ndarray, after: np.ndarray, latent: np.ndarray, cell: int) -> Harm:
    change = after.astype(np.float32) - before.astype(np.float32)
    energy = (change**2).sum(axis=(1, 2, 3)) + 1e-9
    brightness = 3 * (change.mean(axis=-1) ** 2).sum(axis=(1, 2)) / energy  # the grey part, of which colour is free
    coarse = (blur(change, cell) ** 2).sum(axis=(1, 2, 3)) / energy
    decibels = tuple(min(psnr(a, b), 99.0) for a, b in zip(before, after, strict=True))
    return Harm(channel, decibels, tuple(brightness.tolist()), tuple(coarse.tolist()), latent, after[0])


def ranked(value: Operated) -> list[Harm]:
    """The channels by the harm their change does on average, the most harmful first."""
    return [value.harms[i] for i in np.argsort(value.decibels().mean(axis=1))]


def led(value: Operated) -> float:
    """The share of the pictures in which the most harmful channel does the most harm."""
    table = value.decibels()
    return float((table[ranked(value)[0].channel] == table.min(axis=0)).mean())


def beats(value: Operated) -> Mean:
    """By how many dB the second most harmful channel leaves more than the most harmful, picture by picture."""
    first, second = (np.array(harm.psnr[value.pooled]) for harm in ranked(value)[:2])
    return mean_interval(second - first)


MIXED = 0.95
"""The share of brightness, or of colour, above which a channel counts as all of one kind."""
UNDECIDED = 4
"""The choice that no single channel does the most harm."""


def truth(value: Operated) -> tuple[int, str] | None:
    """The most harmful channel, or :data:`UNDECIDED` where the pictures do not tell the worst two apart, and the
    measurement in words; None where a painter has more channels than choices."""
    if len(value.harms) > 4:
        return None
    first = ranked(value)[0]
    left = first.psnr[value.pooled]
    said = (
        f"with channel {first.channel + 1} changed, {spread(left, 1)} dB remain; it does most harm in "
        f"{round(led(value) * len(left))} of {len(left)} pictures"
    )
    if len(value.harms) > 1 and not beats(value)[1] > 0:
        second = ranked(value)[1]
        return UNDECIDED, f"{said}. Compared picture by picture, it cannot be told from channel {second.channel + 1}"
    return first.channel, said


def _evidence(painter: Painter, value: Operated, seed: int, began: float) -> Evidence[Operated]:
    done, pooled = HOWS[value.how], value.pooled
    harm, mildest = ranked(value)[0], ranked(value)[-1]
    light = max(value.harms, key=lambda one: float(np.mean(one.brightness[pooled])))
    colour = min(value.harms, key=lambda one: float(np.mean(one.brightness[pooled])))
    count = len(harm.psnr[pooled])
    headline, beside = f"Channel {harm.channel + 1} hurts most", ""
    if len(value.harms) > 1:
        second, gap = ranked(value)[1], beats(value)
        clear = gap[1] > 0
        headline = headline if clear else f"Channel {harm.channel + 1} or {second.channel + 1}"
        beside = (
            f" Picture by picture, channel {second.channel + 1} leaves {words(gap, 1)} dB more"
            + ("." if clear else ": the two cannot be told apart.")
        )  # fmt: skip
    findings = [
        Finding(
            headline,
            f"when {done}: {spread(harm.psnr[pooled], 1)} dB remain over {count} pictures; when channel "
            f"{mildest.channel + 1} is, {spread(mildest.psnr[pooled], 1)} dB.{beside}",
        )
    ]
    if value.chosen.name == lab.OWN:
        own = min(value.harms, key=lambda one: one.psnr[0])
        findings.append(
            Finding(
                f"{own.psnr[0]:.1f} dB", f"remain of your picture with channel {own.channel + 1} {done}, the worst."
            )
        )
    if len(value.harms) > 1:
        most, least = (float(np.mean(one.brightness[pooled])) for one in (light, colour))
        mixed = " No channel is all of one kind." if 1 - MIXED <= least and most <= MIXED else ""
        findings.append(
            Finding(
                f"{percent(most)} against {percent(least)}",
                f"of the change is brightness in channel {light.channel + 1} (the most) and in channel "
                f"{colour.channel + 1} (the least). The rest is colour.{mixed}",
            )
        )
        coarse = max(value.harms, key=lambda one: float(np.mean(one.coarse[pooled])))
        fine = min(value.harms, key=lambda one: float(np.mean(one.coarse[pooled])))
        findings.append(
            Finding(
                " against ".join(percent(float(np.mean(one.coarse[pooled]))) for one in (coarse, fine)),
                f"of the change is coarser than a cell in channel {coarse.channel + 1} (the most) and in channel "
                f"{fine.channel + 1} (the least).",
            )
        )
    listed = "; ".join(f"channel {one.channel + 1} leaves {np.mean(one.psnr[pooled]):.1f} dB" for one in value.harms)
    alt = f"With one channel {done}, against the untouched round trip over {count} pictures: {listed}."
    rows = tuple(
        (
            one.channel + 1, *lab.bounds(one.psnr[pooled]), round(100 * float(np.mean(one.brightness[pooled])), 1),
            round(100 * float(np.mean(one.coarse[pooled])), 1),
        )
        for one in value.harms
    )  # fmt: skip
    columns = ("channel", "PSNR, dB", "low (95 %)", "high (95 %)", "brightness, %", "coarse, %")
    drawn = seed if value.how == "shuffle" else None
    source = lab.provenance(painter, began, drawn, picture=value.chosen.name, operation=value.how, pictures=count)
    donor = [name for name in lab.CAPTIONS if name != value.chosen.name][-1]
    code = picture_snippets.for_painter(
        painter, picture_snippets.round_trip, value.chosen.path, channel=value.harms[-1].channel, how=value.how,
        seed=seed, donor=lab.path_of(donor),
    )  # fmt: skip
    return Evidence(value, alt, Table(columns, rows), source, tuple(findings), code, value.harms[-1].picture)
