"""Screen 4: captions with one fact and with three, for both painters, read by one judge."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, Table, Underway
from engines.pictures import snippets, tile_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.plan import MAX_ROWS
from engines.pictures.tiles import DIALS, FOLDER, GUIDANCE, TileWriter, tile_writer
from engines.statistics import Interval, Mean, mean_interval, percent, points, share, wilson, words
from engines.stickers import judge, scenes
from engines.stickers.judge import Verdict
from engines.stickers.seed_ranges import FRESH
from engines.stickers.world import facts_of
from lessons.image_tokens.measures import provenance, writing
from lessons.shell.painting import painting

MAX_CAPTIONS = 16
PAINTERS = ("tile writer", "sculptor")
ASPECTS = ("object", "colour", "background")


@dataclass(frozen=True, eq=False)
class Asked:
    """Captions told in one fact and in three, and what the judge says of every picture.

    ``short`` and ``long`` hold the captions; ``pictures`` uint8 [2 painters, 2 lengths, captions, H, W, 3]. ``right``
    is [2][2][captions] of dicts from aspect to whether it is right, of what could be told of the three facts; ``blind``
    [2][captions] is the same for the long captions, where each picture is held against the next one's caption.
    """

    short: tuple[str, ...]
    long: tuple[str, ...]
    pictures: np.ndarray
    right: tuple[tuple[tuple[dict[str, bool], ...], ...], ...]
    blind: tuple[tuple[dict[str, bool], ...], ...]

    def object(self, painter: int, length: int) -> Interval:
        """How often the object is right, of the pictures in which it could be told."""
        decided = [one["object"] for one in self.right[painter][length] if "object" in one]
        return wilson(sum(decided), len(decided))

    def whole(self, painter: int) -> Interval:
        """How often all three facts of a long caption are right, of the pictures in which all could be told."""
        return _whole(self.right[painter][1])

    def chance(self, painter: int) -> Interval:
        """As :meth:`whole`, against the wrong captions."""
        return _whole(self.blind[painter])

    def kept(self, painter: int) -> list[float]:
        """For every long caption the share of its facts that are right, of those that could be told."""
        return [sum(one.values()) / len(one) for one in self.right[painter][1] if one]


def _whole(right: tuple[dict[str, bool], ...]) -> Interval:
    decided = [all(one.values()) for one in right if len(one) == len(ASPECTS) or not all(one.values())]
    return wilson(sum(decided), len(decided))


def asked(painter: Painter, captions: int = 8, seed: int = 7) -> Iterator[Underway | Evidence[Asked]]:
    """As many captions with one fact and with three, written as tiles and sculpted, from one seed each."""
    captions = whole("The number of captions", captions, 2, MAX_CAPTIONS)
    seed = whole("The first seed", seed, 0, MAX_SEED - MAX_CAPTIONS)
    began = time.perf_counter()
    writer = tile_writer(painter)
    short, long = drawn(captions, seed)
    seeds = [seed + number for number in range(captions)]
    texts, starts = (*short, *long), (*seeds, *seeds)
    written = yield from writing(writer, texts, starts, "The tile writer")
    tiled = writer.decode(written)
    parts = []
    for first in range(0, len(texts), MAX_ROWS):
        part = slice(first, first + MAX_ROWS)
        parts.append((yield from painting(painter, Plan(texts[part], starts[part]), "The sculptor")))
    sculpted = np.concatenate(parts)
    yield Underway(0.97, "The judge looks")
    facts = [facts_of(caption) for caption in (*short, *long)]
    verdicts = [judge.judge(pictures, facts, lettering=False) for pictures in (tiled, sculpted)]
    turned = [*facts[captions + 1 :], facts[captions]]
    blind = [judge.judge(pictures[captions:], turned, lettering=False) for pictures in (tiled, sculpted)]
    right = tuple(
        tuple(tuple(map(_decided, some[first : first + captions])) for first in (0, captions)) for some in verdicts
    )
    value = Asked(
        short, long, np.stack([tiled, sculpted]).reshape(2, 2, captions, *tiled.shape[1:]), right,
        tuple(tuple(map(_decided, some)) for some in blind),
    )  # fmt: skip
    yield _evidence(painter, writer, value, written, seeds, time.perf_counter() - began)


def _decided(verdict: Verdict) -> dict[str, bool]:
    """Whether each of the three facts is right, of those that the judge can tell."""
    return {aspect: verdict.right[aspect] for aspect in ASPECTS if aspect in verdict.right}


def drawn(count: int, seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Captions of one fact ("a car") and, of the same things, of three ("a red car in the snow"), all different."""
    plans: dict[str, scenes.Plan] = {}
    number = FRESH + 1_000 * seed
    while len(plans) < count:
        plan = scenes.plan(number, "single")
        number += 1
        if plan.things[0].colour and not scenes.is_held_out(plan):
            plans.setdefault(scenes.phrasings(plan)[0], plan)
    alone = tuple(f"{_article(plan.things[0].name)} {plan.things[0].name}" for plan in plans.values())
    return alone, tuple(plans)


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def truth(value: Asked) -> tuple[float, str] | str:
    tiled, sculpted = value.whole(0), value.whole(1)
    if not tiled.trials or not sculpted.trials:
        return "The judge could not tell enough of these pictures, so no guess can be scored."
    return (
        100 * (sculpted.rate - tiled.rate),
        f"all three facts in {tiled.successes} of {tiled.trials} of the tile writer’s pictures and in "
        f"{sculpted.successes} of {sculpted.trials} of the sculptor’s",
    )


@cache
def measured() -> dict[str, dict[str, dict[str, float]]]:
    """What ``training/tiles.py`` measured over its prompts, by question and painter; empty when there is no record."""
    file = FOLDER / "metrics.json"
    return json.loads(file.read_text(encoding="utf-8"))["questions"] if file.is_file() else {}


def _changed(of: Mean, alone: bool = False) -> str:
    """A change of a share in points, with its interval or ``alone``; no pair could be told where it is no number."""
    if math.isnan(of[0]):
        return "cannot be told"
    return points((of[0], -math.inf, math.inf) if alone else of)


def _evidence(
    painter: Painter, writer: TileWriter, value: Asked, written: np.ndarray, seeds: list[int], seconds: float
) -> Evidence[Asked]:
    rows = []
    for number, name in enumerate(PAINTERS):
        one, three, whole_, chance = (
            value.object(number, 0), value.object(number, 1), value.whole(number), value.chance(number),
        )  # fmt: skip
        rows.append((name, *(f"{part.successes} of {part.trials}" for part in (one, three, whole_, chance))))
    tiled, sculpted = value.whole(0), value.whole(1)
    moved = [
        mean_interval([
            float(long["object"]) - float(short["object"])
            for short, long in zip(*value.right[number], strict=True)
            if "object" in short and "object" in long
        ])
        for number in range(2)
    ]  # fmt: skip
    count = len(value.short)
    kept = [share(value.kept(number)) for number in range(2)]
    return Evidence(
        value=value,
        alt=(
            f"{count} captions. Told the thing alone, the tile writer shows it in {_of(value.object(0, 0))} and the "
            f"sculptor in {_of(value.object(1, 0))} pictures; told three facts, all three stand in {_of(tiled)} and "
            f"{_of(sculpted)}."
        ),
        table=Table(
            ("painter", "the thing, told alone", "the thing, told with two facts more", "all three facts",
             "all three of another caption"),
            tuple(rows),
        ),
        provenance=provenance(
            writer, painter, seeds[0], seconds, captions=count, guidance=GUIDANCE, top_p=DIALS.top_p,
            **painter.pass_settings(painter.steps),
        ),
        findings=(
            Finding(
                f"{_of(tiled)} and {_of(sculpted)}",
                f"pictures hold all three facts: the tile writer’s ({_range(tiled)}) and the sculptor’s "
                f"({_range(sculpted)}); against the next caption’s facts it is {_of(value.chance(0))} and "
                f"{_of(value.chance(1))}",
            ),
            Finding(
                " and ".join(_changed(one, alone=True) for one in moved),
                f"is what two more facts change in how often the thing itself is right: the tile writer’s "
                f"{_changed(moved[0])}, the sculptor’s {_changed(moved[1])}",
            ),
            Finding(
                f"{percent(kept[0][0])} and {percent(kept[1][0])}",
                f"of three facts stand in an average picture: the tile writer’s {words(kept[0], 0, percent=True)}, the "
                f"sculptor’s {words(kept[1], 0, percent=True)}",
            ),
        ),
        snippet=(
            f"{tile_snippets.writing(value.long, seeds, DIALS, GUIDANCE)}\nwritten = result\n\n"
            + snippets.denoising(
                painter.source, value.long[0], seeds=seeds[:1], steps=painter.steps,
                guidance_scale=painter.guidance_scale,
            )
            + "result = (written, result)\n"
        ),
        expected=(written[count:], value.pictures[1, 1, :1]),
    )  # fmt: skip


def _of(rate: Interval) -> str:
    return f"{rate.successes} of {rate.trials}"


def _range(rate: Interval) -> str:
    return f"95 % interval {100 * rate.low:.0f}–{100 * rate.high:.0f} %"
