"""The limits of every lesson and endpoint: what a control or a caller's JSON may hold, refused in plain words."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from engines.evidence import PlainError

MAX_CAPTION = 400
MAX_SEED = 2**32 - 1
"""The largest seed of both machines: what a dice of numpy and a generator of torch both take whole."""


def one_of(what: str, value: object, known: Collection[str]) -> str:
    """``value`` if it is one of the ``known`` keys; PlainError names them otherwise."""
    if value is None:
        raise PlainError(f"{what} is missing. It is one of: {', '.join(known)}.")
    if not isinstance(value, str) or value not in known:
        raise PlainError(f"{what} is one of: {', '.join(known)}; you gave {_given(value)}.")
    return value


def check_number(name: str, value: Any, low: float, high: float, *, whole: bool = False) -> None:
    """Refuse with a plain message anything but a finite number in [low, high], which may be a whole one only."""
    kind = "a whole number" if whole else "a number"
    bounds = f"{low:,} to {high:,}" if whole else f"{low:g} to {high:g}"
    if value is None:
        raise PlainError(f"{name} is missing. Give {kind} from {bounds}.")
    numeric = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not numeric or value != value:
        raise PlainError(f"{name} must be {kind} from {bounds}; you gave {_given(value)}, which is no number.")
    if not low <= value <= high or (whole and value != int(value)):
        raise PlainError(f"{name} must be {kind} from {bounds}; you gave {_given(value)}.")


def _given(value: Any) -> str:
    """What a caller gave, in a few words: its kind where that may be what is wrong, and its beginning."""
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 60 else f"the text {value[:60]!r}…"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, int) and abs(value) >= 10**20:
        return "one with more than twenty digits"
    if isinstance(value, (int, float, np.integer, np.floating)):
        return f"{value}"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "an object" if isinstance(value, dict) else "something else"


def whole(name: str, value: Any, low: int, high: int) -> int:
    """A control's value as an int; PlainError when it is no whole number (7.5 is not rounded) or out of bounds."""
    check_number(name, value, low, high, whole=True)
    return int(value)


def seed_range(
    seed: Any, count: Any, *, least: int = 1, most: int = 16, what: str = "The number of seeds"
) -> tuple[int, ...]:
    """``count`` seeds (``least`` to ``most``) from ``seed`` on; after the largest comes 0."""
    first = whole("The seed", seed, 0, MAX_SEED)
    return tuple((first + offset) % (MAX_SEED + 1) for offset in range(whole(what, count, least, most)))


def check_caption(caption: Any, name: str = "The caption") -> None:
    """Refuse what is not text of at most :data:`MAX_CAPTION` characters."""
    check_text(name, caption, MAX_CAPTION)


def check_text(name: str, value: Any, longest: int) -> str:
    """``value`` if it is text of at most ``longest`` characters, all of them whole; PlainError otherwise."""
    if value is None:
        raise PlainError(f"{name} is missing.")
    if not isinstance(value, str):
        raise PlainError(f"{name} must be text; you gave {_given(value)}.")
    if len(value) > longest:
        raise PlainError(f"{name} is {len(value):,} characters long. Keep it to {longest:,} at most.")
    check_characters(name, value)
    return value


def check_characters(name: str, text: str) -> None:
    """Refuse text with half a character (a lone surrogate), which neither a tokenizer nor JSON can hold."""
    if not text.isprintable() and any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise PlainError(f"{name} holds half a character (a lone surrogate). Type it again or leave it out.")
