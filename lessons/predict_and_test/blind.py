"""What the judge itself misreads, so that nobody holds the painter to its word there."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from engines.pictures.painter import MODELS
from engines.statistics import Interval, wilson
from engines.stickers.judge import fewest
from engines.stickers.world import Facts

NEEDS_THE_THING = ("object", "count", "colour", "relation")
"""Aspects that hang on the judge naming a thing and its colour."""
ENOUGH = 0.9


@cache
def record() -> dict[str, Any]:
    """The recorded test of ``training/blind_spot.py``; {} when it is not there."""
    file = MODELS / "sticker-world" / "blind_spot.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def misread() -> tuple[str, ...]:
    """The coloured things that the judge does not know even when they are truly there."""
    known = record().get("held_out_colours", {}).get("by_pair", {})
    return tuple(pair for pair, (right, of) in known.items() if right < ENOUGH * of)


def unjust() -> Interval | None:
    """In how many true scenes of five or six the judge would find too few; None where that is not recorded.

    From ``training/beyond_four.py``.
    """
    file = MODELS / "sticker-world" / "beyond_four.json"
    if not file.is_file():
        return None
    seen = {many: json.loads(file.read_text(encoding="utf-8"))["seen"][str(many)] for many in (5, 6)}
    few = sum(
        count
        for many in seen
        for number, count in seen[many].items()
        if number.isdigit() and int(number) < fewest(many)
    )
    return wilson(few, sum(sum(one.values()) for one in seen.values()))


def spots(facts: Facts) -> tuple[str, ...]:
    """Those of them that a caption asks for."""
    asked = [f"{thing.colour} {thing.name}" for thing in facts.things if thing.colour]
    return tuple(pair for pair in asked if pair in misread())


def shares() -> list[tuple[str, Interval]]:
    """The judge on true pictures of colours that the painter was shown, and of those kept from it.

    All went through the autoencoder.
    """
    recorded = record()
    rows = {"colours the painter was shown": "shown_colours", "colours kept from the painter": "held_out_colours"}
    return [
        (words, wilson(recorded[key]["after the autoencoder"]["right"], recorded[key]["after the autoencoder"]["of"]))
        for words, key in rows.items()
        if key in recorded
    ]
