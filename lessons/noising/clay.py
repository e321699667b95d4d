"""Screen 5: stir, poke, walk, repaint, and carve in fewer passes."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, check_number, seed_range
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import diffusion
from engines.pictures import measures as picture_measures
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Pass, Plan
from engines.statistics import more, percent, share, spread, words
from lessons.noising.measures import distance, guidance, told_of_static
from lessons.shell.painting import painting, underway


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One picture of a series with its caption; ``marked`` singles out the one to compare with."""

    picture: np.ndarray
    caption: str
    marked: bool = False


@dataclass(frozen=True, eq=False)
class Series:
    """What a play with the clay shows: the pictures of the first seed, in order; ``planned``: how many there will be.

    ``outside``, of a poke: by the pass it came before (from 0), the share of the pixels outside the hole that changed
    visibly, for each seed; ``spilt``: the control, the same where only the hole's own cells of the latent changed,
    which the decoder spills over the edge.
    """

    exhibits: tuple[Exhibit, ...]
    outside: dict[int, list[float]] | None = None
    spilt: dict[int, list[float]] | None = None
    planned: int | None = None


PAINTED = {"poke": 24, "nudge": 7, "walk": 7, "words": 7, "repaint": 3, "steps": 4}
"""About how many pictures each play paints, in 25 passes each."""
VISIBLE = 16
"""Colour steps of 255 beyond which a pixel counts as changed; fewer are hard to see."""
REGIONS = {
    "the middle": (0.25, 0.25, 0.75, 0.75),
    "the left half": (0.0, 0.0, 0.5, 1.0),
    "the right half": (0.5, 0.0, 1.0, 1.0),
    "the upper half": (0.0, 0.0, 1.0, 0.5),
    "the lower half": (0.0, 0.5, 1.0, 1.0),
}


def region_mask(region: str, height: int, width: int) -> np.ndarray:
    """bool [height, width], True inside a named region."""
    if region not in REGIONS:
        raise PlainError(f"There is no region called {region!r}. Choose one of: {', '.join(REGIONS)}.")
    left, top, right, bottom = REGIONS[region]
    mask = np.zeros((height, width), bool)
    mask[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = True
    return mask


def _cells(painter: Painter, region: str) -> tuple[int, int, int, int]:
    """A region on the latent's grid: (left, top, right, bottom)."""
    left, top, right, bottom = REGIONS[region]
    _, rows, columns = painter.latent_shape
    return math.floor(left * columns), math.floor(top * rows), math.ceil(right * columns), math.ceil(bottom * rows)


def _fixed(painter: Painter, steps: int) -> dict[str, Any]:
    return {"steps": steps, "guidance_scale": guidance(painter, None)}


def play(
    painter: Painter, kind: str, caption: str, seed: int, other: str, other_seed: int, region: str
) -> Iterator[Underway | Evidence[Series]]:
    """The play called ``kind``: poke, nudge, walk, words, repaint or steps."""
    if kind == "poke":
        yield from poke(painter, caption, region=region, seed=seed)
    elif kind == "nudge":
        yield from nudge(painter, caption, seed=seed, other_seed=other_seed)
    elif kind == "walk":
        yield from walk(painter, caption, seed=seed, other_seed=other_seed)
    elif kind == "words":
        if not other.strip():
            raise PlainError("Write a second caption to walk to.")
        yield from walk(painter, caption, seed=seed, other_caption=other)
    elif kind == "repaint":
        yield from repaint(painter, caption, other, region=region, seed=seed)
    else:
        yield from compare_steps(painter, caption, seed=seed)


def nudge(
    painter: Painter, caption: str, *, seed: int = 0, other_seed: int = 1, steps: int | None = None
) -> Iterator[Underway | Evidence[Series]]:
    """Stir a little of another noise into the start noise; does the picture change a little?"""
    began, steps = time.perf_counter(), painter.passes(steps)
    amounts = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
    plan = Plan(caption, (seed,), steps=steps, start=diffusion.Perturbed(amounts, other_seed))
    pictures = yield from painting(painter, plan, "Seven starts at once")
    distances = distance(pictures, pictures[:1])
    captions = ["as it was", *(f"{percent(amount)} stirred in" for amount in amounts[1:])]
    shares = distances / max(float(distances[-1]), 1e-9)
    value = Series(tuple(Exhibit(p, c, i == 0) for i, (p, c) in enumerate(zip(pictures, captions, strict=True))))
    measured = zip(amounts, distances, shares, strict=True)
    rows = tuple((a, round(float(d), 3), round(float(s), 2)) for a, d, s in measured)
    findings = (
        Finding(
            percent(shares[1]),
            "as far from the first picture as the other seed's is, after stirring in a tenth of its noise.",
        ),
        Finding(percent(shares[4]), "after stirring in a half. To a diffusion model a seed is nothing but its noise."),
    )
    alt = "Seven pictures whose start noise is stirred more and more: " + ", ".join(
        f"{percent(a)} gives a difference of {d:.2f}" for a, d in zip(amounts, distances, strict=True)
    )
    table = Table(("new noise", "difference from the first", "share of a full change"), rows)
    source = Provenance.live(
        painter, began, seed, caption=caption, other_seed=other_seed, **painter.pass_settings(steps)
    )
    code = picture_snippets.for_painter(
        painter, picture_snippets.stirred_start, caption, seed=seed, other_seed=other_seed, amounts=amounts,
        **_fixed(painter, steps),
    )  # fmt: skip
    yield Evidence(value, alt + ".", table, source, findings, code, pictures)


def poke_passes(passes: int) -> tuple[int, ...]:
    """The passes (from 0) before which the clay is poked: early, a third, half, late, almost done.

    None before the first: there is only noise to poke into.
    """
    shares = (0.12, 0.32, 0.52, 0.76, 0.92)
    return tuple(dict.fromkeys(min(passes - 1, max(1, round(share * passes))) for share in shares))


MOVED = {True: "So the rest moved too.", False: "Those two cannot be told apart."}
"""What is said of the rest of a poked picture, by whether it changed clearly more than the decoder's spill explains."""


def _run(painter: Painter, plan: Plan, said: str) -> Generator[Underway, None, Pass]:
    """The last pass of a run."""
    for event in diffusion.denoise(painter, plan):
        yield underway(event, said)
    return event


def _visibly(pictures: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Which pixels moved by more than :data:`VISIBLE` in any colour, bool [rows, H, W]."""
    return np.abs(pictures.astype(np.int16) - before.astype(np.int16)).max(axis=-1) > VISIBLE


def poke(
    painter: Painter,
    caption: str,
    *,
    region: str = "the middle",
    seed: int = 0,
    seeds: int = 4,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Series]]:
    """Punch a hole of fresh noise into the latent at several passes; what do the later passes make of it?"""
    began, rows, steps = time.perf_counter(), seed_range(seed, seeds), painter.passes(steps)
    check_number("The number of passes", steps, 2, 100, whole=True)
    left = yield from _run(painter, Plan(caption, rows, steps=steps), "Never poked")
    untouched = left.pictures
    assert untouched is not None
    hole, cells = region_mask(region, *untouched.shape[1:3]), _cells(painter, region)
    exhibits = [Exhibit(untouched[0], "never poked", True)]
    inside: dict[int, list[float]] = {}
    outside: dict[int, list[float]] = {}
    spilt: dict[int, list[float]] = {}
    moments = poke_passes(painter.made(steps))
    for at in moments:
        jab = diffusion.Poke(at, REGIONS[region], "noise", seed=(seed + 1000) % (MAX_SEED + 1))
        plan = Plan(caption, rows, steps=steps, pokes=(jab,))
        ended = yield from _run(painter, plan, f"Poked before pass {at + 1}")
        pictures = ended.pictures
        assert pictures is not None
        mixed = left.latent.copy()
        mixed[:, :, cells[1] : cells[3], cells[0] : cells[2]] = ended.latent[
            :, :, cells[1] : cells[3], cells[0] : cells[2]
        ]
        moved, spill = _visibly(pictures, untouched), _visibly(painter.decode(mixed), untouched)
        inside[at] = [float(each[hole].mean()) for each in moved]
        outside[at] = [float(each[~hole].mean()) for each in moved]
        spilt[at] = [float(each[~hole].mean()) for each in spill]
        exhibits.append(Exhibit(pictures[0], f"poked before pass {at + 1}"))
        table = tuple(
            (k + 1, *(round(float(np.mean(each[k])), 4) for each in (inside, outside, spilt))) for k in inside
        )
        shown = dict.fromkeys((min(outside), max(outside)))
        findings = tuple(
            Finding(
                percent(float(np.mean(outside[k]))),
                f"of the pixels outside the hole change visibly when poked before pass {k + 1}: "
                f"{words(share(outside[k]), 1, True)}. Where only the hole's own cells change, the decoder spills over "
                f"its edge into {words(share(spilt[k]), 1, True)}. {MOVED[more(outside[k], spilt[k]) > 0]}",
            )
            for k in shown
        )
        alt = "Pixels that change visibly outside the hole, and by the decoder's spill alone: " + "; ".join(
            f"poked before pass {k + 1}, {percent(float(np.mean(outside[k])))} and {percent(float(np.mean(spilt[k])))}"
            for k in inside
        )
        source = Provenance.live(
            painter, began, seed, caption=caption, region=region, seeds=len(rows), **painter.pass_settings(steps)
        )
        columns = Table(
            ("poked before pass", "changed inside", "changed outside", "outside, by the decoder's spill"), table
        )
        code = picture_snippets.for_painter(
            painter, picture_snippets.poked, caption, seed=rows[0], before=at, cells=_cells(painter, region),
            poke_seed=jab.seed, **_fixed(painter, steps),
        )  # fmt: skip
        value = Series(tuple(exhibits), dict(outside), dict(spilt), planned=1 + len(moments))
        yield Evidence(value, alt + ".", columns, source, findings, code, pictures[0])


def poke_truth(value: Series) -> tuple[int, str] | None:
    """Whether pokes moved the rest of the picture, beyond the decoder's spill; None for a series without pokes."""
    if value.outside is None or value.spilt is None:
        return None
    moved = [more(value.outside[at], value.spilt[at]) > 0 for at in sorted(value.outside)]
    choice = 2 if all(moved) else 1 if any(moved) else 0
    listed = ", ".join(
        f"{percent(float(np.mean(gaps)))} before pass {at + 1}" for at, gaps in sorted(value.outside.items())
    )
    return choice, f"of the pixels outside the hole, this many changed visibly: {listed}"


def walk(
    painter: Painter,
    caption: str,
    *,
    seed: int = 0,
    other_seed: int = 1,
    other_caption: str = "",
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Series]]:
    """Seven stops on the way from one start noise to another, or, with a second caption, from words to words."""
    began, steps = time.perf_counter(), painter.passes(steps)
    fractions = tuple(float(f) for f in np.linspace(0, 1, 7))
    settings: dict[str, Any] = {"seeds": (seed,), "steps": steps}
    if other_caption.strip():
        even = "the way through the text encoder's numbers"
        plan = Plan(caption, blend=diffusion.Blend(other_caption, fractions), **settings)
        way = f"from “{caption}” to “{other_caption}”, the same start noise"
    else:
        even = "the walk through the noise"
        plan = Plan(caption, start=diffusion.Between(other_seed, fractions), **settings)
        way = f"from seed {seed} to seed {other_seed}, the same words"
    pictures = yield from painting(painter, plan, "Seven stops at once")
    strides = distance(pictures[1:], pictures[:-1])
    whole = float(distance(pictures[-1:], pictures[:1])[0])
    leap = int(strides.argmax())
    names = ["start", *(percent(f) for f in fractions[1:-1]), "goal"]
    value = Series(tuple(Exhibit(p, n, i in (0, 6)) for i, (p, n) in enumerate(zip(pictures, names, strict=True))))
    rows = tuple((names[i], names[i + 1], round(float(stride), 3)) for i, stride in enumerate(strides))
    findings = (
        Finding(
            f"{strides[leap]:.2f}",
            f"is the longest of the six strides, {names[leap]} to {names[leap + 1]}; start to goal is {whole:.2f}.",
        ),
        Finding(
            f"{strides.max() / max(float(strides.mean()), 1e-9):.1f} ×",
            f"the average stride: {even} is even, the walk through pictures need not be.",
        ),
    )
    alt = f"Seven pictures {way}; the longest stride is {strides[leap]:.2f}, {names[leap]} to {names[leap + 1]}."
    extra = {"second caption": other_caption} if other_caption.strip() else {"other seed": other_seed}
    source = Provenance.live(painter, began, seed, caption=caption, **painter.pass_settings(steps), **extra)
    fixed: dict[str, Any] = {"seed": seed, "fractions": fractions, **_fixed(painter, steps)}
    if other_caption.strip():
        by_words = picture_snippets.walk_between_captions
        code = picture_snippets.for_painter(painter, by_words, caption, other_caption, **fixed)
    else:
        by_noise = picture_snippets.walk_between_seeds
        code = picture_snippets.for_painter(painter, by_noise, caption, other_seed=other_seed, **fixed)
    yield Evidence(value, alt, Table(("from", "to", "difference"), rows), source, findings, code, pictures)


def repaint(
    painter: Painter,
    caption: str,
    new_caption: str,
    *,
    region: str = "the left half",
    seed: int = 0,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Series]]:
    """Hold one part of a finished picture and let the painter fill the rest by new words."""
    began, steps = time.perf_counter(), painter.passes(steps)
    (original,) = yield from painting(painter, Plan(caption, (seed,), steps=steps), "The original")
    mask = region_mask(region, *original.shape[:2])
    freeze = diffusion.Freeze(original, mask)
    plan = Plan(new_caption, ((seed + 1) % (MAX_SEED + 1),), steps=steps)
    (again,) = yield from painting(painter, replace(plan, freeze=freeze), "Repainted")
    (alone,) = yield from painting(painter, plan, "The new words with no frame")
    gap = picture_measures.error_map(original, again)
    inside, outside = float(gap[mask].mean()), float(gap[~mask].mean())
    back = painter.decode(painter.encode(original[None]), checked=False)[0]
    cost = float(picture_measures.error_map(original, back)[~mask].mean())
    shown = original.copy()
    shown[mask] = (shown[mask] * 0.25 + 190).clip(0, 255).astype(np.uint8)
    value = Series((
        Exhibit(original, "the original", True), Exhibit(shown, f"to be repainted: {region}"),
        Exhibit(again, "repainted"), Exhibit(alone, "the new words with no frame"),
    ))  # fmt: skip
    findings = (
        Finding(percent(inside), "mean change inside the region."),
        Finding(
            percent(outside),
            f"outside it, where the kept part is put back, noised, after every pass. The autoencoder's round trip "
            f"alone costs {percent(cost)} there; what is more is the seam.",
        ),
    )
    alt = (
        f"{region.capitalize()} of “{caption}” repainted as “{new_caption}”: {percent(inside)} mean change inside, "
        f"{percent(outside)} outside."
    )
    table = Table(("part", "mean change"), (
        ("inside", round(inside, 4)), ("outside", round(outside, 4)), ("outside, by the round trip", round(cost, 4)),
    ))  # fmt: skip
    source = Provenance.live(
        painter, began, seed, caption=caption, new_caption=new_caption, region=region, **painter.pass_settings(steps)
    )
    code = picture_snippets.for_painter(
        painter, picture_snippets.repainted, caption, new_caption, seed=seed, new_seed=(seed + 1) % (MAX_SEED + 1),
        cells=_cells(painter, region), **_fixed(painter, steps),
    )  # fmt: skip
    yield Evidence(value, alt, table, source, findings, code, again)


def compare_steps(
    painter: Painter, caption: str, *, seed: int = 0, seeds: int = 4, choices: Sequence[int] = (2, 5, 10, 20, 50)
) -> Iterator[Underway | Evidence[Series]]:
    """The same start noise carved in few passes and in many, each compared with the longest run.

    Where few of its passes would be told of less noise than there is, all runs are spaced from the schedule's end, so
    that their number is all that differs.
    """
    began, rows, spacing = time.perf_counter(), seed_range(seed, seeds), painter.spacing_for(min(choices))
    pictures: dict[int, np.ndarray] = {}
    seconds: dict[int, float] = {}
    made: dict[int, int] = {}  # some schedulers make more passes than they are asked for
    for steps in sorted(choices, reverse=True):
        seconds[steps] = 0.0
        for event in diffusion.denoise(painter, Plan(caption, rows, steps=steps, spacing=spacing)):
            seconds[steps] += event.seconds / len(rows)  # without what the page takes between two passes
            yield underway(event, f"Carved in {event.passes} passes")
        assert event.pictures is not None
        pictures[steps], made[steps] = event.pictures, event.passes
        most, shown = max(pictures), sorted(pictures)
        alike = {n: picture_measures.convergence(pictures[n][None], pictures[most]).whole[0] for n in shown}
        other = picture_measures.convergence(np.roll(pictures[most], 1, axis=0)[None], pictures[most]).whole[0]
        chance = f" Another seed's picture of as many passes is {spread(other)} like it." if len(rows) > 1 else ""
        shots = tuple(Exhibit(pictures[n][0], f"{made[n]} passes", n == most) for n in shown)
        value = Series(shots, planned=len(choices))
        measured = tuple((made[n], round(float(alike[n].mean()), 3), round(seconds[n], 2)) for n in shown)
        control = (("another seed", round(float(other.mean()), 3), None),) if chance else ()
        findings = tuple(
            Finding(
                f"{alike[n].mean():.2f}",
                f"is the correlation of {made[n]} passes with {made[most]}: {spread(alike[n])}, in "
                f"{percent(seconds[n] / seconds[most])} of the time.{chance}",
            )
            for n in shown[:3]
        ) + told_of_static(painter, shown)
        summary = ", ".join(f"{made[n]} passes {alike[n].mean():.2f}" for n in shown)
        alt = (
            f"The same start carved in fewer and more passes; correlation with the {made[most]}-pass picture: {summary}"
        )
        source = Provenance.live(painter, began, seed, caption=caption, seeds=len(rows), spacing=spacing)
        columns = ("passes", f"like the {made[most]}-pass picture", "seconds a picture")
        scale = guidance(painter, None)
        code = picture_snippets.carved(
            painter.source, caption, seed=rows[0], choices=shown, guidance_scale=scale, spacing=spacing
        )
        expected = {n: pictures[n][0] for n in shown}
        yield Evidence(value, alt + ".", Table(columns, (*control, *measured)), source, findings, code, expected)
