"""Screen 4: the caption is swapped on the way; which pictures still turn?"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, check_caption, check_number, seed_range
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.measures import strangeness
from engines.statistics import Interval, cells, mean_interval, percent, share, spread, wilson, words
from lessons.noising.lock import LOCKED, own_likeness
from lessons.noising.measures import distance, guidance
from lessons.shell.painting import painting, underway

HOLE = (0.25, 0.25, 0.75, 0.75)
"""What is overwritten with noise to see until when it is mended: left, top, right, bottom."""


@dataclass(frozen=True, eq=False)
class Turn:
    """Pictures whose caption was swapped on the way, beside those that kept theirs: uint8 [seeds, H, W, 3].

    ``passes``: of a run. ``turned[k]`` tells for each seed whether the picture swapped before pass k + 1 ended nearer
    to what the new caption paints than to what the old one does, from the *other* seeds (see :func:`nearer`).
    ``known``: the control, how many never swapped pictures the same test tells rightly. ``own``: likeness of the
    first caption's own composition to its end [passes, seeds]. ``mended[k]``: for each seed the share of a hole of
    noise, struck before pass k + 1 into the first caption's picture, that is gone at the end.
    """

    first: str
    second: str
    passes: int
    own_first: np.ndarray
    own_second: np.ndarray
    swapped: dict[int, np.ndarray]
    turned: dict[int, np.ndarray]
    known: Interval
    own: np.ndarray
    mended: dict[int, np.ndarray] = field(default_factory=dict)

    def settled(self) -> list[int]:
        """For each seed the pass, from 1, from which its own composition stays as it is at the end."""
        return [int(np.flatnonzero(column < LOCKED)[-1]) + 2 if (column < LOCKED).any() else 1 for column in self.own.T]

    def interval(self, at: int) -> Interval:
        return wilson(int(self.turned[at].sum()), len(self.turned[at]))

    @property
    def misread(self) -> Interval:
        """How many never swapped pictures of the first caption the same test takes for turned."""
        wrong = nearer(self.own_first, self.own_second, self.own_first)
        return wilson(int(wrong.sum()), len(wrong))

    def clearly(self, at: int) -> bool:
        """Whether a swap there turned most pictures, and more than the test misreads."""
        return self.interval(at).rate > 0.5 and self.interval(at).low > self.misread.rate


def swap_passes(passes: int) -> tuple[int, ...]:
    """The passes (from 0) before which the caption is swapped: spread over the run, a third and the last among them."""
    shares = (0.2, 1 / 3, 0.64, 0.8, 0.88, 0.96)
    return tuple(dict.fromkeys(min(passes - 1, max(1, round(share * passes))) for share in shares))


def turn(
    painter: Painter,
    first: str,
    second: str,
    seeds: int = 4,
    *,
    swaps: Sequence[int] | None = None,
    holes: bool = True,
    seed: int = 7,
    steps: int | None = None,
    guidance_scale: float | None = None,
) -> Iterator[Underway | Evidence[Turn]]:
    """Swap the caption at each of ``swaps`` (passes from 0); one Evidence a swap, each with one more.

    ``holes``: also strike a hole of noise there, for what a pass can still mend.
    """
    began, steps = time.perf_counter(), painter.passes(steps)
    check_number("The number of passes", steps, 2, 100, whole=True)
    check_caption(first, "The first caption")
    check_caption(second, "The second caption")
    if first.strip().lower() == second.strip().lower():
        raise PlainError("The two captions are the same. Write another second caption.")
    rows, swaps = seed_range(seed, seeds), swap_passes(painter.made(steps)) if swaps is None else tuple(swaps)
    settings: dict[str, Any] = {"seeds": rows, "steps": steps, "guidance_scale": guidance_scale}
    plans = [Plan(first, swap=diffusion.Swap(at, second), **settings) for at in swaps]
    scale = guidance(painter, guidance_scale)
    guesses = []
    for event in diffusion.denoise(painter, Plan(first, previews=True, **settings)):
        assert event.previews is not None
        guesses.append(event.previews)
        yield underway(event, "The first caption, never swapped")
    own_first = event.pictures
    assert own_first is not None
    own_second = yield from painting(painter, Plan(second, **settings), "The second caption, never swapped")
    right = nearer(own_second, own_second, own_first).sum() + nearer(own_first, own_first, own_second).sum()
    own = own_likeness(np.stack(guesses), own_first).low
    whole = _hole(strangeness(painter, own_first)) if holes else np.empty(0)
    swapped: dict[int, np.ndarray] = {}
    turned: dict[int, np.ndarray] = {}
    mended: dict[int, np.ndarray] = {}
    for at, plan in zip(swaps, plans, strict=True):
        captions = []  # what the first picture's painter read in each pass
        for event in diffusion.denoise(painter, plan):
            captions.append(event.captions[0])
            yield underway(event, f"Swapped before pass {at + 1}")
        assert event.pictures is not None
        swapped[at] = event.pictures
        turned[at] = nearer(swapped[at], own_second, own_first)
        if holes:
            jab = diffusion.Poke(at, HOLE, "noise", seed=(seed + 1000) % (MAX_SEED + 1))
            said = f"A hole before pass {at + 1}"
            mended[at] = yield from _mended(painter, Plan(first, pokes=(jab,), **settings), whole, said)
        value = Turn(
            first, second, event.passes, own_first, own_second, dict(swapped), dict(turned),
            wilson(int(right), 2 * len(rows)), own, dict(mended),
        )  # fmt: skip
        source = Provenance.live(
            painter, began, seed, first=first, second=second, seeds=len(rows), **painter.pass_settings(steps),
            guidance_scale=scale,
        )  # fmt: skip
        code = picture_snippets.for_painter(
            painter, picture_snippets.captions_by_pass, captions, seed=rows[0], steps=steps, guidance_scale=scale,
            xl=painter.is_xl,
        )  # fmt: skip
        yield replace(_turn_evidence(value, source), snippet=code, expected=swapped[at][0])


def nearer(pictures: np.ndarray, to: np.ndarray, than: np.ndarray) -> np.ndarray:
    """For each of ``pictures`` [seeds, H, W, 3], whether it is nearer to the *other* seeds' pictures in ``to`` than to
    theirs in ``than``, bool [seeds]; to its own seed's where there is but one."""
    others = ~np.eye(len(pictures), dtype=bool) if len(pictures) > 1 else np.ones((1, 1), bool)
    near, far = (
        np.stack([distance(pictures, one[None]) for one in each], axis=1).mean(axis=1, where=others)
        for each in (to, than)
    )
    return near < far


def _hole(pixels: np.ndarray) -> np.ndarray:
    """The mean over the hole, and a little inside it, of [seeds, H, W]: [seeds]."""
    height, width = pixels.shape[1:]
    left, top, right, bottom = HOLE
    return pixels[:, int(top * height) : int(bottom * height), int(left * width) : int(right * width)].mean(axis=(1, 2))


def _mended(painter: Painter, plan: Plan, whole: np.ndarray, said: str) -> Generator[Underway, None, np.ndarray]:
    """The share of the strangeness of a hole that is gone at the end, [seeds]; ``whole``: what there is without it."""
    (at,) = (poke.at for poke in plan.pokes)
    for event in diffusion.denoise(painter, plan):
        if event.index == at:
            struck = painter.decode(event.latent_before / np.hypot(event.alpha, event.sigma))
        yield underway(event, said)
    assert event.pictures is not None
    hurt, left = (_hole(strangeness(painter, pictures)) - whole for pictures in (struck, event.pictures))
    return 1 - np.maximum(0, np.divide(left, hurt, out=np.zeros_like(left), where=hurt > 1e-6))


def _turn_evidence(value: Turn, source: Provenance) -> Evidence[Turn]:
    rows = []
    for at, pictures in value.swapped.items():
        to_first, to_second = distance(pictures, value.own_first), distance(pictures, value.own_second)
        turned = value.interval(at)
        rows.append((
            at + 1, f"{turned.successes} of {turned.trials}", round(turned.low, 2), round(turned.high, 2),
            round(float(to_first.mean()), 3), round(float(to_second.mean()), 3),
            *(cells(share(value.mended[at]), 3) if at in value.mended else (None,) * 3),
        ))  # fmt: skip
    third, late = third_swap(value), max(value.swapped)
    findings = [
        Finding(percent(value.interval(at).rate), f"turn when the words change {when}: {value.interval(at)}.")
        for at, when in {
            third: f"a third of the way, before pass {third + 1}",
            late: f"before pass {late + 1} of {value.passes}",
        }.items()
    ]
    turns = [at + 1 for at in value.swapped if value.clearly(at)]
    settled = value.settled()
    if turns and len(value.own_first) > 1:
        verdict = (
            "Settled is not locked: it stays if nobody interferes, and new words still move it."
            if max(turns) > mean_interval(settled)[2]
            else "That is not later than what had settled, as far as these seeds tell."
        )
        findings.append(
            Finding(
                f"pass {np.mean(settled):.0f} and pass {max(turns)}",
                f"Left alone, a seed's own composition has settled from pass {spread(settled, 1)} on; new words still "
                f"turned more pictures before pass {max(turns)} than the test misreads of those never swapped "
                f"({value.misread}). {verdict}",
            )
        )
    if value.mended:
        first, last = min(value.mended), max(value.mended)
        findings.append(
            Finding(
                " → ".join(percent(float(value.mended[at].mean())) for at in dict.fromkeys((first, last))),
                "of the strangeness of a hole of noise is gone at the end: "
                + "; ".join(
                    f"{words(share(value.mended[at]), 0, True)} when struck before pass {at + 1}"
                    for at in dict.fromkeys((first, last))
                )
                + ".",
            )
        )
    if len(value.own_first) > 1:  # one seed's pictures would be held against themselves
        findings.append(
            Finding(
                f"{value.known.successes} of {value.known.trials}",
                f"never swapped pictures are told rightly by the same test: {value.known}. It cannot be trusted "
                "further than that.",
            )
        )
    alt = "Share of pictures that end nearer to what the new caption paints: " + "; ".join(
        f"swapped before pass {at + 1}, {value.interval(at)}" for at in value.swapped
    )
    columns = (
        "swapped before pass", "turned", "low", "high", "distance to the old picture", "to the new one",
        "hole mended", "low", "high",
    )  # fmt: skip
    return Evidence(value, alt + ".", Table(columns, tuple(rows)), source, tuple(findings))


def third_swap(value: Turn) -> int:
    """The swap nearest to a third of the way."""
    return min(value.swapped, key=lambda at: abs(at - value.passes / 3))


def turn_truth(value: Turn) -> tuple[float, str]:
    turned = value.interval(third_swap(value))
    return turned.rate, f"{turned} turned when swapped before pass {third_swap(value) + 1}"
