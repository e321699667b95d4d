"""Screen 4: memory or invention? The training scenes nearest to a painted picture, and to a real unseen one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from engines.checks import check_caption, check_number, seed_range, whole
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.pictures import copying as copies
from engines.pictures import snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import Interval, cells, mean_interval, more, percent, share, wilson, within, words
from engines.stickers import nearest, scenes
from engines.stickers.nearest import Near
from engines.stickers.seed_ranges import UNSEEN
from engines.stickers.world import facts_of
from lessons.shell.painting import painting

AT_ONCE, PAIRS = 8, 32
LOOKED_AT = 8_000
"""Unseen scenes among which one that fits a caption is looked for."""


@dataclass(frozen=True, eq=False)
class Found:
    """A picture (uint8 [H, W, 3]), its caption, and the training scenes nearest to it, nearest first."""

    picture: np.ndarray
    caption: str
    near: tuple[Near, ...]


@dataclass(frozen=True, eq=False)
class Memory:
    """One painted picture and one unseen scene with what lies nearest, and the distances of many pairs.

    captions: of the pairs. painted, unseen, untouched: the distance to the nearest training scene of the picture
    painted for each, of the real unseen scene with that caption after the painter's autoencoder, and of that scene
    as drawn; shares of full brightness. copied: a distance that one unseen scene in a hundred falls below.
    """

    own: Found
    control: Found
    captions: tuple[str, ...]
    painted: np.ndarray
    unseen: np.ndarray
    untouched: np.ndarray
    copied: float

    @property
    def nearer(self) -> Interval:
        """Pairs whose painted picture is nearer to its nearest training scene than the unseen one is to its own."""
        return wilson(int((self.painted < self.unseen).sum()), len(self.painted))


@dataclass(frozen=True, eq=False)
class Copies:
    """What the painter and its copying twin make of the repeated scene's caption: uint8 [seeds, H, W, 3] each.

    distances: of each picture to that scene; ``others``: of the twin's pictures of other captions to their nearest
    training scene. ``copied`` as in :class:`Memory`.
    """

    scene: np.ndarray
    painted: np.ndarray
    repeated: np.ndarray
    elsewhere: np.ndarray
    painted_distances: np.ndarray
    repeated_distances: np.ndarray
    others: np.ndarray
    copied: float

    def near(self, distances: np.ndarray) -> Interval:
        return wilson(int((distances < self.copied).sum()), len(distances))


@cache
def _kind(row: int) -> tuple[Any, ...]:
    plan = scenes.plan(UNSEEN + row)
    return sorted(thing.name for thing in plan.things), plan.count, plan.background


def unseen_like(caption: str) -> int:
    """The seed of an unseen scene with the caption's things, number and background, or as many of these as one has."""
    facts = facts_of(caption)
    names = sorted(thing.name for thing in facts.things)
    count = facts.things[0].count if len(facts.things) == 1 else 1
    best, most = 0, (False, False, False)
    for row in range(LOOKED_AT):
        kind = _kind(row)
        fits = kind[0] == names, kind[2] == facts.background, kind[1] == count
        if fits > most:
            best, most = row, fits
        if all(fits):
            break
    return UNSEEN + best


def ahead(caption: str) -> None:
    """Before a picture is painted, open the index and find its control, so that the search after it is short."""
    nearest.load()
    unseen_like(caption)


def search(painter: Painter, picture: np.ndarray, caption: str) -> tuple[Found, Found]:
    """What lies nearest to a painted picture, and to an unseen scene like it taken through the same autoencoder."""
    index = nearest.load()
    real = scenes.scene(unseen_like(caption))
    through = painter.decode(painter.encode(np.asarray(real.picture)[None]), checked=False)[0]
    return (
        Found(picture, caption, index.nearest(picture)),
        Found(through, scenes.phrasings(real.plan)[0], index.nearest(through)),
    )


def memory(
    painter: Painter,
    caption: str,
    seed: int = 7,
    pairs: int = PAIRS,
    *,
    steps: int | None = None,
    guidance_scale: float | None = None,
) -> Iterator[Underway | Evidence[Memory]]:
    """Paint a caption and search the diet for it, then do so for ``pairs`` captions of unseen scenes.

    One Evidence a batch of pairs, each with more of them.
    """
    began, steps = time.perf_counter(), painter.passes(steps)
    check_caption(caption)
    pairs = whole("The number of pairs", pairs, 2, 64)
    scale = painter.guidance_scale if guidance_scale is None else guidance_scale
    settings: dict[str, Any] = {"steps": steps, "guidance_scale": guidance_scale}
    ahead(caption)
    (picture,) = yield from painting(painter, Plan(caption, (seed,), **settings), "Your picture")
    own, control = search(painter, picture, caption)
    index = nearest.load()
    captions: list[str] = []
    painted: list[float] = []
    unseen: list[float] = []
    untouched: list[float] = []
    for first in range(0, pairs, AT_ONCE):
        rows = range(first, min(first + AT_ONCE, pairs))
        plans = [scenes.plan(UNSEEN + row) for row in rows]
        wanted = tuple(scenes.phrasings(plan)[0] for plan in plans)
        seeds = tuple(seed + row for row in rows)
        made = yield from painting(
            painter, Plan(wanted, seeds, **settings), f"Captions {first + 1} to {first + len(rows)} of {pairs}"
        )
        real = np.stack([np.asarray(scenes.scene(UNSEEN + row).picture) for row in rows])
        through = painter.decode(painter.encode(real), checked=False)
        for found, pictures in ((painted, made), (unseen, through), (untouched, real)):
            for done, one in enumerate(pictures):
                found.append(index.nearest(one, 1)[0].distance)
                yield Underway((first + done / len(rows)) / pairs, "Searching all 256,000 training scenes")
        captions += wanted
        value = Memory(
            own, control, tuple(captions), np.array(painted), np.array(unseen), np.array(untouched), index.copied
        )
        source = Provenance.live(
            painter, began, seed, caption=caption, pairs=len(captions), **painter.pass_settings(steps),
            guidance_scale=scale, training_scenes=len(index.codes),
        )  # fmt: skip
        code = snippets.denoising(painter.source, caption, seeds=(seed,), steps=steps, guidance_scale=scale)
        evidence = _memory_evidence(value, source, painter.is_bundled)
        yield replace(evidence, snippet=code, expected=picture[None])


def verdict(value: Memory) -> str:
    """What the pairs say, in words; the interval of their difference decides."""
    return {
        1: "The painted ones lie farther: by this measure they stray from the diet more than a fresh scene does",
        0: "The interval holds zero: as far as these pairs can tell, painting is no nearer to the diet than a fresh "
        "scene",
        -1: "The painted ones lie nearer than fresh scenes do: the painter leans on what it saw",
    }[more(value.painted, value.unseen)]


def _memory_evidence(value: Memory, source: Provenance, bundled: bool) -> Evidence[Memory]:
    gap = mean_interval(value.painted - value.unseen)
    own, control = value.own.near[0], value.control.near[0]
    copied = {name: wilson(int((of < value.copied).sum()), len(of)) for name, of in (
        ("painted", value.painted), ("unseen", value.unseen),
    )}  # fmt: skip
    findings = [
        Finding(
            f"{value.nearer.successes} of {value.nearer.trials}",
            f"painted pictures lie nearer to their nearest training scene than the real unseen scene of the same "
            f"caption lies to its own. Mean distance {words(mean_interval(value.painted), 1, percent=True)} against "
            f"{words(mean_interval(value.unseen), 1, percent=True)}; difference "
            f"{words(gap, 1, percent=True)}. {verdict(value)}.",
        ),
        Finding(
            f"{percent(own.distance)} against {percent(control.distance)}",
            f"is how far your picture lies from its nearest training scene, number {own.seed:,}, and the unseen "
            f"scene beside it from its own, number {control.seed:,}.",
        ),
        Finding(
            f"under {percent(value.copied)}",
            f"of full brightness is what we call a near-copy: one unseen scene in a hundred lies so near by chance. "
            f"Among the painted {copied['painted']}, among the unseen {copied['unseen']}.",
        ),
    ]
    if not bundled:
        findings.append(
            Finding("another diet", "was this painter's: the scenes searched here are those of the bundled one.")
        )
    alt = (
        f"Your picture lies {percent(own.distance)} from its nearest training scene, “{own.caption}”; over "
        f"{len(value.captions)} captions the painted pictures lie {percent(value.painted.mean())} away on average, "
        f"real unseen scenes {percent(value.unseen.mean())}. {verdict(value)}."
    )
    return Evidence(value, alt, _by_kind(value), source, tuple(findings))


def _by_kind(value: Memory) -> Table:
    """Mean distances in per cent, with intervals, of the pairs of each kind of caption and of all."""
    kinds = np.array([scenes.plan(UNSEEN + row).kind for row in range(len(value.captions))])
    compared = (value.painted, value.unseen, value.painted - value.unseen, value.untouched)
    rows = []
    for kind in (*sorted(set(kinds)), "all"):
        chosen = (kinds == kind) | (kind == "all")
        painted, unseen, gap, untouched = (mean_interval(100 * of[chosen]) for of in compared)
        numbers = (cells(one, 2) for one in (within(painted, 0), within(unseen, 0), gap, within(untouched, 0)))
        rows.append((str(kind), int(chosen.sum()), *(number for three in numbers for number in three)))
    heads = ("painted, %", "unseen scene, %", "difference", "unseen, before the autoencoder, %")
    columns = [f"{head}{part}" for head in heads for part in ("", ", low", ", high")]
    return Table(("captions", "pairs", *columns), tuple(rows))


def memory_truth(value: Memory) -> tuple[float, str, list[float]]:
    """In how many pairs the painted picture lies nearer, and the ends of the interval."""
    said = f"{value.nearer} painted pictures lie nearer than the unseen scene"
    return value.nearer.rate, said, [value.nearer.low, value.nearer.high]


def copying(painter: Painter, seeds: int = 8, *, seed: int = 7, steps: int | None = None) -> Iterator[Any]:
    """Ask the painter and its twin, fed one scene far too often, for that scene's caption, and the twin for others."""
    began, steps = time.perf_counter(), painter.passes(steps)
    check_number("The number of seeds", seeds, 2, 12, whole=True)
    twin, index, rows = copies.copying(painter), nearest.load(), seed_range(seed, seeds)
    scene = np.asarray(scenes.scene(copies.SCENE).picture)
    painted = yield from painting(painter, Plan(copies.CAPTION, rows, steps=steps), "The ordinary painter")
    repeated = yield from painting(twin, Plan(copies.CAPTION, rows, steps=steps), "The copying twin")
    wanted = tuple(scenes.phrasings(scenes.plan(UNSEEN + row))[0] for row in range(len(rows)))
    others = yield from painting(twin, Plan(wanted, rows, steps=steps), "The twin, other captions")
    value = Copies(
        scene, painted, repeated, others,
        np.array([nearest.distance(one, scene) for one in painted]),
        np.array([nearest.distance(one, scene) for one in repeated]),
        np.array([index.nearest(one, 1)[0].distance for one in others]), index.copied,
    )  # fmt: skip
    source = Provenance.live(
        twin, began, seed, caption=copies.CAPTION, seeds=len(rows), **twin.pass_settings(steps), scene=copies.SCENE,
        repeated=copies.REPEATS, draws=copies.DRAWS,
    )  # fmt: skip
    code = snippets.denoising(
        painter.source, copies.CAPTION, seeds=rows, steps=steps, guidance_scale=twin.guidance_scale, changed=copies.NAME
    )
    yield replace(_copying_evidence(value, wanted, source), snippet=code, expected=repeated)


def copying_verdict(value: Copies) -> str:
    """Whether the twin copies, in words; intervals that do not meet decide."""
    twin, ordinary = value.near(value.repeated_distances), value.near(value.painted_distances)
    if twin.low > ordinary.high:
        return "Repetition made it copy"
    return "So few pictures do not show that repetition made it copy"


def _copying_evidence(value: Copies, wanted: tuple[str, ...], source: Provenance) -> Evidence[Copies]:
    twin, ordinary, others = map(value.near, (value.repeated_distances, value.painted_distances, value.others))
    findings = (
        Finding(
            f"{twin.successes} of {twin.trials} against {ordinary.successes} of {ordinary.trials}",
            f"pictures of “{copies.CAPTION}” are near-copies of the one scene (under {percent(value.copied)} from it): "
            f"the twin's {twin}, the ordinary painter's {ordinary}. {copying_verdict(value)}.",
        ),
        Finding(
            f"{others.successes} of {others.trials}",
            "of the twin's pictures of other captions are near-copies of any training scene: the control. "
            f"They lie {words(share(value.others), 1, percent=True)} from the nearest.",
        ),
    )
    away = (value.painted_distances, value.repeated_distances, value.others)
    rows = [
        (number, round(100 * float(one), 2), round(100 * float(two), 2), caption, round(100 * float(other), 2))
        for number, (one, two, caption, other) in enumerate(zip(*away[:2], wanted, away[2], strict=True), 1)
    ]
    alt = (
        f"Asked for “{copies.CAPTION}”, the twin paints {twin} near-copies of the repeated scene, the ordinary painter "
        f"{ordinary}. {copying_verdict(value)}."
    )
    columns = ("picture", "ordinary painter to the scene, %", "twin to the scene, %", "other caption",
               "twin to its nearest scene, %")  # fmt: skip
    return Evidence(value, alt, Table(columns, tuple(rows)), source, findings)
