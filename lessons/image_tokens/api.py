"""What the image-tokens lesson offers to ``gradio_client``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from engines.checks import whole
from engines.evidence import Evidence, PlainError
from engines.pictures import tiles
from engines.pictures.measures import SAME, psnr
from engines.pictures.tiles import FREE, SIDE, TILES, tile_writer
from lessons.image_tokens import board, force
from lessons.image_tokens.measures import FIRST, picture_of
from lessons.shell import waking
from lessons.shell.api import Endpoint
from lessons.shell.film import data_uri
from lessons.shell.scenes import CAPTIONS
from lessons.shell.uploads import named_or_sent


def encode_tiles(picture: str = FIRST) -> dict:
    """Turn a picture into tiles and back.

    picture: the name of a bundled scene, such as owl-meadow, or ``handle_file("mine.png")`` of gradio_client, or base64
    or a data URI of a picture file (as for /round_trip). Returns "tiles", 16 rows of 16 numbers from 0 to 255, the
    picture decoded from them as a data URI, and its PSNR in dB.
    """
    name, own = named_or_sent(picture, CAPTIONS)
    painter = waking.open_painter()
    writer = tile_writer(painter)
    pixels = picture_of(painter, name, own)
    written = writer.encode(pixels[None])
    restored = writer.decode(written)[0]
    return {
        "picture": name, "tiles": written[0].tolist(), "restored": data_uri(restored),
        "psnr": min(psnr(pixels, restored), SAME), "entries": len(writer.entries), "model": writer.name,
        "revision": writer.revision,
    }  # fmt: skip


def paint_tiles(
    caption: str, seed: int = 7, guidance: float = tiles.GUIDANCE, temperature: float = 1.0,
    given: list[list[int]] | None = None,
) -> Iterator[dict]:  # fmt: skip
    """Write a picture tile by tile after a caption; streams one answer a row.

    caption: up to 400 characters. guidance: 0 to 20; 1 is without. temperature: 0 to 5; top-p is 0.95. given: 16 rows
    of 16 numbers, tiles that are placed instead of drawn, -1 where the writer chooses. Each answer holds "row", the
    "tiles" so far (-1: not written), "bits", what the row's tiles cost before the dials, and "seconds" of the row;
    the last one "picture" as a data URI too.
    """
    ask = board.Ask.checked(caption, seed, guidance, temperature)
    placed = None if given is None else _given(given)
    painter = waking.open_painter()
    writer = tile_writer(painter)
    seconds, costs = 0.0, []
    for event in board.tiles_of(writer, ask, placed):
        seconds += event.seconds
        chance = float(event.chances().raw[event.tiles[0, -1]])
        costs.append(round(-float(np.log2(max(chance, 1e-12))), 3))
        if (event.index + 1) % SIDE:
            continue
        answer: dict[str, Any] = {
            "row": (event.index + 1) // SIDE, "of": SIDE, "tiles": event.pictures()[0].tolist(), "bits": costs,
            "seconds": seconds,
        }  # fmt: skip
        if event.index == TILES - 1:
            picture = writer.decode(event.pictures())[0]
            answer |= {"picture": data_uri(picture), "model": writer.name, "revision": writer.revision}
        yield answer
        seconds, costs = 0.0, []


def _given(given: Any) -> np.ndarray:
    """Tiles [1, 16, 16] as they were sent; PlainError unless they are 16 rows of 16 whole numbers, −1 among them."""
    rows = given if isinstance(given, list) else []
    if len(rows) != SIDE or any(not isinstance(row, list) or len(row) != SIDE for row in rows):
        raise PlainError(f"Give {SIDE} rows of {SIDE} tiles, {FREE} where the writer chooses.")
    return np.array([[[whole("A tile", one, FREE, 255) for one in row] for row in rows]])


def force_tile(
    caption: str, place: int, entry: int | None = None, seed: int = 7, guidance: float = tiles.GUIDANCE,
    temperature: float = 1.0,
) -> dict:  # fmt: skip
    """Write a picture, lay another entry in place of one of its tiles, and go on from there with the same dice.

    place: 0 to 255, row by row. entry: 0 to 255; the best one that was not drawn when left out. caption, guidance and
    temperature as for /paint_tiles. Returns what was "drawn" there, "scoreboard", its best entries with their rank,
    their "probability" before guidance and dials and their "kept_probability" after them, and "bits", what the drawn
    one cost. "tiles" and "picture" are those before, "forced_tiles" and "forced_picture" those after. Of the "later"
    tiles "differ" are others; "differ_unforced" when the drawn entry is laid in the same way, "differ_dice" with that
    and other dice.
    """
    place = board.place(place)
    if entry is not None:
        entry = whole("The entry", entry, 0, 255)
    shown = board.Shown(board.Ask.checked(caption, seed, guidance, temperature), place)
    painter = waking.open_painter()
    *_, found = force.forced(painter, None, shown, {"at": place, "entry": entry})
    assert isinstance(found, Evidence)
    after = found.value
    before, (differ, unforced, by_dice) = after.before, after.counts()
    rows = [
        {"entry": one.token_id, "rank": one.rank, "probability": one.probability,
         "kept_probability": one.kept_probability}
        for one in before.rows()
    ]  # fmt: skip
    return {
        "place": place, "drawn": before.entry, "entry": after.entry, "bits": float(before.bits[place]),
        "scoreboard": rows, "tiles": before.tiles.reshape(SIDE, SIDE).tolist(),
        "forced_tiles": after.tiles[0].reshape(SIDE, SIDE).tolist(), "later": after.later, "differ": differ,
        "differ_unforced": unforced, "differ_dice": by_dice, "picture": data_uri(before.picture),
        "forced_picture": data_uri(after.pictures[0]), "model": found.provenance.model,
        "revision": found.provenance.revision,
    }  # fmt: skip


ENDPOINTS = (
    Endpoint(encode_tiles, "pictures"), Endpoint(paint_tiles, "pictures"), Endpoint(force_tile, "pictures"),
)  # fmt: skip
