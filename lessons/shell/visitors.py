"""What the server keeps of its visitors: little, and only while somebody listens.

gradio itself keeps a copy of every component for each caller, whatever was sent to it and shown by it, and results
that nobody fetches; a few thousand careless calls took gigabytes. Here a run begins once its caller listens for the
result, ends soon after the caller has gone, and leaves nothing behind (but the beginnings of the latest texts, see
:mod:`engines.text.tables`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import threading
import time
from collections import ChainMap, Counter
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio.blocks import BlocksConfig
from gradio.context import LocalContext
from gradio.queueing import Event, Queue
from gradio.state_holder import SessionState, StateHolder

from engines.evidence import PlainError
from engines.models.line import Line, Ticket

MOST_SESSIONS = 1000
MOST_UNREAD = 500
MOST_EACH_ADDRESS = 40
"""Places in one line for one address: a class sits behind one."""
UNHEARD = 60.0
"""Seconds for which a result waits for a caller who does not listen."""
ROUND = 5.0
SWEPT_AFTER = 50_000_000
"""Bytes of requests after which Python is asked to let go of them: refused calls hang in cycles of exceptions."""


# --- who listens -------------------------------------------------------------------------------------------

_listening: Counter[str] = Counter()


@contextlib.contextmanager
def listening(name: str) -> Iterator[None]:
    """While the caller of session or event ``name`` has a connection open for the results."""
    _listening[name] += 1
    try:
        yield
    finally:
        _listening[name] -= 1
        if _listening[name] <= 0:
            del _listening[name]


def _event() -> Event | None:
    """The queued event that is being answered; None outside of one."""
    blocks, name = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    return blocks._queue.event_ids_to_events.get(name) if blocks is not None and name else None


def heard(event: Event) -> bool:
    """Whether somebody listens for the results of ``event``."""
    return bool(_listening[event.session_hash] or _listening[event._id])


def visitor() -> str:
    """Who asks: the browser tab or the client of the call being answered; "" outside of one."""
    request = LocalContext.request.get(None)
    return getattr(request, "session_hash", None) or _address() or ""


def _address() -> str:
    """Where the call being answered came from; "" outside of one. A Space's proxy names the visitor itself."""
    request = LocalContext.request.get(None)
    forwarded = request.headers.get("x-forwarded-for", "") if request is not None and os.environ.get("SPACE_ID") else ""
    return forwarded.rpartition(",")[2].strip() or getattr(getattr(request, "client", None), "host", None) or ""


# --- a place in a line -------------------------------------------------------------------------------------

_places: Counter[tuple[int, str]] = Counter()
_counting = threading.Lock()


@contextlib.contextmanager
def place(line: Line, seconds: float | None = None) -> Iterator[Ticket]:
    """A place in ``line`` for the call being answered, once its caller listens.

    PlainError when the visitor, the address or everybody together have too many places, or nobody listens.
    """
    with _room(line):
        _wait_for_listener()
        with line.place(visitor(), seconds) as ticket:
            yield ticket


@contextlib.contextmanager
def _room(line: Line) -> Iterator[None]:
    address = _address()
    if not address:
        yield
        return
    key = id(line), address
    with _counting:
        if _places[key] >= MOST_EACH_ADDRESS:
            raise PlainError(f"{_places[key]} runs from your address are waiting already. Try again in a minute.")
        _places[key] += 1
    try:
        yield
    finally:
        with _counting:
            _places[key] -= 1
            if not _places[key]:
                del _places[key]


def _wait_for_listener() -> None:
    event, deadline = _event(), time.monotonic() + UNHEARD
    while event is not None and not heard(event):
        if time.monotonic() > deadline:
            raise PlainError("Nobody listened for the result, so it was not computed.")
        stay()
        time.sleep(0.05)


def stay() -> None:
    """PlainError once the caller of the run has gone."""
    event = _event()
    if event is not None and not event.alive:
        raise PlainError("The caller has gone.")


# --- what is kept ------------------------------------------------------------------------------------------


class Session(SessionState):
    """A visitor's own components: those that changed, over the ones that everybody shares.

    gradio's class copies the configuration of every component of the course for each visitor (2 MB), and keeps in it
    what was sent and shown, for links to a state of the page. We offer none.
    """

    def __init__(self, blocks: gr.Blocks) -> None:
        super().__init__(SimpleNamespace(default_config=BlocksConfig(blocks), blocks={}))  # type: ignore[arg-type]
        shared, own = blocks.default_config, self.blocks_config
        own.blocks = ChainMap({}, shared.blocks)  # type: ignore[assignment]
        own.fns, own.fn_id, own.renderables = shared.fns, shared.fn_id, shared.renderables
        own.config_for_block = lambda *_: {}  # type: ignore[method-assign]  # nobody asks for it

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.clear()

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class Visitors(StateHolder):
    """The sessions of the last :data:`MOST_SESSIONS` visitors."""

    def __init__(self, blocks: gr.Blocks) -> None:
        super().__init__()
        self.set_blocks(blocks)
        self.capacity = MOST_SESSIONS

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)


# --- the patrol --------------------------------------------------------------------------------------------

_received = 0


def received(size: int) -> None:
    """Note that a request of ``size`` bytes came."""
    global _received
    _received += size


@contextlib.asynccontextmanager
async def watched(app: Any) -> AsyncIterator[None]:
    """The lifespan of the served app: sessions are small, and what nobody fetches is dropped."""
    blocks = app.get_blocks()
    app.state_holder = Visitors(blocks)
    queue = blocks._queue
    queue.ANALYTICS_MAX_EVENTS, queue.ANAYLTICS_CACHE_FREQUENCY = 100, 10**9  # a table that nobody reads
    patrol = asyncio.create_task(_patrol(queue))
    try:
        yield
    finally:
        patrol.cancel()


async def _patrol(queue: Queue) -> None:
    unheard: dict[str, tuple[float, frozenset[str]]] = {}
    while True:
        await asyncio.sleep(ROUND)
        await drop_unheard(queue, unheard, time.monotonic())
        await asyncio.to_thread(_sweep)


async def drop_unheard(queue: Queue, unheard: dict[str, tuple[float, frozenset[str]]], now: float) -> None:
    """End the runs, and drop the results, of sessions that nobody has listened to for :data:`UNHEARD` seconds.

    ``unheard``: since when, and with which events, each session has been so; kept from call to call.
    """
    for session, messages in list(queue.pending_messages_per_session.items()):
        events = frozenset(queue.pending_event_ids_session.get(session, ()))
        if (_listening[session] or any(_listening[event] for event in events)) and messages.qsize() <= MOST_UNREAD:
            unheard.pop(session, None)
            continue
        since, before = unheard.get(session, (now, events))
        if events != before:
            since = now
        unheard[session] = since, events
        if now - since >= UNHEARD or messages.qsize() > MOST_UNREAD:
            await queue.clean_events(session_hash=session)
            queue.pending_messages_per_session.pop(session, None)
            queue.pending_event_ids_session.pop(session, None)
            unheard.pop(session, None)
    for session in unheard.keys() - queue.pending_messages_per_session.keys():
        del unheard[session]
    for session in queue.pending_event_ids_session.keys() - queue.pending_messages_per_session.keys():
        queue.pending_event_ids_session.pop(session, None)


def _sweep() -> None:
    global _received
    if _received < SWEPT_AFTER:
        return
    _received = 0
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # only glibc keeps what was freed, and can be told not to
        ctypes.CDLL(None).malloc_trim(0)
