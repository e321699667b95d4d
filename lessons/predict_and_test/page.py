"""The predict-and-test lesson on screen: the controls of each screen, and which experiment they start.

Plan, answers and results live in the learner's browser (three ``BrowserState``); every handler gets them from there,
so the server remembers nobody and two learners cannot meet.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from engines.checks import seed_range, whole
from engines.evidence import Evidence
from lessons.predict_and_test import calibration, easy_hard, hands, notebook, plan, reflect, test
from lessons.predict_and_test import figures as draw
from lessons.shell import charts, controls, events, film, scripts, views
from lessons.shell.experiment import Experiment, experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page

HERE = Path(__file__).parent
SLOTS = notebook.labels(plan.ORDER)
KEEP = "(...fields) => ({ version: 1, fields: fields.slice(0, %d) })"
SETTLE = "() => new Promise((done) => setTimeout(() => done([]), 150))"  # an event may run ahead of its last keystroke
SEALED_NOW = "Sealed. Your plan waits on the next screen for its test."
SECRET = "sticker-world"  # the same after a restart, so that a kept plan can be read again; it hides nothing

OVERRULE = scripts.script(HERE / "overrule.js")
KEYS = "playground.predict-and-test."  # playground.js saves, restores and forgets these with the progress
PLAN, SEALED, RESULTS = KEYS + "plan", KEYS + "sealed", KEYS + "results"


@dataclass
class Desk:
    """What several screens share.

    plan, sealed, results: what the browser keeps. eyes: the learner's own counts, one a prompt, in their ``box``.
    cards: the place of each prompt's result. chart: the place of the calibration. fields: the inputs that are kept
    as the plan. filled: the event of a clicked example. afresh: the button that forgets everything.
    runs: the experiments.
    """

    plan: gr.BrowserState
    sealed: gr.BrowserState
    results: gr.BrowserState
    box: gr.Accordion
    eyes: list[gr.Number]
    cards: list[gr.HTML]
    fields: list[Any] = field(default_factory=list)
    chart: Any = None
    filled: Any = None
    afresh: Any = None
    runs: list[Experiment] = field(default_factory=list)


def build() -> None:
    with lesson_page("predict-and-test") as lesson:
        cards = [gr.HTML("", js_on_load=OVERRULE, render=False) for _ in SLOTS]
        desk = Desk(_kept(PLAN), _kept(SEALED), _kept(RESULTS), *_eyes(), cards)
        for screen in (_plan, _test, _calibration, _reflect):
            desk.runs.append(screen(lesson, desk))
        _easy_hard(lesson)
        _hands(lesson)
        _overrule(desk)
        _keep(desk)
        _start_afresh(desk)


def _eyes() -> tuple[gr.Accordion, list[gr.Number]]:
    """The learner's own counts, to be rendered beside the calibration that they count for."""
    with gr.Accordion("Count by eye, if you judge otherwise or the judge could not", open=False, render=False) as box:
        gr.HTML(draw.BY_EYE)
        with gr.Row():
            return box, [controls.whole_number(None, f"Right in {slot}", 16) for slot in SLOTS]


def _kept(key: str) -> gr.BrowserState:
    return gr.BrowserState(None, storage_key=key, secret=SECRET)


def _rows(fields: Any) -> list[tuple[Any, Any, Any]]:
    return [(fields[at], fields[at + 1], fields[at + 2]) for at in range(0, 3 * len(SLOTS), 3)]


def _plan(lesson: LessonPage, desk: Desk) -> Experiment:
    with lesson.screen("plan") as screen:
        prompts = []
        for at, (place, entry) in enumerate(zip(SLOTS, plan.DEFAULTS, strict=True)):
            if at % 3 == 0:
                gr.HTML(draw.half(entry.kind))
            with gr.Row(elem_classes=["exercise-entry"]):
                prompt = gr.Textbox(
                    entry.prompt, label=place.capitalize(), max_length=plan.MAX_PROMPT, scale=5, min_width=220
                )
                reason = gr.Textbox(
                    "", placeholder=f"For example: {entry.reason}", label=f"Your reason for {place}",
                    max_length=plan.MAX_REASON, scale=5, min_width=220, lines=1, max_lines=4,
                )  # fmt: skip
                sure = gr.Slider(
                    0, 100, entry.confidence, step=5, label=f"Sure of {place}, %", scale=4, min_width=190,
                    buttons=[],
                )  # fmt: skip
            prompts.append(prompt)
            desk.fields += [prompt, reason, sure]
        slot = gr.Radio(list(SLOTS), value=SLOTS[0], label="Put the example I click into")
        examples = gr.HTML(draw.examples(), js_on_load=scripts.script(HERE / "examples.js"))

        def seal(painter: Any, *inputs: Any) -> Iterator[Any]:
            *fields, before = inputs
            sealed = notebook.seal(plan.entries(_rows(fields)), notebook.read_sealed(before), waiting=True)
            yield {desk.sealed: sealed.as_text()}
            yield plan.seal(painter, sealed.plan)

        run = experiment(
            screen, "Seal my predictions", seal, [*desk.fields, desk.sealed], fills=[desk.sealed], queue="pictures",
            check=lambda *inputs: plan.entries(_rows(inputs[:-1])), done=SEALED_NOW,
        )  # fmt: skip
        with run.row:
            desk.afresh = gr.HTML(draw.AFRESH, js_on_load=scripts.script(HERE / "afresh.js"))

    def fill(place: str, event: gr.EventData) -> dict[Any, Any]:
        at = SLOTS.index(place)
        return {
            prompts[at]: str(event._data.get("caption"))[: plan.MAX_PROMPT],
            slot: SLOTS[(at + 1) % len(SLOTS)],
        }

    desk.filled = events.on(examples.select, fill, slot, [*prompts, slot])
    return run


def _test(lesson: LessonPage, desk: Desk) -> Experiment:
    with lesson.screen("test", predict="order") as screen:
        with gr.Row(equal_height=True):
            seeds = gr.Slider(2, 16, 8, step=1, label="Seeds for each prompt", scale=3, min_width=160)
            seed = controls.seed_number(0, "First seed")
        gr.HTML(draw.judge_worth())
        about = unveiled(gr.HTML("", render=False))
        sealing = unveiled(desk.runs[0].status)

        def paint(painter: Any, *inputs: Any) -> Iterator[Any]:
            *fields, kept, seeds, seed = inputs
            sealed, notice = notebook.to_test(_rows(fields), notebook.read_sealed(kept))
            entries, tested = sealed.plan, sealed.after_a_test()
            cards = {place: draw.waiting(entries, at) for at, place in enumerate(desk.cards)}

            def card(moment: test.Moment) -> str:
                return draw.waiting(entries, moment.prompt, moment)

            yield {about: str(views.notice(notice)) if notice else "", desk.sealed: sealed.as_text(), **cards}
            for step in draw.watched(test.run(painter, entries, seeds, seed), desk.cards, card):
                if isinstance(step, Evidence):
                    results = draw.kept(step.value, painter.name, painter.revision)
                    done = len(results.results) - 1
                    yield {desk.cards[done]: draw.cards(results, len(SLOTS))[done], desk.results: results.as_text()}
                    if not done:  # counts by eye belonged to other pictures; changes are made in hindsight from here on
                        seen = {desk.sealed: tested.as_text(), sealing: str(views.notice(tested.words))}
                        yield seen | dict.fromkeys(desk.eyes)
                yield step

        def check(*inputs: Any) -> None:
            *fields, kept, seeds, seed = inputs
            notebook.to_test(_rows(fields), notebook.read_sealed(kept))
            seed_range(seed, seeds, least=2)

        return experiment(
            screen, "Paint and judge all my prompts", paint, [*desk.fields, desk.sealed, seeds, seed],
            fills=[about, *desk.cards, sealing, desk.sealed, desk.results, *desk.eyes], truth=test.order_truth,
            queue="pictures", cost=lambda *values: sum(map(bool, values[: 3 * len(SLOTS) : 3])) * values[-2],
            check=check,
        )  # fmt: skip


def _calibration(lesson: LessonPage, desk: Desk) -> Experiment:
    with lesson.screen("calibration", predict="lean") as screen:
        desk.box.render()
        desk.chart = charts.chart()

        def compare(results: Any, *counts: Any) -> Iterator[Any]:
            known = notebook.read(results)
            seen = notebook.with_eye(known, dict(zip(SLOTS, counts, strict=True))) if known else None
            found = calibration.calibrate(seen)
            if seen and seen != known:
                yield {desk.results: seen.as_text()}
            yield found

        events.at_load(draw.empty_chart, desk.chart)
        return experiment(
            screen, "Compare my confidence with the results", compare, [desk.results, *desk.eyes],
            {desk.chart: draw.chart}, fills=[desk.results], truth=calibration.lean_truth, queue=None, recordable=False,
        )  # fmt: skip


def _reflect(lesson: LessonPage, desk: Desk) -> Experiment:
    with lesson.screen("reflect") as screen:
        answers = [
            gr.Textbox("", label=question, lines=3, max_lines=8, max_length=reflect.MAX_ANSWER)
            for _, question in reflect.QUESTIONS
        ]
        rubric = gr.CheckboxGroup(
            list(reflect.RUBRIC), label="Check your own reasoning; nobody grades it", elem_classes=["rubric"]
        )
        name = gr.Textbox("", label="Name or group, for the note (optional)", max_length=reflect.MAX_NAME)
        desk.fields += [*answers, name, rubric]

        def write(results: Any, *inputs: Any) -> Iterator[Evidence[reflect.Note]]:
            today = datetime.date.today().isoformat()
            yield reflect.write(notebook.read(results), reflect.reflection(*inputs), today)

        return experiment(
            screen, "Lay my reasons beside the results", write, [desk.results, *answers, name, rubric],
            {gr.HTML(render=False): draw.note}, queue=None, recordable=False,
        )  # fmt: skip


def _easy_hard(lesson: LessonPage) -> None:
    with lesson.screen("easy-hard", predict="never") as screen:
        names = [(sort.name, sort.key) for sort in easy_hard.SORTS]
        sorts = gr.CheckboxGroup(names, value=list(easy_hard.BY_KEY), label="Sorts of prompt")
        with gr.Row(equal_height=True):
            prompts = gr.Slider(
                1, easy_hard.MOST_PROMPTS, easy_hard.MOST_PROMPTS, step=1, label="Prompts of each", min_width=120
            )
            seeds = gr.Slider(1, easy_hard.MOST_SEEDS, 4, step=1, label="Seeds of each", min_width=120)
            seed = controls.seed_number(0, "First of these seeds")
        examples = gr.HTML(elem_classes=["reel"], js_on_load=OVERRULE, render=False)
        experiment(
            screen, "Paint and judge these sorts", easy_hard.measure, [sorts, prompts, seeds, seed],
            {charts.chart(): draw.map_chart, examples: draw.map_examples},
            truth=easy_hard.never_truth, queue="pictures", check=easy_hard.check,
            cost=lambda sorts, prompts, seeds, seed: len(sorts) * prompts * seeds,
        )  # fmt: skip


def _hands(lesson: LessonPage) -> None:
    with lesson.screen("hands", predict="five") as screen:
        gr.HTML(draw.worth())
        with gr.Row(equal_height=True):
            caption = controls.caption("an open hand at sunset", max_length=plan.MAX_PROMPT)
            seeds = controls.seeds_slider(12)
            seed = controls.seed_number(0)
        view = film.pictures()

        def count(*settings: Any) -> Iterator[Any]:
            return draw.watched(hands.paint(*settings), [view], lambda moment: str(draw.guesses(moment, small=False)))

        def check(caption: Any, seeds: Any, seed: Any) -> None:
            hands.check(caption)
            seed_range(seed, seeds, least=2)

        experiment(
            screen, "Paint hands and count their fingers", count, [caption, seeds, seed], {view: draw.counted},
            truth=hands.five_truth, queue="pictures", cost=lambda caption, seeds, seed: seeds, also=[caption.submit],
            check=check,
        )  # fmt: skip


def _overrule(desk: Desk) -> None:
    """A click on a picture of the test: the learner's word is kept beside the judge's, and counted apart."""
    for at, card in enumerate(desk.cards):

        def said(kept: Any, event: gr.EventData, at: int = at) -> dict[Any, Any]:
            known, payload = notebook.read(kept), event._data
            if known is None or at >= len(known.results):
                return {}
            name, right = known.names[at], {"right": True, "wrong": False}.get(str(payload.get("eye")))
            changed = notebook.overrule(known, name, whole("The picture", payload.get("picture"), 0, 15), right)
            return {desk.results: changed.as_text(), desk.eyes[SLOTS.index(name)]: changed.results[at].eye}

        events.on(card.select, said, desk.results, [desk.results, *desk.eyes])


def _keep(desk: Desk) -> None:
    """Write every change of a field to the browser at once, and fill the fields again when the page is opened.

    A second set of states only reads: it reports a change once, when the page finds something kept.
    """
    script = KEEP % len(desk.fields)
    inputs = [part.input for part in desk.fields]
    typed = gr.on(inputs, None, js=SETTLE, api_visibility="private", trigger_mode="multiple")
    for written in (typed, desk.filled):
        written.then(None, desk.fields, desk.plan, js=script, api_visibility="private")
    sealing = desk.runs[0].status
    states = _kept(PLAN), _kept(SEALED), _kept(RESULTS)

    def fields(kept: Any) -> dict[Any, Any]:
        return {desk.fields[at]: value for at, value in reflect.restored(kept, len(desk.fields)).items()}

    def seal(kept: Any) -> dict[Any, Any]:
        sealed = notebook.read_sealed(kept)
        return {sealing: str(views.notice(sealed.words))} if sealed and sealed.words else {}

    def results(kept: Any) -> dict[Any, Any]:
        known = notebook.read(kept)
        eyes = {name: one.eye for name, one in zip(known.names, known.results, strict=True)} if known else {}
        shown = dict(zip(desk.cards, map(draw.own, draw.cards(known, len(SLOTS))), strict=True)) if known else {}
        return shown | {place: eyes.get(slot) for place, slot in zip(desk.eyes, SLOTS, strict=True)}

    events.on(states[0].change, fields, states[0], desk.fields)
    events.on(states[1].change, seal, states[1], sealing)
    events.on(states[2].change, results, states[2], [*desk.cards, *desk.eyes])


def _start_afresh(desk: Desk) -> None:
    """One click, confirmed in the browser, and nothing of the exercise is left: there, or on the page."""
    first = {part: part.value for part in desk.fields}
    left = {part: None for part in (*desk.eyes, desk.plan, desk.sealed, desk.results)}
    places = dict.fromkeys([*first, *left, *(place for run in desk.runs for place in run.places)])

    def forget() -> dict[Any, Any]:
        emptied = {place: value for run in desk.runs for place, value in run.emptied().items()}
        return {**emptied, desk.chart: draw.empty_chart(), **first, **left}

    events.on(desk.afresh.select, forget, None, list(places))
