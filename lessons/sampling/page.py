"""The sampling lesson on screen: five experiments from top to bottom, then the named endpoints."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr

from engines import checks
from engines.evidence import PlainError, Underway
from engines.statistics import interval_percent, percent, plural
from engines.text import language_model
from engines.text.dials import Dials, Scoreboard, reshape
from engines.text.language_model import LanguageModel, Token
from lessons.sampling import answering, branching, figures, heating, pressing, seeding
from lessons.sampling import experiments as lab
from lessons.sampling.measures import parting
from lessons.shell import events, views
from lessons.shell.background import Progress, ShouldStop, in_background, open_text_model
from lessons.shell.frame import LessonPage, lesson_page

MAX_SEED = checks.MAX_SEED - 64  # the runs beside it have the seeds after it
# A click on a drawn key becomes an event, and the key keeps the keyboard's focus when the view is redrawn.
KEYS = """
const ours = 'button[data-token], button[data-at]';
const name = (button) => button && JSON.stringify(button.dataset);
let focused = null;
element.addEventListener('focusin', (event) => { focused = name(event.target.closest(ours)); });
element.addEventListener('click', (event) => {
  const button = event.target.closest(ours);
  if (!button) return;
  focused = name(button);
  const { token, line, at } = button.dataset;
  trigger('select', { token: Number(token), line: line || '', at: Number(at) });
});
watch('value', () => {
  if (!focused || (document.activeElement && document.activeElement !== document.body)) return;
  const again = [...element.querySelectorAll(ours)].find((button) => name(button) === focused);
  if (again) again.focus({ preventScroll: true });
});
"""


def build() -> None:
    with lesson_page("sampling") as lesson:
        _scoreboard(lesson)
        _branch(lesson)
        _seeds(lesson)
        _sweep(lesson)
        _passes(lesson)
    events.endpoint(next_token, "next_token")
    events.endpoint(write, "write")
    events.endpoint(branch, "branch")


def _dials(temperature: float = 0.8, top_p: float = 0.92) -> tuple[gr.Slider, gr.Slider]:
    return (
        gr.Slider(0, 2, temperature, step=0.05, label="Temperature"),
        gr.Slider(0.05, 1, top_p, step=0.01, label="Top-p"),
    )


def _seed(value: int = 7, label: str = "Seed") -> gr.Number:
    return gr.Number(value, label=label, precision=0, minimum=0, maximum=MAX_SEED, min_width=90)


def _whole(value: float | None, name: str) -> int:
    if value is None:
        raise PlainError(f"{name}: type a whole number.")
    return int(value)


def _at_hand(written_by: lab.Mark) -> LanguageModel:
    """The model that wrote what is on the page, if it is still here. Loads nothing."""
    for model in language_model.loaded():
        if lab.mark(model) == written_by:
            return model
    raise PlainError(lab.CHANGED)


def _typed_key(noun: str) -> tuple[gr.Textbox, gr.Button]:
    """A box for any key of the vocabulary, and the button that presses it."""
    with gr.Row(elem_classes=["sampling-tight"]):
        box = gr.Textbox(
            label="Or type a key", placeholder="␣the", max_lines=1, max_length=lab.LONGEST_KEY, scale=2, min_width=130,
            info="␣ or a space, ⏎ for a line end", elem_id=f"sampling-typed-{noun}",
        )  # fmt: skip
        return box, gr.Button("Press it", scale=1, min_width=80)


# ---- one key at a time -----------------------------------------------------------------------------------


def _scoreboard(lesson: LessonPage) -> None:
    with lesson.screen("scoreboard", predict="cold") as screen:
        sheet = gr.State(None)
        text = gr.Textbox(lab.TEXT, label="Text to go on from; type your own", max_lines=3, elem_id="sampling-text")
        page = gr.HTML(str(figures.blank_page(lab.TEXT)))
        with gr.Row(elem_classes=["sampling-desk"]):
            with gr.Column(scale=3, min_width=300):
                board = gr.HTML(str(figures.empty_board()), js_on_load=KEYS, elem_id="sampling-board")
                typed, press_typed = _typed_key("board")
            with gr.Column(scale=2, min_width=240):
                temperature, top_p = _dials()
                with gr.Row(elem_classes=["sampling-tight"]):
                    seed = _seed()
                    again = gr.Button("Other dice", min_width=90)
                with gr.Row(elem_classes=["sampling-tight"]):
                    one = gr.Button("Press one key", variant="primary", min_width=130, elem_id="sampling-press")
                    play = gr.Button("Play", min_width=70, elem_id="sampling-play")
                with gr.Row(elem_classes=["sampling-tight"]):
                    pause = gr.Button("Pause", min_width=70)
                    fresh = gr.Button("Start again", min_width=100)
                status = gr.HTML("")
                gauge = gr.HTML("", elem_id="sampling-gauge")
                with gr.Row(elem_classes=["sampling-tight", "sampling-samples-row"]):
                    samples = [gr.Button(sample, size="sm", min_width=60) for sample in lab.SAMPLES]
        result = screen.evidence("Press a key; the scoreboard's numbers, settings and code appear here.")

        def drawn(now: pressing.Sheet) -> tuple[Any, ...]:
            return now, str(figures.page(now)), str(figures.board(now)), str(figures.gauge(now))

        def keys(now, text, temperature, top_p, seed, guess, count):
            first = now is None or now.prompt.text != text
            dials, seed = Dials(temperature, top_p), _whole(seed, "Seed")
            if not first and language_model.loaded():
                _at_hand(now.written_by)
            model = yield from open_text_model(lambda notice: (*(gr.skip(),) * 6, notice))
            sheet = before = pressing.start(model, text) if first else now
            for sheet in pressing.press(model, before, dials, seed, count):
                yield *drawn(sheet), gr.skip(), gr.skip(), ""
            verdict = guessed(guess, sheet) if first else gr.skip()
            yield *drawn(sheet), screen.show(pressing.scoreboard_evidence(model, sheet)), verdict, ""

        def press_one(now, text, temperature, top_p, seed, guess):
            yield from keys(now, text, temperature, top_p, seed, guess, 1)

        def press_many(now, text, temperature, top_p, seed, guess):
            left = pressing.MAX_KEYS - (len(now.keys) if now and now.prompt.text == text else 0)
            yield from keys(now, text, temperature, top_p, seed, guess, max(1, min(40, left)))

        def shown_again(now: pressing.Sheet | None, change) -> tuple[Any, ...]:
            if now is None or not now.keys:
                return (gr.skip(),) * 5
            model = _at_hand(now.written_by)
            now = change(model, now)
            return *drawn(now), screen.show(pressing.scoreboard_evidence(model, now))

        def as_it_stands(now):
            return shown_again(now, lambda model, sheet: sheet)

        def turned(now, temperature, top_p):
            return shown_again(now, lambda model, sheet: pressing.turn(model, sheet, Dials(temperature, top_p)))

        def rolled(now, seed):
            return shown_again(now, lambda model, sheet: pressing.roll(model, sheet, _whole(seed, "Seed")))

        def next_dice(now, seed):
            seed = _whole(seed, "Seed") + 1
            return seed, *shown_again(now, lambda model, sheet: pressing.roll(model, sheet, seed))

        def by_hand(now, event: gr.EventData):
            return shown_again(now, lambda model, sheet: pressing.force(model, sheet, int(event.token)))

        def by_name(now, typed):
            if now is None or not now.keys:
                raise PlainError("Press one key first; then another may take its place.")
            return shown_again(now, lambda model, sheet: pressing.force(model, sheet, lab.one_token(model, typed)))

        def emptied(text):
            return None, str(figures.blank_page(text)), str(figures.empty_board()), "", ""

        def replaced(sample):
            return sample, *emptied(sample)

        def guessed(guess, now):
            if guess is None or now is None or now.board is None:
                return gr.skip()
            leader = pressing.leader_at(now, 0.2, _at_hand(now.written_by))
            share = leader.kept_probability
            truth = 0 if share < 0.2 else 1 if share < 0.5 else 2 if share < 0.8 else 3
            was = percent(leader.probability)
            return screen.score(
                guess, truth, f"“{lab.shown(leader.text)}” goes from {was} to {percent(share)} at temperature 0.2"
            )

        views_of = [sheet, page, board, gauge, result]
        setup = [sheet, text, temperature, top_p, seed, screen.guess]
        cheap: dict[str, Any] = {"model": None, "show_progress": "hidden", "status": status}
        long: dict[str, Any] = {"stop": pause, "status": status, "show_progress_on": status}
        press_once = events.run(one.click, press_one, setup, [*views_of, screen.verdict, status], **long)
        playing = events.run(play.click, press_many, setup, [*views_of, screen.verdict, status], **long)

        def ends(runs: list[Any], *triggers: Any) -> None:
            """What the learner does now is not undone by a run that began before."""
            for trigger in triggers:
                trigger(None, cancels=runs, api_visibility="private", queue=False)

        ends([playing], temperature.input, top_p.input)
        by_hand_events = [board.select, typed.submit, press_typed.click]
        ends([press_once, playing], seed.input, again.click, fresh.click, text.input, *by_hand_events)
        ends([press_once, playing], *(button.click for button in samples))
        events.run(pause.click, as_it_stands, sheet, views_of, **cheap)
        events.run([temperature.input, top_p.input], turned, [sheet, temperature, top_p], views_of, **cheap)
        events.run(seed.input, rolled, [sheet, seed], views_of, **cheap)
        events.run(again.click, next_dice, [sheet, seed], [seed, *views_of], **cheap)
        events.run(board.select, by_hand, sheet, views_of, **cheap)
        events.run([typed.submit, press_typed.click], by_name, [sheet, typed], views_of, **cheap)
        events.run([fresh.click, text.input], emptied, text, views_of, **cheap)
        for button in samples:
            events.run(button.click, replaced, button, [text, *views_of], **cheap)
        assert screen.guess is not None
        events.run(screen.guess.input, guessed, [screen.guess, sheet], screen.verdict, **{**cheap, "status": None})


# ---- branches --------------------------------------------------------------------------------------------


def _branch(lesson: LessonPage) -> None:
    with lesson.screen("branch", predict="after-force") as screen:
        story, chosen = gr.State(None), gr.State(None)
        text = gr.Textbox(lab.BRANCH_TEXT, label="Text to go on from", max_lines=3)
        with gr.Row():
            temperature, top_p = _dials()
            seed = _seed()
        with gr.Row(elem_classes=["sampling-tight"]):
            go = gr.Button("Write line A", variant="primary", elem_id="sampling-line-a")
            many = gr.Button("Force the runner-up in 8 texts")
            stop = gr.Button("Stop")
        status = gr.HTML("")
        page = gr.HTML(
            str(views.empty("Write a line. Then choose any of its keys, and press another one in its place.")),
            js_on_load=KEYS,
            elem_id="sampling-lines",
        )
        board = gr.HTML("", js_on_load=KEYS, elem_id="sampling-alternatives")
        typed, press_typed = _typed_key("branch")
        said = gr.HTML("")
        result = screen.evidence()

        def drawn(now: branching.Story, where: tuple[str, int] | None) -> tuple[Any, ...]:
            other = str(figures.alternatives(now, *where)) if where else ""
            return now, where, "", str(figures.lines(now, where)), other

        def told(text, temperature, top_p, seed):
            model = yield from open_text_model(lambda notice: (gr.skip(), gr.skip(), notice, gr.skip(), gr.skip(), ""))
            for now in branching.tell(model, text, Dials(temperature, top_p), _whole(seed, "Seed"), 20):
                yield *drawn(now, None), screen.show(branching.story_evidence(model, now))
            where = ("A", branching.closest_call(now.lines[0]))
            yield *drawn(now, where), gr.skip()

        def chose(now, event: gr.EventData):
            if now is None:
                return gr.skip(), gr.skip(), gr.skip()
            where = (str(event.line), int(event.at))
            if not 0 <= where[1] < len(now.line(where[0]).tokens):
                raise PlainError("Choose a key of a line on the page.")
            return where, str(figures.lines(now, where)), str(figures.alternatives(now, *where))

        def parting_key(now, where):
            if now is None or where is None:
                raise PlainError("Write a line first, then choose one of its keys.")
            return now.line(where[0]).tokens[where[1]].token_id, _at_hand(now.written_by)

        def parted(now, where, event: gr.EventData):
            there, model = parting_key(now, where)
            yield from grown(model, now, where, there, int(event.token))

        def parted_by_name(now, where, typed):
            there, model = parting_key(now, where)
            yield from grown(model, now, where, there, lab.one_token(model, typed))

        def grown(model, now, where, there, token_id):
            if there == token_id:
                raise PlainError("That key is on the line already. Press another one to part from it.")
            for then in branching.branch(model, now, where[0], where[1], token_id):
                yield *drawn(then, where), screen.show(branching.story_evidence(model, then))

        def measured(text, temperature, top_p, seed, guess):
            dials, first = Dials(temperature, top_p), _whole(seed, "Seed")
            branching.need_dice(dials)
            model = yield from open_text_model(lambda notice: (notice, gr.skip(), gr.skip(), gr.skip()))
            done: tuple[branching.Parting, ...] = ()
            yield str(views.notice("Seed 1 of 8…", "wait")), "", gr.skip(), gr.skip()
            started = time.perf_counter()
            for done in branching.partings(model, text, dials, range(first, first + 8), at=2, length=14):
                seconds = time.perf_counter() - started
                found = branching.partings_evidence(model, text, dials, done, at=2, length=14, seconds=seconds)
                progress = str(views.notice(f"Seed {len(done)} of 8 done", "wait"))
                yield progress, str(figures.partings(done)), screen.show(found), gr.skip()
            if not done:
                raise PlainError("Every text ended before its third key. Try another text or a higher temperature.")
            mean, low, high = found.value
            truth = 0 if mean < 0.25 else 1 if mean < 0.5 else 2 if mean < 0.75 else 3
            verdict = screen.score(guess, truth, interval_percent(mean, low, high))
            yield "", gr.skip(), gr.skip(), verdict

        outputs = [story, chosen, status, page, board, result]
        setup = [text, temperature, top_p, seed]
        long: dict[str, Any] = {"stop": stop, "status": status, "show_progress_on": status}
        near: dict[str, Any] = {"stop": stop, "status": said, "show_progress_on": said}
        events.run(go.click, told, setup, outputs, **long)
        events.run(page.select, chose, story, [chosen, page, board], model=None, show_progress="hidden", status=said)
        events.run(board.select, parted, [story, chosen], outputs, **near)
        events.run([typed.submit, press_typed.click], parted_by_name, [story, chosen, typed], outputs, **near)
        measured_here = [status, board, result, screen.verdict]
        events.run(many.click, measured, [*setup, screen.guess], measured_here, **long)


# ---- one seed and many -----------------------------------------------------------------------------------


def _seeds(lesson: LessonPage) -> None:
    with lesson.screen("seeds", predict="third-key") as screen:
        kept = gr.State(())
        text = gr.Textbox(lab.SEEDS_TEXT, label="Text to go on from", max_lines=3)
        with gr.Row():
            temperature, top_p = _dials(1.0, 0.92)
        with gr.Row():
            seed = _seed(1, "First seed")
            runs = gr.Slider(4, 32, 16, step=4, label="Runs")
        with gr.Row(elem_classes=["sampling-tight"]):
            go = gr.Button("Run them all", variant="primary", elem_id="sampling-crowd")
            same = gr.Button("One seed, twice")
            stop = gr.Button("Stop")
        status = gr.HTML("")
        tree = gr.HTML(str(views.empty("Each run is a row; runs that agree so far share a block.")))
        chart = gr.Plot(visible=False, show_label=False)
        result = screen.evidence()

        def crowded(kept, text, temperature, top_p, seed, runs, guess):
            model = yield from open_text_model(lambda notice: (gr.skip(), notice, *(gr.skip(),) * 4))
            dials, first = Dials(temperature, top_p), _whole(seed, "First seed")
            seeds = range(first, first + _whole(runs, "Runs"))

            def work(progress: Progress, should_stop: ShouldStop) -> Iterator[seeding.Crowd]:
                yield seeding.crowd(model, text, dials, seeds, 10, progress, should_stop)

            for event in in_background(work):
                if isinstance(event, Underway):
                    yield gr.skip(), views.underway(event), *(gr.skip(),) * 4
                    continue
                others = [one for one in kept if (one.text, one.dials, len(one.runs)) != (text, dials, len(event.runs))]
                kept = (*[one for one in others if one.text == text], event)[-4:]
                share, low, high = event.pairs[2]
                truth = 0 if share < 0.02 else 1 if share < 0.1 else 2 if share < 0.4 else 3
                yield (
                    kept,
                    "",
                    str(figures.tree_of(event)),
                    gr.Plot(figures.together_chart(kept), visible=True),
                    screen.show(seeding.crowd_evidence(model, event)),
                    screen.score(
                        guess,
                        truth,
                        f"{interval_percent(share, low, high)} of the pairs at temperature {temperature:g}",
                    ),
                )

        def twice(text, temperature, top_p, seed):
            model = yield from open_text_model(lambda notice: (notice, gr.skip(), gr.skip()))
            dials, first = Dials(temperature, top_p), _whole(seed, "First seed")
            nothing_yet = str(views.empty("The settings and the code come with the last key."))
            for rows in seeding.twice(model, text, dials, first, 10):
                yield "", str(figures.twice(rows, first)), nothing_yet
            yield "", gr.skip(), screen.show(seeding.twice_evidence(model, text, dials, first, 10, rows))

        outputs = [kept, status, tree, chart, result, screen.verdict]
        events.run(
            go.click,
            crowded,
            [kept, text, temperature, top_p, seed, runs, screen.guess],
            outputs,
            stop=stop,
            status=status,
            show_progress_on=status,
        )
        events.run(
            same.click,
            twice,
            [text, temperature, top_p, seed],
            [status, tree, result],
            stop=stop,
            status=status,
            show_progress_on=status,
        )


# ---- dull and nonsense -----------------------------------------------------------------------------------


def _sweep(lesson: LessonPage) -> None:
    with lesson.screen("sweep", predict="like-a-person") as screen:
        kept = gr.State(())
        with gr.Row():
            top_p = gr.Slider(0.05, 1, 1.0, step=0.01, label="Top-p")
            length = gr.Slider(16, 96, 64, step=8, label="Keys a text")
            seed = _seed(1, "First seed")
        with gr.Accordion("The openings, and the people's texts", open=False):
            openings = gr.Textbox("\n".join(lab.OPENINGS), label="Openings, one a line", lines=8, max_lines=12)
            people = gr.Textbox(
                "\n".join(lab.PEOPLE), lines=6, max_lines=12,
                label="Texts that people wrote, one a line; your own may stand among them or alone",
            )  # fmt: skip
        with gr.Row(elem_classes=["sampling-tight"]):
            go = gr.Button("Write at five temperatures", variant="primary", elem_id="sampling-sweep")
            stop = gr.Button("Stop")
        status = gr.HTML("")
        *levels, hottest = (f"{temperature:g}" for temperature in heating.TEMPERATURES)
        texts = gr.HTML(
            str(views.empty(f"Eight openings, each finished at temperatures {', '.join(levels)} and {hottest}."))
        )
        chart = gr.Plot(visible=False, show_label=False)
        result = screen.evidence()

        def swept(kept, openings, people, top_p, length, seed, guess):
            lines, passages = heating.openings_of(openings), heating.passages_of(people)
            model = yield from open_text_model(lambda notice: (gr.skip(), notice, *(gr.skip(),) * 4))
            settings = {"top_p": top_p, "length": _whole(length, "Keys a text"), "seed": _whole(seed, "First seed")}

            def work(progress: Progress, should_stop: ShouldStop) -> Iterator[heating.Sweep]:
                yield from heating.sweep(model, lines, passages, **settings, progress=progress, should_stop=should_stop)

            others = [one for one in kept if (one.top_p, one.length) != (top_p, settings["length"])][-2:]
            found: heating.Sweep | None = None
            for event in in_background(work):
                if isinstance(event, Underway):
                    yield gr.skip(), views.underway(event), *(gr.skip(),) * 4
                    continue
                found = event
                picture = gr.Plot(figures.sweep_chart([*others, found]), visible=True)
                shown = screen.show(heating.sweep_evidence(model, found))
                yield (*others, found), gr.skip(), str(figures.samples(found)), picture, shown, gr.skip()
            assert found is not None
            near = heating.closest_to_a_person(found)
            measured = (
                f"{near.bits[0]:.1f} bits a key ({near.bits[1]:.1f}–{near.bits[2]:.1f}) against "
                f"{found.people_said} for {plural(len(found.people), 'text')} by people"
            )
            verdict = screen.score(guess, heating.TEMPERATURES.index(near.temperature), measured)
            yield gr.skip(), "", gr.skip(), gr.skip(), gr.skip(), verdict

        outputs = [kept, status, texts, chart, result, screen.verdict]
        events.run(
            go.click,
            swept,
            [kept, openings, people, top_p, length, seed, screen.guess],
            outputs,
            stop=stop,
            status=status,
            show_progress_on=status,
        )


# ---- passes for 500 words --------------------------------------------------------------------------------


def _passes(lesson: LessonPage) -> None:
    with lesson.screen("passes", predict="passes") as screen:
        questions = gr.Textbox("\n".join(lab.QUESTIONS), label="Questions to answer, one a line", lines=8, max_lines=12)
        with gr.Row(elem_classes=["sampling-tight"]):
            go = gr.Button("Answer them", variant="primary", elem_id="sampling-answers")
            stop = gr.Button("Stop")
        status = gr.HTML("")
        bars = gr.HTML(
            str(views.empty(f"The first {lab.ANSWER_KEYS} keys of each answer; their passes and words are counted."))
        )
        result = screen.evidence()

        def answered(questions, guess):
            asked = lab.lines_of(questions, "questions")
            model = yield from open_text_model(lambda notice: (notice, gr.skip(), gr.skip(), gr.skip()))

            def work(progress: Progress, should_stop: ShouldStop) -> Iterator[answering.Answers]:
                yield answering.answers(model, asked, Dials(0.8, 0.92), 1, lab.ANSWER_KEYS, progress, should_stop)

            for event in in_background(work):
                if isinstance(event, Underway):
                    yield views.underway(event), gr.skip(), gr.skip(), gr.skip()
                    continue
                mean, low, high = event.passes
                truth = 0 if mean < 500 else 1 if mean < 800 else 2 if mean < 1500 else 3
                rows = [
                    (question, len(run.token_ids), len(run.text.split()))
                    for question, run in zip(event.questions, event.runs, strict=True)
                ]
                yield (
                    "",
                    str(figures.answer_bars(rows, event.passes, event.length)),
                    screen.show(answering.answers_evidence(model, event)),
                    screen.score(guess, truth, f"{mean:.0f} passes (95 % interval {low:.0f}–{high:.0f})"),
                )

        events.run(
            go.click,
            answered,
            [questions, screen.guess],
            [status, bars, result, screen.verdict],
            stop=stop,
            status=status,
            show_progress_on=status,
        )


# ---- the same by name, for gradio_client -----------------------------------------------------------------


def next_token(text: str, temperature: float = 1.0, top_p: float = 1.0, top: int = 12) -> dict[str, Any]:
    """The scoreboard after `text`: one pass, every token scored, the best `top` (1 to 100) returned.

    `temperature` 0 to 5 (0 is greedy), `top_p` above 0 up to 1. Each candidate has token_id, text, logit,
    probability (before the dials), kept_probability (after; 0 means cut) and rank.
    """
    dials, count = Dials(temperature, top_p), _bounded(top, 1, 100, "top")
    model = language_model.load()
    scores = model.next_token_scores(model.encode(text))
    return {**_board(reshape(scores.logits, dials, model.piece, count)), **_about(model), "seconds": scores.seconds}


def write(
    text: str, temperature: float = 0.8, top_p: float = 0.92, seed: int = 7, max_tokens: int = 40
) -> Iterator[dict[str, Any]]:
    """Go on from `text`, one event a token: the text so far, the token, its chances and the dice it came from.

    The same seed and settings give the same text. `max_tokens` 1 to 512; "finished" is "eos" or "length" at the end.
    """
    dials, length = Dials(temperature, top_p), _bounded(max_tokens, 1, 512, "max_tokens")
    seed = _bounded(seed, 0, MAX_SEED, "seed")
    model = language_model.load()
    prompt, written = model.encode(text), ""
    for token in model.write(prompt, dials, seed=seed, max_tokens=length):
        written += token.text
        yield {"text": written, **_token(token), "passes": token.passes, "finished": token.finished, **_about(model)}


def branch(
    text: str,
    token: str,
    at: int = 0,
    temperature: float = 0.8,
    top_p: float = 0.92,
    seed: int = 7,
    max_tokens: int = 20,
) -> dict[str, Any]:
    """Write from `text`, force `token` (its exact text, such as " the" or a line end) at key `at` (from 0).

    What follows has the same dice as before.

    Returns both lines, token by token, and where they part (null when the token was the one drawn anyway).
    """
    dials, length = Dials(temperature, top_p), _bounded(max_tokens, 1, 128, "max_tokens")
    step, seed = _bounded(at, 0, length - 1, "at"), _bounded(seed, 0, MAX_SEED, "seed")
    model = language_model.load()
    prompt, forced = model.encode(text), lab.one_token(model, token)
    line = list(model.write(prompt, dials, seed=seed, max_tokens=length))
    ids = [one.token_id for one in line]
    if step >= len(ids):
        raise PlainError(f"The text ended after {len(ids)} keys. Branch at key {len(ids) - 1} or before.")
    other = list(model.branch(prompt, ids, step, forced, dials, seed=seed, max_tokens=length))
    return {
        "line": {"text": "".join(one.text for one in line), "tokens": [_token(one) for one in line]},
        "branch": {"text": "".join(one.text for one in other), "tokens": [_token(one) for one in other]},
        "parts_at": parting(ids, [one.token_id for one in other]),
        **_about(model),
    }


def _bounded(value: Any, low: int, high: int, name: str) -> int:
    """A whole number from a caller's JSON, which may hold anything."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high or value != int(value):
        raise PlainError(f"Set {name} to a whole number from {low} to {high}; it was {str(value)[:40]}.")
    return int(value)


def _board(board: Scoreboard) -> dict[str, Any]:
    return {
        "candidates": [vars(candidate) for candidate in board.candidates],
        "vocabulary_size": board.vocabulary_size,
        "entropy_bits": board.entropy_bits,
        "kept": board.kept,
        "kept_entropy_bits": board.kept_entropy_bits,
    }


def _token(token: Token) -> dict[str, Any]:
    return {
        "index": token.index,
        "token_id": token.token_id,
        "piece": token.piece,
        "probability": token.probability,
        "kept_probability": token.kept_probability,
        "rank": token.rank,
        "dice": token.draw,
        "forced": token.forced,
    }


def _about(model: LanguageModel) -> dict[str, str]:
    return {"model": model.name, "revision": model.revision}
