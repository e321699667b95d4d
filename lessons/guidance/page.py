"""The guidance lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from lessons.guidance import dice, edit, fork, maps, one_by_one, silence, sweep
from lessons.guidance import figures as draw
from lessons.guidance.measures import CAPTION, OPEN, OVERCOOKED, PAIR, STEPS, WORDS
from lessons.shell import charts, controls, events, film
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page

HERE = Path(__file__).parent


def build() -> None:
    with lesson_page("guidance") as lesson:
        _one_by_one(lesson)
        _maps(lesson)
        _silence(lesson)
        _fork(lesson)
        _sweep(lesson)
        _edit(lesson)
        _dice(lesson)


def _word(value: str, label: str) -> gr.Textbox:
    return gr.Textbox(value, label=label, scale=2, min_width=120, max_length=60)


def _one_by_one(lesson: LessonPage) -> None:
    with lesson.screen("one-by-one", predict="little-words") as screen:
        with gr.Row():
            caption = controls.caption(WORDS)
            seeds = controls.seeds_slider(4, 8)
        bars = gr.HTML(render=False)
        experiment(
            screen, "Add one word at a time", one_by_one.one_by_one, [caption, seeds],
            {film.pictures(): draw.words_rows, bars: draw.words_bars},
            truth=one_by_one.one_by_one_truth, queue="pictures", also=[caption.submit],
            cost=lambda caption, seeds: (2 * len(caption.split()) + 1) * seeds,
        )  # fmt: skip


def _maps(lesson: LessonPage) -> None:
    with lesson.screen("maps", predict="looks-at") as screen:
        with gr.Row():
            caption = controls.caption(PAIR)
            seed = controls.seed_number()
        view = gr.HTML("", html_template=draw.MAPS, js_on_load=film.scrubbed(HERE / "maps.js"), render=False)

        def look(*settings: Any) -> Any:
            return draw.mapped(maps.look(*settings), view)

        experiment(
            screen, "Paint it, and listen to every patch", look, [caption, seed], fills=[view],
            truth=maps.look_truth, queue="pictures", also=[caption.submit],
        )  # fmt: skip


def _silence(lesson: LessonPage) -> None:
    with lesson.screen("silence", predict="listening") as screen:
        with gr.Row():
            caption = controls.caption(CAPTION)
            word = _word("yellow", "Word to take away")
        with gr.Row():
            first = gr.Slider(1, STEPS, 1, step=1, label="from pass", scale=2, min_width=120)
            last = gr.Slider(1, STEPS, 8, step=1, label="to pass", scale=2, min_width=120)
            seeds = controls.seeds_slider(6, 8)
        bars = gr.HTML(render=False)
        experiment(
            screen, "Take it away, in those passes only", silence.take_away, [caption, word, first, last, seeds],
            {film.pictures(): draw.silenced_rows, bars: draw.silenced_bars},
            truth=silence.silence_truth, queue="pictures", also=[caption.submit, word.submit],
            cost=lambda caption, word, first, last, seeds: 5 * seeds,
        )  # fmt: skip


def _fork(lesson: LessonPage) -> None:
    with lesson.screen("fork", predict="widest") as screen:
        with gr.Row():
            caption = controls.caption(CAPTION)
            scale = gr.Slider(1.5, 20, 4, step=0.5, label="Guidance scale", scale=2, min_width=200)
            seed = controls.seed_number()
        view = gr.HTML("", html_template=draw.FORK, js_on_load=film.scrubbed(HERE / "fork.js"), render=False)

        def predict_twice(*settings: Any) -> Any:
            return draw.forked(fork.fork(*settings), view)

        experiment(
            screen, "Show both predictions", predict_twice, [caption, scale, seed], fills=[unveiled(view)],
            truth=fork.fork_truth, queue="pictures", also=[caption.submit],
        )  # fmt: skip


def _sweep(lesson: LessonPage) -> None:
    with lesson.screen("sweep", predict="bought") as screen:
        with gr.Row():
            caption = controls.caption(OVERCOOKED)
            seeds = controls.seeds_slider(8, 12)
        experiment(
            screen, "Turn it from nothing to far too much", sweep.sweep, [caption, seeds],
            {film.pictures(): draw.sweep_row, charts.chart(): draw.sweep_chart},
            truth=sweep.sweep_truth, queue="pictures", also=[caption.submit],
            cost=lambda caption, seeds: len(sweep.SCALES) * seeds,
        )  # fmt: skip


KINDS = [
    ("another word, the layout held", "swap"),
    ("one word louder or quieter", "weigh"),
    ("a negative caption", "negative"),
]


def _edit(lesson: LessonPage) -> None:
    with lesson.screen("edit", predict="nearer") as screen:
        kind = gr.Radio(KINDS, value="swap", label="What to try")
        with gr.Row():
            caption = controls.caption(edit.OFFERED["swap"][0])
            word = _word(edit.OFFERED["swap"][1], "Word")
            other = _word(edit.OTHER, "Another word")
            negative = controls.caption(edit.NEGATIVE, "Negative caption", visible=False, needed=False)
        with gr.Row():
            hold = gr.Slider(1, STEPS, 20, step=1, label="Passes that hold the layout", scale=2)
            seed = controls.seed_number()
        run = experiment(
            screen, "Try it", edit.edit, [kind, caption, word, other, negative, hold, seed],
            {film.pictures(): draw.edit_rows}, truth=edit.swap_truth, queue="pictures", also=[caption.submit],
            cost=lambda kind, *others: edit.PICTURES[kind],
        )  # fmt: skip

        def choose(kind: str, words: str, one: str) -> dict[Any, Any]:
            words, one = edit.offered(kind, words, one)
            return {
                caption: words,
                word: gr.update(value=one, visible=kind != "negative"),
                other: gr.update(visible=kind == "swap"),
                negative: gr.update(visible=kind == "negative"),
                hold: gr.update(visible=kind == "swap"),
                **run.emptied(),
            }

        events.on(kind.change, choose, [kind, caption, word], [caption, word, other, negative, hold, *run.places])


def _dice(lesson: LessonPage) -> None:
    with lesson.screen("dice", predict="left-over") as screen:
        with gr.Row():
            caption = controls.caption(OPEN)
            seeds = controls.seeds_slider(16)
        experiment(
            screen, "Paint the same seeds at three scales", dice.dice, [caption, seeds],
            {film.pictures(): draw.dice_rows}, truth=dice.dice_truth, queue="pictures", also=[caption.submit],
            cost=lambda caption, seeds: 6 * seeds,
        )  # fmt: skip
