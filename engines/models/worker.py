"""The one thread in which the models compute, whichever learner's thread asks.

torch shares the work of an operator among the cores with threads that belong to whoever calls it. As soon as two
threads have called, each has helpers of its own, and libgomp lets none of them wait for work awake any more: on two
cores a pass of thirty texts then took 275 ms instead of 160. One thread also means that nothing touches a model beside
somebody else's pass. Calls are made in the order in which they come. On ZeroGPU, where every run has a process of its
own for the while, it is the caller's thread.
"""

from __future__ import annotations

import functools
import importlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

from engines.models import hardware

Function = TypeVar("Function", bound=Callable[..., Any])

_pool = ThreadPoolExecutor(1, thread_name_prefix="models")
_here = threading.local()
_queued = 0
_counting = threading.Lock()
_imports = threading.Condition()
_loading, _importing = 0, False


def here() -> bool:
    """Whether this is that thread."""
    return hardware.on_zero_gpu() or getattr(_here, "yes", False)


def wanted() -> bool:
    """Whether calls wait for the one being made."""
    return _queued > 0


def call(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What ``function`` gives back, called there, without gradients and with the caller's context variables."""
    if here():
        return _without_gradients(function, *arguments, **options)
    result, seconds = submit(_timed, copy_context().run, function, *arguments, **options).result()
    add_work(seconds)
    return result


def worked() -> float:
    """Seconds of processor time that this thread has used, with what the models' thread did for it.

    Waiting is not counted, for others' runs or for a busy processor, and neither is what helpers share of an operator:
    on an idle machine it is about what a clock says of the same work.
    """
    return time.thread_time() + getattr(_here, "lent", 0.0)


def add_work(seconds: float) -> None:
    """Count what the models' thread did for this one; see :func:`worked`."""
    _here.lent = getattr(_here, "lent", 0.0) + seconds


@contextmanager
def alone(yes: bool = True) -> Iterator[None]:
    """Without torch's helpers, for operators so small that two threads wait for each other, long on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    if not yes or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def submit(function: Callable[..., Any], *arguments: Any, **options: Any) -> Future[Any]:
    """As :func:`call`, without waiting for it."""
    global _queued
    with _counting:
        _queued += 1
    return _pool.submit(_run, function, *arguments, **options)


def apart(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What ``function`` gives back, called in a thread that ends with it, and its helpers too: for loading."""
    global _loading
    if hardware.on_zero_gpu():
        return function(*arguments, **options)
    with _imports:
        _imports.wait_for(lambda: not _importing)
        _loading += 1
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="loading") as pool:
            return pool.submit(copy_context().run, function, *arguments, **options).result()
    finally:
        with _imports:
            _loading -= 1
            _imports.notify_all()


def import_ahead(module: str) -> None:
    """Import a module while nothing is being loaded, and keep loading waiting for the while.

    Two threads that import the same large libraries from different ends wait for each other; Python then lets one of
    them see half a module, and its import fails.
    """
    global _importing
    with _imports:
        _imports.wait_for(lambda: not _loading)
        _importing = True
    try:
        importlib.import_module(module)
    finally:
        with _imports:
            _importing = False
            _imports.notify_all()


def only(function: Function) -> Function:
    """Decorate a function that computes with a model."""

    @functools.wraps(function)
    def there(*arguments: Any, **options: Any) -> Any:
        return call(function, *arguments, **options)

    return there  # type: ignore[return-value]


def _run(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    global _queued
    with _counting:
        _queued -= 1
    _here.yes = True
    return _without_gradients(function, *arguments, **options)


def _timed(function: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, float]:
    began = time.thread_time()
    return function(*arguments, **options), time.thread_time() - began


def _without_gradients(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    import torch

    with torch.inference_mode():
        return function(*arguments, **options)
