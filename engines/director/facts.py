"""What a caption asks for as single facts, so that a ledger can say which were kept, lost and invented."""

from __future__ import annotations

from dataclasses import dataclass

from engines.stickers import scenes
from engines.stickers.world import PLURAL, SIDES, Facts, facts_of

NUMBERS = {str(number): word for number, word in scenes.NUMBERS.items()}
_TURNED = {"right": "left", "below": "above"}


@dataclass(frozen=True, order=True)
class Fact:
    """One fact: aspect is object, count, colour, setting, relation or lettering; ``of`` is what it is about."""

    aspect: str
    of: tuple[str, ...]

    def __str__(self) -> str:
        if self.aspect == "relation":
            first, how, second = self.of
            return f"{first} {SIDES[how]} {second}"
        if self.aspect == "count":
            name, number = self.of
            return f"{NUMBERS.get(number, number)} {PLURAL.get(name, f'{name}s')}"
        return " ".join(reversed(self.of))


@dataclass(frozen=True)
class Ledger:
    """The facts of a wish that a caption kept and lost, and those that it invented."""

    kept: frozenset[Fact]
    lost: frozenset[Fact]
    invented: frozenset[Fact]

    @property
    def exact(self) -> bool:
        return not self.lost and not self.invented


def facts(caption: str | None) -> frozenset[Fact]:
    """The facts of a caption; that there is one of a thing goes without saying. None where nothing is asked for."""
    return _facts(facts_of(caption)) if caption else frozenset()


def _facts(read: Facts) -> frozenset[Fact]:
    found: set[Fact] = set()
    for thing in read.things:
        found.add(Fact("object", (thing.name,)))
        if thing.count != 1:
            found.add(Fact("count", (thing.name, "several" if thing.count is None else str(thing.count))))
        if thing.colour:
            found.add(Fact("colour", (thing.name, thing.colour)))
    if read.background:
        found.add(Fact("setting", (read.background,)))
    if read.relation and len(read.things) == 2:
        first, second = (thing.name for thing in read.things)
        if read.relation in _TURNED:
            first, second = second, first
        found.add(Fact("relation", (first, _TURNED.get(read.relation, read.relation), second)))
    if read.lettering:
        found.add(Fact("lettering", (read.lettering,)))
    return frozenset(found)


def ledger(wish: str | None, caption: str | None) -> Ledger:
    """Set the facts of ``caption`` against those of ``wish``; None asks for nothing."""
    wished, asked = facts(wish), facts(caption)
    return Ledger(wished & asked, wished - asked, asked - wished)
