"""What the pocket painter was fed: in how many training scenes the things a caption asks for occurred.

Reads ``models/sticker-world/statistics.json``, which ``training/diet.py`` counts; nothing is estimated here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from engines.evidence import PlainError
from engines.pictures.painter import MODELS
from engines.stickers import world as sticker_world
from engines.stickers.world import Facts, Thing

_EDGES = ".,;:!?\"'“”‘’()[]"


@dataclass(frozen=True)
class Held:
    """One wish of a caption and the diet's share of it.

    aspect: object, pair, count, colour, background, relation or lettering. what: in words. scenes: how many
    training scenes held it. held_out: kept from training on purpose. note: what the number leaves open.
    """

    aspect: str
    what: str
    scenes: int
    held_out: bool = False
    note: str = ""


@dataclass(frozen=True)
class Diet:
    """The counts, as ``statistics.json`` has them."""

    scenes: int
    counts: Mapping[str, Mapping[str, int]]
    kept: Mapping[str, frozenset[tuple[str | int, ...]]]
    vocabulary: frozenset[str]

    def held(self, facts: Facts) -> tuple[Held, ...]:
        """A row for every wish that the grammar of Sticker World reads out of a caption."""
        rows = [row for thing in facts.things for row in self._thing(thing, facts, alone=len(facts.things) == 1)]
        if len(facts.things) == 2:
            rows += self._pair(facts.things[0].name, facts.things[1].name, facts.relation)
        if facts.lettering:
            word = facts.lettering
            note = "as the word on a sign"
            rows.append(Held("lettering", word, self._count("words", word), (word,) in self.kept["words"], note))
        return tuple(dict.fromkeys(rows))

    def unseen(self, caption: str) -> tuple[str, ...]:
        """The words of a caption that no training caption used, in order; a sign's lettering is left out."""
        words = (word.strip(_EDGES) for word in sticker_world.LETTERING.sub(" ", caption).split())
        return tuple(dict.fromkeys(word for word in words if word and word.lower() not in self.vocabulary))

    def _count(self, table: str, *key: str | int) -> int:
        return self.counts[table].get(" | ".join(map(str, key)), 0)

    def _thing(self, thing: Thing, facts: Facts, *, alone: bool) -> list[Held]:
        name, ground = thing.name, facts.background
        rows = [Held("object", name, self._count("objects", name))]
        if thing.colour and name == "sign":
            rows.append(Held("colour", f"{thing.colour} sign", self._count("board_colours", thing.colour)))
        elif thing.colour:
            repainted = name in sticker_world.RECOLOURABLE
            note = "" if repainted else f"this world never repaints the {name}"
            kept = (name, thing.colour) in self.kept["colours"]
            times = self._count("object_colours", name, thing.colour)
            rows.append(Held("colour", f"{thing.colour} {name}", times, kept, note))
        if alone and thing.count and name != "sign":
            number = f"{thing.count} × {name}"
            kept = (name, thing.count) in self.kept["counts"]
            rows.append(Held("count", number, self._count("object_counts", name, thing.count), kept))
        if ground:
            kept = (name, ground) in self.kept["backgrounds"]
            rows.append(Held("background", f"{name}, {ground}", self._count("object_backgrounds", name, ground), kept))
        return rows

    def _pair(self, first: str, second: str, relation: str | None) -> list[Held]:
        pair = tuple(sorted((first, second)))
        rows = []
        if first != second:
            rows.append(Held("pair", f"{first} with {second}", self._count("pairs", *pair), pair in self.kept["pairs"]))
        if relation:
            across = relation in ("left", "right")
            what = "any two, left and right" if across else "any two, above and below"
            rows.append(Held("relation", what, self._count("relations", "left" if across else "above")))
        return rows


def unknown_words(caption: str) -> tuple[str, ...]:
    """:meth:`Diet.unseen` of the bundled painter; none where its diet is not recorded. Loads no model."""
    try:
        return load().unseen(caption)
    except PlainError:
        return ()


@cache
def load(folder: Path | None = None) -> Diet:
    """The diet in ``folder``, or the bundled painter's; PlainError when its statistics are not there."""
    file = (folder or MODELS / "sticker-world") / "statistics.json"
    if not file.is_file():
        raise PlainError("The statistics of the painter's diet are not here. Run “python -m training.diet”.")
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    kept = record["held_out"]
    return Diet(
        scenes=record["scenes"],
        counts={name: table for name, table in record.items() if isinstance(table, dict) and name != "held_out"},
        kept={
            "backgrounds": frozenset(map(tuple, kept["backgrounds"])),
            "colours": frozenset(map(tuple, kept["colours"])),
            "counts": frozenset(map(tuple, kept["counts"])),
            "pairs": frozenset(tuple(sorted(pair)) for pair in kept["pairs"]),
            "words": frozenset((word,) for word in kept["words"]),
        },
        vocabulary=_vocabulary(record),
    )


def _vocabulary(record: Mapping[str, Any]) -> frozenset[str]:
    """Words of the captions in lower case, without those that only ever stood on signs."""
    lettered = {word.lower() for word in record["known"]["words"]}
    phrases = [
        *sticker_world.OBJECTS, *sticker_world.SINGULAR.values(), *sticker_world.PLURAL.values(), "left", "right", "to",
        *sticker_world.COLOURS, *(phrase for phrases in sticker_world.SCENIC.values() for phrase in phrases),
    ]  # fmt: skip
    spoken = {word for phrase in phrases for word in phrase.split()}
    return frozenset(word for word in record["caption_words"] if word not in lettered or word in spoken)
