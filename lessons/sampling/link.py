"""A page of the first screen as an address: its text, seed, dials and keys travel in the link and nowhere else.

``sampling#try={"text": …, "seed": …, "t": …, "p": …, "keys": […], "hand": […], "count": …, "model": […]}``, percent
encoded. The browser writes it (``board.js``) from what :func:`as_json` says of a page; :func:`read` takes it in again,
and trusts nothing in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from engines.checks import check_characters, check_number, whole
from engines.evidence import PlainError
from engines.text.dials import Dials
from lessons.sampling.measures import MAX_SEED, Mark

LONGEST = 12_000
LONGEST_TEXT = 4_000
MAX_KEYS = 200
HOTTEST, NARROWEST = 2.0, 0.05
"""Where the page's dials end."""
BROKEN = "This link does not hold a page of this lesson: a part of it may be missing. Ask for it again, or start here."


@dataclass(frozen=True)
class Kept:
    """A page to make again: ``count`` keys after ``text``; ``keys`` are given, and the last is drawn if it is not.

    ``by_hand`` are the places of those that a learner pressed. ``written_by`` is None where no key is given.
    ``on_page``: the learner sees it already, recorded.
    """

    text: str
    count: int
    keys: tuple[int, ...] = ()
    by_hand: frozenset[int] = frozenset()
    written_by: Mark | None = None
    on_page: bool = False


@dataclass(frozen=True)
class Link:
    """What a link holds."""

    kept: Kept
    dials: Dials
    seed: int


def as_json(text: str, seed: int, keys: list[int], hand: list[int], count: int, written_by: Mark) -> str:
    """A page as JSON for the browser, which adds the dials as they stand when the link is copied."""
    page = {"text": text, "seed": seed, "keys": keys, "hand": hand, "count": count, "model": list(written_by)}
    return json.dumps(page)


def read(address: Any) -> Link:
    """The page that the part of an address behind ``#try=`` stands for; PlainError when it holds none."""
    if not isinstance(address, str) or len(address) > LONGEST:
        raise PlainError(BROKEN)
    try:
        page = json.loads(unquote(address, errors="strict"))
        text, keys, hand, (name, revision) = page["text"], page["keys"], page["hand"], page["model"]
        count = whole("The keys of the link", page["count"], 0, MAX_KEYS)
        check_number("The link's temperature", page["t"], 0, HOTTEST)
        check_number("The link's top-p", page["p"], NARROWEST, 1)
        seed, dials = whole("The link's seed", page["seed"], 0, MAX_SEED), Dials(page["t"], page["p"])
    except PlainError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PlainError(BROKEN) from error
    numbers = isinstance(keys, list) and isinstance(hand, list) and all(type(one) is int for one in [*keys, *hand])
    named = all(isinstance(one, str) and len(one) <= 200 for one in (name, revision))
    if not (numbers and named and isinstance(text, str) and text.strip() and len(text) <= LONGEST_TEXT):
        raise PlainError(BROKEN)
    if count - len(keys) not in (0, 1) or not all(0 <= one < 2**31 for one in keys):
        raise PlainError(BROKEN)
    check_characters("The link's text", text)
    by_hand = frozenset(one for one in hand if 0 <= one < len(keys))
    return Link(Kept(text, count, tuple(keys), by_hand, (name, revision) if keys else None), dials, seed)
