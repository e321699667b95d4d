"""Pictures as tiles, measured: what the experiments share. Read them as the lesson goes: :mod:`book`, :mod:`race`,
:mod:`half` and :mod:`facts`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from engines.evidence import Provenance, Underway
from engines.pictures import tiles
from engines.pictures.diffusion import Painter
from engines.pictures.files import Source, open_picture
from engines.pictures.tiles import SIDE, TILES, TileWriter
from engines.stickers import judge
from engines.stickers.world import Facts
from lessons.shell.scenes import example

FIRST = "owl-meadow"
CAPTION = "a strawberry on a blue background"
BYTES = TILES
"""What a picture of tiles takes, one byte a tile, as long as the codebook has 256 entries."""


def writing(
    writer: TileWriter, captions: Sequence[str], seeds: Sequence[int], words: str, **options: Any
) -> Generator[Underway, None, np.ndarray]:
    """The finished tiles int64 [rows, 16, 16]: ``tiles = yield from writing(...)``; a word a row of tiles."""
    last = None
    for last in tiles.write(writer, captions, seeds, **options):
        if (last.index + 1) % tiles.SIDE == 0:
            done = (last.index + 1) // tiles.SIDE
            yield Underway(done / tiles.SIDE, f"{words}: row {done} of {tiles.SIDE}")
    assert last is not None
    return last.pictures()


def picture_of(painter: Painter, name: str, own: Source | None) -> np.ndarray:
    """A bundled scene by name, or a picture of one's own, uint8 [128, 128, 3]."""
    side = SIDE * painter.factor
    return example(name, side, side) if own is None else open_picture(own, width=side, height=side)


def provenance(writer: TileWriter, painter: Painter | None, seed: int | None, seconds: float, **settings: object) -> (
    Provenance
):  # fmt: skip
    """Where a result comes from that the tile writer made, with the painter where it painted too."""
    if painter is None:
        return Provenance("live", writer.name, writer.revision, settings, seed, seconds)
    revisions = {"tiles revision": writer.revision, "picture revision": painter.revision}
    return Provenance("live", f"{writer.name} and {painter.name}", "", {**revisions, **settings}, seed, seconds)


def shows(pictures: np.ndarray, facts: Facts | Sequence[Facts], aspect: str) -> list[bool | None]:
    """What the judge says of one aspect of each picture uint8 [n, H, W, 3]; None where it cannot tell."""
    return [one.right.get(aspect) for one in judge.judge(pictures, facts, lettering=False)]
