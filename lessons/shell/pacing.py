"""How often a page draws what a run yields: each event while few are at work, fewer the more there are.

To draw a token or a pass, to send it and to take it in costs a server of two cores as much as to compute it for one
more of a class. So a run waits the longer between two events the more runs there are, and what a newer event replaces
is never drawn. The first event comes at once, the last one always, and none waits for longer than its turn.

How far a run is waits a moment for the result it announces, and goes with it. Gradio sends what was added to a view
since the event before, and all of it again where that one had left the view alone: a film was sent with every frame.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engines.evidence import Evidence, Underway
from engines.models import line

EVENT = 0.016
"""Seconds of a server that one event of a run may take."""
LONGEST = 1.0
"""Seconds between two events of a run, at most."""


def interval() -> float:
    """Seconds between two events of one run; none for one alone, which may be at work in two lines at once."""
    at_work = sum(state.at_work for state in line.states().values())
    return min(EVENT * max(at_work - 2, 0), LONGEST)


BREATH = 0.03
"""Seconds for which a run's :class:`Underway` waits for what follows it."""


class Held:
    """The events of a run that are not drawn yet, in their order, less those that a later one replaces."""

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._due = self._since = 0.0

    def add(self, event: Any) -> None:
        if not self._events:
            self._since = time.monotonic()
        self._events = [one for one in self._events if not replaces(event, one)] + [event]

    def wait(self) -> float | None:
        """Seconds until what is held should be drawn; None while nothing is."""
        if not self._events:
            return None
        announced = all(isinstance(event, Underway) for event in self._events)
        return max(0.0, max(self._due, self._since + BREATH if announced else 0.0) - time.monotonic())

    def take(self) -> list[Any]:
        """All that is held; the next is due an interval from now."""
        events, self._events = self._events, []
        self._due = time.monotonic() + interval()
        return events


def replaces(event: Any, older: Any) -> bool:
    """Whether nothing of ``older`` is seen any more once ``event`` is."""
    for kind in (Evidence, Underway):
        if isinstance(event, kind) and isinstance(older, kind):
            return True
    if isinstance(event, Mapping) and isinstance(older, Mapping) and older.keys() <= event.keys():
        both = [one[place] for one in (older, event) for place in older]
        return not any(isinstance(value, Mapping) for value in both)  # gr.update changes a part of a place
    return False


def together(shown: Iterable[dict[Any, Any]]) -> Iterator[dict[Any, Any]]:
    """``{place: value}`` of several events as one, or as more where a place is filled twice."""
    merged: dict[Any, Any] = {}
    for places in shown:
        if merged.keys() & places.keys():
            yield merged
            merged = {}
        merged |= places
    if merged:
        yield merged
