"""Screen 1: a picture at every noise level, and the clean picture guessed from each in one pass."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, Provenance, Table
from engines.pictures import diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import OneShotGuess, Painter
from engines.statistics import interval, mean_interval, plural, spread, wilson
from lessons.shell.scenes import CAPTIONS, example
from lessons.shell.uploads import OWN

LINE_UPS = {
    "a green meadow": ("cat-meadow", "owl-meadow", "strawberry-meadow", "rocket-meadow"),
    "a night sky": ("moon-night", "penguin-night", "cake-night", "house-night"),
    "an orange background": ("octopus-orange", "teacup-orange", "guitar-orange", "cactus-orange"),
}
LEVELS = 16


def line_up(painter: Painter, name: str | None, picture: np.ndarray) -> np.ndarray:
    """The picture first, then those it could be taken for: uint8 [n, H, W, 3].

    A bundled scene stands beside the three that differ from it in the object only; a learner's own picture
    beside all the bundled ones.
    """
    names: Sequence[str] = list(CAPTIONS)
    for row in LINE_UPS.values():
        if name in row:
            names = [other for other in row if other != name]
    others = [example(other, painter.height, painter.width) for other in names]
    return np.stack([picture, *others])


def noise_levels(painter: Painter) -> tuple[int, ...]:
    """Timesteps from a breath of noise to nothing but noise, :data:`LEVELS` of them."""
    return tuple(int(round(step)) for step in np.linspace(0.02, 1, LEVELS) * (painter.train_timesteps - 1))


@dataclass(frozen=True, eq=False)
class Ruin:
    """A picture at every noise level and the guesses from there.

    guesses: those of the first noise. psnr: dB [noises, levels] of the guesses. picked: bool [noises, levels],
    whether the guess lies nearest to its own picture in the line-up. lost: per noise, the first timestep at
    which it does not, None when it always does. end: the number of timesteps there are.
    """

    guesses: tuple[OneShotGuess, ...]
    psnr: np.ndarray
    picked: np.ndarray
    suspects: int
    end: int

    @property
    def timesteps(self) -> tuple[int, ...]:
        return tuple(guess.timestep for guess in self.guesses)

    @property
    def lost(self) -> tuple[int | None, ...]:
        return tuple(None if row.all() else self.timesteps[int(np.flatnonzero(~row)[0])] for row in self.picked)


def ruin_scene(
    painter: Painter, picked: tuple[str, np.ndarray | None], use_words: bool, caption: str
) -> Iterator[Evidence[Ruin]]:
    """Ruin the picked scene, or the learner's own picture, in its line-up; ``caption`` is read if ``use_words``."""
    name, picture = picked
    if picture is None or name != OWN:
        picture = example(name, painter.height, painter.width)
    picture = painter.fit(picture[None], painter.height, painter.width)[0]
    suspects = line_up(painter, name, picture)
    yield from ruin(painter, picture, suspects, caption=caption if use_words else "", name=name)


def ruin(
    painter: Painter,
    picture: np.ndarray,
    suspects: np.ndarray,
    *,
    seed: int = 0,
    noises: int = 8,
    caption: str = "",
    name: str = "your picture",
) -> Iterator[Evidence[Ruin]]:
    """Noise a picture to every level and guess it back in one pass; one Evidence a noise, each over more noises.

    The guess is read as a witness would: to which picture of the line-up is it nearest (mean squared error)?
    """
    began, levels = time.perf_counter(), noise_levels(painter)
    psnr: list[list[float]] = []
    picked: list[list[bool]] = []
    first: tuple[OneShotGuess, ...] = ()
    for noise in seed_range(seed, noises):
        guesses = diffusion.noising(painter, picture, timesteps=levels, seed=noise, caption=caption)
        first = first or guesses
        psnr.append([guess.psnr for guess in guesses])
        picked.append([_nearest(guess.guess, suspects) == 0 for guess in guesses])
        value = Ruin(first, np.array(psnr), np.array(picked), len(suspects), painter.train_timesteps)
        source = Provenance.live(painter, began, seed, picture=name, noises=len(psnr), caption=caption or "none")
        result = _ruin_evidence(value, source)
        yield replace(result, **_snippet(painter, value, name, seed, caption))


def _snippet(painter: Painter, value: Ruin, name: str, seed: int, caption: str) -> dict[str, Any]:
    """The guess from the noisiest level that is still recognised, as plain code, and its PSNR."""
    right = np.flatnonzero(value.picked[0])
    guess = value.guesses[int(right[-1]) if right.size else 0]
    path = f"lessons/shell/scenes/{name}.png" if name in CAPTIONS else "your-picture.png"
    settings: dict[str, Any] = {"timestep": guess.timestep, "seed": seed, "caption": caption, "xl": painter.is_xl}
    code = picture_snippets.for_painter(painter, picture_snippets.one_shot_guess, path, **settings)
    return {"snippet": code, "expected": guess.psnr}


def _nearest(guess: np.ndarray, suspects: np.ndarray) -> int:
    errors = ((suspects.astype(np.float32) - guess.astype(np.float32)) ** 2).mean(axis=(1, 2, 3))
    return int(errors.argmin())


def _ruin_evidence(value: Ruin, source: Provenance) -> Evidence[Ruin]:
    rows = []
    for index, guess in enumerate(value.guesses):
        mean, low, high = mean_interval(list(value.psnr[:, index]))
        single = not math.isfinite(low)
        right = int(value.picked[:, index].sum())
        rows.append((
            guess.timestep, round(guess.alpha, 3), round(guess.sigma, 3), round(guess.noisy_psnr, 2),
            round(mean, 2), None if single else round(low, 2), None if single else round(high, 2),
            f"{right} of {len(value.psnr)}",
        ))  # fmt: skip
    lost, noises = value.lost, len(value.psnr)
    over = plural(noises, "noise")
    never = sum(step is None for step in lost)
    typical = lost_at(value)
    middle = min(range(len(value.guesses)), key=lambda i: abs(value.guesses[i].sigma - value.guesses[i].alpha))
    half, ceiling = value.guesses[middle], value.guesses[0].ceiling_psnr
    gain = [row[middle] - half.noisy_psnr for row in value.psnr]
    headline, when = (
        "Never lost",
        f"in {never} of {over}, in a line-up of {value.suspects} pictures.",
    )
    if never <= noises / 2:
        headline, when = (
            f"Lost at {typical:.0f} of {value.end - 1}",
            (
                f"is where the guess, typically (median of {over}), is first taken for another of the "
                f"{value.suspects} pictures in the line-up. It never is in {never} of {noises}."
            ),
        )
    throughout = wilson(int(value.picked[:, : middle + 1].all(axis=1).sum()), noises)  # levels of a noise share it
    findings = (
        Finding(headline, when),
        Finding(
            f"{throughout.successes} of {noises} recognised",
            f"at every level where there is no more noise than picture: {throughout.rate:.0%} of the noises (95 % "
            f"interval {interval(throughout.low, throughout.high)}).",
        ),
        Finding(
            f"{np.mean(gain):+.1f} dB",
            f"by one guess where noise and picture are equally strong (timestep {half.timestep}): "
            f"{spread(gain, 1)} dB nearer to the original than the ruin. The most that is possible is "
            f"{ceiling:.1f} dB: the autoencoder alone loses the rest.",
        ),
    )
    last = value.guesses[-1]
    alt = (
        f"From timestep {value.timesteps[0]} to {last.timestep} the one-shot guess falls from "
        f"{value.psnr[:, 0].mean():.1f} to {value.psnr[:, -1].mean():.1f} dB PSNR, the ruined picture from "
        f"{value.guesses[0].noisy_psnr:.1f} to {last.noisy_psnr:.1f} dB; over {over} the guess is first taken "
        f"for another picture at timestep {typical:.0f} (median)."
    )
    columns = (
        "timestep", "picture kept (alpha)", "noise added (sigma)", "ruined, dB", "guess, dB",
        "guess, low", "guess, high", "picked out of the line-up",
    )  # fmt: skip
    return Evidence(value, alt, Table(columns, tuple(rows)), source, findings)


def lost_at(value: Ruin) -> float:
    """Median over the noises of the timestep at which the object is lost; ``value.end`` stands for never."""
    return float(np.median([value.end if step is None else step for step in value.lost]))


def ruin_truth(value: Ruin) -> tuple[float, str]:
    """The share of the timesteps at which the object is lost, and the measurement in words."""
    typical = lost_at(value)
    said = f"lost at timestep {typical:.0f} of {value.end - 1} (median of {plural(len(value.psnr), 'noise')})"
    return typical / value.end, said
