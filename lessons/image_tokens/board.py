"""A picture as it was written, with the scoreboard of every tile."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import whole
from engines.evidence import PlainError, Underway
from engines.pictures import tiles
from engines.pictures.tiles import SIDE, TILES, TileWriter, bits_of
from engines.text.dials import Candidate, Dials, distribution, scoreboard

TOP = 8
"""Rows of a scoreboard; the entry that was drawn comes below when it is none of them."""
NOT_LIVE = "This picture was written earlier. Press “Start both” first; then choose any of its tiles."


@dataclass(frozen=True, eq=False)
class Written:
    """A picture uint8 [H, W, 3] of ``tiles`` int64 [256], and the place ``at`` whose scoreboard is looked at.

    ``logits`` float32 [256, K] are the scores that each tile was drawn from, guidance included. ``beliefs`` float32
    [256, K] are the log2-chances after caption and earlier tiles alone, without guidance and dials. ``wall`` uint8
    [K, 8, 8, 3] has a patch for each entry.
    """

    caption: str
    seed: int
    guidance_scale: float
    dials: Dials
    tiles: np.ndarray
    logits: np.ndarray
    beliefs: np.ndarray
    picture: np.ndarray
    wall: np.ndarray
    at: int = 0

    @property
    def entry(self) -> int:
        """The one that was drawn at the place."""
        return int(self.tiles[self.at])

    @property
    def bits(self) -> np.ndarray:
        """What each tile cost, without guidance and dials: float32 [256]."""
        return bits_of(self.beliefs, self.tiles)

    @property
    def runner_up(self) -> int:
        """The best entry at the place that was not drawn."""
        return next(one.token_id for one in self.rows() if one.token_id != self.entry)

    def rows(self) -> tuple[Candidate, ...]:
        """The leaders of the place's scoreboard, and the entry that was drawn where it is none of them.

        Their ``probability`` is that before guidance and dials.
        """
        chances = distribution(self.logits[self.at], self.dials)
        ranked = scoreboard(chances, str, top=len(self.wall)).candidates
        shown = [one for one in ranked if one.rank <= TOP or one.token_id == self.entry]
        return tuple(replace(one, probability=float(2 ** self.beliefs[self.at, one.token_id])) for one in shown)


def place_name(at: int) -> str:
    return f"row {at // SIDE + 1}, column {at % SIDE + 1}"


def kept(
    writer: TileWriter, caption: str, seed: int, guidance_scale: float, dials: Dials, logits: np.ndarray,
    written: np.ndarray,
) -> Written:  # fmt: skip
    """The picture int64 [1, 16, 16] with all its scoreboards, the dearest of its tiles chosen."""
    beliefs = writer.beliefs((caption,), written)[0].reshape(TILES, -1)
    whole_ = Written(
        caption, seed, guidance_scale, dials, written.ravel(), logits, beliefs, writer.decode(written)[0], writer.wall
    )
    return replace(whole_, at=int(whole_.bits.argmax()))


def write(
    writer: TileWriter, caption: str, seed: int, guidance_scale: float, dials: Dials
) -> Generator[Underway, None, Written]:
    """``written = yield from write(…)``: a picture with its scoreboards."""
    logits = []
    for tile in tiles.write(writer, (caption,), (seed,), dials=dials, guidance_scale=guidance_scale):
        logits.append(tile.logits[0])
        if (tile.index + 1) % SIDE == 0:
            yield Underway(tile.index / TILES / 2, f"Writing: row {tile.index // SIDE + 1} of {SIDE}")
    return kept(writer, caption, seed, guidance_scale, dials, np.stack(logits), tile.pictures())


def chose(written: Written | None, pressed: Mapping[str, Any]) -> Written:
    """The picture with another of its tiles chosen; ``pressed`` is what the page sent: its place, ``at``."""
    if written is None:
        raise PlainError(NOT_LIVE)
    return replace(written, at=place(pressed.get("at")))


def place(at: Any) -> int:
    return whole("The place", at, 0, TILES - 1)
