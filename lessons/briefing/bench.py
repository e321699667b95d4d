"""Screen 1: one seed, two captions, side by side; the second caption from another seed is the control."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from engines.checks import check_number, seed_range
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.pictures import snippets
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.measures import error_map
from engines.pictures.plan import MAX_GUIDANCE
from engines.statistics import cells, mean_interval, more, of_pairs, percent, share, words
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

EXAMPLES = (
    ("another thing", "a cat on a blue background", "a dog on a blue background"),
    ("another colour", "a red balloon on a green meadow", "a yellow balloon on a green meadow"),
    ("another place", "a penguin in the snow", "a penguin at the beach"),
    ("one more", "a fish in the ocean", "two fish in the ocean"),
    ("the sides swapped", "a lemon to the left of a cat", "a cat to the left of a lemon"),
    ("a foreign word", "a rabbit on a yellow background", "a bunny on a yellow background"),
)
"""What to try: (name, first caption, second caption)."""
_, FIRST, SECOND = EXAMPLES[0]
OTHERS = 4
"""Seeds painted beside the learner's own, so that one pair is no anecdote."""


@dataclass(frozen=True, eq=False)
class Bench:
    """Two captions from the same seeds, the learner's seed first. ``painted``: one batch a caption, a row a seed.

    ``against``: the pictures of the learner's seed judged against the first caption, and against the second.
    """

    captions: tuple[str, str]
    seeds: tuple[int, ...]
    guidance: float
    painted: tuple[Painted, Painted]
    against: tuple[Judged, Judged]

    @property
    def pair(self) -> np.ndarray:
        """The two pictures of the learner's seed, uint8 [2, H, W, 3]."""
        return np.stack([one.pictures[0] for one in self.painted])

    @property
    def stayed(self) -> float:
        """Share of pixels that the change left as they were, from the learner's seed."""
        return stayed(*self.pair)

    @property
    def kept(self) -> np.ndarray:
        """Mean difference of the two captions' pictures where the seed is kept, [seeds] in [0, 1]."""
        return moved(self.painted[0].pictures, self.painted[1].pictures)

    @property
    def rolled(self) -> np.ndarray:
        """The same where the seed is changed too: each picture of the first caption against the second's others."""
        return _across(self.painted[0].pictures, self.painted[1].pictures, moved)

    @property
    def latent_kept(self) -> np.ndarray:
        return apart(self.painted[0].latents, self.painted[1].latents)

    @property
    def latent_rolled(self) -> np.ndarray:
        return _across(self.painted[0].latents, self.painted[1].latents, apart)

    @property
    def error(self) -> np.ndarray:
        """Where the two pictures of the learner's seed differ: float32 [H, W] in [0, 1]."""
        return error_map(*self.pair)

    def stayed_over(self, *, rolled: bool = False) -> np.ndarray:
        """Share of pixels that stay, [seeds], with the seed kept or changed too."""
        if rolled:
            return _across(self.painted[0].pictures, self.painted[1].pictures, _all_stayed)
        return _all_stayed(self.painted[0].pictures, self.painted[1].pictures)


def _all_stayed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([stayed(one, other) for one, other in zip(a, b, strict=True)])


def _across(a: np.ndarray, b: np.ndarray, measure: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """``measure`` between ``a`` and ``b`` in other places than each other's, on average for each place: [rows]."""
    turned = np.array([measure(a, np.roll(b, turn, axis=0)) for turn in range(1, len(a))])
    back = np.array([np.roll(row, -turn) for turn, row in enumerate(turned, start=1)])
    return (turned + back).mean(axis=0) / 2


def bench(
    painter: Painter, first: str, second: str, seed: int = 7, guidance: float | None = None, *,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Bench]]:  # fmt: skip
    """Paint two captions from one seed, and from four others beside it."""
    began, steps = time.perf_counter(), painter.passes(steps)
    captions, seeds = two(first, second), seed_range(seed, OTHERS + 1)
    scale = painter.guidance_scale if guidance is None else guidance
    check_number("The guidance scale", scale, 0, MAX_GUIDANCE)
    count = len(seeds)
    plan = Plan(
        (captions[0],) * count + (captions[1],) * count, seeds * 2, steps=steps, guidance_scale=float(scale)
    )  # fmt: skip
    both = yield from painting(painter, plan, "Painting both captions, from your seed and four others")
    painted = (
        Painted(both.pictures[:count], both.latents[:count]), Painted(both.pictures[count:], both.latents[count:]),
    )  # fmt: skip
    pair = np.stack([one.pictures[0] for one in painted])
    value = Bench(captions, seeds, float(scale), painted, _against(painter, captions, pair))
    source = Provenance.live(
        painter, began, seeds[0], first_caption=captions[0], second_caption=captions[1], **painter.pass_settings(steps),
        guidance_scale=float(scale),
    )  # fmt: skip
    code = snippets.one_by_one(painter.source, captions, seed=seeds[0], steps=steps, guidance_scale=float(scale))
    columns = ("what", "wished", "first picture", "second picture")
    yield Evidence(value, _alt(value), Table(columns, tuple(_rows(value))), source, tuple(_findings(value)), code, pair)


def _against(painter: Painter, captions: tuple[str, str], pair: np.ndarray) -> tuple[Judged, Judged]:
    return judged(painter, captions[0], pair), judged(painter, captions[1], pair)


def _alt(value: Bench) -> str:
    return (
        f"“{value.captions[0]}” and “{value.captions[1]}” from seed {value.seeds[0]}: {percent(value.stayed)} of the "
        f"pixels stay as they were, and the pictures are {percent(value.kept[0])} apart. Over {len(value.seeds)} seeds "
        f"the captions are {words(share(value.kept), 1, True)} apart where the seed is kept, and "
        f"{words(share(of_pairs(value.rolled)), 1, True)} where it is changed too."
    )


def _rows(value: Bench) -> Iterator[tuple[str | float | None, ...]]:
    yield "pixels that stay, share, your seed", None, 1.0, round(value.stayed, 4)
    yield "difference, your seed", None, 0.0, round(float(value.kept[0]), 4)
    yield "difference of the latents, your seed", None, 0.0, round(float(value.latent_kept[0]), 4)
    for name, numbers in (
        ("pixels that stay, seed kept", value.stayed_over()),
        ("pixels that stay, another seed", of_pairs(value.stayed_over(rolled=True))),
        ("difference, seed kept", value.kept),
        ("difference, another seed", of_pairs(value.rolled)),
        ("latents, seed kept", value.latent_kept),
        ("latents, another seed", of_pairs(value.latent_rolled)),
    ):
        mean, low, high = cells(mean_interval(numbers))
        yield f"{name}: mean, low, high over {len(numbers)} seeds", mean, low, high
    for caption, one in zip(value.captions, value.against, strict=True):
        for aspect, right in one.aspects.items():
            shown = (f"{MARKS[mark]} {what}" for mark, what in zip(right, one.seen[aspect], strict=True))
            yield f"{aspect}, by “{caption}”", one.expected[aspect], *shown


def _findings(value: Bench) -> Iterator[Finding]:
    rolled = value.stayed_over(rolled=True)
    yield Finding(
        percent(value.stayed),
        f"of the pixels stay as they were: none of their colours moves by more than {TOLERANCE} of 255 steps. Had you "
        f"changed the seed too, it would have been {words(share(of_pairs(rolled)), 0, True)}.",
    )
    farther = of_pairs(value.rolled, value.kept)
    gap = mean_interval(farther)
    says = {
        1: "So the seed holds something fast while the words change.",
        -1: "So here a kept seed brings the two captions no nearer to each other; another seed does.",
        0: "The interval holds zero: for this change nothing shows that the kept seed holds the picture together.",
    }[more(farther, np.zeros(len(farther)))]
    yield Finding(
        f"{percent(value.kept.mean())} or {percent(value.rolled.mean())}",
        f"is how far the two captions are apart with the seed kept, or with another, over {len(value.seeds)} seeds; "
        f"the difference is {words(gap, 1, True)}. {says}",
    )
    latent = [mean_interval(numbers) for numbers in (value.latent_kept, of_pairs(value.latent_rolled))]
    yield Finding(
        f"{latent[0][0]:.2f} or {latent[1][0]:.2f}",
        f"is the same in the latent, the canvas on which the painter works: {words(latent[0])} with the seed kept, "
        f"{words(latent[1])} with another. The noise that a run starts from has size 1.",
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
    rolled = float(value.stayed_over(rolled=True).mean())
    return value.stayed, f"{percent(value.stayed)} of the pixels stay; with another seed too, {percent(rolled)}"
