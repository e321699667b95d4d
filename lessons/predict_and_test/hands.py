"""Screen 6: hands painted over many seeds, and their fingers counted by a counter whose worth is known."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import diffusion, exercise_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import Interval, wilson
from engines.stickers import scenes
from engines.stickers.fingers import Hand, count_fingers, validation
from engines.stickers.seed_ranges import HANDS
from engines.stickers.world import facts_of
from lessons.predict_and_test.plan import MAX_PROMPT
from lessons.predict_and_test.test import PEEK, Moment

FIVE = 5
TRUE, AT_ONCE = 48, 8
"""Drawn hands on which the counter is tried, on the background that was asked for."""


@dataclass(frozen=True, eq=False)
class Hands:
    """pictures uint8 [seeds, H, W, 3]; ``counted`` has a Hand each, or is empty when the counter does not apply.

    ``true``: the control, what the counter finds on true hands of five fingers that were drawn on the same background
    and went through the autoencoder.
    """

    caption: str
    seeds: tuple[int, ...]
    pictures: np.ndarray
    counted: tuple[Hand, ...]
    true: tuple[Hand, ...] = ()

    @property
    def true_five(self) -> Interval:
        return wilson(sum(hand.fingers == FIVE for hand in self.true), len(self.true))

    @property
    def five(self) -> Interval:
        return wilson(sum(hand.fingers == FIVE for hand in self.counted), len(self.counted))


def check(caption: Any) -> str:
    """The caption; PlainError unless it asks for one hand and nothing else."""
    if not isinstance(caption, str) or len(caption) > MAX_PROMPT:
        raise PlainError(f"Write a caption of at most {MAX_PROMPT} characters.")
    things = facts_of(caption).things
    if [thing.name for thing in things] != ["hand"] or things[0].count != 1:
        raise PlainError("Ask for one open hand, such as “an open hand in the snow”: the counter knows nothing else.")
    return caption.strip()


def paint(
    painter: Painter, caption: str, seeds: int = 12, seed: int = 0, *, steps: int | None = None
) -> Iterator[Moment | Underway | Evidence[Hands]]:
    """A Moment a pass, then the Evidence with every finger count beside the counter's worth on true hands."""
    began = time.perf_counter()
    caption, rows, steps = check(caption), seed_range(seed, seeds, least=2), painter.passes(steps)
    for event in diffusion.denoise(painter, Plan(caption, rows, steps=steps)):
        peek = event.index % PEEK == PEEK - 1 and not event.finished
        guesses = painter.decode(event.predicted_clean) if peek else None
        yield Moment(0, 1, event.index + 1, event.passes, guesses)
    assert event.pictures is not None
    counted: tuple[Hand, ...] = ()
    true: tuple[Hand, ...] = ()
    if painter.is_bundled:
        counted = count_fingers(event.pictures)
        true = yield from true_hands(painter, facts_of(caption).background)
    yield _evidence(painter, Hands(caption, rows, event.pictures, counted, true), steps, began)


def true_hands(painter: Painter, background: str | None) -> Generator[Underway, None, tuple[Hand, ...]]:
    """What the counter finds on :data:`TRUE` drawn hands after the autoencoder; None: on backgrounds of all sorts.

    Counted once for each painter in memory and background.
    """

    def count(first: int) -> tuple[Hand, ...]:
        drawn = []
        for number in range(first, first + AT_ONCE):
            where = background or scenes.BACKGROUNDS[number % len(scenes.BACKGROUNDS)]
            plan = scenes.Plan("single", (scenes.Thing("hand"),), 1, where)
            drawn.append(np.asarray(scenes.render(plan, HANDS + number).picture))
        return count_fingers(painter.decode(painter.encode(np.stack(drawn)), checked=False))

    found: list[Hand] = []
    for first in range(0, TRUE, AT_ONCE):
        yield Underway(
            0.8 + 0.2 * first / TRUE, f"The control: {first} of {TRUE} true hands on this background counted"
        )
        found += painter.companion(f"true hands on {background} from {first}", partial(count, first))
    return tuple(found)


def words(fingers: int | None) -> str:
    return "no hand found" if fingers is None else "1 finger" if fingers == 1 else f"{fingers} fingers"


def worth() -> list[tuple[str, Interval]]:
    """What the counter got right in its recorded test, by question; empty when the record is missing."""
    return [
        (question, wilson(score["right"], score["of"])) for question, score in validation().get("questions", {}).items()
    ]


def _evidence(painter: Painter, value: Hands, steps: int, began: float) -> Evidence[Hands]:
    source = Provenance.live(
        painter, began, value.seeds[0], caption=value.caption, seeds=len(value.seeds), **painter.pass_settings(steps),
        guidance_scale=painter.guidance_scale,
    )  # fmt: skip
    code = exercise_snippets.galleries(
        painter.source, [value.caption], seeds=value.seeds, steps=steps, guidance_scale=painter.guidance_scale,
        count_fingers=True,
    )  # fmt: skip
    expected = {value.caption: value.pictures}
    if not value.counted:
        table = Table(("seed", "fingers"), tuple((seed, None) for seed in value.seeds))
        note = "The counter is tested on Sticker World's hands only, so nothing was counted here. Count by eye."
        alt = f"{len(value.seeds)} pictures of “{value.caption}”. {note}"
        return Evidence(value, alt, table, source, (Finding("not counted", note),), code, expected)
    rows: list[tuple[str | int | float | None, ...]] = [
        (f"seed {seed}", hand.fingers, None, None)
        for seed, hand in zip(value.seeds, value.counted, strict=True)
    ]  # fmt: skip
    true = value.true_five
    rows.append(("true hands there, after the autoencoder", true.successes, true.trials, round(true.rate, 4)))
    rows += [(f"recorded: {name}", share.successes, share.trials, round(share.rate, 4)) for name, share in worth()]
    seen = Counter(hand.fingers for hand in value.counted)
    spread = ", ".join(
        f"{words(number)}: {times}"
        for number, times in sorted(seen.items(), key=lambda pair: (pair[0] is None, pair[0] or 0))
    )
    alt = f"Fingers counted on {len(value.counted)} painted hands: {spread}. Five fingers in {value.five}."
    table = Table(("hand", "fingers, or right", "of", "rate"), tuple(rows))
    return Evidence(value, alt, table, source, tuple(_findings(value)), code, expected)


def _findings(value: Hands) -> Iterator[Finding]:
    yield Finding(
        f"{value.five.rate:.0%}".replace("%", " %"), f"of the painted hands are counted as five: {value.five}."
    )
    true = value.true_five
    if value.five.high < true.low:
        beside = "The painted hands lie clearly below that: some hands are the painter's fault"
    elif value.five.low > true.high:
        beside = "The painted hands lie above that"
    else:
        beside = "The painted hands cannot be told apart from that: a wrong count may be the counter's"
    yield Finding(
        f"{true.rate:.0%}".replace("%", " %"),
        f"of true hands on the same background are counted as five, once they went through the autoencoder: {true}. "
        f"{beside}.",
    )
    shares = dict(worth())
    fewer = shares.get("three or four fingers, after the autoencoder")
    if fewer:
        yield Finding(
            f"{fewer.rate:.0%}".replace("%", " %"),
            f"of hands with one or two fingers erased are counted right, after the autoencoder: {fewer} (recorded).",
        )


def five_truth(value: Hands) -> tuple[float, str] | str:
    if not value.counted:
        return "No guess can be scored here: the counter knows Sticker World's hands only."
    return value.five.rate, f"five fingers on {value.five}"
