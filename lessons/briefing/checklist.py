"""The checklist beside a caption: what it says, what it leaves to the dice, and what is better said otherwise.

It runs while a caption is typed, so it asks no model: the grammar of Sticker World says what the caption names, the
painter's diet which words it ever read, and three short lists tell talk from description.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from engines.checks import MAX_CAPTION
from engines.director.grammar import VOCABULARY
from engines.stickers import diet
from engines.stickers.world import COLOURS, COUNTABLE, LETTERING, RECOLOURABLE, Facts, facts_of

State = Literal["met", "open", "mend"]
TALK = (
    "please", "can you", "could you", "would you", "will you", "i want", "i would like", "i'd like", "i'd love",
    "i need", "thank you", "thanks", "hello", "hi", "hey", "sorry", "draw", "paint", "show me", "make me", "give me",
    "create", "generate", "me a", "my", "you",
)  # fmt: skip
"""What one says to somebody; no finished picture says it."""
BACK = (
    "it", "them", "same", "again", "instead", "previous", "last one", "this one", "that one", "this time", "now",
    "make it", "change", "rather", "actually",
)  # fmt: skip
"""What speaks of an earlier picture or message."""
DENIED = ("no", "not", "without", "never", "none", "nothing", "nobody", "don't", "doesn't", "isn't", "aren't", "avoid")
SHOWN, LONGEST = 3, 24
"""How many words an advice quotes, and the letters of each."""
_PLACE_FIRST = re.compile(r"^\s*(?:on|in|at|under|against|among|with)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Check:
    """One line of the list: whether it is ``met``, left ``open`` to the dice, or better to ``mend``; and what to do."""

    key: str
    name: str
    state: State
    advice: str = ""


def check(caption: object, world: bool = True) -> tuple[Check, ...]:
    """The list for a caption; ``world``: whether the painter is the one whose words and diet are known."""
    text = caption[:MAX_CAPTION] if isinstance(caption, str) else ""
    said = LETTERING.sub(" ", text)
    spoken = (_talk(said), _alone(said))
    if not world:
        return (*spoken, _denied(said))
    facts = facts_of(text)
    return (*spoken, _thing(facts), _number(facts), _colour(facts), _place(text, facts), _words(text), _denied(said))


def _found(said: str, phrases: Sequence[str]) -> list[str]:
    text = " ".join(said.lower().replace("’", "'").split())
    return [phrase for phrase in phrases if re.search(rf"(?<![\w']){re.escape(phrase)}(?![\w'])", text)]


def _quoted(words: Sequence[str]) -> str:
    short = [word if len(word) <= LONGEST else word[: LONGEST - 1] + "…" for word in words]
    named = [f"“{word}”" for word in short[:SHOWN]] + [f"{len(short) - SHOWN} more"] * (len(short) > SHOWN)
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _talk(said: str) -> Check:
    words = _found(said, TALK) + ["?"] * ("?" in said)
    if not words:
        return Check("finished", "a finished picture", "met")
    return Check(
        "finished", "a finished picture", "mend",
        f"{_quoted(words)}: that speaks to somebody. Say what the finished picture shows, and nothing else.",
    )  # fmt: skip


def _alone(said: str) -> Check:
    words = _found(said, BACK)
    if not words:
        return Check("alone", "stands alone", "met")
    return Check(
        "alone", "stands alone", "mend",
        f"{_quoted(words)}: that points back. The painter saw no earlier message: say the whole picture.",
    )  # fmt: skip


def _thing(facts: Facts) -> Check:
    if facts.things or facts.lettering:
        return Check("thing", "a thing", "met")
    return Check("thing", "a thing", "mend", "Name what is to be seen, such as “an owl”.")


def _number(facts: Facts) -> Check:
    many = [one.name for one in facts.things if (one.count or 0) > COUNTABLE]
    if many:
        return Check(
            "number", "a number", "mend", f"More than four of a thing ({_quoted(many)}) it never saw. Ask for fewer."
        )
    loose = [one.name for one in facts.things if one.count is None]
    if loose or not facts.things:
        which = f"How many of {_quoted(loose)}?" if loose else "How many?"
        return Check(
            "number", "a number", "open", f"{which} Say “a”, “two”, “three” or “four”, or leave it to the dice."
        )
    return Check("number", "a number", "met")


def _colour(facts: Facts) -> Check:
    fixed = [one.name for one in facts.things if one.colour and one.name not in RECOLOURABLE]
    if fixed:
        return Check(
            "colour", "a colour", "mend",
            f"This world never repaints {_quoted(fixed)}. Colour the background, or a {', '.join(RECOLOURABLE[:4])}…",
        )  # fmt: skip
    if any(one.colour for one in facts.things) or facts.background in COLOURS:
        return Check("colour", "a colour", "met")
    return Check("colour", "a colour", "open", "No colour is named. Name one, or leave it to the dice.")


def _place(text: str, facts: Facts) -> Check:
    if facts.background and facts.things and _PLACE_FIRST.match(text):
        return Check(
            "place", "a place", "mend", "The place stands first. Say the thing first, then where, as its diet does."
        )
    if facts.background:
        return Check("place", "a place", "met")
    return Check(
        "place", "a place", "open", "No place is named. Add “in the snow” or “on a blue background”, or leave it."
    )


def _words(text: str) -> Check:
    unknown = diet.unknown_words(text)
    if not unknown:
        return Check("words", "words it knows", "met")
    meant = [
        (word, near[0])
        for word in unknown[:SHOWN]
        if (near := difflib.get_close_matches(word.lower(), known(), 1, 0.8))
    ]
    hint = f" Did you mean {_quoted([near for _, near in meant])}?" if meant else " Say it with words of its world."
    return Check("words", "words it knows", "mend", f"It never read {_quoted(unknown)}.{hint}")


@cache
def known() -> tuple[str, ...]:
    """The words of the painter's captions in lower case, without those of its signs."""
    return tuple(sorted({word for word in VOCABULARY if word.islower()}))


def _denied(said: str) -> Check:
    words = _found(said, DENIED)
    if not words:
        return Check("denied", "nothing denied", "met")
    return Check(
        "denied", "nothing denied", "mend",
        f"{_quoted(words)}: that names what should not be there. Leave it out, and say what is there.",
    )  # fmt: skip
