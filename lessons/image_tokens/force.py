"""Screen 2, after the race: another entry is laid in place of one tile, and the writer goes on from there.

The dice stay the same, and so does what was laid before. Two controls: the entry that was drawn, laid in the same way,
and other dice after it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, Finding, Table, Underway
from engines.pictures import tile_snippets, tiles
from engines.pictures.diffusion import Painter
from engines.pictures.tiles import FREE, SIDE, TILES, TileWriter, tile_writer
from engines.statistics import plural
from engines.stickers import judge
from engines.stickers.judge import Verdict
from engines.stickers.world import facts_of
from lessons.image_tokens import board
from lessons.image_tokens.board import Shown, Written, place_name
from lessons.image_tokens.measures import provenance
from lessons.image_tokens.race import score

WAYS = ("the other entry, the same dice", "its own entry, the same dice", "its own entry, other dice")


@dataclass(frozen=True, eq=False)
class Forced:
    """The picture ``before``, and ``tiles`` int64 [3 ways, 256] after ``entry`` was laid at its place.

    :data:`FREE` where nothing is written yet. ``pictures`` uint8 [2, H, W, 3] are the first and the last way.
    ``verdicts`` are the judge's at the end: of the picture before and of the first way.
    """

    before: Written
    entry: int
    tiles: np.ndarray
    pictures: np.ndarray
    verdicts: tuple[Verdict, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the entry laid is the one that was drawn."""
        return self.entry == self.before.entry

    @property
    def later(self) -> int:
        """How many tiles come after the place."""
        return TILES - 1 - self.before.at

    @property
    def written(self) -> int:
        """How many of those are written so far."""
        return int((self.tiles[0, self.before.at + 1 :] != FREE).sum())

    def differs(self) -> np.ndarray:
        """Where each way has another tile after the place than the picture before: bool [3, 256]."""
        after = np.arange(TILES) > self.before.at
        return after & (self.tiles != FREE) & (self.tiles != self.before.tiles)

    def counts(self) -> tuple[int, int, int]:
        """How many later tiles differ in each way."""
        forced, own, other = self.differs().sum(1).tolist()
        return forced, own, other


def forced(
    painter: Painter, written: Written | None, shown: Shown, pressed: Mapping[str, Any] | None = None
) -> Iterator[Underway | Written | Forced | Evidence[Forced]]:
    """Lay another ``entry`` in place of the tile ``at``, which are what was ``pressed``; else the runner-up at the
    place that is chosen.

    The picture is the one that is ``shown``; where ``written`` is another one, or none, it is written again first.
    """
    began = time.perf_counter()
    writer = tile_writer(painter)
    before = yield from board.shown_again(writer, written, shown)
    if pressed and pressed.get("at") != before.at:
        before = board.chose(before, pressed)
    entry = pressed.get("entry") if pressed else None
    entry = before.runner_up if entry is None else whole("The entry", entry, 0, len(writer.entries) - 1)
    if before is not written:
        yield before
    yield from go_on(writer, before, entry, began)


def looked_at(
    painter: Painter, written: Written | None, shown: Shown, pressed: Mapping[str, Any]
) -> Iterator[Underway | Written]:
    """The picture that is ``shown`` with the tile chosen that was ``pressed``."""
    before = yield from board.shown_again(tile_writer(painter), written, shown)
    yield board.chose(before, pressed)


def go_on(writer: TileWriter, before: Written, entry: int, began: float) -> Iterator[Forced | Evidence[Forced]]:
    """All three ways at once, a moment a row."""
    given = np.full((len(WAYS), TILES), FREE)
    given[:, : before.at + 1] = before.tiles[: before.at + 1]
    given[0, before.at] = entry
    ask = before.ask
    other_dice = ask.seed + 1 if ask.seed < MAX_SEED else ask.seed - 1
    for tile in tiles.write(
        writer, (ask.caption,) * len(WAYS), (ask.seed, ask.seed, other_dice), dials=ask.dials,
        guidance_scale=ask.guidance_scale, given=given.reshape(-1, SIDE, SIDE),
    ):  # fmt: skip
        if (tile.index + 1) % SIDE == 0 and tile.index >= before.at:
            laid = tile.pictures()
            moment = Forced(before, entry, laid.reshape(len(WAYS), TILES), writer.decode(laid[::2]))
            yield moment
    facts = facts_of(ask.caption)
    verdicts = judge.judge(np.stack([before.picture, moment.pictures[0]]), facts)
    yield _evidence(writer, replace(moment, verdicts=verdicts), other_dice, time.perf_counter() - began)


def _evidence(writer: TileWriter, value: Forced, other_dice: int, seconds: float) -> Evidence[Forced]:
    before, ask = value.before, value.before.ask
    after = (np.arange(TILES) > before.at).reshape(SIDE, SIDE).sum(1)
    differs = value.differs().reshape(len(WAYS), SIDE, SIDE).sum(2)
    return Evidence(
        value=value,
        alt=_alt(value),
        table=Table(
            ("row", "tiles after the place", *WAYS),
            tuple((row + 1, int(after[row]), *differs[:, row].tolist()) for row in np.flatnonzero(after).tolist()),
        ),
        provenance=provenance(
            writer, None, ask.seed, seconds, caption=ask.caption, place=place_name(before.at), entry=value.entry,
            **({} if value.same else {"instead_of": before.entry}), guidance=ask.guidance_scale,
            temperature=ask.dials.temperature, top_p=ask.dials.top_p,
        ),
        findings=_findings(value, other_dice),
        snippet=tile_snippets.writing(
            (ask.caption,), (ask.seed,), ask.dials, ask.guidance_scale,
            [[*before.tiles[: before.at].tolist(), value.entry]],
        ),
        expected={"tiles": value.tiles[:1].reshape(1, SIDE, SIDE), "pictures": [value.pictures[0]]},
    )  # fmt: skip


def _alt(value: Forced) -> str:
    before, (changed, own, other) = value.before, value.counts()
    where = f"At {place_name(before.at)} entry"
    if value.same:
        laid = f"{where} {value.entry} is laid again, which had been drawn there."
    else:
        laid = f"{where} {value.entry} is laid instead of {before.entry}, which had been drawn."
    if not value.later:
        return f"{laid} It is the last tile: no other can change."
    after = f"Of the {plural(value.later, 'tile')} after it {changed or 'none'} differ from before"
    if value.same:
        return f"{laid} {after}; with other dice {other} do."
    controls = f"{own} do with entry {before.entry} laid in the same way, and {other} with that and other dice"
    return f"{laid} {after}; {controls}."


def _findings(value: Forced, other_dice: int) -> tuple[Finding, ...]:
    before, (changed, own, other) = value.before, value.counts()
    where = place_name(before.at)
    judged = Finding(
        score(value.verdicts),
        "of what the caption asks for: the picture as it was, and the new one. One picture each says little"
        if value.verdicts[0].expected
        else "the caption asks for nothing that the judge knows",
    )
    if not value.later:
        return Finding("the last tile", f"is that at {where}: none comes after it, so no other can change"), judged
    who = "what is laid and the dice decide, not who laid it"
    rounds = "runs that share a pass round the last digits of the scores, and a dice fell on an edge"
    by_dice = f"with entry {before.entry} and other dice from there on"
    if before.ask.dials.greedy:
        dice = "at temperature 0 none are thrown"
    elif value.same:
        dice = f"those of seed {other_dice}"
    else:
        than = "more tiles than" if changed > other else "fewer tiles than" if changed < other else "as many tiles as"
        dice = f"in this one picture the laid entry changed {than} the dice of seed {other_dice}"
    others = Finding(f"{other} of {value.later}", f"{by_dice}: {dice}")
    if value.same:
        again = f"later tiles changed: entry {value.entry} was drawn at {where}, and you laid it again"
        return Finding(f"{changed} of {value.later}", f"{again}; {rounds if changed else who}"), others, judged
    first = int(np.argmax(value.differs()[0])) - before.at
    ends = f"the first of them {plural(first, 'tile')} later" if changed else "the writer goes on as it would have"
    return (
        Finding(
            f"{changed} of {value.later}",
            f"later tiles are others after entry {value.entry} in place of {before.entry} at {where}, with the same "
            f"dice: {ends}",
        ),
        Finding(
            f"{own} of {value.later}",
            f"with entry {before.entry}, its own, laid in the same way: {rounds if own else who}",
        ),
        others,
        judged,
    )
