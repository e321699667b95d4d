"""The pocket painter's world in words: what a caption of Sticker World asks for.

``scenes.py`` draws this world; a test holds the two to the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

OBJECTS = (
    "dog", "cat", "rabbit", "horse", "cow", "pig", "elephant", "tiger", "penguin", "owl", "duck", "fish",
    "whale", "octopus", "turtle", "butterfly", "frog", "apple", "banana", "lemon", "strawberry", "grapes",
    "carrot", "mushroom", "pizza", "cake", "donut", "car", "bus", "bicycle", "rocket", "sailboat", "house",
    "tree", "cactus", "sunflower", "rose", "moon", "star", "umbrella", "guitar", "football", "balloon",
    "crown", "key", "book", "teacup", "clock", "snowman", "hand",
)  # fmt: skip
SINGULAR = {"grapes": "bunch of grapes", "pizza": "slice of pizza", "hand": "open hand"}
PLURAL = {
    "fish": "fish", "octopus": "octopuses", "butterfly": "butterflies", "strawberry": "strawberries",
    "grapes": "bunches of grapes", "pizza": "slices of pizza", "bus": "buses", "cactus": "cacti",
    "snowman": "snowmen", "hand": "open hands",
}  # fmt: skip
COLOURS = (
    "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "white", "gray", "black", "brown",
)  # fmt: skip
SCENIC = {
    "meadow": ("on a green meadow", "in a meadow", "on the grass"),
    "beach": ("on a sandy beach", "at the beach", "on the beach"),
    "sunset": ("at sunset", "at a sunset", "in front of a sunset"),
    "night": ("under a night sky", "at night", "under the stars"),
    "snow": ("in the snow", "in snow", "in a snowy field"),
    "desert": ("in the desert", "on desert sand", "among desert dunes"),
    "ocean": ("in the ocean", "at sea", "on the ocean"),
}
RECOLOURABLE = ("balloon", "umbrella", "car", "book", "house", "fish", "star", "butterfly", "sign")
"""The things that come in several colours, so that a colour wish can be scored."""
BACKGROUNDS = (*COLOURS, *SCENIC)
COUNTABLE = 4
"""As many as this world ever shows of one thing; nobody has tested the judge on more."""
_RELATIONS = {
    "to the left of": "left", "left of": "left", "to the right of": "right", "right of": "right",
    "above": "above", "over": "above", "below": "below", "under": "below",
}  # fmt: skip
_SIDES = {"left": "left of", "right": "right of", "above": "above", "below": "below"}
_NUMBERS = {
    "a": 1, "an": 1, "the": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
_EMPTY = frozenset(("a", "an", "the", "and", "with"))
"""Words that ask for nothing by themselves."""
_FINGERS = " with five fingers"


@dataclass(frozen=True)
class Thing:
    """An object a caption asks for; ``colour`` is None where the caption leaves it open.

    ``count`` is None for a plural without a number: more than one, however many.
    """

    name: str
    count: int | None = 1
    colour: str | None = None


@dataclass(frozen=True)
class Facts:
    """What a caption asks for, as far as this grammar reads it; ``unread`` words are the rest.

    ``relation``: where the first thing is from the second: "left", "right", "above" or "below".
    ``lettering``: the word a sign is to carry, in capitals. ``fingers``: whether a hand's five are asked for.
    """

    things: tuple[Thing, ...] = ()
    background: str | None = None
    relation: str | None = None
    lettering: str | None = None
    unread: tuple[str, ...] = ()
    fingers: bool = False


def _nouns() -> dict[str, tuple[str, bool]]:
    """Every way to name an object -> (object, whether that form is a plural)."""
    nouns = {"sign": ("sign", False), "signs": ("sign", True), "signpost": ("sign", False), "hands": ("hand", True)}
    for name in OBJECTS:
        nouns[PLURAL.get(name, f"{name}s")] = (name, True)
        nouns[SINGULAR.get(name, name)] = nouns[name] = (name, False)
    nouns |= {noun + _FINGERS: known for noun, known in nouns.items() if known[0] == "hand"}
    return nouns


def _any(phrases: Iterable[str]) -> str:
    return "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))


def _whole(pattern: str) -> re.Pattern[str]:
    """``pattern`` between spaces, so that a cat is not found in a cat-fish."""
    return re.compile(rf"(?<!\S)(?:{pattern})(?!\S)")


_NOUNS = _nouns()
LETTERING = re.compile(r"\b(?:that says|that reads|saying|with the words?) [\"'“‘]?([\w!?-]+)[\"'”’]?", re.IGNORECASE)
"""How a caption asks for a word on a sign."""
_SCENES = {phrase: name for name, phrases in SCENIC.items() for phrase in phrases}
_SCENE = _whole(_any(_SCENES))
_COLOUR, _NUMBER = f"({_any(COLOURS)})", rf"(?:{_any(_NUMBERS)}|[1-9]\d{{0,2}})"
_PLAIN = _whole(
    rf"(?:on|with|against)(?: an?| the)?(?: plain)? {_COLOUR} background"
    rf"|against(?: plain)? {_COLOUR}(?! (?:background|{_any(_NOUNS)})(?!\S))"
)
_THING = _whole(
    rf"(?:(?P<pair>(?:an? |the )?pair of )|(?:(?:an? |the )?group of (?={_NUMBER} ))?(?:(?P<number>{_NUMBER}) )?)"
    rf"(?:(?P<colour>{_any(COLOURS)}) )?(?P<noun>{_any(_NOUNS)})"
)
_RELATION = _whole(_any(_RELATIONS))
_BETWEEN_WORDS = re.compile(r"[\s.,;:!?()\[\]\"“”‘…]+")


def facts_of(caption: str) -> Facts:
    """What a caption asks for: things, background, relation, lettering.

    It reads the phrasings of Sticker World and close relatives of them, each as a whole; every other word lands in
    ``unread``, so that a page can say which part of a wish was not scored.
    """
    lettering = LETTERING.search(caption)
    spelled = lettering.group(1) if lettering else ""
    illegible = (spelled,) if spelled and not any(map(str.isalnum, spelled)) else ()
    words = _BETWEEN_WORDS.split(LETTERING.sub(" ", caption, count=1).lower())
    text = " ".join(filter(None, (word.strip("-'’") for word in words)))
    text = re.sub(r"\bgrey\b", "gray", text).removeprefix("a picture of ")
    scene = _SCENE.search(text)
    plain = None if scene else _PLAIN.search(text)
    background = _SCENES[scene.group()] if scene else (plain.group(1) or plain.group(2)) if plain else None
    text = (_SCENE if scene else _PLAIN).sub(" ", text, count=1)
    found = list(_THING.finditer(text))
    gaps = [text[a:b] for a, b in zip([0, *(m.end() for m in found)], [*(m.start() for m in found), None], strict=True)]
    relation = _RELATION.search(gaps[1]) if len(found) == 2 else None
    if relation:
        gaps[1] = gaps[1][: relation.start()] + gaps[1][relation.end() :]
    return Facts(
        things=tuple(map(_thing, found)),
        background=background,
        relation=_RELATIONS[relation.group()] if relation else None,
        lettering=spelled.upper() if spelled and not illegible else None,
        unread=tuple(dict.fromkeys(word for gap in gaps for word in gap.split() if word not in _EMPTY)) + illegible,
        fingers=any(match["noun"].endswith(_FINGERS) for match in found),
    )


def _thing(match: re.Match[str]) -> Thing:
    name, plural = _NOUNS[match["noun"]]
    said = match["number"]
    if match["pair"]:
        count: int | None = 2
    elif plural and said in (None, "a", "an", "the"):
        count = None
    else:
        count = int(said) if said and said.isdigit() else _NUMBERS[said or "one"]
    return Thing(name, count, match["colour"])


def counted(facts: Facts) -> dict[str, tuple[int, bool]]:
    """How many of each thing a caption asks for, where a judge can tell: (number, whether it means exactly that)."""
    asked: dict[str, tuple[int, bool]] = {}
    for thing in facts.things:
        number, exact = asked.get(thing.name, (0, True))
        asked[thing.name] = number + (2 if thing.count is None else thing.count), exact and thing.count is not None
    return {name: (number, exact) for name, (number, exact) in asked.items() if number <= COUNTABLE}


def placed(facts: Facts) -> bool:
    """Whether a caption says where one thing is from one other, so that a judge can tell the two apart."""
    names = {thing.name for thing in facts.things if thing.count == 1}
    return facts.relation is not None and len(facts.things) == len(names) == 2


def unscored(facts: Facts) -> tuple[str, ...]:
    """The wishes that no judge here can score, in words."""
    known = counted(facts)
    left = [f"the colour of the {t.name}" for t in facts.things if t.colour and t.name not in RECOLOURABLE]
    left += [f"the number of {PLURAL.get(t.name, t.name + 's')}" for t in facts.things if t.name not in known]
    if facts.relation and not placed(facts):
        left.append(f"what is {_SIDES[facts.relation]} what")
    if facts.fingers:
        left.append("the five fingers")
    return tuple(dict.fromkeys((*left, *(f"“{word}”" for word in facts.unread))))
