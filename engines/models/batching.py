"""Where the runs of different learners meet: calls of one network that fit together are made as one.

A run asks for one call at a time, from a thread of its own, and does by itself what is its own: it throws its dice or
steps its scheduler. A call is made for all who wait by then. So runs join and leave between calls, nobody's run goes on
ahead of who listens to it, and one that is stopped or closed simply asks no more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic, TypeVar
from weakref import WeakSet

from engines.evidence import PlainError, Underway
from engines.models import worker
from engines.models.line import State, in_words
from engines.models.shelf import Renewed
from engines.statistics import plural

Load = TypeVar("Load")
Result = TypeVar("Result")

TURN = 0.1
"""Seconds for which one network keeps the worker while others wait, so that those of short calls get as much of it."""


@dataclass(eq=False)
class _Request(Generic[Load, Result]):
    load: Load
    size: int
    kind: Hashable
    result: Result | None = None
    seconds: float = 0.0
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)


class Meeting(Generic[Load, Result]):
    """The calls of one network. ``work`` makes one for several loads and gives back one result for each.

    ``most`` is the size of one call, together; a single load may be larger.
    """

    def __init__(self, work: Callable[[Sequence[Load]], Sequence[Result]], most: int) -> None:
        self._work, self.most = work, most
        self._changed = threading.Condition()
        self._waiting: list[_Request[Load, Result]] = []
        self._asked = False  # the worker looks who waits, or will
        self._company = 1  # who asked for the last call or during it, and likely asks again soon
        self._seconds = 0.0  # of the last call
        self._deadline = 0.0

    def ask(self, load: Load, *, size: int = 1, kind: Hashable = None) -> Result:
        """The result for ``load``, made together with others of the same ``kind``, first come, first served.

        Raises what ``work`` raises for this load; the fault of another's load never reaches it.
        """
        if worker.here():
            return worker.call(self._work, [load])[0]
        mine = _Request[Load, Result](load, size, kind)
        with self._changed:
            self._waiting.append(mine)
            self._changed.notify_all()
            self._look_soon()
        mine.done.wait()
        worker.add_work(mine.seconds)
        if mine.error is not None:
            raise mine.error
        return mine.result  # type: ignore[return-value]

    def _look_soon(self) -> None:
        if self._waiting and not self._asked:
            self._asked = True
            self._deadline = time.monotonic() + self._seconds / 2
            worker.submit(self._serve)

    def _serve(self) -> None:
        """Make calls for whoever waits, each once the company of the last one is back; others go first meanwhile.

        Half as long as a call takes it is worth to wait: one call for all is over sooner than two. While others wait
        for the worker, calls are made as long as a turn lasts, and at least one.
        """
        with self._changed:
            while not self._together(0.003):
                if worker.wanted():
                    worker.submit(self._serve)
                    return
        ends = time.monotonic() + TURN
        while self._serve_once(ends):
            with self._changed:
                self._deadline = time.monotonic() + self._seconds / 2
                while not self._together(self._seconds):
                    pass
                if not self._waiting:
                    self._asked = False
                    return

    def _together(self, patience: float) -> bool:
        """Whether to wait no longer for the company of the last call; waits ``patience`` seconds at most."""
        left = self._deadline - time.monotonic()
        if len(self._waiting) >= self._company or left <= 0:
            return True
        self._changed.wait(min(left, patience))
        return False

    def _serve_once(self, ends: float) -> bool:
        """One call; whether another may follow in this turn, which ``ends`` then."""
        group, began = self._group(), time.monotonic()
        self._call(group)
        with self._changed:
            now = time.monotonic()
            self._seconds = now - began
            self._company = len(group) + len(self._waiting)
            goes_on = worker.wanted() and now + self._seconds < ends
            if not goes_on:
                self._asked = False
                self._look_soon()
        for request in group:
            request.done.set()
        return goes_on

    def _group(self) -> list[_Request[Load, Result]]:
        """Whoever has waited longest, and those of the same kind, as many as there is room for."""
        with self._changed:
            group: list[_Request[Load, Result]] = []
            size = 0
            for request in self._waiting:
                if not group or request.kind == group[0].kind and size + request.size <= self.most:
                    group.append(request)
                    size += request.size
            self._waiting = [request for request in self._waiting if request not in group]
        return group

    def _call(self, group: Sequence[_Request[Load, Result]]) -> None:
        began, whole = time.thread_time(), sum(request.size for request in group)
        try:
            results = self._work([request.load for request in group])
        except Exception as error:
            if len(group) > 1:  # it may be the fault of one, or of their number
                for request in group:
                    self._call([request])
                return
            group[0].error = error
        else:
            seconds = time.thread_time() - began
            for request, result in zip(group, results, strict=True):
                request.result, request.seconds = result, seconds * request.size / whole


@dataclass(eq=False)
class Watch:
    """A run seen from outside its thread: the ``place`` that it waits for, and whether it is to wait no longer."""

    place: Place | None = None
    left: bool = False


watch: ContextVar[Watch | None] = ContextVar("watch", default=None)
"""What a run tells of where it waits, for one who shows it meanwhile."""


@dataclass(eq=False)
class Place:
    """What one run holds of a room, or waits for: ``size``; ``since`` when, of either."""

    room: Room
    size: int
    since: float = field(default_factory=time.monotonic)

    def underway(self) -> Underway:
        """Where it stands among those who wait, and a rough time."""
        return self.room._underway(self)


class Room(Renewed):
    """What all runs together may hold, such as tokens in their caches, at most ``most``.

    A run goes ahead of others that came before and for whom there is too little, but not for longer than
    :attr:`OVERTAKEN` seconds. ``usual`` is how many seconds runs held their part of late.
    """

    PATIENCE, OVERTAKEN = 120.0, 20.0

    def __init__(self, most: int) -> None:
        self.most, self.usual = most, 5.0
        super().__init__()
        _rooms.add(self)

    def renew(self) -> None:
        self._changed = threading.Condition()
        self._holding: list[Place] = []
        self._waiting: list[Place] = []
        self._freed = 0.0

    @property
    def taken(self) -> int:
        return sum(one.size for one in self._holding)

    @contextmanager
    def share(self, size: int) -> Iterator[None]:
        """Wait until ``size`` more fits, and hold it meanwhile; what is larger than the room has it alone.

        PlainError when nothing comes free for :attr:`PATIENCE` seconds, or when the run is to wait no longer.
        """
        mine = Place(self, size)
        with self._changed:
            self._wait(mine)
            mine.since = time.monotonic()
            self._holding.append(mine)
        try:
            yield
        finally:
            with self._changed:
                self._holding.remove(mine)
                self._freed = time.monotonic()
                self.usual += 0.3 * (self._freed - mine.since - self.usual)
                self._changed.notify_all()

    def _wait(self, mine: Place) -> None:
        seen = watch.get() or Watch()
        self._waiting.append(mine)
        try:
            while not self._fits(mine):
                seen.place = mine
                if seen.left:
                    raise PlainError("Stopped while it waited for other runs.")
                if time.monotonic() > max(mine.since, self._freed) + self.PATIENCE:
                    raise PlainError("The memory is full of other runs. Try again in a minute, or ask for less.")
                self._changed.wait(min(1.0, self.PATIENCE))
        finally:
            seen.place = None
            self._waiting.remove(mine)
            self._changed.notify_all()  # whom it held up

    def _fits(self, mine: Place) -> bool:
        patient = time.monotonic() - self.OVERTAKEN
        held_up = any(one.since < patient for one in self._before(mine))
        return not held_up and (not self._holding or self.taken + mine.size <= self.most)

    def _before(self, mine: Place) -> list[Place]:
        return self._waiting[: self._waiting.index(mine)]

    def _underway(self, mine: Place) -> Underway:
        with self._changed:
            before = self._before(mine) if mine in self._waiting else []
            seconds = self._seconds(mine, before)
        place = f"{plural(len(before), 'run')} waiting before yours" if before else "yours is next"
        return Underway(0.0, f"The memory is full of other runs; {place}. Your turn comes in {in_words(seconds)}.")

    def _seconds(self, mine: Place, before: Sequence[Place]) -> float:
        """Until enough of those who hold something should have ended, for those before ``mine`` too."""
        now = time.monotonic()
        missing = self.taken + mine.size + sum(one.size for one in before) - self.most
        left = 0.0
        for left, size in sorted((max(1.0, one.since + self.usual - now), one.size) for one in self._holding):
            missing -= size
            if missing <= 0:
                return left
        return left + self.usual * max(0, missing) / self.most

    def since(self) -> tuple[list[float], list[float]]:
        """Since when those who hold a part of it do, and those who wait for one."""
        with self._changed:
            return [one.since for one in self._holding], [one.since for one in self._waiting]


_rooms = WeakSet[Room]()


def memory() -> State:
    """All rooms as an operator sees them."""
    holding, waiting = zip(*(room.since() for room in list(_rooms)), strict=True) if _rooms else ((), ())
    return State.of([*chain(*holding)], [*chain(*waiting)])
