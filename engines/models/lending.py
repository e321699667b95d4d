"""The card that a ZeroGPU Space lends for one call at a time.

There the server's own process has no card. Models are placed on it in name when the Space starts, in the main
thread and before the server listens; a call of a function decorated by :func:`on_card` then asks for the card for
so many seconds and runs in a forked worker, where the models really are. What crosses is pickled:

* a model travels as its key, and the worker finds its own (:func:`engines.pictures.painter.shared`);
* a refusal travels as words, since the worker lets no other error through than gradio's own;
* callbacks stay behind (``progress`` and ``should_stop``), and so does whatever a worker remembers.

All calls share two workers, one for functions and one for generators, so that each loads the models once. On any
other machine the decorator gives back the function itself.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, TypeVar

from engines.evidence import PlainError
from engines.models import hardware, shelf

Function = TypeVar("Function", bound=Callable[..., Any])
LONGEST = 120
"""Seconds that one call may ask for."""
STAY_BEHIND = ("progress", "should_stop")

_functions: dict[str, Callable[..., Any]] = {}
_seconds: dict[str, Callable[..., float]] = {}
_working = False


def on_card(seconds: Callable[..., float]) -> Callable[[Function], Function]:
    """Decorate a function or generator that computes with a model; ``seconds`` gets its arguments too."""

    def decorate(function: Function) -> Function:
        if not hardware.on_zero_gpu():
            return function
        name = f"{function.__module__}.{function.__qualname__}"
        _functions[name], _seconds[name] = function, seconds
        wrap = _stream_here if inspect.isgeneratorfunction(function) else _call_here
        return functools.wraps(function)(wrap(name))  # type: ignore[return-value]

    return decorate


def away() -> bool:
    """Whether this is the server's process of a ZeroGPU Space, which has the models in name only."""
    return hardware.on_zero_gpu() and not _working


def need_start_up() -> None:
    """PlainError when a model is about to be loaded after the start of a ZeroGPU Space."""
    if away() and threading.current_thread() is not threading.main_thread():
        raise PlainError(
            "On ZeroGPU the models are placed when the Space starts, and this one was not. Restart the Space; its log "
            "says what was in the way."
        )


def duration(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> int:
    """The seconds to ask for, from the settings of the call."""
    return max(5, min(LONGEST, math.ceil(_seconds[name](*arguments, **options))))


def _call_here(name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        kept = {key: value for key, value in options.items() if key not in STAY_BEHIND}
        refusal, result = _call_there(name, arguments, kept)
        if refusal is not None:
            raise PlainError(refusal)
        return result

    return call


def _stream_here(name: str) -> Callable[..., Iterator[Any]]:
    def stream(*arguments: Any, **options: Any) -> Iterator[Any]:
        kept = {key: value for key, value in options.items() if key not in STAY_BEHIND}
        with closing(_stream_there(name, arguments, kept)) as events:
            for refusal, event in events:
                if refusal is not None:
                    raise PlainError(refusal)
                yield event

    return stream


def _call_there(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[str | None, Any]:
    global _working
    _working = True
    try:
        return None, _functions[name](*arguments, **options)
    except PlainError as error:
        return str(error), None


def _stream_there(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    global _working
    _working = True
    try:
        with closing(_functions[name](*arguments, **options)) as events:
            for event in events:
                yield None, event
    except PlainError as error:
        yield str(error), None


if hardware.on_zero_gpu():
    _call_there = hardware.gpu(duration=duration)(_call_there)
    _stream_there = hardware.gpu(duration=duration)(_stream_there)
    os.register_at_fork(after_in_child=shelf.renew_turns)
