"""Screen 2: one caption for both painters: tiles laid row by row, and a canvas that changes everywhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engines.evidence import Evidence, Finding, Table
from engines.models import worker
from engines.pictures import diffusion, snippets, tile_snippets, tiles
from engines.pictures.diffusion import Painter, Pass, Plan
from engines.pictures.measures import edits
from engines.pictures.tiles import SIDE, TILES, Tile, TileWriter, tile_writer
from engines.statistics import percent, plural
from engines.stickers import judge
from engines.stickers.judge import Verdict
from engines.stickers.world import facts_of
from lessons.image_tokens import board
from lessons.image_tokens.board import Ask, Written
from lessons.image_tokens.measures import provenance

TOLERANCE = 16
"""Colour steps of 255 by which a pixel must move to count as changed."""
JITTER = 0.2
"""By how much of itself the ratio differs between runs of the same: of 24 on two cores, in one thread and in two and
beside up to four programs that never rest, 23 lay that near their mean."""
HESITANT = 0.25
"""The share of the tiles that is told of as the dearest."""


@dataclass(frozen=True, eq=False)
class Moment:
    """The race so far. Seconds are each machine's own work, without waiting; the two take turns on one processor.

    ``canvas``: the tile writer's, uint8 [H, W, 3], when a row was finished just now. At the end ``written`` is its
    picture with all scoreboards, and ``verdicts`` are the judge's: of the tile writer's picture and the sculptor's.
    """

    tile: Tile | None = None
    passes: tuple[Pass, ...] = ()
    tile_seconds: float = 0.0
    picture_seconds: float = 0.0
    canvas: np.ndarray | None = None
    written: Written | None = None
    verdicts: tuple[Verdict, ...] = ()
    steps: int = 0

    @property
    def laid(self) -> int:
        """How many tiles are laid."""
        return 0 if self.tile is None else self.tile.index + 1

    @property
    def sculpted(self) -> float:
        """The share of its passes that the sculptor has made."""
        return len(self.passes) / self.passes[-1].passes if self.passes else 0.0

    @property
    def ratio(self) -> float:
        """How many times as long the tile writer took."""
        return self.tile_seconds / self.picture_seconds

    def edited(self) -> np.ndarray:
        """Share of the pixels of the sculptor's guess that change visibly from pass to pass."""
        previews = np.stack([one.previews[0] for one in self.passes if one.previews is not None])
        return edits(previews, threshold=(TOLERANCE + 1) / 255)


def race(
    painter: Painter, caption: str, seed: int = 7, guidance_scale: float = tiles.GUIDANCE, temperature: float = 1.0
) -> Iterator[Moment | Evidence[Moment]]:
    """Both painters on one caption, event by event: whichever has used less time of its own moves next."""
    ask = Ask.checked(caption, seed, guidance_scale, temperature)
    writer = tile_writer(painter)
    moment, logits = Moment(steps=painter.steps), []
    layer = board.tiles_of(writer, ask)
    sculptor = diffusion.denoise(painter, Plan(ask.caption, (ask.seed,), steps=painter.steps, previews=True))
    clock = worker.worked if painter.device.type == "cpu" else time.perf_counter
    laying = sculpting = True
    while laying or sculpting:
        if laying and (not sculpting or moment.tile_seconds <= moment.picture_seconds):
            began = clock()
            tile = next(layer)
            worked = moment.tile_seconds + clock() - began
            logits.append(tile.logits[0])
            row_done = (tile.index + 1) % SIDE == 0
            canvas = writer.decode(tile.pictures())[0] if row_done else None
            moment = replace(moment, tile=tile, tile_seconds=worked, canvas=canvas)
            laying = not tile.finished
            if not row_done:
                continue
        else:
            began = clock()
            step = next(sculptor)
            seconds = moment.picture_seconds + clock() - began
            moment = replace(moment, passes=(*moment.passes, step), picture_seconds=seconds, canvas=None)
            sculpting = not step.finished
        yield moment
    assert moment.tile is not None
    written = board.kept(writer, ask, np.stack(logits), moment.tile.pictures())
    yield _evidence(painter, writer, replace(moment, canvas=written.picture, written=written))


def truth(value: Moment) -> tuple[float, str, tuple[float, float]]:
    low, high = value.ratio * (1 - JITTER), value.ratio * (1 + JITTER)
    words = f"{value.ratio:.1f} times as long (another run of the same would say {low:.1f} to {high:.1f})"
    return value.ratio, words, (low, high)


def _evidence(painter: Painter, writer: TileWriter, moment: Moment) -> Evidence[Moment]:
    written, finished = moment.written, moment.passes[-1].pictures
    assert written is not None and finished is not None
    ask = written.ask
    verdicts = judge.judge(np.stack([written.picture, finished[0]]), facts_of(ask.caption))
    value = replace(moment, verdicts=verdicts)
    bits = written.bits.reshape(SIDE, SIDE)
    dearest = np.sort(bits.ravel())[::-1][: int(HESITANT * TILES)].sum() / bits.sum()
    changed = value.edited()
    pixels = written.picture.shape[0] * written.picture.shape[1]
    passes = len(moment.passes)
    return Evidence(
        value=value,
        alt=(
            f"The tile writer laid {TILES} tiles in {moment.tile_seconds:.1f} seconds and changed none afterwards; the "
            f"sculptor made {plural(passes, 'pass', 'passes')} in {moment.picture_seconds:.1f} seconds, and from one "
            f"to the next {percent(float(changed.mean()))} of its pixels changed visibly. {_judged(verdicts)}"
        ),
        table=Table(
            ("row", *(f"column {column}" for column in range(1, SIDE + 1))),
            tuple((row + 1, *(round(float(one), 2) for one in line)) for row, line in enumerate(bits)),
        ),
        provenance=provenance(
            writer, painter, ask.seed, moment.tile_seconds + moment.picture_seconds, caption=ask.caption, tiles=TILES,
            guidance=ask.guidance_scale, temperature=ask.dials.temperature, top_p=ask.dials.top_p,
            **painter.pass_settings(moment.steps),
        ),
        findings=(
            Finding(
                f"{TILES} against {passes}",
                f"passes: one for each tile, and {passes} over the whole canvas; {moment.tile_seconds:.1f} and "
                f"{moment.picture_seconds:.1f} seconds of work on this processor",
            ),
            Finding(
                f"0 against {int(round(changed.sum() * pixels)):,}",
                f"edits: a tile stays as it fell, and of the sculptor’s {pixels:,} pixels "
                f"{percent(float(changed[0]))} moved visibly, by more than {TOLERANCE} of 255, in its second pass, "
                f"{percent(float(changed[-1]))} in its last",
            ),
            Finding(
                f"{percent(float(dearest))} of the bits",
                f"went into the dearest quarter of the tiles: {bits.sum():.0f} bits in all, "
                f"{bits.mean():.1f} a tile, where an even choice among {len(writer.entries)} would be "
                f"{np.log2(len(writer.entries)):.0f}",
            ),
            Finding(score(verdicts), f"{_judged(verdicts)} One picture each says little: the last screen counts."),
        ),
        snippet=_both(
            tile_snippets.writing((ask.caption,), (ask.seed,), ask.dials, ask.guidance_scale),
            snippets.denoising(
                painter.source, ask.caption, seeds=(ask.seed,), steps=moment.steps,
                guidance_scale=painter.guidance_scale,
            ),
        ),
        expected=(written.tiles.reshape(1, SIDE, SIDE), finished),
    )  # fmt: skip


def score(verdicts: tuple[Verdict, ...]) -> str:
    """How much of the caption each picture holds, and how much of that cannot be told."""
    if not verdicts[0].expected:
        return "nothing to judge"
    asked = len(verdicts[0].expected)
    scores = [
        f"{sum(one.right.values())} of {asked if number else plural(asked, 'fact')}"
        + (f", {len(one.untold)} cannot be told" if one.untold else "")
        for number, one in enumerate(verdicts)
    ]
    return (", against " if any(one.untold for one in verdicts) else " against ").join(scores)


def _judged(verdicts: tuple[Verdict, ...]) -> str:
    """What the judge says of both pictures, in words."""
    if not verdicts[0].expected:
        return "The caption asks for nothing that the judge knows."
    said = []
    for name, one in zip(("the tile writer", "the sculptor"), verdicts, strict=True):
        right = [aspect for aspect, fine in one.right.items() if fine]
        wrong = [f"{aspect} (it sees {one.seen[aspect]})" for aspect, fine in one.right.items() if not fine]
        groups = (right, "right"), (wrong, "wrong"), (one.untold, "not to be told")
        parts = [f"{', '.join(aspects)} {verdict}" for aspects, verdict in groups if aspects]
        said.append(f"{name}: {', '.join(parts)}")
    return "The judge says of " + "; of ".join(said) + "."


def _both(tiled: str, painted: str) -> str:
    return f"{tiled}\nwritten = result\n\n{painted}\nresult = (written, result)\n" if tiled and painted else ""
