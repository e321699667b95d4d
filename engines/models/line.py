"""The line before a model: so many runs at a time, whose turn is next, and how long that takes in words.

Runs at work share the passes of the model (:mod:`engines.models.batching`); ``width`` says how many there are. A run
waits in view: :meth:`Ticket.wait` says after every second how many are before it. Nobody's second run goes before
another's first, nobody holds more than a few places, and a closed tab gives its place back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from engines.evidence import PlainError, Underway
from engines.models import hardware

Queue = Literal["text", "pictures", "both", "signs", "stories", "uploads", "processor"]
"""Every queue there is: the typewriter, the sculptor, both at once, the sign painters, the writers of stories,
learners' files, and long work without a model."""
WIDTHS = {"text": 32, "pictures": 32, "signs": 32, "stories": 32, "uploads": 1, "processor": 1}
"""How many runs of each queue work at a time: a class wherever runs share passes, where all see theirs begin at once
and the last is done no later than in turn. ZeroGPU lends its card to one run at a time."""
MOST_WAITING = 64
MOST_EACH = 3


@dataclass(eq=False)
class Ticket:
    """One run's place in a line. ``seconds``: how long the run is expected to take, where that is known."""

    line: Line
    visitor: str
    seconds: float | None
    number: int
    since: float = field(default_factory=time.monotonic)
    began: float | None = None

    def wait(self, seconds: float) -> Underway | None:
        """None once it is this run's turn; else, after at most ``seconds``, where it stands."""
        return self.line._wait(self, seconds)


@dataclass(eq=False)
class Line:
    """The runs of one model, at most ``width`` at work and others waiting.

    ``usual`` is how many seconds its runs took of late.
    """

    width: int = 1
    usual: float = 5.0
    _tickets: list[Ticket] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _count: int = 0

    @contextmanager
    def place(self, visitor: str, seconds: float | None = None) -> Iterator[Ticket]:
        """A place in the line for one run of ``visitor``; leaving the context gives it back.

        PlainError when the visitor, or all visitors together, have too many places.
        """
        with self._changed:
            own = sum(ticket.visitor == visitor for ticket in self._tickets)
            if visitor and own >= MOST_EACH:
                raise PlainError(f"{own} of your runs are waiting or at work. Stop one, or wait until one is done.")
            if len(self._tickets) >= MOST_WAITING:
                raise PlainError(f"{len(self._tickets)} runs are waiting or at work already. Try again in a minute.")
            self._count += 1
            ticket = Ticket(self, visitor, seconds, self._count)
            self._tickets.append(ticket)
        try:
            yield ticket
        finally:
            with self._changed:
                self._tickets.remove(ticket)
                if ticket.began is not None:
                    self.usual += 0.3 * (time.monotonic() - ticket.began - self.usual)
                self._changed.notify_all()

    def waiting(self) -> int:
        """How many runs wait or work."""
        return len(self._tickets)

    def state(self) -> State:
        """How it stands now."""
        with self._changed:
            tickets = list(self._tickets)
        waiting = [ticket for ticket in tickets if ticket.began is None]
        return State.of([one.since for one in tickets if one not in waiting], [one.since for one in waiting])

    def _order(self) -> list[Ticket]:
        """Who is at work, then everybody's first run, everybody's second, and so on, each as they came."""
        seen: dict[str, int] = {}
        ranked = []
        for ticket in self._tickets:
            nth = seen[ticket.visitor] = seen.get(ticket.visitor, -1) + 1
            ranked.append(((ticket.began is None, nth, ticket.number), ticket))
        return [ticket for _, ticket in sorted(ranked, key=lambda pair: pair[0])]

    def _may_begin(self, ticket: Ticket) -> bool:
        return ticket in self._order()[: self.width]

    def _wait(self, ticket: Ticket, seconds: float) -> Underway | None:
        with self._changed:
            if not self._may_begin(ticket):
                self._changed.wait(seconds)
            if self._may_begin(ticket):
                ticket.began = ticket.began or time.monotonic()
                return None
            order = self._order()
            before = order[: order.index(ticket)]
            who = "One run is before yours" if len(before) == 1 else f"{len(before)} runs are before yours"
            return Underway(0.0, f"{who}. Your turn comes in {in_words(sum(map(self._left, before)) / self.width)}.")

    def _left(self, ticket: Ticket) -> float:
        expected = self.usual if ticket.seconds is None else ticket.seconds
        return expected if ticket.began is None else max(1.0, expected - (time.monotonic() - ticket.began))


def in_words(seconds: float) -> str:
    """A rough time in words: “about 40 seconds”."""
    if seconds < 8:
        return "a few seconds"
    if seconds < 90:
        return f"about {5 * round(seconds / 5)} seconds"
    minutes = round(seconds / 60)
    return f"about {minutes} minutes" if minutes < 90 else f"about {round(minutes / 60)} hours"


@dataclass(frozen=True)
class State:
    """A line as an operator sees it: runs at work and waiting; seconds since the oldest of all came, and of those who
    wait."""

    at_work: int
    waiting: int
    oldest_seconds: float
    oldest_waiting_seconds: float

    @classmethod
    def of(cls, at_work: Sequence[float], waiting: Sequence[float]) -> State:
        """Of runs that came at these moments, on ``time.monotonic()``."""
        now = time.monotonic()
        oldest = (now - min(some, default=now) for some in ([*at_work, *waiting], waiting))
        return cls(len(at_work), len(waiting), *oldest)

    def as_json(self) -> dict[str, Any]:
        return {name: round(number, 1) for name, number in asdict(self).items()}


def states() -> dict[str, State]:
    """The state of every line."""
    return {name: one.state() for name, one in _lines.items()}


_lines: dict[str, Line] = {name: Line(1 if hardware.on_zero_gpu() else width) for name, width in WIDTHS.items()}


def of(queue: Queue) -> tuple[Line, ...]:
    """The lines that a run of ``queue`` waits in, always in the same order: two runs never wait for each other."""
    return (_lines["text"], _lines["pictures"]) if queue == "both" else (_lines[queue],)
