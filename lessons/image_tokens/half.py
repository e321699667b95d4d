"""Screen 3: the upper half of another picture is given, and the tile writer must go on from it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, PlainError, Table, Underway
from engines.pictures import tile_snippets
from engines.pictures.diffusion import Painter
from engines.pictures.tiles import DIALS, FREE, GUIDANCE, SIDE, TileWriter, tile_writer
from engines.statistics import Interval, plural, wilson
from engines.stickers.world import Facts, Thing, facts_of
from lessons.image_tokens.measures import provenance, shows, writing
from lessons.shell.scenes import CAPTIONS, example

SCENE, OTHER = "owl-meadow", "a cat on a green meadow"
MAX_SEEDS, MAX_GIVEN = 12, 14
WAYS = ("its own caption", "the other caption", "no caption", "the other caption, nothing given")
"""What is told and given in each row of the experiment; the last is the control."""


@dataclass(frozen=True, eq=False)
class Halved:
    """Pictures uint8 [4 ways, seeds, H, W, 3] that begin with ``given`` rows of a scene's tiles, but for the last way.

    ``start`` uint8 [H, W, 3] shows what is given. ``things``: what the scene and what the other caption name. ``own``
    and ``asked`` say for every picture whether the judge sees the one and the other; None where it cannot tell.
    """

    scene: str
    caption: str
    other: str
    given: int
    start: np.ndarray
    pictures: np.ndarray
    things: tuple[str, str]
    own: tuple[tuple[bool | None, ...], ...]
    asked: tuple[tuple[bool | None, ...], ...]

    def share(self, way: int, asked: bool) -> Interval:
        """How often the thing of the scene (or of the other caption) is seen, of the pictures that can be told."""
        decided = [one for one in (self.asked if asked else self.own)[way] if one is not None]
        return wilson(sum(decided), len(decided))


def half(
    painter: Painter, scene: str, other: str, given: int = 8, seeds: int = 6, seed: int = 7
) -> Iterator[Underway | Evidence[Halved]]:
    """Continue a scene's first rows under its own caption, another and none, from several seeds."""
    given = whole("The number of rows", given, 1, MAX_GIVEN)
    seeds = whole("The number of seeds", seeds, 2, MAX_SEEDS)
    seed = whole("The first seed", seed, 0, MAX_SEED - MAX_SEEDS)
    if scene not in CAPTIONS:
        raise PlainError(f"There is no such scene. Choose one of: {', '.join(CAPTIONS)}.")
    things = _one_thing(CAPTIONS[scene]), _one_thing(other)
    if things[0] == things[1]:
        raise PlainError("Ask for something else than the scene shows, or nothing can be told apart.")
    began = time.perf_counter()
    writer = tile_writer(painter)
    side = SIDE * painter.factor
    whole_tiles = writer.encode(example(scene, side, side)[None])[0]
    start = np.where(np.arange(SIDE)[:, None] < given, whole_tiles, FREE)
    nothing = np.full_like(start, FREE)
    captions = [text for text in (CAPTIONS[scene], other.strip(), "", other.strip()) for _ in range(seeds)]
    beginnings = np.stack([start] * (3 * seeds) + [nothing] * seeds)
    dice = [seed + number for number in range(seeds)] * len(WAYS)
    written = yield from writing(writer, captions, dice, "Going on", given=beginnings)
    pictures = writer.decode(written)
    yield Underway(0.97, "The judge looks")
    seen = [_seen(pictures, thing, seeds) for thing in things]
    value = Halved(
        scene, CAPTIONS[scene], other.strip(), given, writer.decode(start[None])[0],
        pictures.reshape(len(WAYS), seeds, *pictures.shape[1:]), things, *seen,
    )  # fmt: skip
    yield _evidence(writer, value, start, written, dice[:seeds], time.perf_counter() - began)


def _one_thing(caption: Any) -> str:
    """The one thing that a caption asks for; PlainError where there is not exactly one that the judge knows."""
    facts = facts_of(caption)
    names = list(dict.fromkeys(thing.name for thing in facts.things))
    if len(names) != 1 or names[0] == "sign":
        raise PlainError(
            "Name exactly one thing of Sticker World in the other caption, such as “a cat on a green meadow”."
        )
    return names[0]


def _seen(pictures: np.ndarray, name: str, seeds: int) -> tuple[tuple[bool | None, ...], ...]:
    shown = shows(pictures, Facts((Thing(name),)), "object")
    return tuple(tuple(shown[first : first + seeds]) for first in range(0, len(shown), seeds))


def truth(value: Halved) -> tuple[float, str] | str:
    """In what share of the pictures the cat is seen; in words why no guess can be scored."""
    share = value.share(1, asked=True)
    if not share.trials:
        return "The judge could tell none of these pictures, so no guess can be scored."
    said = f"{share.successes} of {plural(share.trials, 'picture')}"
    if (value.given, *value.things) != (SIDE // 2, "owl", "cat"):
        return f"Here the {value.things[1]} is seen in {said}. The guess is about the upper half of an owl and a cat."
    return share.rate, said


def _evidence(
    writer: TileWriter, value: Halved, start: np.ndarray, written: np.ndarray, seeds: list[int], seconds: float
) -> Evidence[Halved]:
    rows = [
        (way, *(f"{one.successes} of {one.trials}" for one in (value.share(number, False), value.share(number, True))))
        for number, way in enumerate(WAYS)
    ]
    own, asked, free = value.share(1, False), value.share(1, True), value.share(3, True)
    kept, alone = value.share(0, False), value.share(2, False)
    thing, other = value.things
    given = [written_row.ravel()[: value.given * SIDE].tolist() for written_row in np.stack([start] * len(seeds))]
    return Evidence(
        value=value,
        alt=(
            f"Given {plural(value.given, 'row')} of {value.caption} and told “{value.other}”, the writer shows the "
            f"{other} in {asked.successes} of {asked.trials} pictures and the {thing} in {own.successes} of "
            f"{own.trials}; with nothing given it shows the {other} in {free.successes} of {free.trials}."
            + untold(value)
        ),
        table=Table(("told", f"shows the {thing}", f"shows the {other}"), tuple(rows)),
        provenance=provenance(
            writer, None, seeds[0], seconds, scene=value.scene, caption=value.other, rows_given=value.given,
            seeds=len(seeds), guidance=GUIDANCE, top_p=DIALS.top_p,
        ),
        findings=(
            Finding(
                f"{_of(asked)} against {_of(free)}",
                f"pictures show the {other} that was asked for: after the given rows, and with nothing given "
                f"(95 % intervals {_range(asked)} and {_range(free)})",
            ),
            Finding(
                _of(own),
                f"pictures show the {thing} "
                + ("although they were" if own.successes else "when")
                + f" told of the {other}: what stands above is context like the caption, and none of it can be taken "
                f"back (95 % interval {_range(own)})",
            ),
            Finding(
                f"{_of(kept)} and {_of(alone)}",
                f"pictures show the {thing} when the caption names it, and when there is none: what the rows tell "
                f"(95 % intervals {_range(kept)} and {_range(alone)})",
            ),
        ),
        snippet=tile_snippets.writing([value.other] * len(seeds), seeds, DIALS, GUIDANCE, given),
        expected={
            "tiles": written.reshape(len(WAYS), len(seeds), SIDE, SIDE)[1], "pictures": list(value.pictures[1]),
        },
    )  # fmt: skip


def untold(value: Halved) -> str:
    """That pictures are left out of a count, where some are."""
    seeds = len(value.pictures[0])
    several = (value.share(way, asked).trials for way in range(len(WAYS)) for asked in (False, True))
    return f" Where fewer than {seeds} are counted, the judge cannot tell the others." if min(several) < seeds else ""


def _of(share: Interval) -> str:
    """How many of those that could be told."""
    return f"{share.successes} of {share.trials}"


def _range(share: Interval) -> str:
    return f"{100 * share.low:.0f}–{100 * share.high:.0f} %"
