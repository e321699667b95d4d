"""What the lettering experiments share."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from engines.evidence import Underway


def relayed(events: Iterator[Any], title: str) -> Generator[Underway, None, Any]:
    """Pass on how far the work is, under ``title``, and give back its result: ``runs = yield from relayed(…)``."""
    result: Any = None
    for event in events:
        if isinstance(event, Underway):
            yield Underway(event.share, f"{title.capitalize()}: {event.words}")
        else:
            result = event
    return result
