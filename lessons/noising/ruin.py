"""Screen 1: a picture at every noise level, and the clean picture guessed from each in one pass."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, Provenance, Table
from engines.pictures import diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import OneShotGuess, Painter
from engines.statistics import mean_interval, more, plural, spread, wilson
from lessons.noising.measures import distance
from lessons.shell.scenes import CAPTIONS, example
from lessons.shell.uploads import OWN

LINE_UPS = {
    "a green meadow": ("cat-meadow", "owl-meadow", "strawberry-meadow", "rocket-meadow"),
    "a night sky": ("moon-night", "penguin-night", "cake-night", "house-night"),
    "an orange background": ("octopus-orange", "teacup-orange", "guitar-orange", "cactus-orange"),
}
LEVELS = 16


def line_up(painter: Painter, name: str | None, picture: np.ndarray) -> np.ndarray:
    """The picture first, then the three it could be taken for: uint8 [4, H, W, 3].

    A bundled scene stands beside those that differ from it in the object only; a learner's own picture beside the
    three bundled ones that are nearest to it.
    """
    for row in LINE_UPS.values():
        if name in row:
            others = [example(other, painter.height, painter.width) for other in row if other != name]
            return np.stack([picture, *others])
    scenes = np.stack([example(other, painter.height, painter.width) for other in CAPTIONS])
    return np.stack([picture, *scenes[np.argsort(distance(scenes, picture[None]))[:3]]])


def noise_levels(painter: Painter) -> tuple[int, ...]:
    """Timesteps from a breath of noise to nothing but noise, :data:`LEVELS` of them."""
    return tuple(int(round(step)) for step in np.linspace(0.02, 1, LEVELS) * (painter.train_timesteps - 1))


@dataclass(frozen=True, eq=False)
class Ruin:
    """A picture at every noise level and the guesses from there.

    guesses: those of the first noise. psnr: dB [noises, levels] of the guesses. nearest: int [noises, levels], which
    of ``suspects`` uint8 [n, H, W, 3] the guess lies nearest to, 0 its own picture. mistaken: bool [noises, levels],
    the control: whether the guess from *another* picture of the line-up, under the same noise, is taken for this
    one. named: [noises, levels], how like the named noise is to the true one (correlation). end: the last timestep.
    """

    guesses: tuple[OneShotGuess, ...]
    psnr: np.ndarray
    nearest: np.ndarray
    mistaken: np.ndarray
    named: np.ndarray
    suspects: np.ndarray
    end: int

    @property
    def timesteps(self) -> tuple[int, ...]:
        return tuple(guess.timestep for guess in self.guesses)

    @property
    def picked(self) -> np.ndarray:
        """bool [noises, levels]: whether the guess is taken for its own picture."""
        return self.nearest == 0

    @property
    def recognised(self) -> np.ndarray:
        """bool [levels]: whether it is taken for its own picture clearly more often than another one's guess is.

        A guess that has nothing to go by lies nearest to one and the same picture whatever is underneath.
        """
        pairs = zip(self.picked.T, self.mistaken.T, strict=True)
        return np.array([more(hit, miss) > 0 if len(hit) > 1 else bool(hit[0]) > bool(miss[0]) for hit, miss in pairs])

    @property
    def lost(self) -> int | None:
        """The first timestep at which the object is not told apart any more; None when there is none."""
        gone = np.flatnonzero(~self.recognised)
        return self.timesteps[int(gone[0])] if gone.size else None


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

    The guess is read as a witness would: to which picture of the line-up is it nearest (mean squared error)? The
    control puts another picture of the line-up, each in its turn, under the same noise.
    """
    began, levels = time.perf_counter(), noise_levels(painter)
    psnr, nearest, mistaken, named = [], [], [], []
    first: tuple[OneShotGuess, ...] = ()
    for turn, noise in enumerate(seed_range(seed, noises)):
        guesses = diffusion.noising(painter, picture, timesteps=levels, seed=noise, caption=caption)
        first = first or guesses
        other = suspects[1 + turn % max(1, len(suspects) - 1)] if len(suspects) > 1 else picture
        control = diffusion.noising(painter, other, timesteps=levels, seed=noise, caption=caption)
        psnr.append([guess.psnr for guess in guesses])
        nearest.append([_nearest(guess.guess, suspects) for guess in guesses])
        mistaken.append([_nearest(guess.guess, suspects) == 0 for guess in control])
        named.append([float(np.corrcoef(one.noise.ravel(), one.predicted_noise.ravel())[0, 1]) for one in guesses])
        value = Ruin(
            first, np.array(psnr), np.array(nearest), np.array(mistaken), np.array(named), suspects,
            painter.train_timesteps - 1,
        )  # fmt: skip
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
        hits, alarms = int(value.picked[:, index].sum()), int(value.mistaken[:, index].sum())
        rows.append((
            guess.timestep, round(guess.alpha, 3), round(guess.sigma, 3), round(float(value.named[:, index].mean()), 3),
            round(guess.noisy_psnr, 2), round(mean, 2), None if single else round(low, 2),
            None if single else round(high, 2), f"{hits} of {len(value.psnr)}", f"{alarms} of {len(value.psnr)}",
        ))  # fmt: skip
    noises = len(value.psnr)
    over, lost = plural(noises, "noise"), value.lost
    at = len(value.guesses) - 1 if lost is None else value.timesteps.index(lost)
    right, wrong = (wilson(int(each[:, at].sum()), noises) for each in (value.picked, value.mistaken))
    counted = (
        f"the guess is taken for this picture in {right}, and the guess from another of the {len(value.suspects)} "
        f"pictures, under the same noise, in {wrong}"
    )
    middle = min(range(len(value.guesses)), key=lambda i: abs(value.guesses[i].sigma - value.guesses[i].alpha))
    half, ceiling = value.guesses[middle], value.guesses[0].ceiling_psnr
    gain = [row[middle] - half.noisy_psnr for row in value.psnr]
    if lost is None:
        verdict = Finding("Never lost", f"up to timestep {value.end}: even there {counted}.")
    else:
        verdict = Finding(
            f"Lost at {lost} of {value.end}", f"is where the object first cannot be told any more: there {counted}."
        )
    throughout = wilson(int(value.picked[:, : middle + 1].all(axis=1).sum()), noises)  # levels of a noise share it
    false = wilson(int(value.mistaken[:, : middle + 1].any(axis=1).sum()), noises)
    findings = (
        verdict,
        Finding(
            f"{throughout.successes} of {noises} recognised",
            f"at every level where there is no more noise than picture: {throughout}. Another picture is taken for it "
            f"there in {false}.",
        ),
        Finding(
            f"{np.mean(gain):+.1f} dB",
            f"by one guess where noise and picture are equally strong (timestep {half.timestep}): "
            f"{spread(gain, 1)} dB nearer to the original than the ruin. The most that is possible is "
            f"{ceiling:.1f} dB: the autoencoder alone loses the rest.",
        ),
    )
    last = value.guesses[-1]
    when = f"is told apart up to timestep {value.end}" if lost is None else f"cannot be told any more at {lost}"
    alt = (
        f"From timestep {value.timesteps[0]} to {last.timestep} the one-shot guess falls from "
        f"{value.psnr[:, 0].mean():.1f} to {value.psnr[:, -1].mean():.1f} dB PSNR, the ruined picture from "
        f"{value.guesses[0].noisy_psnr:.1f} to {last.noisy_psnr:.1f} dB; over {over} the object {when}."
    )
    columns = (
        "timestep", "picture kept (alpha)", "noise added (sigma)", "likeness of the named noise", "ruined, dB",
        "guess, dB", "guess, low", "guess, high", "picked out of the line-up", "another picture taken for it",
    )  # fmt: skip
    return Evidence(value, alt, Table(columns, tuple(rows)), source, findings)


def ruin_truth(value: Ruin) -> tuple[float, str]:
    """The share of the timesteps at which the object is lost, and the measurement in words."""
    over = plural(len(value.psnr), "noise")
    if value.lost is None:
        return 1.0, f"told apart at every timestep up to {value.end}, over {over}"
    return value.lost / value.end, f"not told apart any more at timestep {value.lost} of {value.end}, over {over}"
