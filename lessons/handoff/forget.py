"""Screen 4: "the same, but …" told to a painter that keeps nothing of the picture before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.checks import check_caption, check_number, seed_range
from engines.director import ledger
from engines.director.facts import Fact, facts
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import snippets
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.measures import difference
from engines.statistics import Interval, between, counts, in_bounds, listed, mean_interval, more, percent
from engines.statistics import words as in_words
from engines.stickers.scenes import article
from engines.stickers.world import SINGULAR
from lessons.shell.painting import painting

CAPTION = "a red car in the snow"
ORDER = "the same, but blue"
NEXT = "a blue car in the snow"
WAYS = ("the first caption", "the order alone", "the new caption, same seed", "the new caption, another seed")
MOST_SEEDS = 12
ELSEWHERE = 500
"""How far the other seeds lie from the first ones."""


@dataclass(frozen=True, eq=False)
class Row:
    """What was painted for one text: uint8 [seeds, H, W, 3].

    things: how many of the pictures show the first caption's things, at least and at most. changed: the mean absolute
    difference of each picture from the first caption's of its row, as a share of full brightness.
    """

    name: str
    sent: str
    pictures: np.ndarray
    things: tuple[Interval, Interval]
    changed: np.ndarray

    def shown(self, what: str = "") -> str:
        """How many pictures (``what`` they are and show) have the things in them, and of how many nobody can tell."""
        least, most = self.things
        untold = most.successes - least.successes
        return between(least, most, what) + (f"; of {untold} the judge cannot tell" if untold else "")


@dataclass(frozen=True, eq=False)
class Forgetting:
    """The first caption's pictures and what followed them; ``named`` are its things in words."""

    named: str
    rows: tuple[Row, ...]


def forget(
    painter: Painter, caption: str, order: str, following: str, seeds: int = 8, seed: int = 7, *,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Forgetting]]:  # fmt: skip
    """Four rows of pictures, one after the other; the judge says in how many the first caption's things are."""
    began, steps = time.perf_counter(), painter.passes(steps)
    for name, text in zip(("The first caption", "The order", "The new caption"), (caption, order, following),
                          strict=True):  # fmt: skip
        check_caption(text, name)
    check_number("The number of seeds", seeds, 2, MOST_SEEDS, whole=True)
    rows = seed_range(seed, seeds)
    if not painter.is_bundled:
        raise PlainError("The judge reads Sticker World only. Open the bundled painter on the Start page for this one.")
    elsewhere = seed_range((seed + ELSEWHERE) % 2**31, seeds)
    wanted = tuple(one for one in sorted(facts(caption)) if one.aspect == "object")
    if not wanted:
        raise PlainError(f"The first caption names nothing that the judge knows. Try “{CAPTION}”.")
    texts = (caption, order, following, following)
    painted: list[Row] = []
    for name, text, of_row in zip(WAYS, texts, (rows, rows, rows, elsewhere), strict=True):
        pictures = yield from painting(painter, Plan(text.strip(), of_row, steps=steps), name.capitalize())
        first = painted[0].pictures if painted else pictures
        changed = np.array([difference(a, b) for a, b in zip(first, pictures, strict=True)])
        painted.append(Row(name, text.strip(), pictures, _shown(wanted, pictures), changed))
    things = [article(SINGULAR.get(str(one), str(one))) for one in wanted]
    value = Forgetting(listed(things), tuple(painted))
    source = Provenance.live(
        painter, began, rows[0], seeds=len(rows), **painter.pass_settings(steps), guidance_scale=painter.guidance_scale
    )
    code = snippets.denoising(
        painter.source, order.strip(), seeds=rows, steps=steps, guidance_scale=painter.guidance_scale
    )
    yield Evidence(value, _alt(value), _table(value), source, _findings(value), code, painted[1].pictures)


def _shown(wanted: tuple[Fact, ...], pictures: np.ndarray) -> tuple[Interval, Interval]:
    answers = [ledger.seen(wanted, one).values() for one in pictures]
    whole = [None if None in each and False not in each else all(each) for each in map(list, answers)]
    decided = len(whole) - whole.count(None)
    return in_bounds(whole.count(True), decided, len(whole), len(whole))


def truth(value: Forgetting) -> tuple[float, str, list[float]] | str:
    order = value.rows[1]
    said = order.shown(f"pictures painted from “{order.sent}” show {value.named}")
    if order.sent != ORDER:
        return f"Measured: {said}. The guess is about “{ORDER}”."
    least, most = order.things
    return (least.rate + most.rate) / 2, said, [least.low, most.high]


def holds(value: Forgetting) -> str:
    """Whether the seed carries anything of the first picture to the new caption's, in words."""
    _, _, same, other = value.rows
    return {
        1: "So the seed does not carry the picture over: another one changes less",
        0: f"The two cannot be told apart: {len(same.changed)} seeds do not show that one carries anything over",
        -1: "So what crosses is the seed's static: from the same start the picture stays nearer",
    }[more(same.changed, other.changed)]


def _alt(value: Forgetting) -> str:
    rows = "; ".join(
        f"{one.name} (“{one.sent}”): {value.named} in {one.shown()}, {percent(one.changed.mean())} of change"
        for one in value.rows
    )
    return f"Rows of pictures. {rows}. {holds(value)}."


def _table(value: Forgetting) -> Table:
    rows = [
        (one.name, one.sent, number, round(100 * float(changed), 2))
        for one in value.rows
        for number, changed in enumerate(one.changed, 1)
    ]
    return Table(("told", "text", "picture", "difference from the first caption's picture, %"), tuple(rows))


def _findings(value: Forgetting) -> tuple[Finding, ...]:
    first, order, same, other = value.rows
    number = counts(*order.things)
    told = order.shown(f"pictures painted from “{order.sent}” show {value.named}").removeprefix(f"{number} ")
    return (
        Finding(
            number,
            f"{told}. From the whole new caption: {same.shown()}. (From the first caption: {first.shown()}.)",
        ),
        Finding(
            f"{percent(same.changed.mean())} against {percent(other.changed.mean())}",
            f"is how far the new caption's picture lies from the first one, from the same seed and from another: "
            f"{in_words(mean_interval(same.changed), 1, percent=True)} against "
            f"{in_words(mean_interval(other.changed), 1, percent=True)}. {holds(value)}.",
        ),
    )
