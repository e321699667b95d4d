"""A picture as it was written, with the scoreboard of every tile."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, check_caption, check_number, whole
from engines.evidence import PlainError, Underway
from engines.pictures import tiles
from engines.pictures.tiles import MAX_GUIDANCE, SIDE, TILES, Tile, TileWriter, bits_of
from engines.text.dials import Candidate, Dials, distribution, scoreboard

TOP = 8
"""Rows of a scoreboard; the entry that was drawn comes below when it is none of them."""
NOT_SHOWN = "No picture is shown here yet. Press “Start both” first."
_OF = re.compile(r'data-of="([^"]*)"')


@dataclass(frozen=True)
class Ask:
    """What a picture is written from; the same makes the same picture again."""

    caption: str
    seed: int
    guidance_scale: float
    dials: Dials

    @classmethod
    def checked(cls, caption: Any, seed: Any, guidance_scale: Any, temperature: Any) -> Ask:
        """From what the page or a caller sent, checked in the order of the controls."""
        seed = whole("The seed", seed, 0, MAX_SEED)
        check_caption(caption)
        if not caption.strip():
            raise PlainError("Write a caption: a few words, such as “a strawberry on a blue background”.")
        check_number("The guidance scale", guidance_scale, 0, MAX_GUIDANCE)
        dials = Dials(temperature=temperature, top_p=tiles.DIALS.top_p)
        return cls(caption.strip(), seed, float(guidance_scale), dials)


@dataclass(frozen=True)
class Shown:
    """The picture that stands on the page, and the place ``at`` that is chosen in it; None: the dearest.

    It travels in the markup, so that a picture that was recorded, or outlived a reload, can be written again.
    """

    ask: Ask
    at: int | None = None

    def packed(self) -> str:
        ask = self.ask
        return json.dumps([ask.caption, ask.seed, ask.guidance_scale, ask.dials.temperature, self.at])

    @classmethod
    def in_markup(cls, markup: Any) -> Shown:
        """What :meth:`packed` left in a view, checked: it comes from the browser."""
        found = _OF.search(markup) if isinstance(markup, str) else None
        try:
            caption, seed, guidance_scale, temperature, at = json.loads(html.unescape(found[1]) if found else "[]")
        except (TypeError, ValueError):
            raise PlainError(NOT_SHOWN) from None
        return cls(Ask.checked(caption, seed, guidance_scale, temperature), None if at is None else place(at))


@dataclass(frozen=True, eq=False)
class Written:
    """A picture uint8 [H, W, 3] of ``tiles`` int64 [256], and the place ``at`` whose scoreboard is looked at.

    ``logits`` float32 [256, K] are the scores that each tile was drawn from, guidance included. ``beliefs`` float32
    [256, K] are the log2-chances after caption and earlier tiles alone, without guidance and dials. ``wall`` uint8
    [K, 8, 8, 3] has a patch for each entry.
    """

    ask: Ask
    tiles: np.ndarray
    logits: np.ndarray
    beliefs: np.ndarray
    picture: np.ndarray
    wall: np.ndarray
    at: int = 0

    @property
    def shown(self) -> Shown:
        return Shown(self.ask, self.at)

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
        chances = distribution(self.logits[self.at], self.ask.dials)
        ranked = scoreboard(chances, str, top=len(self.wall)).candidates
        shown = [one for one in ranked if one.rank <= TOP or one.token_id == self.entry]
        return tuple(replace(one, probability=float(2 ** self.beliefs[self.at, one.token_id])) for one in shown)


def place_name(at: int) -> str:
    return f"row {at // SIDE + 1}, column {at % SIDE + 1}"


def kept(writer: TileWriter, ask: Ask, logits: np.ndarray, written: np.ndarray) -> Written:
    """The picture int64 [1, 16, 16] with all its scoreboards, the dearest of its tiles chosen."""
    beliefs = writer.beliefs((ask.caption,), written)[0].reshape(TILES, -1)
    whole_ = Written(ask, written.ravel(), logits, beliefs, writer.decode(written)[0], writer.wall)
    return replace(whole_, at=int(whole_.bits.argmax()))


def tiles_of(writer: TileWriter, ask: Ask, given: np.ndarray | None = None) -> Iterator[Tile]:
    return tiles.write(
        writer, (ask.caption,), (ask.seed,), dials=ask.dials, guidance_scale=ask.guidance_scale, given=given
    )


def write(writer: TileWriter, ask: Ask) -> Generator[Underway, None, Written]:
    """``written = yield from write(…)``: a picture with its scoreboards."""
    logits = []
    for tile in tiles_of(writer, ask):
        logits.append(tile.logits[0])
        if (tile.index + 1) % SIDE == 0:
            yield Underway(tile.index / TILES / 2, f"Writing: row {tile.index // SIDE + 1} of {SIDE}")
    return kept(writer, ask, np.stack(logits), tile.pictures())


def shown_again(writer: TileWriter, written: Written | None, shown: Shown) -> Generator[Underway, None, Written]:
    """``written = yield from …``: the picture that is shown, at its place; written once more if it is another one."""
    if written is None or written.ask != shown.ask:
        written = yield from write(writer, shown.ask)
    return written if shown.at in (None, written.at) else replace(written, at=shown.at)


def stands(written: Written | None, markup: Any) -> bool:
    """Whether ``written`` is the picture that a view shows."""
    return written is not None and written.ask == Shown.in_markup(markup).ask


def chose(written: Written, pressed: Mapping[str, Any]) -> Written:
    """The picture with another of its tiles chosen; ``pressed`` is what the page sent: its place, ``at``."""
    return replace(written, at=place(pressed.get("at")))


def place(at: Any) -> int:
    return whole("The place", at, 0, TILES - 1)
