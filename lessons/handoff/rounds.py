"""The rounds of the game: a chat that the director was not made on, and a scene that shows just what it wishes for.

    python -m lessons.handoff.rounds

goes through the unseen scenes and keeps, for each chat of the half ``held_out``, the first that has exactly the facts
of its wish; writes ``rounds.json``. Chats whose wish no scene fits have no round.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from engines.director import measures
from engines.director.facts import Fact, facts
from engines.stickers import scenes
from engines.stickers.seed_ranges import UNSEEN

FILE = Path(__file__).parent / "rounds.json"
LOOKED_AT = 60_000
"""Unseen scenes that are looked at."""


@dataclass(frozen=True)
class Round:
    """``messages`` are what the director reads, ``wish`` what they ask for, ``scene`` a scene that shows just that."""

    messages: tuple[str, ...]
    wish: str
    scene: int

    def picture(self) -> np.ndarray:
        """uint8 [128, 128, 3]."""
        return np.asarray(scenes.scene(self.scene).picture)


@cache
def rounds() -> tuple[Round, ...]:
    """Chats of many messages first."""
    held_out = measures.chats("held_out")
    found: dict[str, int] = json.loads(FILE.read_text(encoding="utf-8"))
    kept = ((held_out[int(number)], scene) for number, scene in found.items())
    made = (Round(chat.messages, chat.wish or "", scene) for chat, scene in kept)
    return tuple(sorted(made, key=lambda one: -len(one.messages)))


def facts_shown(scene: int) -> frozenset[Fact]:
    """The facts of a scene, as its plainest caption tells them."""
    return facts(scenes.phrasings(scenes.plan(scene))[0])


def main() -> None:
    wanted: dict[frozenset[Fact], list[int]] = {}
    for number, chat in enumerate(measures.chats("held_out")):
        if chat.wish:
            wanted.setdefault(facts(chat.wish), []).append(number)
    found: dict[int, int] = {}
    for scene in range(UNSEEN, UNSEEN + LOOKED_AT):
        for number in wanted.pop(facts_shown(scene), ()):
            found[number] = scene
        if not wanted:
            break
    FILE.write_text(json.dumps({str(number): found[number] for number in sorted(found)}) + "\n", encoding="utf-8")
    print(f"{len(found)} rounds")


if __name__ == "__main__":
    main()
