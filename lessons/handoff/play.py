"""Screen 5: the learner sees a picture, the director reads a chat about it, and each may send a caption."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.checks import check_caption, check_number, seed_range, whole
from engines.director import ledger
from engines.director.facts import Fact, facts
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import Bounds, Gap, Interval, gap, in_bounds, percents, plural
from engines.text.language_model import LanguageModel
from lessons.handoff.measures import NOT_TOLD, facts_seen, scored, written
from lessons.handoff.rounds import Round, rounds
from lessons.shell.painting import painting

MOST_SEEDS = 8
CAPTION = "whales in the ocean"


@dataclass(frozen=True, eq=False)
class Side:
    """The caption of one side, None where it wrote none, its pictures uint8 [seeds, H, W, 3], and what is seen there.

    ``asked`` are the facts of its caption. ``seen`` has for each fact of the wish the pictures in which it is seen, and
    those in which it can be told; ``shares`` are those seen in each picture, at least and at most.
    """

    name: str
    caption: str | None
    pictures: np.ndarray
    asked: frozenset[Fact]
    seen: tuple[tuple[int, int], ...]
    shares: Bounds

    @property
    def kept(self) -> tuple[Interval, Interval]:
        """The share of the facts at least and at most; as wide as if those of a picture stood and fell together."""
        seen, decided = (sum(counts[place] for counts in self.seen) for place in (0, 1))
        seeds = len(self.shares[0])
        return in_bounds(seen, decided, len(self.seen) * seeds, seeds)

    def __str__(self) -> str:
        return facts_seen(*self.kept)

    @property
    def rate(self) -> str:
        return percents(*(one.rate for one in self.kept))


@dataclass(frozen=True, eq=False)
class Game:
    """One round: the facts that the shown picture has, and both sides."""

    number: int
    round: Round
    facts: tuple[Fact, ...]
    you: Side
    director: Side

    @property
    def lead(self) -> Gap:
        """How much more of the facts the learner's pictures hold than the director's, seed by seed."""
        return gap(self.you.shares, self.director.shares)


def play(
    model: LanguageModel, painter: Painter, number: int, caption: str, seeds: int = 6, seed: int = 7, *,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Game]]:  # fmt: skip
    """Both captions painted from the same seeds, each held against the facts of the picture that was shown."""
    began, steps = time.perf_counter(), painter.passes(steps)
    number = whole("The number of the picture", number, 0, len(rounds()) - 1)
    check_caption(caption)
    check_number("The number of seeds", seeds, 2, MOST_SEEDS, whole=True)
    one, rows = rounds()[number], seed_range(seed, seeds)
    if not painter.is_bundled:
        raise PlainError("The judge reads Sticker World only. Open the bundled painter on the Start page for this one.")
    wanted = tuple(sorted(facts(one.wish)))
    direction = yield from written(model, painter, one.messages)
    sides = []
    for name, sent in (("You", caption.strip()), ("The director", direction.caption)):
        if sent is None:
            nothing = np.zeros((0, painter.height, painter.width, 3), np.uint8)
            lost = tuple((0, len(rows)) for _ in wanted)
            sides.append(Side(name, None, nothing, frozenset(), lost, (np.zeros(len(rows)),) * 2))
            continue
        pictures = yield from painting(painter, Plan(sent, rows, steps=steps), f"{name}: “{sent}”")
        sides.append(_side(name, sent, wanted, pictures))
    value = Game(number, one, wanted, *sides)
    source = Provenance.live(
        painter, began, rows[0], picture=number + 1, scene=one.scene, seeds=len(rows), **painter.pass_settings(steps),
        guidance_scale=painter.guidance_scale, director=f"{model.name}, {model.runtime}",
    )  # fmt: skip
    code = snippets.denoising(
        painter.source, value.you.caption or "", seeds=rows, steps=steps, guidance_scale=painter.guidance_scale
    )
    yield Evidence(value, _alt(value), _table(value), source, _findings(value), code, value.you.pictures)


def _side(name: str, caption: str, wanted: tuple[Fact, ...], pictures: np.ndarray) -> Side:
    answers = [ledger.seen(wanted, picture) for picture in pictures]
    seen = tuple(
        (sum(each[fact] is True for each in answers), sum(each[fact] is not None for each in answers))
        for fact in wanted
    )
    least, most = (
        np.array([sum(one in counted for one in each.values()) / len(wanted) for each in answers])
        for counted in ((True,), (True, None))
    )
    return Side(name, caption, pictures, facts(caption), seen, (least, most))


def truth(value: Game) -> tuple[float, str, list[float]] | str:
    return scored(value.lead, f"you {value.you.rate}, the director {value.director.rate} of the facts")


def verdict(value: Game) -> str:
    """Who is ahead, in words."""
    return {
        1: "You are ahead, by more than the dice of these seeds",
        0: f"These seeds do not tell the two of you apart: {value.lead.why('seed')}",
        -1: "The director is ahead, by more than the dice of these seeds",
    }[value.lead.more]


def _alt(value: Game) -> str:
    return (
        f"The facts of the picture: {', '.join(map(str, value.facts))}. You wrote “{value.you.caption}”; in your "
        f"pictures: {value.you}. The director wrote “{value.director.caption or 'nothing'}”; in its pictures: "
        f"{value.director}. {verdict(value)}."
    )


def _table(value: Game) -> Table:
    yes = {True: "yes", False: "no"}
    rows = tuple(
        (str(fact), yes[fact in value.you.asked], *mine, yes[fact in value.director.asked], *its)
        for fact, mine, its in zip(value.facts, value.you.seen, value.director.seen, strict=True)
    )
    sides = [f"{who} {what}" for who in ("your", "the director's") for what in ("caption", "pictures", "of")]
    return Table(("fact of the picture", *sides), rows)


def _findings(value: Game) -> tuple[Finding, ...]:
    by_words = [sum(fact in side.asked for fact in value.facts) for side in (value.you, value.director)]
    doubtful = any(least != most for least, most in (value.you.kept, value.director.kept))
    return (
        Finding(
            f"You {value.you.rate}, the director {value.director.rate}",
            f"of the facts are seen in the pictures. In yours: {value.you}. In the director's: {value.director}. "
            f"Difference of the pictures of one seed: {value.lead}. {verdict(value)}.",
        ),
        *[NOT_TOLD] * doubtful,
        Finding(
            f"You {by_words[0]}, the director {by_words[1]} of {plural(len(value.facts), 'fact')}",
            "is what stood in the captions. What is not in the caption the painter has to guess, and "
            "where it guesses right, it is chance: look whether the other seeds guess so too.",
        ),
        Finding(
            "What it read",
            f"You saw the picture and no chat; the director read this chat and saw no picture: "
            f"{' / '.join(f'“{message}”' for message in value.round.messages)}",
        ),
    )
