"""The loaded models of this process: each is opened once, all of a kind are put away together.

A room of the engines keeps its models on a :class:`Shelf` of its own. What stays locked in a process that ZeroGPU
forks is a :class:`Turn`, which is new there.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from engines.evidence import PlainError
from engines.models import hardware, worker

Model = TypeVar("Model")
SWITCHED = "The playground has switched to another model meanwhile. Start the run again."

_renewed: WeakSet[Renewed] = WeakSet()
_shelves: dict[str, Shelf[Any]] = {}


class Renewed:
    """What threads wait for; :meth:`renew` makes it as new in a worker of ZeroGPU.

    A worker is forked while other threads run; what they held then would stay locked in it for ever.
    """

    def __init__(self) -> None:
        self.renew()
        _renewed.add(self)

    def renew(self) -> None:
        raise NotImplementedError


class Lock(Renewed):
    """``with`` it, one thread at a time."""

    def renew(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


class Turn(Renewed):
    """A lock that one thread holds at a time, as often as it likes; who asked first gets it first."""

    def renew(self) -> None:
        self._changed = threading.Condition()
        self._holder: int | None = None
        self._times = 0
        self._waiting: deque[object] = deque()

    def held(self) -> bool:
        """Whether this thread holds it."""
        return self._holder == threading.get_ident()

    def acquire(self, timeout: float | None = None) -> bool:
        """Whether it is this thread's turn, after at most ``timeout`` seconds."""
        with self._changed:
            if not self.held():
                mine = object()
                self._waiting.append(mine)
                try:
                    free = self._changed.wait_for(lambda: self._holder is None and self._waiting[0] is mine, timeout)
                finally:
                    self._waiting.remove(mine)
                    self._changed.notify_all()
                if not free:
                    return False
                self._holder = threading.get_ident()
            self._times += 1
            return True

    def release(self) -> None:
        with self._changed:
            self._times -= 1
            if not self._times:
                self._holder = None
                self._changed.notify_all()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def renew_turns() -> None:
    """Make every lock new; for a worker right after its fork, where nobody else can hold one."""
    for one in list(_renewed):
        one.renew()


class Shelf(Generic[Model]):
    """The models of one kind by their keys. ``close`` drops the weights of one that is put away, ``size`` weighs it.

    turn: held while a model is opened, and while all are put away. Whoever asks which model is live and then loads it
    holds the turn meanwhile, so that no switch comes between the two and never two live models are in memory.
    """

    def __init__(
        self, kind: str, close: Callable[[Model], None] = lambda model: None, size: Callable[[Model], int] | None = None
    ) -> None:
        self.kind, self.turn, self.models = kind, Turn(), dict[str, Model]()
        self._close, self._size, self._times_emptied = close, size, 0
        _shelves[kind] = self

    def load(self, key: str, open_model: Callable[[], Model]) -> Model:
        """The model of ``key``, opened on the first call only; others who ask meanwhile wait for it.

        PlainError for one who waited while all were put away: its model is no longer wanted.
        """
        there = self.models.get(key)
        if there is not None:
            return there
        before = self._times_emptied
        with self.turn:
            if key not in self.models:
                if self._times_emptied != before:
                    raise PlainError(SWITCHED)
                self.models[key] = worker.apart(open_model)
            return self.models[key]

    def loaded(self) -> tuple[Model, ...]:
        """The models in memory."""
        return tuple(self.models.values())

    def held_bytes(self) -> int:
        """The memory that :meth:`unload` would give back."""
        return sum(map(self._size, self.loaded())) if self._size else 0

    def unload(self) -> None:
        """Put every model away and give its memory back; runs still under way are told to start again."""
        with self.turn:
            self._times_emptied += 1
            while self.models:
                self._close(self.models.popitem()[1])
        hardware.give_back()


def loaded(kind: str) -> tuple[Any, ...]:
    """The models of one kind in memory; none where its room was never entered."""
    return _shelves[kind].loaded() if kind in _shelves else ()


def keys() -> dict[str, tuple[str, ...]]:
    """What is in memory, by kind: the keys of the loaded models; a folder's key is its last name."""
    return {kind: tuple(Path(key).name or key for key in shelf.models) for kind, shelf in _shelves.items()}


def held_bytes(kind: str) -> int:
    """The memory that the loaded models of one kind take."""
    return _shelves[kind].held_bytes() if kind in _shelves else 0


def unload(kind: str) -> None:
    """Put the models of one kind away."""
    if kind in _shelves:
        _shelves[kind].unload()
