"""Short stories of the sticker world: a grammar that writes them, and a parser that says which rules a text breaks.

A story is a list of words, full stops among them. Every word has one class (``stories.yaml``; no form of a word stands
in two), so a line is a string with one letter a word, and :data:`LINES` are regular expressions over such strings.
"""

from __future__ import annotations

import functools
import random
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

CANVAS = 48
"""Positions of a canvas: the words of a story, and the end mark over and over."""
END = "<end>"
UNSEEN, LESSONS, RECOVERY = 10_000_000, 20_000_000, 950_000_000
"""Seeds of stories that are never trained on: the recipe's measures begin at the first, the lesson on drafts at the
second, strikes and their recovery at the third."""
Rule = Literal["shape", "article", "number", "pronoun", "retold", "owner", "answer", "end"]
RULES: dict[Rule, str] = {
    "shape": "every line is one of the grammar's, and they stand in an order it knows",
    "article": "“a” before a consonant, “an” before a vowel",
    "number": "nouns, verbs and “they” or “it” agree with the count",
    "pronoun": "“she” and “he” fit the name they stand for",
    "retold": "what is told twice is the same: thing, count, adjective and colour, or animal",
    "owner": "who was handed the thing has it, and nobody hands it to herself or himself",
    "answer": "the answer fits the question and the story",
    "end": "an end mark follows the last full stop, and no word follows an end mark",
}
_IRREGULAR = {
    "leaf": "leaves", "shelf": "shelves", "scarf": "scarves", "wolf": "wolves", "potato": "potatoes",
    "tomato": "tomatoes", "mango": "mangoes", "buffalo": "buffaloes", "ox": "oxen",
}  # fmt: skip
_CLASSES = {
    "she": "f", "he": "m", "things": "t", "animals": "b", "adjectives": "j", "colours": "c", "places": "p",
    "verbs": "V", "adverbs": "r", "numbers": "n", "days": "d", "finds": "k", "gives": "g", "sees": "s", "preps": "i",
}  # fmt: skip
_OF_MANY = {"things": "T", "animals": "B"}
_OWN = {
    "a": "a", "an": "A", "one": "1", "she": "S", "he": "H", "they": "Y", "it": "I", "the": "x", "on": "o", "to": "z",
    "now": "w", "has": "h", "who": "W", "what": "Q", "colour": "C", "is": "e", "are": "E", "how": "O", "many": "M",
    "where": "R", "and": "&", ".": ".", ",": ",", "?": "?",
}  # fmt: skip
_COUNT = "(?P<count>[aAn])"
_THING = f"{_COUNT}(?P<adjective>j?)(?P<colour>c)(?P<noun>[tT])"
_ANIMAL = f"{_COUNT}(?P<adjective>j?)(?P<noun>[bB])"
_PLACE = "(?P<place>ixp)"
LINES = {
    "opening": rf"(?:od,)?(?P<name>[fm])k{_THING}{_PLACE}?\.",
    "handing": r"(?:r,)?(?P<pronoun>[SH])gx(?P<noun>[tT])z(?P<name>[fm])\.",
    "told": rf"w(?:(?P<name>[fm])|(?P<pronoun>[SH]))h{_THING}\.",
    "scene": rf"(?:r,)?{_ANIMAL}(?P<verb>[vV])r?{_PLACE}?\.",
    "again": r"(?:r,|j&j,)?(?P<subject>[YI])(?P<verb>[vV])(?:ixp)?\.",
    "sight": rf"(?P<name>[fm])s{_ANIMAL}\.",
    "who": r"Whx(?P<noun>[tT])\?(?P<name>[fm])\.",
    "colour": r"QC(?P<be>[eE])x(?P<noun>[tT])\?(?P<colour>c)\.",
    "many": r"OM(?P<noun>[tT])\?(?P<answer>[1n])\.",
    "where": r"R(?P<be>[eE])x(?P<noun>[bB])\?(?P<place>ixp)\.",
}
ORDERS = re.compile(r"opening (scene )?(handing (scene )?)?told (who|colour|many|where) |scene (again ){2,3}sight ")
"""The orders of lines: a story of a thing, or a verse about animals."""
_LINES = {kind: re.compile(line) for kind, line in LINES.items()}


@functools.cache
def words() -> dict[str, tuple[str, ...]]:
    """The words by class, in the singular and for many; what is singular of a verb ends in s."""
    return {kind: tuple(text.split()) for kind, text in yaml.safe_load(_FILE.read_text()).items()}


_FILE = Path(__file__).with_name("stories.yaml")


def plural(noun: str) -> str:
    """Of a noun; of a verb, its form after he, she or it."""
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun[-1] == "y" and noun[-2] not in "aeiou" else f"{noun}s"


@functools.cache
def classes() -> dict[str, str]:
    """The letter of every word's class."""
    found = dict(_OWN)
    for kind, letter in _CLASSES.items():
        found |= dict.fromkeys(words()[kind], letter)
    for kind, letter in _OF_MANY.items():
        found |= {plural(noun): letter for noun in words()[kind]}
    return found | {plural(verb): "v" for verb in words()["verbs"]}


@functools.cache
def _singulars() -> dict[str, str]:
    return {plural(noun): noun for kind in _OF_MANY for noun in words()[kind]}


def vocabulary() -> tuple[str, ...]:
    """Every word of the stories, the stops included, in order."""
    return tuple(classes())


def article(following: str) -> str:
    return "an" if following[0] in "aeiou" and following != "unicorn" else "a"


def is_held_out(colour: str, thing: str) -> bool:
    """Whether no training story has the thing (in the singular) in this colour: one pair of twenty."""
    return zlib.crc32(f"{colour} {thing}".encode()) % 20 == 0


def story(seed: int | str, held_out: bool = False) -> list[str]:
    """The words of a story, 20 to 47; with ``held_out``, of a thing in a colour that training leaves out."""
    dice = random.Random(f"story {seed}")
    while True:
        text = _thing_story(dice, held_out) if held_out or dice.random() < 0.7 else _verse(dice)
        if len(text) < CANVAS:
            return text


def _thing_story(dice: random.Random, held_out: bool) -> list[str]:
    lists = words()
    while True:
        colour, thing = dice.choice(lists["colours"]), dice.choice(lists["things"])
        if is_held_out(colour, thing) == held_out:
            break
    count = "one" if dice.random() < 0.4 else dice.choice(lists["numbers"])
    adjective = [dice.choice(lists["adjectives"])] if dice.random() < 0.6 else []
    noun = thing if count == "one" else plural(thing)
    phrase = _counted(count, [*adjective, colour, noun])
    owner = _name(dice)
    day = ["on", dice.choice(lists["days"]), ","] if dice.random() < 0.4 else []
    text = [*day, owner, dice.choice(lists["finds"]), *phrase, *_place(dice, 0.4), "."]
    scene: list[str] = []
    if dice.random() < 0.3:
        scene = _scene(dice)
        text += scene
    if dice.random() < 0.7:
        receiver = _name(dice)
        while receiver == owner:
            receiver = _name(dice)
        adverb = [dice.choice(lists["adverbs"]), ","] if dice.random() < 0.3 else []
        text += [*adverb, _pronoun(owner), dice.choice(lists["gives"]), "the", noun, "to", receiver, "."]
        owner = receiver
        if not scene and dice.random() < 0.5:
            scene = _scene(dice)
            text += scene
    text += ["now", owner if dice.random() < 0.6 else _pronoun(owner), "has", *phrase, "."]
    be = "is" if count == "one" else "are"
    asked = dice.choice(("who", "colour", "many"))
    seen = _line(scene) if scene else None
    if seen and "place" in seen.parts and dice.random() < 0.7:
        animal = seen.parts["noun"][0]
        verb = "is" if classes()[animal] == "b" else "are"
        return [*text, "where", verb, "the", animal, "?", *seen.parts["place"], "."]
    if asked == "who":
        return [*text, "who", "has", "the", noun, "?", owner, "."]
    if asked == "colour":
        return [*text, "what", "colour", be, "the", noun, "?", colour, "."]
    return [*text, "how", "many", plural(thing), "?", count, "."]


def _verse(dice: random.Random) -> list[str]:
    lists = words()
    first = _scene(dice)
    parts = _line(first)
    assert parts is not None
    phrase = [*parts.parts["count"], *parts.parts["adjective"], *parts.parts["noun"]]
    many = phrase[0] not in ("a", "an")
    text = list(first)
    for _ in range(dice.choice((2, 3))):
        drawn = dice.random()
        if drawn < 0.4:
            text += [dice.choice(lists["adverbs"]), ","]
        elif drawn < 0.8:
            text += [*_two(dice, lists["adjectives"]), ","]
        verb = dice.choice(lists["verbs"])
        text += ["they" if many else "it", verb if many else plural(verb), *_place(dice, 0.4), "."]
    return [*text, _name(dice), dice.choice(lists["sees"]), *phrase, "."]


def _scene(dice: random.Random) -> list[str]:
    lists = words()
    count = "one" if dice.random() < 0.4 else dice.choice(lists["numbers"])
    adjective = [dice.choice(lists["adjectives"])] if dice.random() < 0.5 else []
    animal, verb = dice.choice(lists["animals"]), dice.choice(lists["verbs"])
    who = _counted(count, [*adjective, animal if count == "one" else plural(animal)])
    opening = [dice.choice(lists["adverbs"]), ","] if dice.random() < 0.5 else []
    manner = [dice.choice(lists["adverbs"])] if dice.random() < 0.3 else []
    return [*opening, *who, plural(verb) if count == "one" else verb, *manner, *_place(dice, 0.6), "."]


def _counted(count: str, rest: list[str]) -> list[str]:
    return [article(rest[0]) if count == "one" else count, *rest]


def _name(dice: random.Random) -> str:
    return dice.choice(words()[dice.choice(("she", "he"))])


def _pronoun(name: str) -> str:
    return "she" if classes()[name] == "f" else "he"


def _place(dice: random.Random, chance: float) -> list[str]:
    if dice.random() >= chance:
        return []
    return [dice.choice(words()["preps"]), "the", dice.choice(words()["places"])]


def _two(dice: random.Random, among: Sequence[str]) -> list[str]:
    first, second = dice.sample(among, 2)
    return [first, "and", second]


@dataclass(frozen=True)
class Line:
    """A line that the grammar knows: its kind, where it begins, and the words of its parts by name."""

    kind: str
    begin: int
    words: tuple[str, ...]
    parts: dict[str, tuple[str, ...]]

    def one(self, part: str) -> str:
        """The word of a part; empty where the line leaves it out."""
        return " ".join(self.parts.get(part, ()))


def _line(text: Sequence[str], begin: int = 0) -> Line | None:
    letters = "".join(classes().get(word, "#") for word in text)
    for kind, pattern in _LINES.items():
        if match := pattern.fullmatch(letters):
            parts = {
                part: tuple(text[match.start(part) : match.end(part)])
                for part, found in match.groupdict().items()
                if found is not None
            }
            return Line(kind, begin, tuple(text), parts)
    return None


def lines(text: Sequence[str]) -> list[tuple[int, tuple[str, ...]]]:
    """A text cut after its full stops: where each piece begins, and its words."""
    pieces, begin = [], 0
    for place, word in enumerate(text):
        if word == "." or place == len(text) - 1:
            pieces.append((begin, tuple(text[begin : place + 1])))
            begin = place + 1
    return pieces


def broken(canvas: Sequence[str]) -> tuple[Rule, ...]:
    """The rules that a text breaks, in the order of :data:`RULES`; empty for a valid story.

    ``canvas``: the words, then end marks if any; a whole canvas without an end mark breaks "end".
    """
    found: set[Rule] = set()
    text = list(canvas)
    if END in text:
        stop = text.index(END)
        if set(text[stop:]) != {END}:
            found.add("end")
        text = text[:stop]
    elif len(text) >= CANVAS:
        found.add("end")
    known = [_line(piece, begin) for begin, piece in lines(text)]
    parsed = [line for line in known if line is not None]
    if len(parsed) < len(known) or not ORDERS.fullmatch("".join(f"{line.kind} " for line in parsed)):
        found.add("shape")
    for line in parsed:
        found |= _alone(line)
    if "shape" not in found:
        found |= _verse_rules(parsed) if parsed[0].kind == "scene" else _story_rules(parsed)
    return tuple(rule for rule in RULES if rule in found)


def sound_lines(canvas: Sequence[str]) -> tuple[int, int]:
    """How many lines of a text are the grammar's and break no rule by themselves, and how many there are."""
    text = canvas[: list(canvas).index(END)] if END in canvas else canvas
    found = [_line(piece, begin) for begin, piece in lines(text)]
    return sum(line is not None and not _alone(line) for line in found), len(found)


def _many(noun: str) -> bool:
    return noun in _singulars()


def _alone(line: Line) -> set[Rule]:
    """The rules that one line breaks by itself."""
    found: set[Rule] = set()
    count, noun = line.one("count"), line.one("noun")
    if count in ("a", "an"):
        following = line.words[line.words.index(count) + 1]
        if article(following) != count:
            found.add("article")
    if count and (count not in ("a", "an")) != _many(noun):
        found.add("number")
    if verb := line.one("verb"):
        many = line.one("subject") == "they" if "subject" in line.parts else _many(noun)
        if (classes()[verb] == "V") != many:
            found.add("number")
    if "be" in line.parts and (line.one("be") == "are") != _many(noun):
        found.add("number")
    if line.kind == "many" and not _many(noun):
        found.add("number")
    return found


def _phrase(line: Line) -> tuple[str, str, str, str]:
    """Count, adjective, colour and noun in the singular of what a line counts; “a” and “an” are one."""
    count, noun = line.one("count"), line.one("noun")
    count = "one" if count in ("a", "an") else count
    return count, line.one("adjective"), line.one("colour"), _singulars().get(noun, noun)


def _verse_rules(parsed: Sequence[Line]) -> set[Rule]:
    found: set[Rule] = set()
    first, last = parsed[0], parsed[-1]
    many = _many(first.one("noun"))
    if any((line.one("subject") == "they") != many for line in parsed[1:-1]):
        found.add("number")
    if _phrase(first) != _phrase(last):
        found.add("retold")
    return found


def _story_rules(parsed: Sequence[Line]) -> set[Rule]:
    found: set[Rule] = set()
    by_kind = {line.kind: line for line in parsed}
    opening, retold, question = parsed[0], by_kind["told"], parsed[-1]
    owner = opening.one("name")
    thing = _phrase(opening)
    noun = opening.one("noun")
    if handing := by_kind.get("handing"):
        if handing.one("pronoun") != _pronoun(owner):
            found.add("pronoun")
        if handing.one("noun") != noun:
            found.add("retold")
        if handing.one("name") == owner:
            found.add("owner")
        owner = handing.one("name")
    if _phrase(retold) != thing:
        found.add("retold")
    if retold.one("name") and retold.one("name") != owner:
        found.add("owner")
    if retold.one("pronoun") and retold.one("pronoun") != _pronoun(owner):
        found.add("pronoun")
    scene = by_kind.get("scene")
    asked = question.one("noun")
    right = {
        "who": lambda: (asked, question.one("name")) == (noun, owner),
        "colour": lambda: (asked, question.one("colour")) == (noun, thing[2]),
        "many": lambda: (asked, question.one("answer")) == (plural(thing[3]), thing[0]),
        "where": lambda: (
            scene is not None and (asked, question.one("place")) == (scene.one("noun"), scene.one("place"))
        ),
    }
    if not right[question.kind]():
        found.add("answer")
    return found
