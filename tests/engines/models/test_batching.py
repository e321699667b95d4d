"""Runs that meet at one network: served together, in order, each with its own result and its own fault."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from engines.evidence import PlainError
from engines.models import worker
from engines.models.batching import Meeting, Room, Watch, watch
from engines.models.shelf import Turn


def in_threads(*calls: Callable[[], Any]) -> list[Any]:
    """What each call gave or raised; they start one after another."""
    results: list[Any] = [None] * len(calls)

    def run(index: int) -> None:
        try:
            results[index] = calls[index]()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
        time.sleep(0.01)
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    return results


class Doubling:
    """A network that doubles; it remembers what came together, and its first call lasts until it is let go."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.go = threading.Event()

    def __call__(self, loads: Sequence[int]) -> list[int]:
        self.calls.append(list(loads))
        if len(self.calls) == 1:
            self.go.wait(10)
        if 13 in loads:
            raise ValueError(f"thirteen among {len(loads)}")
        return [2 * load for load in loads]


def asked(most: int, *asks: tuple[int, int, str]) -> tuple[Doubling, list[Any]]:
    """(load, size, kind) each; all but the first come, in this order, while the first is at work."""
    work = Doubling()
    met = Meeting[int, int](work, most)
    results: list[Any] = [None] * len(asks)

    def ask(place: int, load: int, size: int, kind: str) -> None:
        try:
            results[place] = met.ask(load, size=size, kind=kind)
        except ValueError as error:
            results[place] = error

    threads = [threading.Thread(target=ask, args=(place, *one)) for place, one in enumerate(asks)]
    for place, thread in enumerate(threads):
        thread.start()
        until(lambda place=place: len(met._waiting) == place and len(work.calls) == 1)  # type: ignore[misc]
    work.go.set()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    return work, results


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_who_waits_meanwhile_is_served_together_and_gets_its_own_result() -> None:
    work, results = asked(10, *[(load, 1, "a") for load in range(6)])
    assert results == [0, 2, 4, 6, 8, 10]
    assert work.calls == [[0], [1, 2, 3, 4, 5]]


def test_a_call_has_room_for_so_much_and_what_is_larger_goes_alone() -> None:
    work, results = asked(4, (0, 1, "a"), (1, 2, "a"), (2, 9, "a"), (3, 2, "a"), (4, 1, "a"))
    assert results == [0, 2, 4, 6, 8]
    assert work.calls == [[0], [1, 3], [2], [4]]


def test_other_kinds_are_not_mixed_and_the_longest_waiting_goes_first() -> None:
    work, _ = asked(9, (0, 1, "a"), (1, 1, "b"), (2, 1, "a"), (3, 1, "b"))
    assert work.calls == [[0], [1, 3], [2]]


def test_a_fault_stays_with_whose_it_is() -> None:
    work, results = asked(9, (0, 1, "a"), (1, 1, "a"), (13, 1, "a"), (2, 1, "a"))
    assert [results[0], results[1], results[3]] == [0, 2, 4]
    assert isinstance(results[2], ValueError) and str(results[2]) == "thirteen among 1"


def test_runs_that_go_on_stay_together_and_one_that_leaves_holds_nobody() -> None:
    calls: list[int] = []

    def work(loads: Sequence[int]) -> list[int]:
        calls.append(len(loads))
        time.sleep(0.03)
        return list(loads)

    met = Meeting[int, int](work, 10)
    in_threads(*[lambda n=n: [met.ask(0) for _ in range(n)] for n in (12, 12, 12, 4)])  # type: ignore[misc]
    assert max(calls) == 4 and len(calls) <= 28  # of 40 asked


def test_short_calls_get_as_much_time_as_long_ones_not_one_call_each() -> None:
    made: list[str] = []

    def work(name: str, seconds: float) -> Callable[[Sequence[int]], list[int]]:
        def call(loads: Sequence[int]) -> list[int]:
            made.append(name)
            time.sleep(seconds)
            return list(loads)

        return call

    long, short = Meeting[int, int](work("long", 0.04), 9), Meeting[int, int](work("short", 0.001), 9)
    ended = threading.Event()

    def ask_short() -> None:
        for _ in range(40):
            short.ask(0)
        ended.set()

    def ask_long() -> None:
        while not ended.is_set():
            long.ask(0)

    in_threads(ask_long, ask_long, ask_short)
    assert made.count("short") == 40 and 1 <= made.count("long") <= 20  # one each would be 40


def test_all_work_is_done_in_one_thread_in_the_order_in_which_it_came() -> None:
    order: list[tuple[int, str]] = []

    def do(number: int) -> None:
        order.append((number, threading.current_thread().name))

    calls = [worker.submit(do, number) for number in range(5)]
    assert [call.result() for call in calls] == [None] * 5 and [number for number, _ in order] == list(range(5))
    assert len({name for _, name in order}) == 1 and not worker.here()
    assert worker.call(lambda: worker.call(worker.here)), "a call within a call does not wait for itself"
    with pytest.raises(PlainError, match="no"):
        worker.call(_refuse)


def _refuse() -> None:
    raise PlainError("no")


def test_on_zero_gpu_everybody_computes_in_their_own_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.hardware, "on_zero_gpu", lambda: True)
    assert worker.call(threading.current_thread) is threading.current_thread()
    assert worker.call(torch.is_inference_mode_enabled) and not torch.is_inference_mode_enabled()
    assert Meeting[int, bool](lambda loads: [torch.is_inference_mode_enabled()], 5).ask(0)


def test_a_room_holds_so_much_and_who_finds_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(10)
    with room.share(6), room.share(4):
        monkeypatch.setattr(Room, "PATIENCE", 0.01)
        with pytest.raises(PlainError, match="full of other runs"), room.share(1):
            pass
        assert room.taken == 10
    with room.share(99):
        assert room.taken == 99
    assert room.taken == 0
    monkeypatch.setattr(Room, "PATIENCE", 5)
    order: list[str] = []

    def hold(name: str, seconds: float) -> None:
        with room.share(6):
            order.append(name)
            time.sleep(seconds)
            order.append(name)

    in_threads(lambda: hold("first", 0.1), lambda: hold("second", 0))
    assert order[0] == order[1] and order[2] == order[3]


def test_a_turn_goes_to_who_asked_first_and_its_holder_may_take_it_again() -> None:
    turn, order = Turn(), list[int]()

    def take(number: int) -> None:
        with turn, turn:
            assert turn.held()
            order.append(number)

    with turn:
        threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
        for number, thread in enumerate(threads):
            thread.start()
            until(lambda number=number: len(turn._waiting) == number + 1)  # type: ignore[misc]
    for thread in threads:
        thread.join(timeout=30)
    assert order == list(range(6)) and not turn.held()
    with turn:
        assert in_threads(lambda: turn.acquire(0.01)) == [False]
    assert turn.acquire(0.01)
    turn.release()


def test_a_run_that_waits_for_room_says_where_it_stands_and_can_be_called_off() -> None:
    room, watches = Room(10), [Watch() for _ in range(3)]
    room.usual = 3000.0

    def run(seen: Watch) -> None:
        watch.set(seen)
        with room.share(4):
            pass

    with ThreadPoolExecutor() as pool:
        with room.share(10):
            runs = []
            for number, seen in enumerate(watches):
                runs.append(pool.submit(run, seen))
                until(lambda: watches[number].place is not None)  # noqa: B023
            told = [seen.place.underway().words for seen in watches if seen.place]
            watches[2].left = True
            with pytest.raises(PlainError, match="Stopped while it waited"):
                runs[2].result(30)
            assert len(room._waiting) == 2 and watches[2].place is None
        assert [one.result(30) for one in runs[:2]] == [None, None] and room.taken == 0
    assert told[0] == "The memory is full of other runs; yours is next. Your turn comes in about 50 minutes."
    assert told[2].endswith("2 runs waiting before yours. Your turn comes in about 60 minutes."), "they must end too"


def test_a_large_run_is_overtaken_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    room, order = Room(10), list[str]()

    def hold(name: str, size: int) -> None:
        with room.share(size):
            order.append(name)

    with ThreadPoolExecutor() as pool:
        with room.share(6):
            runs = [pool.submit(hold, "large", 8)]
            until(lambda: len(room._waiting) == 1)
            hold("small", 2)
            monkeypatch.setattr(Room, "OVERTAKEN", 0.0)
            runs.append(pool.submit(hold, "late", 3))
            until(lambda: len(room._waiting) == 2)
            assert order == ["small"]
        for one in runs:
            one.result(30)
    assert order == ["small", "large", "late"]


def _busy(seconds: float) -> None:
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


def test_the_work_of_a_run_counts_what_was_done_for_it_and_no_waiting():
    began = worker.worked()
    worker.call(_busy, 0.05)
    assert 0.05 <= worker.worked() - began < 0.09
    began = worker.worked()
    worker.call(time.sleep, 0.2)
    assert worker.worked() - began < 0.05


def test_of_a_shared_call_each_run_is_told_its_part():
    def work(loads):
        _busy(0.04 * len(loads))
        return loads

    meeting, told = Meeting(work, most=8), {}

    def ask(size):
        began = worker.worked()
        meeting.ask(size, size=size)
        told[size] = worker.worked() - began

    held = threading.Event()
    block = worker.submit(held.wait)
    runs = [threading.Thread(target=ask, args=(size,)) for size in (1, 3)]
    for run in runs:
        run.start()
    time.sleep(0.1)
    held.set()
    for run in runs:
        run.join()
    block.result()
    assert sum(told.values()) == pytest.approx(0.08, abs=0.03)
    assert told[3] > 2 * told[1]


def test_small_passes_have_torch_to_themselves_and_others_their_threads_again():
    def look():
        before = torch.get_num_threads()
        with worker.alone():
            inside = torch.get_num_threads()
        with worker.alone(False):
            return before, inside, torch.get_num_threads()

    before, inside, after = worker.call(look)
    assert inside == 1 and before == after
