"""The sampling lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from engines.evidence import Evidence
from lessons.sampling import branch, examples, link, passes, scoreboard, seeds, sweep
from lessons.sampling import figures as draw
from lessons.sampling.measures import LONGEST_KEY, MAX_SEED
from lessons.shell import charts, controls, events, scripts
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page

BOARD = scripts.script(Path(__file__).parent / "board.js")
# The dials are kept too, for a board whose script is still on its way.
TURN = """(...dials) => {
  const board = document.getElementById("sampling-board");
  board.dials = dials;
  board.dispatchEvent(new Event("dials"));
}"""


def build() -> None:
    with lesson_page("sampling") as lesson:
        _scoreboard(lesson)
        _branch(lesson)
        _seeds(lesson)
        _sweep(lesson)
        _passes(lesson)


def _text(value: str, **options: Any) -> gr.Textbox:
    return gr.Textbox(value, label="Text to go on from; type your own", max_lines=3, **options)


def _dials(temperature: float = 0.8, top_p: float = 0.92, **options: Any) -> tuple[gr.Slider, gr.Slider]:
    options = {"scale": 3, "min_width": 140, **options}
    return (
        gr.Slider(0, link.HOTTEST, temperature, step=0.05, label="Temperature", **options),
        _top_p(top_p, **options),
    )


def _top_p(value: float, **options: Any) -> gr.Slider:
    return gr.Slider(link.NARROWEST, 1, value, step=0.01, label="Top-p", **options)


def _seed(value: int = 7, label: str = "Seed", **options: Any) -> gr.Number:
    return controls.seed_number(value, label, most=MAX_SEED, min_width=84, **options)


def _typed_key(label: str, **options: Any) -> gr.Textbox:
    """A box for any key of the vocabulary."""
    return gr.Textbox(
        label=label, placeholder="␣the", max_lines=1, max_length=LONGEST_KEY, scale=2, min_width=130, **options
    )


def _view(**options: Any) -> gr.HTML:
    return gr.HTML(render=False, **options)


def _keep(value: Any) -> Any:
    return value


def _scoreboard(lesson: LessonPage) -> None:
    with lesson.screen("scoreboard", predict="cold") as screen:
        sheet = gr.State(None)
        text = _text(examples.TEXT, elem_id="sampling-text")
        with gr.Row(elem_classes=["sampling-samples-row"]):
            samples = [gr.Button(sample, size="sm", min_width=60) for sample in examples.SAMPLES]
            fresh = gr.Button("Start again", size="sm", min_width=60)
        temperature, top_p = _dials(render=False)
        seed, again = _seed(render=False), gr.Button("Other dice", min_width=104, scale=1, render=False)
        typed = _typed_key("Or type a key, then Enter", render=False)
        desk = unveiled(_view(js_on_load=BOARD, elem_id="sampling-board"))
        settings, shows = [sheet, text, temperature, top_p, seed], {desk: draw.desk, sheet: _keep}
        run = experiment(
            screen, "Press one key", scoreboard.press_on, settings, shows, truth=scoreboard.cold_truth, quick=True,
            near=[temperature, top_p, seed, again, typed],
        )  # fmt: skip
        experiment(
            screen, "Play", scoreboard.play, settings, shows, truth=scoreboard.cold_truth, beside=run, key="play",
            recordable=False,
        )  # fmt: skip

        def redrawn(found: Evidence) -> dict[Any, Any]:
            return {**run.given_up(), **run.shown(found)}

        def settled(now: Any, text: str, temperature: float, top_p: float) -> dict[Any, Any]:
            if run.busy or not scoreboard.live(now, text):
                return {}  # the scoreboard of the press under way asks again
            return redrawn(scoreboard.turned(now, text, temperature, top_p))

        def rolled(now: Any, text: str, seed: int) -> dict[Any, Any]:
            return redrawn(scoreboard.rolled(now, text, seed)) if scoreboard.live(now, text) else {}

        def next_dice(now: Any, text: str, number: int) -> dict[Any, Any]:
            return {**redrawn(scoreboard.rolled(now, text, (number or 0) + 1)), seed: (number or 0) + 1}

        def by_hand(now: Any, text: str, event: gr.EventData) -> dict[Any, Any]:
            return redrawn(scoreboard.forced(now, text, int(event._data["token"])))

        def by_name(now: Any, text: str, key: str) -> dict[Any, Any]:
            return redrawn(scoreboard.forced(now, text, key))

        def emptied(words: str) -> dict[Any, Any]:
            return {**run.emptied(), **run.given_up(), desk: draw.blank(words)}

        def replaced(words: str) -> dict[Any, Any]:
            return {**emptied(words), text: words}

        def linked(event: gr.EventData) -> dict[Any, Any]:
            found = link.read(event._data.get("link"))
            dials = {temperature: found.dials.temperature, top_p: found.dials.top_p, seed: found.seed}
            return {**replaced(found.kept.text), **dials, sheet: found.kept}

        def made(guess: str | None, now: Any, *rest: Any) -> Any:
            if isinstance(now, link.Kept) and not now.on_page:
                yield from run.run(guess, now, *rest)
            else:
                yield {run.go: run.words}  # what refused the link stands

        page: dict[str, Any] = {"outputs": [seed, *run.places], "status": run.status}
        gr.on([temperature.change, top_p.change], None, [temperature, top_p], None, js=TURN)
        events.on(desk.release, settled, [sheet, text, temperature, top_p], **page)
        events.on(seed.input, rolled, [sheet, text, seed], run.places, status=run.status)
        events.on(again.click, next_dice, [sheet, text, seed], **page)
        events.on(desk.select, by_hand, [sheet, text], **page)
        events.on(typed.submit, by_name, [sheet, text, typed], **page)
        events.on([fresh.click, text.input], emptied, text, run.places)
        for button in samples:
            events.on(button.click, replaced, button, [text, *run.places])
        came = events.on(desk.apply, linked, None, [text, temperature, top_p, seed, *run.places], status=run.status)
        came.then(made, [screen.guess, *settings], run.places, **events.PRIVATE)
        events.on(desk.expand, lambda: {sheet: link.Kept(examples.TEXT, 1, on_page=True)}, None, sheet)


def _branch(lesson: LessonPage) -> None:
    with lesson.screen("branch", predict="after-force") as screen:
        story = gr.State(None)
        text = _text(examples.BRANCH_TEXT)
        with gr.Row():
            temperature, top_p = _dials()
            seed = _seed()
        typed = _typed_key("Press a key of the scoreboard, or type one: ␣ is a space", render=False)
        board = unveiled(_view(js_on_load=BOARD, elem_id="sampling-alternatives"))
        lines = unveiled(_view(js_on_load=BOARD, elem_id="sampling-lines"))
        settings, shows = [text, temperature, top_p, seed], {board: draw.alternatives, lines: draw.lines, story: _keep}
        run = experiment(screen, "Write line A", branch.first_line, settings, shows, asks=False, near=[typed])
        experiment(
            screen, "Press the typed key", branch.parted, [story, *settings, typed], shows, asks=False, beside=run,
            key="part", also=[typed.submit], select=board, recordable=False,
        )  # fmt: skip

        def chose(now: Any, event: gr.EventData) -> dict[Any, Any]:
            then = branch.chose(now, event._data)
            return {story: then, board: str(draw.alternatives(then)), lines: str(draw.lines(then))}

        events.on(lines.select, chose, story, [story, board, lines], status=run.status)
        experiment(
            screen, "Force the runner-up in 8 texts", branch.runners_up, settings,
            {_view(): draw.partings}, truth=branch.stayed_truth, key="runner-up",
            cost=lambda *_: branch.PASSES,
        )  # fmt: skip


def _seeds(lesson: LessonPage) -> None:
    with lesson.screen("seeds", predict="third-key") as screen:
        kept = gr.State(())
        text = _text(examples.SEEDS_TEXT)
        with gr.Row():
            temperature, top_p = _dials(1.0)
            seed = _seed(1, "First seed")
            runs = gr.Slider(4, 32, 16, step=4, label="Runs", scale=2, min_width=120)
        tree = _view()
        settings = [text, temperature, top_p, seed]
        shows = {tree: draw.tree_of, charts.chart(): draw.together_chart, kept: _keep}
        run = experiment(
            screen, "Run them all", seeds.crowded, [kept, *settings, runs], shows, truth=seeds.third_key,
            cost=lambda kept, text, temperature, top_p, seed, runs: 2 * seeds.LENGTH * runs,
        )  # fmt: skip

        def twice(model: Any, *settings: Any) -> Any:
            return draw.twice_written(seeds.twice(model, *settings), int(settings[-1]), tree)

        experiment(screen, "One seed, twice", twice, settings, fills=[tree], beside=run, key="twice", recordable=False)


def _sweep(lesson: LessonPage) -> None:
    with lesson.screen("sweep", predict="like-a-person") as screen:
        kept = gr.State(())
        with gr.Row():
            top_p = _top_p(1.0, scale=3)
            length = gr.Slider(16, 96, 32, step=8, label="Keys a text", scale=3)
            seed = _seed(1, "First seed")
        with gr.Accordion("The openings, and the people's texts", open=False):
            openings = gr.Textbox("\n".join(examples.OPENINGS), label="Openings, one a line", lines=8, max_lines=12)
            people = gr.Textbox(
                "\n".join(examples.PEOPLE), lines=6, max_lines=12,
                label="Texts that people wrote, one a line; your own may stand among them or alone",
            )  # fmt: skip
        experiment(
            screen, "Write at five temperatures", sweep.swept, [kept, top_p, length, seed, openings, people],
            {charts.chart(): draw.sweep_chart, unveiled(_view()): draw.samples, kept: _keep},
            truth=sweep.like_a_person, cost=sweep.passes,
        )  # fmt: skip


def _passes(lesson: LessonPage) -> None:
    with lesson.screen("passes", predict="passes") as screen:
        questions = gr.Textbox(
            "\n".join(examples.QUESTIONS), label="Questions to answer, one a line", lines=4, max_lines=12
        )
        experiment(
            screen, "Answer them", passes.answered, [questions], {_view(): draw.answer_bars},
            truth=passes.needed, cost=lambda questions: passes.LENGTH * len((questions or "").splitlines()),
        )  # fmt: skip
