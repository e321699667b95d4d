"""The loaded models of this process: each is opened once, all of a kind are put away together.

A room of the engines keeps its models on a :class:`Shelf` of its own. What stays locked in a process that ZeroGPU
forks is a :class:`Turn`, which is new there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from engines.evidence import PlainError
from engines.models import hardware

Model = TypeVar("Model")
SWITCHED = "The playground has switched to another model meanwhile. Start the run again."

_turns: WeakSet[Turn] = WeakSet()
_shelves: dict[str, Shelf[Any]] = {}


class Turn:
    """A lock that one thread holds at a time, as often as it likes; :func:`renew_turns` frees it in a forked worker.

    A worker is forked while other threads run; what they held then would stay locked in it for ever.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _turns.add(self)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        return self._lock.acquire(blocking, timeout)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def renew(self) -> None:
        self._lock = threading.RLock()


def renew_turns() -> None:
    """Free every lock; for a worker right after its fork, where nobody else can hold one."""
    for turn in list(_turns):
        turn.renew()


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
                self.models[key] = open_model()
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
