"""One wrong stroke: the names of the four machines, and what was measured of them earlier."""

from __future__ import annotations

import json
from functools import cache

from engines.models.catalogue import MODELS
from engines.recovery import Struck, from_record
from engines.statistics import Interval, interval

NAMES = {
    "twin": "the twin", "masked": "the masked writer", "tiles": "the tile writer", "sculptor": "the sculptor",
}  # fmt: skip
"""Of the machines of ``engines.recovery``, in the order in which they are struck."""
ABOUT = {
    "twin": "a word a pass, from left to right",
    "masked": "fills a canvas of words, and covers again what it doubts",
    "tiles": "a tile a pass, row by row",
    "sculptor": "changes the whole canvas in every pass",
}
FILE = MODELS / "sticker-world" / "recovery.json"


@cache
def recorded() -> tuple[Struck, ...]:
    """What ``training/recovery.py`` measured of all four, by machine and moment; empty where it was not run."""
    if not FILE.is_file():
        return ()
    return tuple(from_record(one) for one in json.loads(FILE.read_text(encoding="utf-8"))["strikes"])


def of(share: Interval) -> str:
    """How many, of how many that could be told."""
    return f"{share.successes} of {share.trials}"


def ranged(share: Interval) -> str:
    return f"{of(share)} (95 % interval {interval(share.low, share.high)})"
