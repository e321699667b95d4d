"""A class on one server: 1, 8 and 30 learners over HTTP; prints a table of waiting times.

    python -m benchmarks.classroom                             # starts app.py, several minutes on two cores
    python -m benchmarks.classroom --learners 1 2 --tokens 4 --steps 2 --rounds 1      # a smoke test
    python -m benchmarks.classroom --url http://lab:7860       # a server that runs already

Every learner is a ``gradio_client`` of its own that presses "run" as soon as the last run has ended. The first event
is what a learner sees first; completion is the end of the run. Models are loaded before the clock starts.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.measuring import Row, playground, report

COLUMNS = (
    "what", "learners", "first event p50", "p95", "completion p50", "p95", "runs a minute", "failed",
)  # fmt: skip


@dataclass(frozen=True)
class Lesson:
    """One endpoint and what a learner asks of it; ``{seed}`` differs from learner to learner."""

    name: str
    endpoint: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Waited:
    """One run of one learner: seconds to its first event and to its end, and why it failed, if it did."""

    first: float
    whole: float
    error: str = ""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure how long learners wait who share one server.")
    parser.add_argument("--learners", type=int, nargs="+", default=[1, 8, 30])
    parser.add_argument("--rounds", type=int, default=2, help="runs of each learner (2)")
    parser.add_argument("--tokens", type=int, default=20, help="length of each text (20)")
    parser.add_argument("--steps", type=int, default=10, help="passes of each picture (10)")
    parser.add_argument("--no-pictures", action="store_true", help="texts only")
    parser.add_argument("--url", help="a server that runs already")
    options = parser.parse_args(arguments)
    lessons = [Lesson("text", "/write", ("Once upon a time", 0.8, 0.92, "{seed}", options.tokens))]
    if not options.no_pictures:
        lessons.append(Lesson("picture", "/denoise", ("a red car on a white background", "{seed}", options.steps)))
    rows: list[Row] = []
    with serving(options.url) as url:
        for lesson in lessons:
            learn(url, lesson, 1, 1)  # loads the model
            rows += [row(lesson, count, *learn(url, lesson, count, options.rounds)) for count in options.learners]
            rows.append(beside(url, lesson, max(options.learners), options.rounds))
    report(COLUMNS, rows)


@contextmanager
def serving(url: str | None) -> Iterator[str]:
    """The address of a server: ``url``, or app.py started for the while on a free port."""
    if url:
        yield url
    else:
        with playground() as (started, _):
            yield started


def learn(url: str, lesson: Lesson, learners: int, rounds: int) -> tuple[list[Waited], float]:
    """All learners at once, ``rounds`` runs each: what each run waited, and seconds for the whole."""
    from gradio_client import Client

    clients = [Client(url, verbose=False) for _ in range(learners)]
    together = threading.Barrier(learners + 1)
    waited: list[Waited] = []

    def sit(client: Client, number: int) -> None:
        together.wait()
        for turn in range(rounds):
            waited.append(run(client, lesson, seed=number * rounds + turn))

    seats = [threading.Thread(target=sit, args=(client, number)) for number, client in enumerate(clients)]
    for seat in seats:
        seat.start()
    together.wait()
    began = time.perf_counter()
    for seat in seats:
        seat.join()
    return waited, time.perf_counter() - began


CHEAP = Lesson("cut a word into tokens", "/tokenize", ("strawberry", "o200k"))


def beside(url: str, lesson: Lesson, learners: int, rounds: int) -> Row:
    """How long one more learner waits for what needs no model while the class is at its runs."""
    from gradio_client import Client

    client, waited, done = Client(url, verbose=False), list[Waited](), threading.Event()

    def ask() -> None:
        while not done.is_set():
            waited.append(run(client, CHEAP, seed=0))
            done.wait(0.5)

    asking = threading.Thread(target=ask)
    asking.start()
    _, seconds = learn(url, lesson, learners, rounds)
    done.set()
    asking.join()
    return row(replace(CHEAP, name=f"{CHEAP.name}, beside {learners} at “{lesson.name}”"), 1, waited, seconds)


def run(client: Any, lesson: Lesson, seed: int) -> Waited:
    """One run, streamed to its end."""
    arguments = [seed if argument == "{seed}" else argument for argument in lesson.arguments]
    began = time.perf_counter()
    first = None
    try:
        for _ in client.submit(*arguments, api_name=lesson.endpoint):
            first = first or time.perf_counter() - began
    except Exception as error:  # a refusal is a result here: the queue has a bound
        return Waited(first or 0.0, 0.0, f"{type(error).__name__}: {error}")
    whole = time.perf_counter() - began
    return Waited(first or whole, whole, "" if first else "no event came")


def row(lesson: Lesson, learners: int, waited: Sequence[Waited], seconds: float) -> Row:
    """A line of the table; percentiles of the runs that ended well."""
    good = [one for one in waited if not one.error]
    firsts, wholes = [one.first for one in good], [one.whole for one in good]
    times = [percentile(values, share) for values in (firsts, wholes) for share in (50, 95)]
    rate = f"{60 * len(good) / seconds:.1f}"
    return (lesson.name, str(learners), *times, rate, str(len(waited) - len(good)))


def percentile(values: Sequence[float], share: int) -> str:
    """The percentile of some seconds in words; interpolated, and the value itself when there is one."""
    if not values:
        return "–"
    cuts = statistics.quantiles(values, n=100, method="inclusive") if len(values) > 1 else [values[0]] * 99
    return f"{cuts[share - 1]:.2f} s"


if __name__ == "__main__":
    main()
