"""What the screens of the handoff share: chats to begin with, the learner's messages, and the director at work.

Read them as the lesson goes: :mod:`chain` (a chat becomes a caption becomes a picture), :mod:`bypass` (the chat sent
to the painter as it is), :mod:`proof` (two chats with one caption), :mod:`forget` (the painter has no memory) and
:mod:`play` (the learner directs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engines.checks import check_caption
from engines.director import directing
from engines.director.directing import MAX_MESSAGE, MAX_MESSAGES, Direction
from engines.director.facts import facts
from engines.evidence import Finding, PlainError, Underway
from engines.pictures.diffusion import Painter
from engines.statistics import Gap, Interval, between
from engines.text.constrained import Draft
from engines.text.language_model import LanguageModel

MAX_CHAT = MAX_MESSAGES * (MAX_MESSAGE + 1)
USUAL_TOKENS = 7
"""Of a caption; only how far the director is in words rests on it."""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")


@dataclass(frozen=True)
class Example:
    """A chat to begin with, one message a line, and what its learner wants in the end."""

    name: str
    chat: str
    wish: str


EXAMPLES = (
    Example(
        "a correction",
        "Hi! I'm making an invitation for my niece, she adores the zoo.\nCould it have an elephant?\n"
        "At night would be lovely.\nNo, make it two elephants!",
        "two elephants at night",
    ),
    Example(
        "a change of heart",
        "Paint a purple balloon at sunset.\nChange the balloon to yellow.",
        "a yellow balloon at sunset",
    ),
    Example(
        "a place for each",
        "I'd like a duck.\nOn the ocean, I was there all summer.\nAdd a sailboat to the right of it.",
        "a duck to the left of a sailboat in the ocean",
    ),
    Example("nothing it can paint", "Write me a poem about unicorns.", ""),
)


def messages(chat: Any) -> tuple[str, ...]:
    """The messages of a chat with one a line. PlainError where there is none, or too much."""
    return directing.checked(str(chat or "").splitlines())


def check_wish(wish: Any, needed: bool = False) -> str | None:
    """The wish as a caption with facts that can be told; None where nothing was said and nothing is ``needed``."""
    said = " ".join(str(wish or "").split())
    if not said and not needed:
        return None
    if said:
        check_caption(said, "The wish")
    if not facts(said):
        raise PlainError(
            "The ledger finds no fact in “What you want in the end”. Write it like a caption, such as “two elephants "
            "at night”."
        )
    return said


def directed(model: LanguageModel, painter: Painter, said: Sequence[str]) -> Iterator[Draft | Direction]:
    """The director at work for this painter: under a mask where the painter's diet is known."""
    if painter.is_bundled:
        return directing.directing(model, said)
    return directing.directing_freely(model, said)


def written(model: LanguageModel, painter: Painter, said: Sequence[str], who: str = "The director") -> Any:
    """What the director comes to; how far it is meanwhile: ``direction = yield from written(…)``."""
    direction: Direction | None = None
    for event in directed(model, painter, said):
        if isinstance(event, Direction):
            direction = event
        else:
            yield writing(event, who)
    assert direction is not None
    return direction


def writing(draft: Draft, who: str = "The director") -> Underway:
    done = len(draft.token_ids)
    return Underway(min(done / USUAL_TOKENS, 0.95), f"{who} writes token {done}")


def words(text: str) -> list[str]:
    """The words and numbers of a text."""
    return _WORD.findall(text)


def declined(direction: Direction) -> str:
    return f"The director wrote no caption, so nothing was painted. {direction.remark()}"


NOT_TOLD = Finding(
    "Not to be told",
    "is what the judge says of pictures unlike those of this world, as a painter makes them of words it never read. So "
    "each share has two ends: none of that is there, or all of it. Only what holds at both is concluded; judge the "
    "pictures yourself.",
)


def facts_seen(least: Interval, most: Interval) -> str:
    """How many facts are seen, and how many of them nobody can tell."""
    rest = most.successes - least.successes
    return between(least, most, "facts seen") + (f"; {rest} cannot be told" if rest else "")


def scored(found: Gap, said: str) -> tuple[float, str, list[float]] | str:
    """What a guess about a difference is held against, ``said`` before it; in words where no guess can be scored."""
    said = f"{said}; the difference is {found}"
    if few := found.too_few("seed"):
        return f"Measured: {said}. No guess is scored: {few}."
    return found.middle, said, found.ends
