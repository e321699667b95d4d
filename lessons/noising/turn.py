"""Screen 4: the caption is swapped on the way; which pictures still turn?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import check_caption, check_number, seed_range
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import diffusion
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import Interval, wilson
from lessons.noising.measures import distance, guidance
from lessons.shell.painting import painting, underway


@dataclass(frozen=True, eq=False)
class Turn:
    """Pictures whose caption was swapped on the way, beside those that kept theirs: uint8 [seeds, H, W, 3].

    ``passes``: of a run. ``turned[k]`` tells for each seed whether the picture swapped before pass k + 1 ended nearer
    (mean squared error) to the picture that the new caption paints from the same seed than to the old caption's.
    """

    first: str
    second: str
    passes: int
    own_first: np.ndarray
    own_second: np.ndarray
    swapped: dict[int, np.ndarray]
    turned: dict[int, np.ndarray]

    def interval(self, at: int) -> Interval:
        return wilson(int(self.turned[at].sum()), len(self.turned[at]))


def swap_passes(passes: int) -> tuple[int, ...]:
    """The passes (from 0) before which the caption is swapped: spread over the run, a third among them."""
    shares = (0.08, 0.2, 1 / 3, 0.48, 0.64, 0.8)
    return tuple(dict.fromkeys(min(passes - 1, max(1, round(share * passes))) for share in shares))


def turn(
    painter: Painter,
    first: str,
    second: str,
    seeds: int = 6,
    *,
    swaps: Sequence[int] | None = None,
    seed: int = 7,
    steps: int | None = None,
    guidance_scale: float | None = None,
) -> Iterator[Underway | Evidence[Turn]]:
    """Swap the caption at each of ``swaps`` (passes from 0); one Evidence a swap, each with one more."""
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
    own_first = yield from painting(painter, Plan(first, **settings), "The first caption, never swapped")
    own_second = yield from painting(painter, Plan(second, **settings), "The second caption, never swapped")
    swapped: dict[int, np.ndarray] = {}
    turned: dict[int, np.ndarray] = {}
    for at, plan in zip(swaps, plans, strict=True):
        captions = []  # what the first picture's painter read in each pass
        for event in diffusion.denoise(painter, plan):
            captions.append(event.captions[0])
            yield underway(event, f"Swapped before pass {at + 1}")
        assert event.pictures is not None
        swapped[at] = event.pictures
        turned[at] = distance(swapped[at], own_second) < distance(swapped[at], own_first)
        value = Turn(first, second, event.passes, own_first, own_second, dict(swapped), dict(turned))
        source = Provenance.live(
            painter, began, seed, first=first, second=second, seeds=len(rows), **painter.told(steps),
            guidance_scale=scale,
        )  # fmt: skip
        code = picture_snippets.for_painter(
            painter, picture_snippets.captions_by_pass, captions, seed=rows[0], steps=steps, guidance_scale=scale,
            xl=painter.is_xl,
        )  # fmt: skip
        yield replace(_turn_evidence(value, source), snippet=code, expected=swapped[at][0])


def _turn_evidence(value: Turn, source: Provenance) -> Evidence[Turn]:
    rows = []
    for at, pictures in value.swapped.items():
        to_first, to_second = distance(pictures, value.own_first), distance(pictures, value.own_second)
        share = value.interval(at)
        rows.append((
            at + 1, f"{share.successes} of {share.trials}", round(share.low, 2), round(share.high, 2),
            round(float(to_first.mean()), 3), round(float(to_second.mean()), 3),
        ))  # fmt: skip
    early, late = min(value.swapped), max(value.swapped)
    third = third_swap(value)
    words = {
        early: f"turn when the words change before pass {early + 1}",
        third: f"turn a third of the way, before pass {third + 1}",
        late: f"turn before pass {late + 1} of {value.passes}",
    }
    findings = tuple(
        Finding(f"{value.interval(at).rate:.0%}", f"{text}: {value.interval(at)}.") for at, text in words.items()
    )
    alt = "Share of pictures that end nearer to the new caption's own picture: " + "; ".join(
        f"swapped before pass {at + 1}, {value.interval(at)}" for at in value.swapped
    )
    columns = ("swapped before pass", "turned", "low", "high", "distance to the old picture", "to the new one")
    return Evidence(value, alt + ".", Table(columns, tuple(rows)), source, findings)


def third_swap(value: Turn) -> int:
    """The swap nearest to a third of the way."""
    return min(value.swapped, key=lambda at: abs(at - value.passes / 3))


def turn_truth(value: Turn) -> tuple[float, str]:
    share = value.interval(third_swap(value))
    return share.rate, f"{share} turned when swapped before pass {third_swap(value) + 1}"
