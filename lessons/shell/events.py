"""How a handler meets the page and a caller of the API: errors in plain words, who asks, and whose turn it is."""

from __future__ import annotations

import contextlib
import copy
import functools
import html
import importlib
import inspect
import logging
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.context import Context
from gradio.exceptions import InvalidPathError

from engines.evidence import PlainError
from engines.models import hardware, line
from engines.models.line import Queue
from lessons.shell import views, visitors
from lessons.shell.content import folder
from lessons.shell.visitors import visitor as visitor

log = logging.getLogger("playground")
NO_ROOM = (
    "The graphics card has no room for this run. Take fewer seeds; if it stays so, choose a smaller model on the Start "
    "page."
)
SORRY = "This run failed for a reason the playground did not expect. The server's log has the details; try again."
DIGITS = 12
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "show_progress_on": []}
"""Of every event of a page. Without the last, gradio keeps a clock for each place that an event may fill, sixty times a
second, hidden or not, and copies the value of each with every message."""

Handler = Callable[..., Any]


def plain_errors(handler: Handler, *, page: bool = True) -> Handler:
    """Turn a PlainError into a gradio error with its own words, and anything else into an apology.

    ``page``: the error will be shown as HTML, so what it quotes is escaped.
    """
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from handler(*args, **kwargs)
            except GeneratorExit:
                raise
            except Exception as error:
                raise _shown(error, page) from error

        return stream

    @functools.wraps(handler)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except Exception as error:
            raise _shown(error, page) from error

    return call


def _words(error: Exception) -> str:
    """What to tell the learner, as plain text."""
    if isinstance(error, PlainError | gr.Error):
        return str(error) if isinstance(error, PlainError) else error.message
    if type(error).__name__ == "OutOfMemoryError":
        hardware.give_back()
        return NO_ROOM
    log.error("a handler failed", exc_info=error)
    return SORRY


def _shown(error: Exception, page: bool) -> gr.Error:
    if isinstance(error, gr.Error):
        return error
    words = _words(error)
    title = {NO_ROOM: "Too much at once", SORRY: "Sorry"}.get(words, "Not yet")
    stays = None if words != SORRY else 10  # what says what to do stays until it is closed
    return gr.Error(html.escape(words) if page else words, duration=stays, title=title, print_exception=False)


class Playground(gr.Blocks):
    """The pages and endpoints. What gradio refuses before a handler sees it is refused in one plain sentence too."""

    def get_config_file(self) -> Any:
        """What all pages hold, half a second of work: gradio asks twice while they are built, and nobody looks then."""
        return super().get_config_file() if getattr(self, "exited", False) else {}

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], state: Any, *args: Any) -> list[Any]:
        places = [state[place._id] if state and place._id in state else place for place in block_fn.inputs]
        inputs = [*map(_in_bounds, places, inputs), *inputs[len(places) :]]
        try:
            return await super().preprocess_data(block_fn, inputs, state, *args)
        except gr.Error as error:
            words = error.message
        except Exception as error:
            words = _not_taken(block_fn, inputs, error)
        raise gr.Error(words, title="Not yet", print_exception=False)

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """What goes to the page: gradio makes each place anew that a handler leaves alone, half of an event's work."""
        if not (isinstance(predictions, dict) and predictions and all(isinstance(one, Block) for one in predictions)):
            return await super().postprocess_data(block_fn, predictions, state)
        if predictions.keys() - set(block_fn.outputs):
            return await super().postprocess_data(block_fn, predictions, state)  # which says what is wrong
        filled = [place for place in block_fn.outputs if place in predictions]
        few = copy.copy(block_fn)
        few.outputs = filled
        values = [predictions[place] for place in filled]
        made = await super().postprocess_data(few, values[0] if len(values) == 1 else values, state)
        by_place = dict(zip(filled, made, strict=True))
        return [by_place.get(place, None if place.stateful else gr.skip()) for place in block_fn.outputs]

    def get_state_ids_to_track(self, block_fn: Any, state: Any) -> tuple[list[int], list[Any]]:
        """The states whose changes start an event: gradio looks through all events for them, twice at each."""
        if not any(place._id in self._heard for place in block_fn.outputs if place.stateful):
            return [], []
        return super().get_state_ids_to_track(block_fn, state)

    @functools.cached_property
    def _heard(self) -> frozenset[int]:
        targets = (target for fn in self.fns.values() for target in fn.targets)
        return frozenset(place for place, event in targets if place is not None and event == "change")

    async def process_api(self, block_fn: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            return await super().process_api(block_fn, *args, **kwargs)
        except gr.Error as error:
            refused = error
        except Exception as error:
            refused = _shown(error, True)
        if getattr(block_fn, "api_visibility", "") == "public":
            log.warning("/%s was refused: %s", block_fn.api_name, " ".join(refused.message.split())[:300])
        refused.print_exception = False
        refused.__cause__ = refused.__context__ = refused.__traceback__ = None  # its frames hold what was sent
        raise refused


def _in_bounds(place: Any, value: Any) -> Any:
    """A slider's value between its ends: while its number is typed it may be any, and its box goes to the end then."""
    if isinstance(place, gr.Slider) and isinstance(value, int | float | None):
        return place.minimum if value is None else min(max(value, place.minimum), place.maximum)
    return value


def _not_taken(block_fn: Any, inputs: list[Any], error: Exception) -> str:
    """Why a handler cannot be given ``inputs``, in words."""
    if getattr(block_fn, "api_visibility", "") != "public":
        log.warning("a page sent what its handler does not take: %s", type(error).__name__)
        return "The page and the server do not fit together. Load the page again."
    if isinstance(error, InvalidPathError):
        return "No file of the server opens by its name. Send your own: handle_file(…), base64 or a data URI."
    wanted = list(inspect.signature(block_fn.fn).parameters)
    if len(inputs) < len(wanted):
        return f"/{block_fn.api_name} takes {len(wanted)} values ({', '.join(wanted)}); {len(inputs)} came."
    return f"/{block_fn.api_name} cannot read what came. It takes {', '.join(wanted) or 'nothing'}."


def refusal(error: Exception) -> str:
    """HTML of what to tell the learner where a run failed."""
    return str(views.notice(_words(error), "error"))


def on(
    triggers: Sequence[Any] | Any,
    handler: Handler,
    inputs: Any = None,
    outputs: Any = None,
    *,
    status: gr.HTML | None = None,
    turn: Queue | None = None,
    **options: Any,
) -> Any:
    """Wire a cheap ``handler`` that gives back ``{place: value}``: it never waits for a model.

    It runs as :func:`last_wins` says, so that no last keystroke is lost. A failure leaves its words
    in ``status`` where there is one (one of the ``outputs`` then), else in a message over the page. ``turn`` names the
    line for what is not so cheap, such as reading a large picture. ``options``: gradio's.
    """
    handler = in_line(handler, turn) if turn else handler
    places = [] if outputs is None else list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    if status is not None and not any(place is status for place in places):
        places.append(status)

    @functools.wraps(handler)
    def call(*args: Any) -> Any:
        try:
            found = handler(*args)
        except Exception as error:
            if status is None:
                raise _shown(error, True) from error
            return {status: refusal(error)}
        cleared = {status: ""} if status is not None else {}
        return {**cleared, **(found or {})} or gr.skip()

    options = {**PRIVATE, "queue": False, **options}
    events = [triggers] if callable(triggers) else list(triggers)
    mode = "multiple" if _reads_press(handler) else last_wins(events)
    return gr.on(events, call, inputs, places, trigger_mode=mode, **options)


def last_wins(triggers: Sequence[Any]) -> Any:
    """How gradio is to treat what triggers a handler while it runs: it runs once more at its end.

    That is so for one handler of a trigger. gradio starts all of a trigger's handlers again for it, and two would start
    each other for ever where answers are slow; so every further one runs each time, at once.
    """
    places = {(trigger.__self__, trigger.event_name) for trigger in triggers}
    shared = any(name in getattr(place, "last_wins", ()) for place, name in places)
    for place, name in places:
        place.last_wins = {*getattr(place, "last_wins", ()), name}
    return "multiple" if shared else "always_last"


def _reads_press(handler: Handler) -> bool:
    """Whether it asks for ``gr.EventData``: a run once more would be given the first press's."""
    return any("EventData" in str(kind) for kind in getattr(handler, "__annotations__", {}).values())


def stream(trigger: Any, handler: Handler, inputs: Any, places: Mapping[str, Any]) -> Any:
    """Wire a generator of {name of a place: value}; a failure leaves its words in the place “status”."""

    @functools.wraps(handler)
    def run(*args: Any) -> Iterator[Any]:
        try:
            with contextlib.closing(handler(*args)) as results:
                for said in results:
                    yield {places[name]: value for name, value in said.items()}
        except Exception as error:
            yield {places["status"]: refusal(error)}

    return gr.on([trigger], run, inputs, list(places.values()), **PRIVATE)


# Blocks under construction -> function -> the outputs it fills
_at_load: weakref.WeakKeyDictionary[gr.Blocks, dict[Callable[[], Any], list[Any]]] = weakref.WeakKeyDictionary()


def _page() -> gr.Blocks:
    page = Context.root_block
    assert page is not None, "nothing is being built"
    return page


def at_load(function: Callable[[], Any], output: Any) -> None:
    """Fill ``output`` each time the page is opened, once :func:`wire_loads` has been called.

    (A function as a component's value would be a public endpoint.)
    """
    _at_load.setdefault(_page(), {}).setdefault(function, []).append(output)


def wire_loads() -> None:
    """Ask each function of :func:`at_load` once for all its outputs: a page has many, and a class opens it together."""
    for function, outputs in _at_load.pop(_page(), {}).items():

        def ask(function: Callable[[], Any] = function, count: int = len(outputs)) -> Any:
            return (function(),) * count if count > 1 else function()

        gr.on(None, ask, None, outputs, queue=False, **PRIVATE)


def endpoints(lesson: str) -> None:
    """Offer what the ``api`` module of a lesson lists in ``ENDPOINTS``; a lesson may have none."""
    if not (folder(lesson) / "api.py").is_file():
        return
    for one in importlib.import_module(f"lessons.{lesson.replace('-', '_')}.api").ENDPOINTS:
        endpoint(one.function, one.function.__name__, model=one.queue)


def endpoint(function: Handler, name: str, *, model: Queue | None = "text") -> None:
    """Offer a typed function (or generator) to ``gradio_client`` as ``/name``; its docstring describes it."""
    handler = plain_errors(tidied(in_line(function, model) if model else function), page=False)
    gr.api(handler, api_name=name, api_description=inspect.getdoc(function), concurrency_limit=None)


def tidied(function: Handler) -> Handler:
    """The function, with figures of :data:`DIGITS` digits at most: 0.1 + 0.2 is 0.3, and all but 1 is 1."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with contextlib.closing(function(*args, **kwargs)) as results:
                yield from map(_tidy, results)

        return stream

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return _tidy(function(*args, **kwargs))

    return call


def _tidy(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _tidy(one) for key, one in value.items()}
    return [_tidy(one) for one in value] if isinstance(value, list | tuple) else value


def in_line(function: Handler, queue: Queue) -> Handler:
    """The function, begun when it is the caller's turn at the model."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _turn(queue), contextlib.closing(function(*args, **kwargs)) as results:
                yield from results

        return stream

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _turn(queue):
            return function(*args, **kwargs)

    return call


@contextlib.contextmanager
def _turn(queue: Queue) -> Iterator[None]:
    with contextlib.ExitStack() as turns:
        for one in line.of(queue):
            ticket = turns.enter_context(visitors.place(one))
            while ticket.wait(0.5) is not None:
                visitors.stay()
        visitors.stay()
        yield
