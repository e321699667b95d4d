"""The contract of ZeroGPU's decorator, played on a CPU.

Each call forks a worker. Arguments and results cross pickled; the task runs in a thread of the worker; generators
stream, and stop when the caller closes them; an error that is not gradio's own arrives without its words.
"""

import inspect
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import wraps

fork = multiprocessing.get_context("fork")
forked = False
asked = []
END, VALUE, FAILURE = range(3)


def GPU(task=None, *, duration=None, size=None):
    if task is None:
        return lambda function: GPU(function, duration=duration)
    if inspect.isgeneratorfunction(task):
        return _generator(task, duration)
    return _function(task, duration)


def _start(task, duration, args, kwargs, work):
    asked.append(duration(*args, **kwargs) if callable(duration) else duration)
    packed = pickle.dumps((args, kwargs))
    here, there = fork.Pipe()
    stop = fork.Event()
    worker = fork.Process(target=_work, args=(there, stop, packed, work), daemon=True)
    worker.start()
    there.close()
    return here, stop, worker


def _work(pipe, stop, packed, work):
    global forked
    forked = True
    args, kwargs = pickle.loads(packed)
    with ThreadPoolExecutor(1) as threads:
        try:
            threads.submit(work, pipe, stop, args, kwargs).result()
        except Exception as error:
            pipe.send((FAILURE, type(error).__name__))
    pipe.send((END, None))


def _results(pipe):
    while True:
        kind, value = pipe.recv()
        if kind == FAILURE:
            raise RuntimeError(f"ZeroGPU worker error: {value}")
        if kind == END:
            return
        yield value


def _function(task, duration):
    def work(pipe, stop, args, kwargs):
        pipe.send((VALUE, task(*args, **kwargs)))

    @wraps(task)
    def call(*args, **kwargs):
        if forked:
            return task(*args, **kwargs)
        pipe, _, worker = _start(task, duration, args, kwargs, work)
        (result,) = _results(pipe)
        worker.join()
        return result

    return call


def _generator(task, duration):
    def work(pipe, stop, args, kwargs):
        events = task(*args, **kwargs)
        for event in events:
            if stop.is_set():
                events.close()
                break
            pipe.send((VALUE, event))

    @wraps(task)
    def stream(*args, **kwargs):
        if forked:
            yield from task(*args, **kwargs)
            return
        pipe, stop, worker = _start(task, duration, args, kwargs, work)
        try:
            yield from _results(pipe)
        finally:
            stop.set()
            worker.join(timeout=30)

    return stream
