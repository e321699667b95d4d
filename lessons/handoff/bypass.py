"""Screen 2: the chat sent to the painter as it is, beside the director's caption, from the same seeds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.checks import check_number, seed_range
from engines.director import directing, ledger, measures
from engines.director.facts import facts
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import Bounds, Gap, Interval, gap, in_bounds, percents, plural
from engines.text.language_model import LanguageModel
from lessons.handoff.measures import NOT_TOLD, check_wish, declined, facts_seen, messages, scored, written
from lessons.shell.painting import painting

WAYS = ("the director's caption", "the last message", "the whole chat")
MOST_SEEDS = 12
PUBLISHED = {"director": "the director", "last message": "the last message, as it is",
             "unconstrained": "the same model without mask and hints"}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Way:
    """One text that was sent to the painter, its pictures uint8 [seeds, H, W, 3], and what is seen in each.

    seen, decided: facts of the wish that the judge sees in each picture, and that it can tell, ``of`` so many. unread:
    the words for which the painter had no room.
    """

    name: str
    sent: str
    unread: tuple[str, ...]
    pictures: np.ndarray
    seen: tuple[int, ...]
    decided: tuple[int, ...]
    of: int

    @property
    def kept(self) -> tuple[Interval, Interval]:
        """The share of the facts at least and at most; as wide as if those of a picture stood and fell together."""
        return in_bounds(sum(self.seen), sum(self.decided), self.of * len(self.pictures), len(self.pictures))

    def __str__(self) -> str:
        return facts_seen(*self.kept)

    @property
    def shares(self) -> Bounds:
        """The share of each picture, at least and at most."""
        seen, decided = np.array(self.seen), np.array(self.decided)
        return seen / self.of, (seen + self.of - decided) / self.of


@dataclass(frozen=True, eq=False)
class Bypass:
    """The wish, its facts in words, and what each way kept of them."""

    wish: str
    facts: tuple[str, ...]
    ways: tuple[Way, ...]

    @property
    def gain(self) -> Gap:
        """How much more of the wish a seed's picture holds by the director's caption than by the whole chat."""
        return gap(self.ways[0].shares, self.ways[2].shares)


def bypass(
    model: LanguageModel, painter: Painter, chat: str, wish: str, seeds: int = 8, seed: int = 7, *,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Bypass]]:  # fmt: skip
    """One caption by the director, then all three texts from the same seeds; the judge reads the pictures."""
    began, steps = time.perf_counter(), painter.passes(steps)
    said, wished = messages(chat), check_wish(wish, needed=True)
    assert wished is not None
    check_number("The number of seeds", seeds, 2, MOST_SEEDS, whole=True)
    rows = seed_range(seed, seeds)
    if not painter.is_bundled:
        raise PlainError("The judge reads Sticker World only. Open the bundled painter on the Start page for this one.")
    direction = yield from written(model, painter, said)
    if direction.caption is None:
        raise PlainError(declined(direction))
    ways = []
    for name, sent in zip(WAYS, (direction.caption, said[-1], " ".join(said)), strict=True):
        text = directing.as_caption(sent)
        pictures = yield from painting(painter, Plan(text, rows, steps=steps), f"From {name}")
        answers = [ledger.seen(facts(wished), one).values() for one in pictures]
        decided = [[one for one in each if one is not None] for each in answers]
        ways.append(
            Way(
                name,
                text,
                painter.unread(text),
                pictures,
                tuple(map(sum, decided)),
                tuple(map(len, decided)),
                len(facts(wished)),
            )
        )
    value = Bypass(wished, tuple(map(str, sorted(facts(wished)))), tuple(ways))
    source = Provenance.live(
        painter, began, rows[0], wish=wished, seeds=len(rows), **painter.pass_settings(steps),
        guidance_scale=painter.guidance_scale, director=f"{model.name}, {model.runtime}",
    )  # fmt: skip
    code = snippets.denoising(
        painter.source, direction.caption, seeds=rows, steps=steps, guidance_scale=painter.guidance_scale
    )
    yield Evidence(value, _alt(value), _table(value), source, _findings(value), code, ways[0].pictures)


def truth(value: Bypass) -> tuple[float, str, list[float]] | str:
    said = f"{_rate(value.ways[0])} of the wish's facts by the caption, {_rate(value.ways[2])} by the whole chat"
    return scored(value.gain, said)


def verdict(value: Bypass) -> str:
    """What the pairs of pictures from one seed say, in words."""
    return {
        1: "That lies above zero: for this wish the caption is the better letter to the painter",
        0: f"For this wish these pictures do not tell the two apart: {value.gain.why('seed')}",
        -1: "That lies below zero: for this wish the painter did better with the raw chat",
    }[value.gain.more]


def _alt(value: Bypass) -> str:
    summary = "; ".join(f"{one.name} (“{one.sent}”): {one}" for one in value.ways)
    return f"Pictures painted for the wish “{value.wish}” from {summary}. Difference: {value.gain}. {verdict(value)}."


def _table(value: Bypass) -> Table:
    rows = [
        (way.name, way.sent, number, seen, decided)
        for way in value.ways
        for number, (seen, decided) in enumerate(zip(way.seen, way.decided, strict=True), 1)
    ]
    return Table(("sent", "text", "picture", "facts of the wish seen", "facts that could be told"), tuple(rows))


def _findings(value: Bypass) -> tuple[Finding, ...]:
    director, last, whole = value.ways
    found = [
        Finding(
            f"{_rate(director)} against {_rate(whole)}",
            f"of the wish's facts ({', '.join(value.facts)}) are seen in the pictures from the caption and in those "
            f"from the whole chat. From the caption: {director}. From the chat: {whole}. Difference of the pictures of "
            f"one seed: {value.gain}. {verdict(value)}.",
        )
    ]
    if last.sent != whole.sent:
        found.append(
            Finding(
                _rate(last),
                f"of them are seen when only the last message is sent, “{last.sent}”: {last}. The painter never saw "
                "the others.",
            )
        )
    if any(sum(way.decided) < way.of * len(way.pictures) for way in value.ways):
        found.append(NOT_TOLD)
    if whole.unread:
        found.append(
            Finding(
                f"{plural(len(whole.unread), 'word')} never read",
                f"The painter's text encoder has no room for the end of the whole chat: "
                f"{', '.join(f'“{one}”' for one in whole.unread[:6])}.",
            )
        )
    return tuple(found)


def _rate(way: Way) -> str:
    return percents(*(one.rate for one in way.kept))


def published() -> tuple[tuple[str, Interval, Interval], ...]:
    """The stored measurement on the chats that the director was not made on: (who wrote, facts kept, invented)."""
    table = measures.table(measures.outcomes(), "held_out")
    return tuple((name, table[key].kept, table[key].invented) for key, name in PUBLISHED.items())


def published_pictures() -> tuple[tuple[str, tuple[Interval, Interval]], ...]:
    """The stored facts of the wish seen in pictures of those chats, at least and at most."""
    found = measures.painted(measures.outcomes(), "held_out")
    return tuple((name, found[key]) for name, key in zip(WAYS, measures.WAYS, strict=True))


def published_gain() -> str:
    """How much more the caption's pictures hold, chat by chat, in words."""
    every, turned = (measures.gained(measures.outcomes(), "held_out", taken_back) for taken_back in (False, True))
    says = {1: "So the caption is the better letter", -1: "So the chat is the better letter",
            0: f"So over these chats the pictures do not decide: {every.why('chat')}"}[every.more]  # fmt: skip
    return (
        f"How much more of the wish the caption's pictures hold than those from the whole chat, chat by chat: {every}. "
        f"Where something was taken back: {turned}. {says}."
    )
