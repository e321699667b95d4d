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
from lessons.image_tokens.board import Written, place_name
from lessons.image_tokens.measures import provenance
from lessons.image_tokens.race import score, settings

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
    def later(self) -> int:
        """How many tiles come after the place."""
        return TILES - 1 - self.before.at

    def differs(self) -> np.ndarray:
        """Where each way has another tile after the place than the picture before: bool [3, 256]."""
        after = np.arange(TILES) > self.before.at
        return after & (self.tiles != FREE) & (self.tiles != self.before.tiles)

    def counts(self) -> tuple[int, int, int]:
        """How many later tiles differ in each way."""
        forced, own, other = self.differs().sum(1).tolist()
        return forced, own, other


def forced(
    painter: Painter, written: Written | None, caption: Any, seed: Any, guidance_scale: Any, temperature: Any,
    pressed: Mapping[str, Any] | None = None,
) -> Iterator[Underway | Forced | Evidence[Forced]]:  # fmt: skip
    """Lay another ``entry`` in place of the tile ``at``, which are what was ``pressed``; else the runner-up at the
    place that is chosen.

    Without a picture one is written first, with the page's settings.
    """
    began = time.perf_counter()
    if written is None:
        seed = whole("The seed", seed, 0, MAX_SEED)
        caption, guidance_scale, dials = settings(caption, guidance_scale, temperature)
        written = yield from board.write(tile_writer(painter), caption, seed, guidance_scale, dials)
    writer = tile_writer(painter)
    if pressed and pressed.get("at") != written.at:
        written = board.chose(written, pressed)
    entry = pressed.get("entry") if pressed else None
    entry = written.runner_up if entry is None else whole("The entry", entry, 0, len(writer.entries) - 1)
    yield from go_on(writer, written, entry, began)


def go_on(writer: TileWriter, before: Written, entry: int, began: float) -> Iterator[Forced | Evidence[Forced]]:
    """All three ways at once, a moment a row."""
    given = np.full((len(WAYS), TILES), FREE)
    given[:, : before.at + 1] = before.tiles[: before.at + 1]
    given[0, before.at] = entry
    other_dice = before.seed + 1 if before.seed < MAX_SEED else before.seed - 1
    for tile in tiles.write(
        writer, (before.caption,) * len(WAYS), (before.seed, before.seed, other_dice), dials=before.dials,
        guidance_scale=before.guidance_scale, given=given.reshape(-1, SIDE, SIDE),
    ):  # fmt: skip
        if (tile.index + 1) % SIDE == 0 and tile.index >= before.at:
            laid = tile.pictures()
            moment = Forced(before, entry, laid.reshape(len(WAYS), TILES), writer.decode(laid[::2]))
            yield moment
    facts = facts_of(before.caption)
    verdicts = judge.judge(np.stack([before.picture, moment.pictures[0]]), facts)
    yield _evidence(writer, replace(moment, verdicts=verdicts), other_dice, time.perf_counter() - began)


def _evidence(writer: TileWriter, value: Forced, other_dice: int, seconds: float) -> Evidence[Forced]:
    before, (changed, own, other) = value.before, value.counts()
    where = place_name(before.at)
    after = (np.arange(TILES) > before.at).reshape(SIDE, SIDE).sum(1)
    differs = value.differs().reshape(len(WAYS), SIDE, SIDE).sum(2)
    return Evidence(
        value=value,
        alt=(
            f"At {where} entry {value.entry} is laid instead of {before.entry}, which had been drawn. Of the "
            f"{plural(value.later, 'tile')} after it {changed} are others than before; {own} with entry {before.entry} "
            f"laid in the same way, and {other} with that and other dice."
        ),
        table=Table(
            ("row", "tiles after the place", *WAYS),
            tuple((row + 1, int(after[row]), *differs[:, row].tolist()) for row in np.flatnonzero(after).tolist()),
        ),
        provenance=provenance(
            writer, None, before.seed, seconds, caption=before.caption, place=where, entry=value.entry,
            instead_of=before.entry, guidance=before.guidance_scale, temperature=before.dials.temperature,
            top_p=before.dials.top_p,
        ),
        findings=_findings(value, other_dice),
        snippet=tile_snippets.writing(
            (before.caption,), (before.seed,), before.dials, before.guidance_scale,
            [[*before.tiles[: before.at].tolist(), value.entry]],
        ),
        expected={"tiles": value.tiles[:1].reshape(1, SIDE, SIDE), "pictures": [value.pictures[0]]},
    )  # fmt: skip


def _findings(value: Forced, other_dice: int) -> tuple[Finding, ...]:
    before, (changed, own, other) = value.before, value.counts()
    judged = Finding(
        score(value.verdicts),
        "of what the caption asks for, and the judge can tell, stands in the picture as it was and in the new one; one "
        "picture each says little",
    )
    if not value.later:
        return Finding("no tile", "comes after this one, so nothing can follow from it"), judged
    first = int(np.argmax(value.differs()[0])) - before.at
    ends = f"the first of them {plural(first, 'tile')} later" if changed else "the writer goes on as it would have"
    if own:
        control = "runs that share a pass round the last digits of the scores, and a dice fell on an edge"
    else:
        control = "what is laid and the dice decide, not who laid it"
    if before.dials.greedy:
        dice = "at temperature 0 none are thrown"
    else:
        than = "more tiles than" if changed > other else "fewer tiles than" if changed < other else "as many tiles as"
        dice = f"in this one picture the laid entry changed {than} the dice of seed {other_dice}"
    replaced = f"entry {value.entry} in place of {before.entry}" if value.entry != before.entry else "the entry it drew"
    return (
        Finding(
            f"{changed} of {value.later}",
            f"later tiles are others after {replaced} at {place_name(before.at)}, with the same dice: {ends}",
        ),
        Finding(f"{own} of {value.later}", f"with entry {before.entry}, its own, laid in the same way: {control}"),
        Finding(f"{other} of {value.later}", f"with entry {before.entry} and other dice from there on: {dice}"),
        judged,
    )
