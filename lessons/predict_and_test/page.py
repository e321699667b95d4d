"""The predict-and-test lesson on screen: one function a screen, then what the API offers.

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

from engines.checks import check_caption
from engines.evidence import Evidence, PlainError
from engines.pictures.diffusion import Painter
from engines.pictures.files import open_picture
from engines.statistics import Interval
from engines.stickers import judge as judging
from engines.stickers.world import facts_of
from lessons.predict_and_test import calibration, hands, notebook, notes, planning, testing
from lessons.predict_and_test import views as draw
from lessons.shell import controls, events, film, uploads, views, waking
from lessons.shell.frame import LessonPage, lesson_page

HERE = Path(__file__).parent
SLOTS = notebook.labels(planning.ORDER)
KEEP = "(...fields) => ({ version: 1, fields: fields.slice(0, %d) })"
SETTLE = "() => new Promise((done) => setTimeout(() => done([]), 150))"  # an event may run ahead of its last keystroke
SECRET = "sticker-world"  # the same after a restart, so that a kept plan can be read again; it hides nothing

KEYS = "playground.predict-and-test."  # playground.js forgets what starts like this together with the progress
PLAN, SEALED, RESULTS = KEYS + "plan", KEYS + "sealed", KEYS + "results"
DIFFERENT = (
    "The fields on the first screen are not what you sealed. The sealed plan is tested; seal again to test what stands "
    "there now."
)


@dataclass
class Desk:
    """What several screens share.

    plan, sealed, results: what the browser keeps. eyes: the learner's own counts, one a prompt. fields: the inputs
    that are kept as the plan, with their first values in ``defaults``. filled: the event of a clicked example.
    afresh: the button that forgets everything. note: what is said about the plan. running: the event of a test.
    views: what shows results, with what it shows before there are any.
    """

    plan: gr.BrowserState
    sealed: gr.BrowserState
    results: gr.BrowserState
    eyes: list[gr.Number]
    fields: list[Any] = field(default_factory=list)
    defaults: list[Any] = field(default_factory=list)
    filled: Any = None
    afresh: gr.HTML | None = None
    note: gr.HTML | None = None
    running: Any = None
    views: dict[Any, Any] = field(default_factory=dict)

    def keep(self, *inputs: Any) -> None:
        """Inputs that belong to the plan; their values now are the ones that "Start afresh" brings back."""
        self.fields += inputs
        self.defaults += [part.value for part in inputs]

    def show(self, *parts: Any) -> None:
        """Views of results; "Start afresh" empties them again."""
        self.views |= {part: part.value for part in parts}


def build() -> None:
    with lesson_page("predict-and-test") as lesson:
        desk = Desk(_browser_state(PLAN), _browser_state(SEALED), _browser_state(RESULTS), _eyes())
        _plan(lesson, desk)
        board = _test(lesson, desk)
        _calibration(lesson, desk)
        _reflect(lesson, desk)
        _hands(lesson)
        _keep(desk, board)
        _start_afresh(desk)
        events.endpoint(test_prompt, "test_prompt", model="pictures")
        events.endpoint(judge, "judge", model="pictures")


def _eyes() -> list[gr.Number]:
    return [
        gr.Number(None, label=slot, precision=0, minimum=0, maximum=16, min_width=90, render=False) for slot in SLOTS
    ]


def _browser_state(key: str) -> gr.BrowserState:
    return gr.BrowserState(None, storage_key=key, secret=SECRET)


def _keep(desk: Desk, board: gr.HTML) -> None:
    """Write every change of a field to the browser at once, and fill the fields again when the page is opened.

    A second set of states only reads: it reports a change once, when the page finds something kept.
    """
    script = KEEP % len(desk.fields)
    inputs = [part.input for part in desk.fields]
    typed = gr.on(inputs, None, js=SETTLE, api_visibility="private", trigger_mode="multiple")
    typed.then(None, desk.fields, desk.plan, js=script, api_visibility="private")
    desk.filled.then(None, desk.fields, desk.plan, js=script, api_visibility="private")

    def show(results: Any) -> list[Any]:
        kept = notebook.read(results)
        if kept is None:
            return [gr.skip()] * (1 + len(SLOTS))
        eyes = {name: result.eye for name, result in zip(kept.names, kept.results, strict=True)}
        return [draw.tested(kept), *(eyes.get(slot) for slot in SLOTS)]

    quick: dict[str, Any] = {"model": None, "show_progress": "hidden"}
    plan, sealed, results = _browser_state(PLAN), _browser_state(SEALED), _browser_state(RESULTS)
    events.run(plan.change, lambda kept: restored(kept, len(desk.fields)), plan, desk.fields, **quick)
    events.run(sealed.change, about_the_seal, sealed, desk.note, **quick)
    events.run(results.change, show, results, [board, *desk.eyes], **quick)


def about_the_seal(kept: Any) -> Any:
    """What the first screen says about a plan that this browser kept, sealed and not tested yet."""
    sealed = notebook.read_sealed(kept)
    if sealed is None or not sealed.waiting:
        return gr.skip()
    return str(views.notice(f"A sealed plan of {len(sealed.promises)} prompts waits here for its test."))


def _start_afresh(desk: Desk) -> None:
    """One click, confirmed in the browser, and nothing of the exercise is left: there, or on the page."""
    assert desk.afresh is not None
    keepers = [desk.plan, desk.sealed, desk.results]
    emptied = [*desk.fields, *desk.eyes, *desk.views, *keepers]

    def forget() -> list[Any]:
        shown = [gr.update(value=None, visible=False) if isinstance(part, gr.Plot) else first
                 for part, first in desk.views.items()]  # fmt: skip
        return [*desk.defaults, *[None] * len(desk.eyes), *shown, *[None] * len(keepers)]

    events.run(desk.afresh.select, forget, None, emptied, model=None, show_progress="hidden")
    desk.afresh.select(None, cancels=[desk.running], api_visibility="private", queue=False)


def restored(plan: Any, count: int) -> list[Any]:
    """The kept values of the fields; the fields stay as they are where what was kept is missing or damaged."""
    kept = plan.get("fields") if isinstance(plan, dict) else None
    if not isinstance(kept, list) or len(kept) != count:
        return [gr.skip()] * count
    texts = [value if isinstance(value, str) and len(value) <= notes.MAX_ANSWER else gr.skip() for value in kept]
    for at in range(2, 3 * len(SLOTS), 3):
        sound = isinstance(kept[at], int | float) and not isinstance(kept[at], bool) and 0 <= kept[at] <= 100
        texts[at] = kept[at] if sound else gr.skip()
    ticked = kept[-1] if isinstance(kept[-1], list) else []
    return [*texts[:-1], [line for line in notes.RUBRIC if line in ticked]]


def _rows(fields: tuple[Any, ...] | list[Any]) -> list[tuple[Any, Any, Any]]:
    return [(fields[at], fields[at + 1], fields[at + 2]) for at in range(0, 3 * len(SLOTS), 3)]


# --- 1 ----------------------------------------------------------------------------------------------------


def _plan(lesson: LessonPage, desk: Desk) -> None:
    with lesson.screen("plan") as screen:
        controls.absent()
        prompts = []
        for at, (place, entry) in enumerate(zip(SLOTS, planning.DEFAULTS, strict=True)):
            if at % 3 == 0:
                gr.HTML(f'<h3 class="exercise-half">I expect these to be {entry.kind}</h3>')
            with gr.Row(elem_classes=["exercise-entry"]):
                prompt = gr.Textbox(
                    entry.prompt, label=place.capitalize(), max_length=planning.MAX_PROMPT, scale=5, min_width=220
                )
                reason = gr.Textbox(
                    "", placeholder=f"For example: {entry.reason}", label=f"Your reason for {place}",
                    max_length=planning.MAX_REASON, scale=5, min_width=220, lines=1, max_lines=4,
                )  # fmt: skip
                sure = gr.Slider(0, 100, entry.confidence, step=5, label="How sure, %", scale=3, min_width=150)
            prompts.append(prompt)
            desk.keep(prompt, reason, sure)
        slot = gr.Radio(
            list(SLOTS), value=SLOTS[0], label="Put the example I click into", elem_classes=["exercise-slot"]
        )
        examples = gr.HTML(draw.examples(), js_on_load=(HERE / "examples.js").read_text(encoding="utf-8"))
        go = gr.Button("Seal my predictions", variant="primary")
        desk.afresh = gr.HTML(draw.AFRESH, js_on_load=(HERE / "afresh.js").read_text(encoding="utf-8"))
        desk.note = note = gr.HTML("")
        result = screen.evidence("Your sealed predictions will lie here.")
        desk.show(note, result)

    def fill(slot: str, event: gr.EventData) -> list[Any]:
        at = SLOTS.index(slot)
        caption = str(event._data.get("caption"))[: planning.MAX_PROMPT]
        following = SLOTS[(at + 1) % len(SLOTS)]
        return [*(caption if i == at else gr.skip() for i in range(len(SLOTS))), following]

    def seal(*inputs: Any) -> Iterator[Any]:
        *fields, before = inputs
        sealed = notebook.seal(planning.entries(_rows(fields)), notebook.read_sealed(before), waiting=True)
        painter = yield from controls.wake_painter(2)
        yield "", screen.show(planning.seal(painter, sealed.plan)), sealed.as_text()

    desk.filled = events.run(examples.select, fill, slot, [*prompts, slot], model=None, show_progress="hidden")
    events.run(go.click, seal, [*desk.fields, desk.sealed], [note, result, desk.sealed], model="pictures")


# --- 2 ----------------------------------------------------------------------------------------------------


def _test(lesson: LessonPage, desk: Desk) -> gr.HTML:
    with lesson.screen("test", predict="order") as screen:
        controls.absent()
        with gr.Row(equal_height=True):
            seeds = gr.Slider(2, 16, 8, step=1, label="Seeds for each prompt", scale=3, min_width=160)
            seed = controls.seed_number(0, "First seed")
        gr.HTML(draw.judge_worth())
        go, stop = controls.buttons("Paint and judge all my prompts")
        about = gr.HTML("")
        now = film.pictures("The prompt in work will show here; the finished ones line up below.")
        board = film.pictures("A card for each prompt: your prediction, its pictures, the judge, the diet.")
        result = screen.evidence()
        assert screen.verdict is not None
        desk.show(about, now, board, result, screen.verdict)

    def run(*inputs: Any) -> Iterator[Any]:
        *fields, kept, seeds, seed, guess = inputs
        sealed, told = to_test(_rows(fields), notebook.read_sealed(kept))
        painter = yield from controls.wake_painter(len(outputs) - 1)
        yield {about: str(views.notice(told)) if told else "", desk.sealed: sealed.as_text()}
        kinds, peeked, first = [entry.kind for entry in sealed.plan], "", True
        for step in testing.run(painter, sealed.plan, seed=seed, seeds=seeds):
            if isinstance(step, testing.Moment):
                peeked = draw.guesses(step) if step.guesses is not None else "" if step.passed == 1 else peeked
                yield {now: draw.underway(step, peeked, kinds)}
                continue
            trial = step.value
            results = draw.kept(trial, painter.name, painter.revision)
            shown: dict[Any, Any] = {
                board: draw.tested(results),
                result: screen.show(step),
                desk.results: results.as_text(),
            }
            if first:  # the counts by eye belonged to other pictures; from here on, changes are made in hindsight
                shown |= {desk.sealed: sealed.after_a_test().as_text()} | {eye: None for eye in desk.eyes}
                first = False
            if len(trial.tested) == trial.planned:
                truth = testing.order_truth(trial)
                scored = screen.score(guess, *truth) if truth else ""
                if guess and not truth:
                    scored = str(views.notice(testing.order_is_open(trial)))
                shown |= {now: "", screen.verdict: scored}
            yield shown

    outputs = [now, about, board, result, screen.verdict, desk.sealed, desk.results, *desk.eyes]
    inputs = [*desk.fields, desk.sealed, seeds, seed, screen.guess]
    desk.running = events.run(
        go.click, run, inputs, outputs, stop=stop, status=now, stopped="Stopped.", model="pictures"
    )
    return board


def to_test(rows: list[tuple[Any, Any, Any]], kept: notebook.Sealed | None) -> tuple[notebook.Sealed, str]:
    """The plan a test takes, and what to say about it: the one that waits sealed, else what stands in the fields."""
    if kept is None or not kept.waiting:
        return notebook.seal(planning.entries(rows), kept), ""
    try:
        stands = notebook.seal(planning.entries(rows)) == notebook.seal(kept.plan)
    except PlainError:
        stands = False
    return kept, "" if stands else DIFFERENT


# --- 3 ----------------------------------------------------------------------------------------------------


def _calibration(lesson: LessonPage, desk: Desk) -> None:
    with lesson.screen("calibration", predict="lean") as screen:
        with gr.Accordion("Count by eye, if you judge otherwise or the judge could not", open=False):
            gr.HTML(
                "<p>How many pictures of each prompt are entirely right, to your eye? Empty fields are skipped.</p>"
            )
            with gr.Row():
                for eye in desk.eyes:
                    eye.render()
        go = gr.Button("Compare my confidence with the results", variant="primary")
        chart = gr.Plot(show_label=False, visible=False)
        result = screen.evidence()
        assert screen.verdict is not None
        desk.show(chart, result, screen.verdict)

    def run(results: Any, *fields: Any) -> tuple[Any, ...]:
        *counts, guess = fields
        known = notebook.read(results)
        seen = notebook.with_eye(known, dict(zip(SLOTS, counts, strict=True))) if known else None
        found = calibration.calibrate(seen)
        kept = seen.as_text() if seen and seen != known else gr.skip()
        shown = gr.update(value=draw.chart(found.value), visible=True)
        return shown, screen.show(found), screen.score(guess, *calibration.lean_truth(found.value)), kept

    outputs = [chart, result, screen.verdict, desk.results]
    events.run(go.click, run, [desk.results, *desk.eyes, screen.guess], outputs, model=None)


# --- 4 ----------------------------------------------------------------------------------------------------


def _reflect(lesson: LessonPage, desk: Desk) -> None:
    with lesson.screen("reflect") as screen:
        answers = [
            gr.Textbox("", label=question, lines=3, max_lines=8, max_length=notes.MAX_ANSWER)
            for _, question in notes.QUESTIONS
        ]
        rubric = gr.CheckboxGroup(
            list(notes.RUBRIC), label="Check your own reasoning; nobody grades it", elem_classes=["rubric"]
        )
        name = gr.Textbox("", label="Name or group, for the note (optional)", max_length=notes.MAX_NAME)
        go = gr.Button("Lay my reasons beside the results", variant="primary")
        note = gr.HTML("")
        result = screen.evidence("The lab note: your reasons beside the results, to read, print and hand in.")
        desk.show(note, result)

    def run(results: Any, surprised: Any, reasons: Any, following: Any, name: Any, ticked: Any) -> tuple[str, str]:
        answers = notes.reflection(name, surprised, reasons, following, ticked)
        written = notes.write(notebook.read(results), answers, datetime.date.today().isoformat())
        return draw.note(written.value), screen.show(written)

    desk.keep(*answers, name, rubric)
    events.run(go.click, run, [desk.results, *answers, name, rubric], [note, result], model=None)


# --- 5 ----------------------------------------------------------------------------------------------------


def _hands(lesson: LessonPage) -> None:
    with lesson.screen("hands", predict="five") as screen:
        controls.absent()
        gr.HTML(draw.worth())
        with gr.Row(equal_height=True):
            caption = gr.Textbox(
                "an open hand on a blue background", label="Caption", max_length=planning.MAX_PROMPT, scale=4
            )
            seeds = controls.seeds_slider(12)
            seed = controls.seed_number(0)
        go, stop = controls.buttons("Paint hands and count their fingers")
        now = film.pictures("The hands in work will show here.")
        view = film.pictures("Each painted hand, with its outline and the fingertips that were found.")
        result = screen.evidence()

    def run(caption: str, seeds: int, seed: int, guess: str | None) -> Iterator[Any]:
        hands.check(caption)
        painter = yield from controls.wake_painter(3)
        peeked = ""
        for step in hands.paint(painter, caption, seed=seed, seeds=seeds):
            if isinstance(step, Evidence):
                verdict = screen.score(guess, *hands.five_truth(step.value)) if step.value.counted else gr.skip()
                yield "", draw.counted(step.value), screen.show(step), verdict
            else:
                peeked = draw.guesses(step) if step.guesses is not None else peeked
                yield controls.wait(f"Pass {step.passed} of {step.passes}") + peeked, *[gr.skip()] * 3

    events.run(
        [go.click, caption.submit], run, [caption, seeds, seed, screen.guess], [now, view, result, screen.verdict],
        stop=stop, status=now, stopped=events.STOPPED, model="pictures",
    )  # fmt: skip


# --- the API ----------------------------------------------------------------------------------------------


def _share(share: Interval) -> dict[str, Any]:
    return {"right": share.successes, "of": share.trials, "rate": share.rate, "low": share.low, "high": share.high}


def test_prompt(caption: str, seeds: int = 8, seed: int = 0, steps: int | None = None) -> Iterator[dict]:
    """Paint a caption over several seeds and judge every aspect; streams one result a pass, the verdict last.

    seeds: pictures, 2 to 16, from ``seed`` on. steps: passes, 1 to 100; the painter's own number when left out. The
    last result holds for each aspect how many pictures are right with a 95 % Wilson interval ("everything" only when
    no wish is left unjudged), what the painter's diet held for the caption (null when unknown), the words it never
    read, the end of the caption that it had no room for (``cut_off``), and the pictures as data URIs.
    """
    plan = _one(caption)
    painter = waking.open_painter()
    for step in testing.run(painter, plan, seed=seed, seeds=seeds, steps=steps):
        if isinstance(step, testing.Moment):
            yield {"pass": step.passed, "passes": step.passes}
            continue
        yield {"pass": step.value.steps, "passes": step.value.steps, **_answer(painter, step)}


def _one(caption: str) -> tuple[planning.Entry, ...]:
    prompt = planning.text(caption, "caption", planning.MAX_PROMPT)
    if not prompt:
        raise PlainError("Write the caption that is to be tested.")
    return (planning.Entry("easy", prompt, "", 50),)


def _answer(painter: Painter, found: Evidence[testing.Trial]) -> dict[str, Any]:
    (one,) = found.value.tested
    held = None if one.held is None else [vars(row) for row in one.held]
    return {
        "caption": one.entry.prompt, "seeds": list(found.value.seeds), "model": painter.name,
        "revision": painter.revision, "aspects": {name: _share(share) for name, share in one.judged.rates.items()},
        "not_judged": list(one.judged.unjudged), "wrong": list(one.judged.wrong),
        "with_extra_objects": one.judged.extra, "diet": held,
        "never_read": [{"word": word, "pieces": list(pieces)} for word, pieces in one.unseen],
        "cut_off": one.tail,
        "pictures": [film.data_uri(picture) for picture in one.pictures],
    }  # fmt: skip


def judge(picture: str, caption: str) -> dict:
    """What the judge says about one picture (base64 or data URI) against a caption, aspect by aspect.

    The judge knows Sticker World; ``not_judged`` names the wishes it cannot score. Each aspect comes with what was
    expected and what was seen.
    """
    check_caption(caption)
    if not caption.strip():
        raise PlainError("Write the caption that the picture should follow.")
    if not isinstance(picture, str):
        raise PlainError("Send a picture as base64 or as a data URI.")
    try:
        data = uploads.picture_bytes(picture, ())
    except PlainError as error:
        raise PlainError("Send a picture as base64 or as a data URI, at most 20 megabytes.") from error
    pixels = open_picture(data, width=128, height=128, fit="pad")
    judged = judging.load()
    (verdict,) = judging.judge(pixels[None].copy(), facts_of(caption), using=judged)
    looks, left = planning.checks(caption)
    return {
        "caption": caption, "model": judged.name, "revision": judged.revision,
        "aspects": {
            name: {"right": right, "expected": verdict.expected[name], "seen": verdict.seen[name]}
            for name, right in verdict.right.items()
            if name in looks
        },
        "everything": verdict.all_right if looks and not left else None, "extra": list(verdict.extra),
        "not_judged": list(left), "found": verdict.reading.counts(),
    }  # fmt: skip
