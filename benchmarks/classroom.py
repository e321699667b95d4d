"""A class on one server: 1, 8 and 30 learners over HTTP; prints a table of waiting times.

    python -m benchmarks.classroom                             # starts app.py, several minutes on two cores
    python -m benchmarks.classroom --learners 1 2 --tokens 4 --steps 2 --rounds 1      # a smoke test
    python -m benchmarks.classroom --minutes 15                # a mixed class for so long: who is lost, and the memory
    python -m benchmarks.classroom --url http://lab:7860       # a server that runs already

Every learner asks by plain HTTP, as a page does, and presses "run" as soon as the last run has ended; a
``gradio_client`` each would keep these cores as busy as the server does, looking for its next event every millisecond.
The first event is what a learner sees first (of tiles, a row of 16); completion is the end of the run. Models are
loaded before the clock starts. A text and a strip of passes are also run by the button of their page, which draws as
often as there is time for; an endpoint tells of every token. In a mixed class the runs are a text, a picture, a picture
in tiles and a draft in turn, and one run in eight is abandoned after its first event, as by a closed tab.
"""

from __future__ import annotations

import argparse
import re
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx

from benchmarks.measuring import Row, playground, report, resident_bytes
from engines.statistics import mean_interval

COLUMNS = (
    "what", "learners", "first event p50", "p95", "completion p50", "p95", "slowest ÷ median", "runs a minute",
    "against one after another", "failed",
)  # fmt: skip
LEAVES = 8
"""One run in so many is abandoned in a mixed class."""
SAMPLED = 20.0
"""Seconds between two looks at the server's memory."""
LOST = 180.0
"""Seconds after which a run counts as stuck."""


@dataclass(frozen=True)
class Lesson:
    """One endpoint and what a learner asks of it, or a page's button; ``{seed}`` differs from learner to learner.

    ``endpoint``: "/write", or the words on the button, which asks what its page's fields hold.
    """

    name: str
    endpoint: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Waited:
    """One run of one learner: seconds to its first event and to its end, and why it failed, if it did.

    ``left``: the learner went away after the first event. ``of``: the name of its lesson.
    """

    first: float
    whole: float
    error: str = ""
    left: bool = False
    of: str = ""


@dataclass(frozen=True)
class Button:
    """What a press sends: the function's number, the button's, and what its inputs hold."""

    function: int
    trigger: int
    values: list[Any]


@dataclass(frozen=True)
class Offered:
    """What a server offers: what each endpoint takes where nothing is given, and the buttons of its pages by words."""

    defaults: Mapping[str, Sequence[Any]]
    buttons: Mapping[str, Button]


EVENT = re.compile(r'data: ?\{"msg": ?"(\w+)"')
CHEAP = Lesson("cut a word into tokens", "/tokenize", ("strawberry", "o200k"))


class Learner:
    """One who asks the server at ``url``, in a session of their own; ``offered`` is from :func:`offered_by`."""

    def __init__(self, url: str, offered: Offered) -> None:
        self._http = httpx.Client(base_url=f"{url}/gradio_api", timeout=httpx.Timeout(30, read=LOST))
        self._session, self._offered = uuid4().hex, offered

    def events(self, endpoint: str, arguments: Sequence[Any]) -> Generator[str]:
        """The name of each event of an answer, as it comes. RuntimeError with the server's words when it refuses."""
        if not endpoint.startswith("/"):
            yield from self._pressed(self._offered.buttons[endpoint])
            return
        given = [*arguments, *self._offered.defaults[endpoint][len(arguments) :]]
        endpoint = f"/call{endpoint}"
        asked = self._http.post(endpoint, json={"data": given, "session_hash": self._session})
        asked.raise_for_status()
        event = ""
        try:
            with self._http.stream("GET", f"{endpoint}/{asked.json()['event_id']}") as answer:
                for line in answer.iter_lines():
                    field, _, value = line.partition(": ")
                    if field == "event":
                        event = value
                    elif field == "data" and event == "error":
                        raise RuntimeError(value)
                    elif field == "data" and event != "heartbeat":
                        yield event
        finally:
            if event != "complete":  # the tab was closed: the next run is another tab's
                self._session = uuid4().hex

    def _pressed(self, button: Button) -> Generator[str]:
        """The same for a press; the first event, which says that the run starts, is left out."""
        press = {"data": button.values, "fn_index": button.function, "trigger_id": button.trigger}
        asked = self._http.post("/queue/join", json={**press, "event_data": None, "session_hash": self._session})
        asked.raise_for_status()
        seen, kind = 0, ""
        try:
            with self._http.stream("GET", "/queue/data", params={"session_hash": self._session}) as answer:
                for line in answer.iter_lines():
                    if not (named := EVENT.match(line)):
                        continue
                    kind = named[1]
                    if kind == "process_completed" and ('"success":true' not in line or "notice-error" in line):
                        raise RuntimeError(line[:200])
                    if kind in ("process_generating", "process_completed"):
                        seen += 1
                        if seen > 1:
                            yield kind
                    if kind == "process_completed":
                        return
                raise RuntimeError("the answer broke off")
        finally:
            if kind != "process_completed":
                self._session = uuid4().hex


def offered_by(url: str) -> Offered:
    """What the server at ``url`` offers."""
    about = httpx.get(f"{url}/gradio_api/info", timeout=30).json()["named_endpoints"]
    defaults = {name: [one.get("parameter_default") for one in info["parameters"]] for name, info in about.items()}
    config = httpx.get(f"{url}/config", timeout=30).json()
    parts = {part["id"]: part for part in config["components"]}
    buttons: dict[str, Button] = {}
    for function in config["dependencies"]:
        for place, event in function["targets"]:
            if event == "click" and parts[place]["type"] == "button" and function["inputs"]:
                values = [
                    None if parts[one]["type"] == "state" else parts[one]["props"].get("value")
                    for one in function["inputs"]
                ]
                buttons.setdefault(str(parts[place]["props"]["value"]), Button(function["id"], place, values))
    return Offered(defaults, buttons)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure how long learners wait who share one server.")
    parser.add_argument("--learners", type=int, nargs="+", default=[1, 8, 30])
    parser.add_argument("--rounds", type=int, default=2, help="runs of each learner (2)")
    parser.add_argument("--tokens", type=int, default=20, help="length of each text (20)")
    parser.add_argument("--steps", type=int, default=10, help="passes of each picture (10)")
    parser.add_argument("--drafts", type=int, default=8, help="rounds of each draft in the mixed class (8)")
    parser.add_argument("--no-pictures", action="store_true", help="texts only")
    parser.add_argument("--minutes", type=float, default=0.0, help="only a mixed class, for so long")
    parser.add_argument("--url", help="a server that runs already")
    options = parser.parse_args(arguments)
    texts = Lesson("text", "/write", ("Once upon a time", 0.8, 0.92, "{seed}", options.tokens))
    pictures = Lesson("picture", "/denoise", ("a red car on a white background", "{seed}", options.steps))
    tiled = Lesson("tiles", "/paint_tiles", ("a red car on a white background", "{seed}"))
    drafts = Lesson("draft", "/draft", (options.drafts, 0.8, "{seed}"))
    page = Lesson("text on its page", "Write line A")
    strip = Lesson("strip of passes on its page", "Carve it from static")
    mixed = [texts] if options.no_pictures else [texts, pictures, tiled, drafts]
    lessons = [texts, page] if options.no_pictures else [texts, page, pictures, strip, tiled]
    rows: list[Row] = []
    with serving(options.url) as (url, process):
        for lesson in {*mixed, *([] if options.minutes else lessons)}:
            learn(url, [lesson], 1, 1)  # loads the model
        if options.minutes:
            rows += endure(url, process, mixed, max(options.learners), options.minutes)
        else:
            for lesson in lessons:
                rows += alone_and_together(url, [lesson], options.learners, options.rounds)
            if len(mixed) > 1:
                rows += alone_and_together(url, mixed, options.learners[-1:], options.rounds, leaves=LEAVES)
    report(COLUMNS, rows)


def alone_and_together(
    url: str, lessons: Sequence[Lesson], learners: Sequence[int], rounds: int, leaves: int = 0
) -> list[Row]:
    """A row for each size of class, and one for a cheap event beside the largest. The first size is what the others'
    throughput is compared with, where it is one learner."""
    name, rows, one_by_one = " and ".join(lesson.name for lesson in lessons), list[Row](), 0.0
    for count in learners:
        with asking(url) as cheap:
            waited, seconds = learn(url, lessons, count, rounds, leaves)
        if count == 1:
            one_by_one = sum(not one.error for one in waited) / seconds
        rows.append(row(name, count, waited, seconds, one_by_one))
    rows.append(row(f"{CHEAP.name}, beside {learners[-1]} at {name}", 1, cheap, seconds))
    return rows


def endure(url: str, process: int | None, lessons: Sequence[Lesson], learners: int, minutes: float) -> list[Row]:
    """A mixed class for many minutes: nobody lost, nobody stuck, and memory that does not grow."""
    until, held = time.monotonic() + 60 * minutes, list[float]()

    def watch() -> None:
        while process and time.monotonic() < until:
            held.append(resident_bytes(process) / 2**20)
            time.sleep(SAMPLED)

    watching = threading.Thread(target=watch)
    watching.start()
    waited, seconds = learn(url, lessons, learners, lambda: time.monotonic() < until, LEAVES)
    watching.join()
    name = f"mixed class, {minutes:g} minutes, {sum(one.left for one in waited)} runs abandoned"
    rows = [row(name, learners, waited, seconds)]
    for lesson in lessons:
        rows.append(
            row(f"of these, {lesson.name}", learners, [one for one in waited if one.of == lesson.name], seconds)
        )
    for error, times in Counter(one.error for one in waited if one.error).most_common():
        rows.append((f"{times} × {error[:200]}", *[""] * (len(COLUMNS) - 1)))
    if len(held) > 3:
        settled = held[len(held) // 5 :]  # the first fifth fills caches
        mean, low, high = growth(settled)
        summary = f"{settled[0]:.0f} to {settled[-1]:.0f} MiB, {mean:+.1f} MiB a minute ({low:+.1f} to {high:+.1f})"
        rows.append((f"memory of the server: {summary}", *[""] * (len(COLUMNS) - 1)))
    return rows


def growth(held: Sequence[float]) -> tuple[float, float, float]:
    """Growth a minute of what was looked at every :data:`SAMPLED` seconds, with its 95 % interval.

    Each look is taken with the one half of the time later: neighbours differ by what runs just then, and little else.
    """
    half = len(held) // 2
    minutes = half * SAMPLED / 60
    return mean_interval([(later - sooner) / minutes for sooner, later in zip(held, held[half:], strict=False)])


@contextmanager
def serving(url: str | None) -> Iterator[tuple[str, int | None]]:
    """The address of a server, and its process: ``url``, or app.py started for the while on a free port."""
    if url:
        yield url, None
    else:
        with playground() as (started, process):
            yield started, process


def learn(
    url: str, lessons: Sequence[Lesson], learners: int, rounds: int | Callable[[], bool], leaves: int = 0
) -> tuple[list[Waited], float]:
    """All learners at once: what each run waited, and seconds for the whole.

    Each makes ``rounds`` runs, or goes on while that is true; its runs take turns among ``lessons``. One run in
    ``leaves`` is abandoned.
    """
    offered = offered_by(url)
    clients = [Learner(url, offered) for _ in range(learners)]
    together = threading.Barrier(learners + 1)
    waited: list[Waited] = []

    def sit(client: Learner, number: int) -> None:
        together.wait()
        turn = 0
        while rounds() if callable(rounds) else turn < rounds:
            lesson, goes = chosen(lessons, number + turn, leaves)
            one = run(client, lesson, seed=(number * 1000 + turn) % 100_000, leave=goes)
            waited.append(replace(one, of=lesson.name))
            turn += 1

    seats = [threading.Thread(target=sit, args=(client, number)) for number, client in enumerate(clients)]
    for seat in seats:
        seat.start()
    together.wait()
    began = time.perf_counter()
    for seat in seats:
        seat.join()
    return waited, time.perf_counter() - began


def chosen(lessons: Sequence[Lesson], place: int, leaves: int = 0) -> tuple[Lesson, bool]:
    """What is run at a ``place`` in the turns, and whether it is abandoned; each lesson is at times."""
    if not leaves:
        return lessons[place % len(lessons)], False
    return lessons[(place + place // leaves) % len(lessons)], place % leaves == leaves - 1


@contextmanager
def asking(url: str) -> Iterator[list[Waited]]:
    """What one more learner waits meanwhile for what needs no model."""
    client, waited, done = Learner(url, offered_by(url)), list[Waited](), threading.Event()

    def ask() -> None:
        while not done.is_set():
            waited.append(run(client, CHEAP, seed=0))
            done.wait(0.5)

    asks = threading.Thread(target=ask)
    asks.start()
    try:
        yield waited
    finally:
        done.set()
        asks.join()


def run(client: Learner, lesson: Lesson, seed: int, leave: bool = False) -> Waited:
    """One run, streamed to its end, or given up after its first event."""
    arguments = [seed if argument == "{seed}" else argument for argument in lesson.arguments]
    began = time.perf_counter()
    first = None
    try:
        with closing(client.events(lesson.endpoint, arguments)) as events:
            for _ in events:
                first = first or time.perf_counter() - began
                if leave:
                    return Waited(first, first, left=True)
    except Exception as error:  # a refusal is a result here: the queue has a bound
        return Waited(first or 0.0, 0.0, f"{type(error).__name__}: {error}")
    whole = time.perf_counter() - began
    if whole > LOST:
        return Waited(first or whole, whole, "stuck")
    return Waited(first or whole, whole, "" if first else "no event came")


def row(name: str, learners: int, waited: Sequence[Waited], seconds: float, one_by_one: float = 0.0) -> Row:
    """A line of the table; times are of the runs that ended well. ``one_by_one``: runs a second of one learner."""
    good = [one for one in waited if not one.error]
    firsts, wholes = [one.first for one in good], [one.whole for one in good if not one.left]
    times = [percentile(values, share) for values in (firsts, wholes) for share in (50, 95)]
    fair = f"{max(wholes) / statistics.median(wholes):.1f}" if wholes else "–"
    gain = f"{len(good) / seconds / one_by_one:.1f}×" if one_by_one else "–"
    return (name, str(learners), *times, fair, f"{60 * len(good) / seconds:.1f}", gain, str(len(waited) - len(good)))


def percentile(values: Sequence[float], share: int) -> str:
    """The percentile of some seconds in words; interpolated, and the value itself when there is one."""
    if not values:
        return "–"
    cuts = statistics.quantiles(values, n=100, method="inclusive") if len(values) > 1 else [values[0]] * 99
    return f"{cuts[share - 1]:.2f} s"


if __name__ == "__main__":
    main()
