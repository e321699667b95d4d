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
from engines.statistics import spread
from lessons.latents import measures as lab
from lessons.latents.measures import Chosen
from lessons.latents.smear import LUMA

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
    """The chosen picture untouched and after each operation; ``harms`` in channel order."""

    chosen: Chosen
    how: Operation
    latent: np.ndarray
    untouched: np.ndarray
    harms: tuple[Harm, ...]


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
    brightness = 3 * ((change @ np.array(LUMA, np.float32)) ** 2).sum(axis=(1, 2)) / energy
    coarse = (blur(change, cell) ** 2).sum(axis=(1, 2, 3)) / energy
    decibels = tuple(min(psnr(a, b), 99.0) for a, b in zip(before, after, strict=True))
    return Harm(channel, decibels, tuple(brightness.tolist()), tuple(coarse.tolist()), latent, after[0])


def worst(value: Operated) -> Harm:
    """The channel whose change does most harm, on average."""
    return min(value.harms, key=lambda harm: float(np.mean(harm.psnr)))


def led(value: Operated) -> float:
    """The share of the pictures in which the most harmful channel does the most harm."""
    table = np.array([harm.psnr for harm in value.harms])
    return float((table[worst(value).channel] == table.min(axis=0)).mean())


def truth(value: Operated) -> tuple[int, str] | None:
    """The most harmful channel and the measurement in words; None where a painter has more channels than choices."""
    harm = worst(value)
    if len(value.harms) > 4:
        return None
    led = sum(harm.psnr[row] == min(one.psnr[row] for one in value.harms) for row in range(len(harm.psnr)))
    return harm.channel, (
        f"with channel {harm.channel + 1} changed, {spread(harm.psnr, 1)} dB remain; it does most harm in {led} "
        f"of {len(harm.psnr)} pictures"
    )


def _evidence(painter: Painter, value: Operated, seed: int, began: float) -> Evidence[Operated]:
    done = HOWS[value.how]
    harm = worst(value)
    mildest = max(value.harms, key=lambda one: float(np.mean(one.psnr)))
    light = max(value.harms, key=lambda one: float(np.mean(one.brightness)))
    colour = min(value.harms, key=lambda one: float(np.mean(one.brightness)))
    count = len(harm.psnr)
    findings = [
        Finding(
            f"Channel {harm.channel + 1} hurts most",
            f"when {done}: {spread(harm.psnr, 1)} dB remain over {count} pictures; when channel "
            f"{mildest.channel + 1} is, {spread(mildest.psnr, 1)} dB.",
        )
    ]
    if len(value.harms) > 1:
        findings.append(
            Finding(
                f"{np.mean(light.brightness):.0%} against {np.mean(colour.brightness):.0%}",
                f"of the change is brightness in channel {light.channel + 1} (the most) and in channel "
                f"{colour.channel + 1} (the least). The rest is colour. No channel is all of one kind.",
            )
        )
        coarse = max(value.harms, key=lambda one: float(np.mean(one.coarse)))
        fine = min(value.harms, key=lambda one: float(np.mean(one.coarse)))
        findings.append(
            Finding(
                f"{np.mean(coarse.coarse):.0%} against {np.mean(fine.coarse):.0%}",
                f"of the change is coarser than a cell in channel {coarse.channel + 1} (the most) and in channel "
                f"{fine.channel + 1} (the least).",
            )
        )
    listed = "; ".join(f"channel {one.channel + 1} leaves {np.mean(one.psnr):.1f} dB" for one in value.harms)
    alt = f"With one channel {done}, against the untouched round trip over {count} pictures: {listed}."
    rows = tuple(
        (
            one.channel + 1, *lab.bounds(one.psnr), round(100 * float(np.mean(one.brightness)), 1),
            round(100 * float(np.mean(one.coarse)), 1),
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
