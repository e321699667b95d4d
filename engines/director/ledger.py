"""What became of each fact on its way from a wish over a caption to a picture, and at which handoff it was lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engines.director.facts import Fact, facts
from engines.stickers import judge
from engines.stickers.judge import Judge
from engines.stickers.world import Facts, Thing, facts_of

Fate = Literal["kept", "not told", "lost by the director", "invented by the director", "lost by the painter",
               "invented by the painter"]  # fmt: skip
_ASPECTS = {"object": "object", "count": "count", "colour": "colour", "setting": "background", "relation": "relation",
            "lettering": "lettering"}  # fmt: skip
"""The judge's word for the aspect of a fact."""


@dataclass(frozen=True)
class Entry:
    """One fact: whether it was wished for, asked for by the caption, and seen by the judge in the picture.

    ``wished`` is None where nobody said what the wish is, ``seen`` where the judge cannot tell or was not asked.
    """

    fact: Fact
    wished: bool | None
    asked: bool
    seen: bool | None

    @property
    def fate(self) -> Fate:
        """At which handoff the fact was lost or invented; what the caption dropped is lost there, whatever is seen."""
        if self.wished is False:
            return "invented by the director" if self.asked else "invented by the painter"
        if not self.asked:
            return "lost by the director"
        return "not told" if self.seen is None else "kept" if self.seen else "lost by the painter"


def entries(wish: str | None, caption: str | None, picture: np.ndarray | None, *, using: Judge | None = None) -> tuple[
    Entry, ...
]:  # fmt: skip
    """The ledger of one picture uint8 [H, W, 3], read by the judge; None for a wish, caption or picture that is not.

    The wished facts come first, then what the caption added, then things of the picture that neither of them named.
    """
    wished, asked = facts(wish), facts(caption)
    sought = sorted(wished) + sorted(asked - wished)
    shown = seen(sought, picture, using=using) if picture is not None else dict.fromkeys(sought)
    found = [Entry(one, one in wished if wish else None, one in asked, shown[one]) for one in sought]
    if picture is not None:
        (verdict,) = judge.judge(picture[None], facts_of(caption or ""), using=using, lettering=False)
        names = {one.of[0] for one in sought if one.aspect == "object"}
        found += [Entry(Fact("object", (name,)), False, False, True) for name in verdict.extra if name not in names]
    return tuple(found)


def seen(wanted: Iterable[Fact], picture: np.ndarray, *, using: Judge | None = None) -> Mapping[Fact, bool | None]:
    """Whether the judge sees each fact in the picture uint8 [H, W, 3]; None where it cannot tell or does not judge."""
    sought = list(wanted)
    if not sought:
        return {}
    numbers = {one.of[0]: one.of[1] for one in sought if one.aspect == "count"}
    asked = [_alone(one, numbers) for one in sought]
    verdicts = judge.judge(np.repeat(picture[None], len(sought), axis=0), asked, using=using)
    return {one: verdict.right.get(_ASPECTS[one.aspect]) for one, verdict in zip(sought, verdicts, strict=True)}


def _alone(fact: Fact, numbers: Mapping[str, str]) -> Facts:
    """What a caption would ask for that holds this fact only."""
    if fact.aspect == "setting":
        return Facts(background=fact.of[0])
    if fact.aspect == "lettering":
        return Facts((Thing("sign"),), lettering=fact.of[0])
    if fact.aspect == "relation":
        first, relation, second = fact.of
        return Facts((Thing(first), Thing(second)), relation=relation)
    name = fact.of[0]
    said = numbers.get(name, "several" if fact.aspect == "object" else "1")
    count = None if said == "several" else int(said)
    return Facts((Thing(name, count, fact.of[1] if fact.aspect == "colour" else None),))
