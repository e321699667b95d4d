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
"""As many as this world ever shows of one thing; of more the judge can only say that there are too few."""
_RELATIONS = {
    "to the left of": "left", "on the left of": "left", "left of": "left",
    "to the right of": "right", "on the right of": "right", "right of": "right",
    "above": "above", "over": "above", "below": "below", "under": "below",
    "next to": "beside", "beside": "beside", "alongside": "beside", "side by side with": "beside",
}  # fmt: skip
SIDES = {"left": "left of", "right": "right of", "above": "above", "below": "below", "beside": "beside"}
"""How the first of two things stands to the second, in words."""
_EDGES = {"left": "left", "right": "right", "top": "above", "bottom": "below"}
_ACROSS = {"left": "right", "right": "left", "above": "below", "below": "above"}
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

    ``relation``: where the first thing is from the second: "left", "right", "above", "below", or "beside" for either
    side. ``lettering``: the word a sign is to carry, in capitals. ``fingers``: whether a hand's five are asked for.
    ``absent``: the things that are to be left out.
    """

    things: tuple[Thing, ...] = ()
    background: str | None = None
    relation: str | None = None
    lettering: str | None = None
    unread: tuple[str, ...] = ()
    fingers: bool = False
    absent: tuple[str, ...] = ()


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
_FRAME = re.compile(
    r"^(?:please )?(?:(?:draw|paint|show|make|create)(?: me| us)? )?"
    r"(?:(?:an? |the )?(?:picture|photo|photograph|image|drawing|painting|illustration|sticker) of )?"
)
"""What a request puts around its wish; that it is a photo is no wish here (as in GenEval, Ghosh et al. 2023)."""
_NAMED = rf"(?:an? |any |the )?({_any(_NOUNS)})(?!\S)"
_DENIAL = (
    r"(?:(?:but|and|with|which|that) )?(?:(?:is|are) )?(?:without|not?|never|neither|(?:is|are)n[’']t|lacking|minus"
    r"|except(?: for)?|excluding|instead of|rather than|(?:any|every)thing but)"
)
_LEFT_OUT = re.compile(rf"(?<!\S){_DENIAL} {_NAMED}(?: (?:or|nor|and no) {_NAMED})*")
_EACH_NAMED = re.compile(rf"(?<!\S){_NAMED}")
_NOT_THERE = re.compile(
    rf"(?<!\S){_DENIAL} (?:{_any(_SCENES)}|(?:on|with|against) .*background"
    rf"|(?:an? |any |the )?(?:(?!an? |the ){_NUMBER} |{_COLOUR} )+(?:{_any(_NOUNS)}))(?!\S)"
)
"""What is denied and could only be scored upside down: a place, so many of a thing, a thing in a colour."""
_AT_EDGE = rf"^(?:is |are )?(?:on|at|to) the ({_any(_EDGES)})(?: side)?(?!\S)"
_EDGE_IS = rf"(?<!\S)(?:on|at) the ({_any(_EDGES)})(?: side)?(?: is)?(?: an?| the)?$"
_BETWEEN_WORDS = re.compile(r"[\s.,;:!?()\[\]\"“”‘…]+")


def facts_of(caption: str) -> Facts:
    """What a caption asks for: things, background, relation, lettering, and what is to be left out.

    It reads the phrasings of Sticker World and close relatives of them, each as a whole; every other word lands in
    ``unread``, so that a page can say which part of a wish was not scored.
    """
    lettering = LETTERING.search(caption)
    spelled = lettering.group(1) if lettering else ""
    illegible = (spelled,) if spelled and not any(map(str.isalnum, spelled)) else ()
    words = _BETWEEN_WORDS.split(LETTERING.sub(" ", caption, count=1).lower())
    text = " ".join(filter(None, (word.strip("-'’") for word in words)))
    text = _FRAME.sub("", re.sub(r"\bgrey\b", "gray", text))
    denied = " ".join(match.group() for match in _NOT_THERE.finditer(text))  # no place that could be scored
    text = _NOT_THERE.sub(" ", text)
    absent = [name for match in _LEFT_OUT.finditer(text) for name in _EACH_NAMED.findall(match.group())]
    text = _LEFT_OUT.sub(" ", text)
    scene = _SCENE.search(text)
    plain = None if scene else _PLAIN.search(text)
    background = _SCENES[scene.group()] if scene else (plain.group(1) or plain.group(2)) if plain else None
    text = (_SCENE if scene else _PLAIN).sub(" ", text, count=1)
    found = list(_THING.finditer(text))
    gaps = [text[a:b] for a, b in zip([0, *(m.end() for m in found)], [*(m.start() for m in found), None], strict=True)]
    relation = None
    if len(found) == 2:
        if said := _RELATION.search(gaps[1]):
            relation = _RELATIONS[said.group()]
            gaps[1] = gaps[1][: said.start()] + gaps[1][said.end() :]
        else:
            relation, gaps = _by_edges(gaps)
    return Facts(
        things=tuple(map(_thing, found)),
        background=background,
        relation=relation,
        lettering=spelled.upper() if spelled and not illegible else None,
        unread=tuple(dict.fromkeys(word for gap in (*gaps, denied) for word in gap.split() if word not in _EMPTY))
        + illegible,
        fingers=any(match["noun"].endswith(_FINGERS) for match in found),
        absent=tuple(dict.fromkeys(_NOUNS[name][0] for name in absent)),
    )


def _by_edges(gaps: list[str]) -> tuple[str | None, list[str]]:
    """The relation of "a dog on the left and a cat on the right", with what then is left of the gaps around the two."""
    for places, pattern in (((0, 1), _EDGE_IS), ((1, 2), _AT_EDGE)):
        first, second = (re.search(pattern, gaps[place].strip()) for place in places)
        if first and (not second or _ACROSS[_EDGES[first[1]]] == _EDGES[second[1]]):
            rest = list(gaps)
            for place, match in zip(places, (first, second), strict=True):
                if match:
                    rest[place] = match.string[: match.start()] + match.string[match.end() :]
            return _EDGES[first[1]], rest
    return None, gaps


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
    """How many of each thing a caption asks for: (number, whether it means exactly that).

    Of more than ``COUNTABLE`` a judge can say at best that there are too few.
    """
    asked: dict[str, tuple[int, bool]] = {}
    for thing in facts.things:
        number, exact = asked.get(thing.name, (0, True))
        asked[thing.name] = number + (2 if thing.count is None else thing.count), exact and thing.count is not None
    return asked


def placed(facts: Facts) -> bool:
    """Whether a caption says where one thing is from one other, so that a judge can tell the two apart."""
    names = {thing.name for thing in facts.things if thing.count == 1}
    return facts.relation is not None and len(facts.things) == len(names) == 2


def unscored(facts: Facts) -> tuple[str, ...]:
    """The wishes that no judge here can score, in words."""
    left = [f"the colour of the {t.name}" for t in facts.things if t.colour and t.name not in RECOLOURABLE]
    if facts.relation and not placed(facts):
        left.append(f"what is {SIDES[facts.relation]} what")
    if facts.fingers:
        left.append("the five fingers")
    return tuple(dict.fromkeys((*left, *(f"“{word}”" for word in facts.unread))))
