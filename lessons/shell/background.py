"""Long work that can be watched and stopped: it runs in a thread, and its progress comes out as events.

A handler that loops over :func:`in_background` shows every step; when the learner presses Stop, gradio drops the
handler, the loop closes, and the work is told to end at its next step.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engines.evidence import Progress, Underway

ShouldStop = Callable[[], bool]
Work = Callable[[Progress, ShouldStop], Iterator[Any]]
BEAT = 1.0
"""Seconds without news after which :func:`in_background` says again where the work is."""


@dataclass(frozen=True)
class _Ended:
    error: BaseException | None = None


def in_background(work: Work) -> Iterator[Any]:
    """Run ``work(progress, should_stop)`` in a thread; yield :class:`Underway` events and what it yields.

    Progress that the page is too slow to show is skipped; results never are. Errors of the work are raised here. A
    loop can be closed only between two events, so the last :class:`Underway` comes again every ``BEAT`` seconds.
    """
    events: queue.Queue[Any] = queue.Queue()
    stopped = threading.Event()

    def run() -> None:
        try:
            for result in work(lambda share, words: events.put(Underway(share, words)), stopped.is_set):
                events.put(result)
                if stopped.is_set():
                    break
            events.put(_Ended())
        except BaseException as error:  # handed to the reader below
            events.put(_Ended(error))

    visitor = contextvars.copy_context()  # ZeroGPU charges whoever asked
    threading.Thread(target=visitor.run, args=(run,), daemon=True).start()
    latest = Underway(0.0, "Working")
    try:
        while True:
            try:
                event = events.get(timeout=BEAT)
            except queue.Empty:
                event = latest
            if isinstance(event, _Ended):
                break
            latest = event if isinstance(event, Underway) else latest
            if not (isinstance(event, Underway) and not events.empty()):
                yield event
        if event.error:
            raise event.error
    finally:
        stopped.set()
