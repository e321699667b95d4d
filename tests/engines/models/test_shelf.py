"""The loaded models: each opened once, all put away together, never two live ones, and no lock left in a fork."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from engines.evidence import PlainError
from engines.models import shelf
from engines.models.shelf import Shelf, Turn


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call gave or raised, all in threads of their own."""
    results: list[Any] = [None] * len(calls)

    def run(index: int) -> None:
        try:
            results[index] = calls[index]()
        except PlainError as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    return results


def test_a_model_is_opened_once_for_all_who_ask_at_the_same_time() -> None:
    models, opened = Shelf[object]("once"), []

    def opening() -> object:
        time.sleep(0.05)
        opened.append(object())
        return opened[-1]

    results = at_once(*[lambda: models.load("a", opening)] * 8)
    assert len(opened) == 1 and all(result is opened[0] for result in results)
    assert models.loaded() == tuple(opened) == shelf.loaded("once")
    assert shelf.loaded("no such room") == ()


def test_a_model_in_memory_is_had_while_another_is_being_opened() -> None:
    models, free = Shelf[str]("two"), threading.Event()
    models.load("here", lambda: "here")
    slow = threading.Thread(target=lambda: models.load("slow", lambda: free.wait(20) and "slow"))  # type: ignore[arg-type,return-value]
    slow.start()
    assert models.load("here", lambda: pytest.fail("it is here")) == "here"
    free.set()
    slow.join()
    assert set(models.loaded()) == {"here", "slow"}


def test_what_cannot_be_opened_leaves_nothing() -> None:
    models = Shelf[str]("broken")

    def broken() -> str:
        raise PlainError("damaged")

    with pytest.raises(PlainError, match="damaged"):
        models.load("a", broken)
    assert models.loaded() == () and models.load("a", lambda: "whole") == "whole"


def test_all_are_closed_when_they_are_put_away() -> None:
    closed: list[str] = []
    models = Shelf[str]("closing", closed.append)
    for name in ("a", "b"):
        models.load(name, lambda name=name: name)  # type: ignore[misc]
    shelf.unload("closing")
    assert sorted(closed) == ["a", "b"] and models.loaded() == ()


def test_one_who_waited_for_a_model_that_was_put_away_is_told_to_start_again() -> None:
    """A load that waited behind a switch once brought the old model back beside the new one."""
    models, waiting = Shelf[str]("late"), threading.Event()
    results: list[Any] = []

    def late() -> None:
        waiting.set()
        try:
            results.append(models.load("old", lambda: "old"))
        except PlainError as error:
            results.append(str(error))

    with models.turn:
        thread = threading.Thread(target=late)
        thread.start()
        waiting.wait()
        time.sleep(0.1)
        models.unload()
        models.load("new", lambda: "new")
    thread.join()
    assert models.loaded() == ("new",) and results == [shelf.SWITCHED]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="ZeroGPU forks")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_another_thread_held_is_free_in_a_forked_worker_once_renewed() -> None:
    turn, held, done = Turn(), threading.Event(), threading.Event()

    def hold() -> None:
        with turn:
            held.set()
            done.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        stuck = not turn.acquire(timeout=0.05)
        shelf.renew_turns()
        os._exit(0 if stuck and turn.acquire(timeout=5) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not turn.acquire(timeout=0.05), "at home it is held as before"
    done.set()
    holder.join()


def test_every_lock_around_a_model_is_one_that_a_fork_frees() -> None:
    from engines.models import safety
    from engines.pictures import painter
    from engines.stickers import judge
    from engines.text import language_model

    reader = judge.Reader(engine=None)
    turns = (safety._turn, painter.SHELF.turn, language_model.SHELF.turn)
    turns += (judge.SHELF.turn, judge.READERS.turn, reader.turn)
    assert all(isinstance(turn, Turn) for turn in turns)
