"""An experiment on a page in one call: button, place in line, waking, progress, stop, evidence and verdict.

with lesson.screen("strip", predict="last-pass") as screen:
    caption = controls.caption("a cat on a green meadow")
    experiment(screen, "Carve it from static", passes.strip, [caption], {film.reel(): draw.strip}, truth=passes.truth)

``work(model, …, *values of the inputs)`` is a generator. What it yields finds its place by kind:

* an :class:`Underway` says how far it is, under the buttons;
* a mapping fills places of the page as it is: ``{view: markup}``;
* an :class:`Evidence` stands under the stage, and each view of ``shows`` draws its value (None leaves the view).

Pressing again starts over. Stop ends the run after its step, and what was finished stays.
"""

from __future__ import annotations

import contextlib
import contextvars
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import gradio as gr

from engines.evidence import Evidence, PlainError, Underway
from engines.models import batching, line
from engines.models.line import Queue
from lessons.shell import captions, events, pacing, recorded, views, visitors, waking
from lessons.shell.background import BEAT
from lessons.shell.frame import Outcome, Screen, still

Work = Callable[..., Iterator[Any]]
Draw = Callable[[Any], Any]
Truth = Callable[[Any], tuple[float, str] | tuple[float, str, Sequence[float]] | str | None]
AGAIN = "Start over"
STOPPED = "Stopped. What was finished stays."
STOPPING = "Stopping after this step…"
LONG = 20.0
"""Seconds from which on a run says beforehand how long it will take."""

PATIENCE = 1.5
"""Seconds for which an answer to Stop waits for the run to end, and says nothing then; else it might come after
what the run itself says at its end, and stand there for ever."""

# (visitor, group of experiments) -> the run that counts; an older one ends at its next step
_latest: dict[tuple[str, str], _Run] = {}
# the same -> when Stop was answered while its run went on
_answered: dict[tuple[str, str], float] = {}


@dataclass(eq=False)
class _Run:
    """One press of a button; ``one`` is its experiment, None in what a run that is to end finds in its place."""

    one: Experiment | None


_STOP, _EMPTIED = _Run(None), _Run(None)
_END = object()


@dataclass(eq=False)
class Experiment:
    """What :func:`experiment` put on the page, and how to run it without one (see ``lessons.record``)."""

    name: str
    screen: Screen
    words: str
    work: Work
    inputs: tuple[Any, ...]
    shows: Mapping[Any, Draw]
    fills: tuple[Any, ...]
    truth: Truth | None
    queue: Queue | None
    cost: Callable[..., float] | None
    check: Callable[..., Any] | None
    row: gr.Row
    go: gr.Button
    stop: gr.Button
    status: gr.HTML
    result: gr.HTML
    verdict: gr.HTML | None
    group: str
    recordable: bool = True
    quick: bool = False
    done: str = ""
    pace: float | None = None
    after: Callable[[Any], Any] = lambda event: event
    """Start it once another event (a Dependency of gradio) has set its inputs."""

    @property
    def places(self) -> list[Any]:
        """Every component that a run can change."""
        judged = [] if self.verdict is None else [self.verdict]
        return [*judged, self.status, self.go, self.result, *self.shows, *self.fills]

    def rest(self, *values: Any) -> str:
        """What stands under the buttons before a run: how long it will take, if that is long."""
        seconds = self.seconds(values)
        if seconds is None or seconds < LONG:
            return ""
        smaller = "; a smaller run takes less" if any(isinstance(part, gr.Slider) for part in self.inputs) else ""
        takes = "Takes" if self.group == self.name else f"“{self.words}” takes"  # of two beside each other
        return str(views.notice(f"{takes} {line.in_words(seconds)} on this machine{smaller}."))

    def seconds(self, values: Sequence[Any]) -> float | None:
        """How long a run with these settings should take; None where nothing like it was measured."""
        if self.cost is None or self.pace is None or any(value is None for value in values):
            return None
        return self.pace * self.cost(*values)

    def run(self, guess: str | None, *values: Any, payload: tuple[Any, ...] = ()) -> Iterator[dict[Any, Any]]:
        """One press of the button: ``{place: value}`` again and again, the last one with the button at rest."""
        key, mine = (events.visitor(), self.group), _Run(self)
        while len(_latest) > 4096:
            _latest.pop(next(iter(_latest)))
        while len(_answered) > 4096:
            _answered.pop(next(iter(_answered)))
        _answered.pop(key, None)
        _latest[key] = mine
        last: Evidence | None = None
        try:
            if not self.quick:
                seconds = self.seconds(values) or 0
                starting = (
                    "Starting…" if seconds < LONG else f"Starting; takes {line.in_words(seconds)} on this machine…"
                )
                yield {self.go: gr.update(value=AGAIN), self.status: str(views.notice(starting, "wait"))}
            with contextlib.closing(self.events_of(values, payload, lambda: _latest.get(key) is not mine)) as happening:
                for seen in happening:
                    if _latest.get(key) not in (mine, _STOP):
                        break
                    last = next((event for event in reversed(seen) if isinstance(event, Evidence)), last)
                    yield from pacing.together(map(self.shown, seen))
                    if _latest.get(key) is not mine:
                        break
        except Exception as error:  # shown where the learner looks, and logged there
            if _latest.get(key) is mine:
                _latest.pop(key, None)
                yield {self.status: events.refusal(error), self.go: gr.update(value=self.words)}
            return
        ended = _latest.get(key)
        if ended in (mine, _STOP):
            _latest.pop(key, None)
        if ended is mine:
            done = str(views.notice(self.done)) if self.done else ""
            rest = captions.never_read(self.inputs, values) or self.rest(*values) or done
            yield {self.status: rest, self.go: gr.update(value=self.words), **self._judged(guess, last)}
        elif ended is _STOP:
            if key in _answered:
                time.sleep(max(0.0, _answered.pop(key) + PATIENCE - time.monotonic()))
            yield {self.status: str(views.notice(STOPPED)), self.go: gr.update(value=self.words)}
        elif ended is _EMPTIED:
            yield self._empty()
        elif ended is None or ended.one is not self:  # another of the group runs, or none
            yield {self.go: gr.update(value=self.words)}

    def selected(self, event: gr.EventData, guess: str | None, *values: Any) -> Iterator[dict[Any, Any]]:
        """A run started by a view, which told what was chosen in it."""
        yield from self.run(guess, *values, payload=(dict(event._data),))

    def events_of(
        self, values: Sequence[Any], payload: Sequence[Any] = (), over: Callable[[], bool] = lambda: False
    ) -> Generator[list[Any], None, None]:
        """Waking the models, waiting for the turn, and then what the work yields; each time, what is shown together.

        ``over``: whether nobody waits for more, so that nothing is to be held back.
        """
        captions.check(self.inputs, values)
        if self.check is not None:
            self.check(*values)
        models = yield from _alone(waking.models(self.queue))
        with contextlib.ExitStack() as turns:
            for one in line.of(self.queue) if self.queue else ():
                ticket = turns.enter_context(visitors.place(one, self.seconds(values)))
                while (place := ticket.wait(1.0)) is not None:
                    yield [place]
            began = time.monotonic()
            yield from _in_view(self.work(*models, *values, *payload), over)
            if self.cost is not None and (cost := self.cost(*values)) > 0:
                self.pace = (time.monotonic() - began) / cost

    def shown(self, event: Any) -> dict[Any, Any]:
        """Where an event goes: ``{place: value}``."""
        if isinstance(event, Underway):
            return {self.status: views.underway(event)}
        if isinstance(event, Evidence):
            drawn = {view: draw(event.value) for view, draw in self.shows.items()}
            kept = {view: _drawable(markup) for view, markup in drawn.items() if markup is not None}
            return {self.result: self.screen.show(event), **kept}
        return {place: _drawable(value) for place, value in event.items()}

    def _judged(self, guess: str | None, last: Evidence | None) -> dict[Any, Any]:
        if self.verdict is None or self.truth is None or last is None:
            return {}
        found = self.truth(last.value)
        if isinstance(found, tuple):
            return {self.verdict: self.screen.score(guess, *found)}
        return {self.verdict: str(views.unscored(found or views.NOT_ASKED))}

    def outcome(self, last: Evidence) -> Outcome | None:
        """What a result says of the screen's prediction; None where it does not score it."""
        found = self.truth(last.value) if self.verdict is not None and self.truth is not None else None
        return self.screen.outcome(*found) if isinstance(found, tuple) else None

    def at_once(self, *values: Any) -> dict[Any, Any]:
        """``{place: value}`` of a cheap run; where the inputs are refused, no older result stays beside them."""
        places: dict[Any, Any] = {}
        try:
            for event in self.work(*values):
                places |= self.shown(event)
        except PlainError as error:
            return {**self.emptied(), self.status: events.refusal(error)}
        return places

    def follow(self, steps: Iterator[Any]) -> Iterator[dict[Any, Any]]:
        """Long work that leaves nothing but how far it is, under the buttons."""
        try:
            for step in steps:
                yield self.shown(step)
            yield {self.status: ""}
        except Exception as error:
            yield {self.status: events.refusal(error)}

    def emptied(self) -> dict[Any, Any]:
        """The places as before a first run, for when what the experiment is about has changed; a run under way ends."""
        key = (events.visitor(), self.group)
        if key in _latest:
            _latest[key] = _EMPTIED
        return self._empty()

    def _empty(self) -> dict[Any, Any]:
        drawn = [*self.shows, *(view for view in self.fills if isinstance(view, gr.Plot | gr.HTML))]
        views_ = {view: "" if isinstance(view, gr.HTML) else None for view in drawn}
        judged = {} if self.verdict is None else {self.verdict: str(views.unscored())}
        resting: dict[Any, Any] = {self.status: ""}
        if self.words:
            resting[self.go] = gr.update(value=self.words)
        return {self.result: str(views.empty(views.NOT_RUN)), **resting, **views_, **judged}

    def stopped(self) -> Any:
        """End the visitor's run of this experiment, if there is one, after its step; what to say meanwhile."""
        key = (events.visitor(), self.group)
        if key not in _latest:
            return gr.skip()
        _latest[key] = _STOP
        deadline = time.monotonic() + PATIENCE
        while _latest.get(key) is _STOP and time.monotonic() < deadline:
            time.sleep(0.02)
        _answered[key] = time.monotonic()
        if _latest.get(key) is not _STOP:
            _answered.pop(key, None)
            return gr.skip()
        return {self.status: str(views.notice(STOPPING, "wait"))}

    @property
    def busy(self) -> bool:
        """Whether the visitor's run of this experiment is under way."""
        now = _latest.get((events.visitor(), self.group))
        return now is not None and now.one is self

    def given_up(self) -> dict[Any, Any]:
        """End the visitor's run in silence, since what was done on the page meanwhile counts."""
        _latest.pop((events.visitor(), self.group), None)
        return {self.status: ""}


def _alone(steps: Generator[Any, None, Any]) -> Generator[list[Any], None, Any]:
    """Each of ``steps`` as a list of one; gives back what they do."""
    with contextlib.closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as ended:
                return ended.value
            yield [step]


def _in_view(results: Any, over: Callable[[], bool]) -> Iterator[list[Any]]:
    """What ``results`` yields, as often as there is time to draw it (:mod:`lessons.shell.pacing`).

    After every second in which it waits for room in the memory, its place there.

    Each step is made in a thread beside, where the run can wait while this one tells of it.
    """
    context, seen, held = contextvars.copy_context(), batching.Watch(), pacing.Held()
    context.run(batching.watch.set, seen)
    with contextlib.closing(results), ThreadPoolExecutor(1, "run") as aside:
        try:
            while True:
                step = aside.submit(lambda: context.run(next, results, _END))
                while not wait([step], BEAT if (due := held.wait()) is None else due).done:
                    if events := held.take():
                        yield events
                    if (place := seen.place) is not None:
                        yield [place.underway()]
                ended = step.exception() is not None or step.result() is _END
                if not ended:
                    held.add(step.result())
                if (ended or over() or not held.wait()) and (events := held.take()):
                    yield events
                if ended:
                    step.result()
                    return
        finally:
            seen.left = True


def _drawable(value: Any) -> Any:
    """A chart as it is, markup as plain text."""
    return str(value) if isinstance(value, str) else value


def unveiled(view: Any) -> Any:
    """The view, marked as one from which nobody can read the answer to the screen's prediction."""
    view.elem_classes = [*view.elem_classes, "unveiled"]
    return view


def _tells(view: Any) -> bool:
    return isinstance(view, gr.HTML | gr.Plot) and not {"veiled", "unveiled"} & {*view.elem_classes}


def experiment(
    screen: Screen,
    words: str,
    work: Work,
    inputs: Sequence[Any] = (),
    shows: Mapping[Any, Draw] | None = None,
    *,
    truth: Truth | None = None,
    queue: Queue | None = "text",
    also: Sequence[Any] = (),
    fills: Sequence[Any] = (),
    cost: Callable[..., float] | None = None,
    check: Callable[..., Any] | None = None,
    beside: Experiment | None = None,
    key: str = "",
    asks: bool = True,
    recordable: bool = True,
    near: Sequence[Any] = (),
    select: gr.HTML | None = None,
    quick: bool = False,
    done: str = "",
) -> Experiment:
    """Put an experiment on the page, below what the screen holds so far; see the module's example.

    ``words`` stand on its button; ``also`` are other events that start it, such as ``caption.submit``. ``shows`` are
    the views, made with ``render=False`` and drawn under the buttons, with what each makes of the evidence's value; a
    ``gr.State`` among them keeps what its function gives back. ``fills`` are further places that mappings of ``work``
    may fill. ``truth`` gives the measured number (or the index of the choice that came true) and its words, or in words
    why no guess can be scored. ``cost`` counts the network passes of a run from the values of the inputs, so that a
    long run can say beforehand how long it takes. ``check`` refuses values of the inputs before the run waits for
    anything. ``beside`` puts the button next to another experiment's, whose status, evidence and stop it shares; a run
    of one ends that of the other, and ``key`` tells the two apart. No ``words``: no button; such an experiment is
    cheap, and runs at once with every event of ``also``, such as ``text.input``. ``asks=False`` leaves the prediction
    to another experiment of the screen. ``recordable=False`` keeps it out of the recorded first paint: it builds on
    what another experiment left, or shares its places. ``near`` are controls made with ``render=False`` that stand
    between the button and the views, beside what they change. ``select`` is a view whose ``select`` event starts the
    run too, with what it told as one more argument of ``work``. ``quick``: a run of a fraction of a second, whose
    button keeps its words. ``done`` stands under the buttons after a run. Where the screen asks for a guess, whatever
    was recorded is blurred until there is one, or a run, since it would give the answer away: all but what is
    :func:`unveiled`.
    """
    scored = screen.ask if asks and screen.prediction_key else None
    if beside is None:
        with gr.Column(elem_classes=["ask" if scored else "ask-nothing"]):
            guess, verdict = scored() if scored else (None, None)
            with gr.Row(elem_classes=["run-row"]) as row:
                go = gr.Button(words, variant="primary", min_width=150, elem_classes=["go"])
                stop = gr.Button("Stop", min_width=80, elem_classes=["stop"])
            status = still("", "status")
            if verdict is not None and not verdict.is_rendered:
                verdict.render()
            if near:
                with gr.Row(elem_classes=["near"]):
                    for control in near:
                        control.render()
    else:
        guess, verdict = scored() if scored else (None, None)
        row, stop, status = beside.row, beside.stop, beside.status
        go = beside.go
        if words:
            with row:
                go = gr.Button(words, min_width=130, elem_classes=["go"])
    hidden = False
    for view in (*(shows or {}), *fills):
        if screen.prediction_key and recordable and words and _tells(view):
            view.elem_classes = [*view.elem_classes, "veiled"]
            hidden = True
        if not view.is_rendered:
            view.render()
    result = beside.result if beside else screen.evidence(veiled=recordable and (hidden or verdict is not None))
    one = Experiment(
        "/".join(part for part in (screen.lesson.key, screen.section.key, key) if part),
        screen, words, work, tuple(inputs), dict(shows or {}), tuple(fills), truth, queue, cost, check, row, go, stop,
        status, result, verdict, beside.group if beside else "", recordable, quick, done,
    )  # fmt: skip
    one.group = one.group or one.name
    _wire(one, gr.State(None) if guess is None else guess, also, select)
    if recordable:
        recorded.paint(one)
    screen.page.experiments.append(one)
    return one


def _wire(one: Experiment, guess: Any, also: Sequence[Any], select: gr.HTML | None) -> None:
    if not one.words:
        events.on(also, one.at_once, list(one.inputs), one.places, status=one.status)
        return
    private = events.PRIVATE
    free: dict[str, Any] = {"trigger_mode": "multiple", "concurrency_limit": None, **private}
    gr.on([one.go.click, *also], one.run, [guess, *one.inputs], one.places, **free)
    one.after = lambda event: event.then(one.run, [guess, *one.inputs], one.places, **free)
    if select is not None:
        gr.on([select.select], one.selected, [guess, *one.inputs], one.places, **free)
    one.stop.click(one.stopped, None, [one.status], queue=False, **private)
    if one.cost is not None:
        changed = [
            part.change
            for part in one.inputs
            if hasattr(part, "change") and not isinstance(part, gr.State | gr.BrowserState | gr.HTML)
        ]
        if changed:
            mode = events.last_wins(changed)
            gr.on(changed, one.rest, list(one.inputs), one.status, queue=False, trigger_mode=mode, **private)
        if one.group == one.name:  # else the place is that of the experiment beside it
            events.at_load(lambda: one.rest(*(part.value for part in one.inputs)), one.status)
