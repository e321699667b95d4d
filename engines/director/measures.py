"""How much of a chat the director keeps: the chats of ``chats.yaml``, what became of them, and shares with intervals.

``measured.json`` holds the raw outcomes that ``benchmarks/director.py`` wrote: nothing here runs a model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from engines.director.directing import WEIGHT, Candidate, chosen, ranked
from engines.director.facts import ledger
from engines.evidence import PlainError
from engines.statistics import Gap, Interval, clustered, gap, in_bounds, wilson

Half = Literal["develop", "held_out"]
HALVES: tuple[Half, ...] = ("develop", "held_out")
RANKINGS = {
    "director": ("director", WEIGHT),
    "director, by likelihood alone": ("director", 0.0),
    "director, by all of the lift": ("director", 1.0),
    "without hints, by likelihood alone": ("without hints", 0.0),
    "without hints, by half of the lift": ("without hints", 0.5),
}
"""What the candidates of a search come to under several weights of what is likely anyway."""
WAYS = ("caption", "last message", "whole chat")
"""What was sent to the painter."""
HERE = Path(__file__).parent
OUTCOMES = HERE / "measured.json"


@dataclass(frozen=True)
class Chat:
    """A chat of the set: the learner's ``messages`` and the ``wish`` a caption must ask for; None: for nothing.

    ``taken_back`` are words that the chat gave up again, ``outside`` words for what the painter never saw.
    """

    half: Half
    messages: tuple[str, ...]
    wish: str | None
    taken_back: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shares:
    """What became of the facts of many chats.

    ``kept`` and ``lost`` are of the facts wished, ``invented`` of the facts asked for, each with an interval as wide as
    if the facts of a chat stood and fell together; ``exact`` are chats whose caption asks for the wish and no more, and
    ``declined`` those without a wish that got no caption.
    """

    kept: Interval
    lost: Interval
    invented: Interval
    exact: Interval
    declined: Interval


@cache
def chats(half: Half | None = None) -> tuple[Chat, ...]:
    """The chats of one half, or of both."""
    record = yaml.safe_load((HERE / "chats.yaml").read_text(encoding="utf-8"))
    return tuple(
        Chat(
            one,
            tuple(chat["chat"]),
            chat["wish"],
            tuple(map(str, chat.get("taken_back", ()))),
            tuple(map(str, chat.get("outside", ()))),
        )
        for one in HALVES
        if half in (one, None)
        for chat in record[one]
    )


def shares(chats: Iterable[Chat], captions: Iterable[str | None]) -> Shares:
    """The shares of captions written for chats, in their order."""
    pairs = list(zip(chats, captions, strict=True))
    ledgers = [ledger(chat.wish, caption) for chat, caption in pairs]
    refused = [caption is None for chat, caption in pairs if chat.wish is None]
    kept, lost, invented = (sum(len(getattr(one, which)) for one in ledgers) for which in ("kept", "lost", "invented"))
    wishing = sum(chat.wish is not None for chat, _ in pairs)
    asking = sum(bool(one.kept or one.invented) for one in ledgers)
    return Shares(
        clustered(kept, kept + lost, min(wishing, kept + lost)),
        clustered(lost, kept + lost, min(wishing, kept + lost)),
        clustered(invented, kept + invented, min(asking, kept + invented)),
        wilson(sum(one.exact for one in ledgers), len(ledgers)),
        wilson(sum(refused), len(refused)),
    )


def painted(record: Mapping[str, Any], half: Half) -> dict[str, tuple[Interval, Interval]]:
    """Facts of the wish in the pictures of a half by what was sent, with none of what the judge cannot tell, and all.

    As wide as if the pictures of a chat stood and fell together.
    """
    found = {}
    for way, of_chats in record["pictures"][half].items():
        seen, could, of = (sum(counts[place] for counts in of_chats) for place in range(3))
        found[way] = in_bounds(seen, could, of, len(of_chats))
    return found


def gained(record: Mapping[str, Any], half: Half, taken_back: bool = False) -> Gap:
    """How much more of the wish the caption's pictures hold than the whole chat's, chat by chat.

    ``taken_back``: only over chats that give something up again.
    """
    wishing = [chat for chat in chats(half) if chat.wish is not None]
    chosen = [at for at, chat in enumerate(wishing) if chat.taken_back or not taken_back]
    sides = []
    for way in ("caption", "whole chat"):
        seen, could, of = np.array(record["pictures"][half][way], float)[chosen].T
        sides.append((seen / of, (seen + of - could) / of))
    return gap(*sides)


def outcomes(file: Path = OUTCOMES) -> Mapping[str, Any]:
    """The stored outcomes, PlainError where there are none.

    ``captions``: method -> half -> a caption for each chat, in order. ``candidates``: method -> half -> those of each
    chat, as [caption, given, bonus, anyway]. ``pictures``: half -> what was sent -> for each chat with a wish, facts of
    it seen in its pictures, facts that could be told, and all.
    """
    if not file.is_file():
        raise PlainError("The director's outcomes are not here. Run “python -m benchmarks.director”.")
    return json.loads(file.read_text(encoding="utf-8"))


def table(record: Mapping[str, Any], half: Half) -> dict[str, Shares]:
    """The shares of every method that was measured on a half; those that only rank differently need no model."""
    captions: dict[str, Sequence[str | None]] = {
        name: halves[half] for name, halves in record["captions"].items() if half in halves
    }
    for name, (method, weight) in RANKINGS.items():
        if half in record["candidates"].get(method, ()):
            captions[name] = [chosen(ranked(of_chat, weight)) for of_chat in candidates(record, method, half)]
    return {name: shares(chats(half), of_half) for name, of_half in captions.items()}


def candidates(record: Mapping[str, Any], method: str, half: Half) -> tuple[tuple[Candidate, ...], ...]:
    """The captions that a search compared for each chat of a half, best first."""
    return tuple(ranked(Candidate(*row) for row in of_chat) for of_chat in record["candidates"][method][half])
