"""Screen 1: one seed, two captions, side by side; four other seeds of the first caption are the control."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.checks import check_number, seed_range
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.pictures import snippets
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.measures import error_map
from engines.pictures.plan import MAX_GUIDANCE
from engines.statistics import cells, mean_interval, percent, share, words
from lessons.briefing.measures import (
    MARKS,
    TOLERANCE,
    Judged,
    Painted,
    apart,
    judged,
    moved,
    painting,
    stayed,
    two,
)  # fmt: skip

FIRST, SECOND = "a red balloon on a green meadow", "a yellow balloon on a green meadow"
EXAMPLES = (
    ("another colour", FIRST, SECOND),
    ("another place", "a penguin in the snow", "a penguin at the beach"),
    ("another thing", "a cat on a blue background", "a dog on a blue background"),
    ("one more", "a fish in the ocean", "two fish in the ocean"),
    ("the sides swapped", "a lemon to the left of a cat", "a cat to the left of a lemon"),
    ("a foreign word", "a rabbit on a yellow background", "a bunny on a yellow background"),
)
"""What to try: (name, first caption, second caption)."""
OTHERS = 4


@dataclass(frozen=True, eq=False)
class Bench:
    """Two captions from one seed. ``painted`` holds both, then the first caption from :data:`OTHERS` seeds more.

    ``against``: both pictures judged against the first caption, and against the second.
    """

    captions: tuple[str, str]
    seeds: tuple[int, ...]
    guidance: float
    painted: Painted
    against: tuple[Judged, Judged]

    @property
    def stayed(self) -> float:
        """Share of pixels that the change left as they were."""
        return stayed(self.painted.pictures[0], self.painted.pictures[1])

    @property
    def change(self) -> float:
        """How far the second picture is from the first, in [0, 1]."""
        return float(moved(self.painted.pictures[:1], self.painted.pictures[1:2])[0])

    @property
    def latent(self) -> float:
        return float(apart(self.painted.latents[0], self.painted.latents[1]))

    @property
    def dice(self) -> np.ndarray:
        """How far the first caption's pictures of the other seeds are from its picture here, [OTHERS]."""
        others = self.painted.pictures[2:]
        return moved(np.broadcast_to(self.painted.pictures[0], others.shape), others)

    @property
    def latent_dice(self) -> np.ndarray:
        others = self.painted.latents[2:]
        return apart(np.broadcast_to(self.painted.latents[0], others.shape), others)

    @property
    def error(self) -> np.ndarray:
        """Where the two pictures differ: float32 [H, W] in [0, 1]."""
        return error_map(self.painted.pictures[0], self.painted.pictures[1])


def bench(
    painter: Painter, first: str, second: str, seed: int = 7, guidance: float | None = None, *,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Bench]]:  # fmt: skip
    """Paint two captions from one seed, and the first from four other seeds."""
    began, steps = time.perf_counter(), painter.passes(steps)
    captions, seeds = two(first, second), seed_range(seed, OTHERS + 1)
    scale = painter.guidance_scale if guidance is None else guidance
    check_number("The guidance scale", scale, 0, MAX_GUIDANCE)
    plan = Plan(
        (*captions, *(captions[0],) * OTHERS), (seeds[0], *seeds), steps=steps, guidance_scale=float(scale)
    )  # fmt: skip
    painted = yield from painting(painter, plan, "Painting both, and the first from four other seeds")
    against = (judged(painter, captions[0], painted.pictures[:2]), judged(painter, captions[1], painted.pictures[:2]))
    value = Bench(captions, seeds, float(scale), painted, against)
    source = Provenance.live(
        painter, began, seeds[0], first_caption=captions[0], second_caption=captions[1], **painter.told(steps),
        guidance_scale=float(scale),
    )  # fmt: skip
    code = snippets.one_by_one(painter.source, captions, seed=seeds[0], steps=steps, guidance_scale=float(scale))
    columns = ("what", "wished", "first picture", "second picture")
    yield Evidence(
        value, _alt(value), Table(columns, tuple(_rows(value))), source, tuple(_findings(value)), code,
        painted.pictures[:2],
    )  # fmt: skip


def _alt(value: Bench) -> str:
    return (
        f"“{value.captions[0]}” and “{value.captions[1]}” from seed {value.seeds[0]}: {percent(value.stayed)} of the "
        f"pixels stay as they were, and the pictures are {percent(value.change)} apart. Four other seeds of the first "
        f"caption are {words(share(value.dice), 1, True)} away from it."
    )


def _rows(value: Bench) -> Iterator[tuple[str | float | None, ...]]:
    yield "pixels that stay, share", None, 1.0, round(value.stayed, 4)
    yield "difference from the first picture", None, 0.0, round(value.change, 4)
    yield "difference of the latents", None, 0.0, round(value.latent, 4)
    for name, numbers in (("pictures", value.dice), ("latents", value.latent_dice)):
        mean, low, high = cells(mean_interval(numbers))
        yield f"four other seeds of the first caption, {name}: mean, low, high", mean, low, high
    for caption, one in zip(value.captions, value.against, strict=True):
        for aspect, right in one.aspects.items():
            shown = (f"{MARKS[mark]} {what}" for mark, what in zip(right, one.seen[aspect], strict=True))
            yield f"{aspect}, by “{caption}”", one.expected[aspect], *shown


def _findings(value: Bench) -> Iterator[Finding]:
    yield Finding(
        percent(value.stayed),
        f"of the pixels stay as they were: none of their colours moves by more than {TOLERANCE} of 255 steps. The rest "
        "is what your change did, from this seed.",
    )
    control = share(value.dice)
    nearer = value.change < control[1]
    yield Finding(
        f"{percent(value.change)} beside {percent(control[0])}",
        f"is the change of the caption beside a change of the seed: four other seeds of the first caption are "
        f"{words(control, 1, True)} away. "
        + (
            "The two pictures are nearer to each other than that: the seed kept something of the first picture."
            if nearer
            else "The change reaches as far as new dice would, or farther: the seed alone does not hold a picture."
        ),
    )
    latent = mean_interval(value.latent_dice)
    yield Finding(
        f"{value.latent:.2f} in the latent",
        f"is how far the canvases are apart on which the painter works; noise has size 1. The other seeds: "
        f"{words(latent)}.",
    )
    yield _judgement(value)


def _judgement(value: Bench) -> Finding:
    first, second = value.against
    if first.why or second.why:
        return Finding("not judged", first.why or second.why)
    own = first.outcomes[0], second.outcomes[1]
    across = second.outcomes[0]
    says = {True: "keeps its own caption", False: "misses something", None: "cannot be told"}
    tells = (
        " The first picture does not keep the second caption, so the judge sees the change too."
        if own[1] and across is False
        else " But the first picture keeps the second caption as well: by the judge's list, nothing was changed."
        if own[1] and across
        else ""
    )
    return Finding(
        f"{MARKS[own[0]]} and {MARKS[own[1]]}",
        f"says the judge: the first picture {says[own[0]]}, the second {says[own[1]]}.{tells}"
        f"{first.not_scored or second.not_scored} It is one seed: the next screen asks whether the words did it.",
    )


def bench_truth(value: Bench) -> tuple[float, str]:
    return value.stayed, (
        f"{percent(value.stayed)} of the pixels stay, and another seed leaves "
        f"{percent(float(np.mean([stayed(value.painted.pictures[0], one) for one in value.painted.pictures[2:]])))}"
    )
