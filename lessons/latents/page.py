"""The latents lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

import gradio as gr

from lessons.latents import figures as draw
from lessons.latents import shrink, smear, surgery, text
from lessons.latents.measures import FIRST
from lessons.shell import charts, controls, film, scenes
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page


def build() -> None:
    with lesson_page("latents") as lesson:
        picked = gr.State((FIRST, None))
        _shrink(lesson, picked)
        _smear(lesson, picked)
        _surgery(lesson, picked)
        _text(lesson)


def _shrink(lesson: LessonPage, picked: gr.State) -> None:
    with lesson.screen("shrink", predict="exact") as screen:
        picker = gr.HTML(controls.picker(scenes.scenes(), FIRST), js_on_load=controls.PICKER_JS)
        own = gr.UploadButton("Use my own picture", file_types=["image"], elem_classes=["latents-own"])
        run = experiment(
            screen, "Squeeze it and bring it back", shrink.shrink_picked, [picked],
            {unveiled(film.pictures()): draw.shrunk},
            truth=shrink.truth, queue="pictures",
        )  # fmt: skip
        controls.wire_picker(picked, picker, own, run.status, scenes.scenes())


def _smear(lesson: LessonPage, picked: gr.State) -> None:
    with lesson.screen("smear", predict="stripes") as screen:
        experiment(
            screen, "Send edges, stripes and strangers through", smear.smear_picked, [picked],
            {
                unveiled(film.pictures()): draw.detail_bars, charts.chart(): draw.stripe_chart,
                film.pictures(): draw.stripe_pictures, unveiled(film.pictures()): draw.stranger_row,
            },
            truth=smear.truth, queue="pictures",
        )  # fmt: skip


def _surgery(lesson: LessonPage, picked: gr.State) -> None:
    with lesson.screen("surgery", predict="channel") as screen:
        how = gr.Radio(
            [(f"Each channel {words}", key) for key, words in surgery.HOWS.items()], value="zero",
            label="The operation (on the picture chosen at the top, and on the bundled scenes)",
        )  # fmt: skip
        experiment(
            screen, "Operate on all four channels", surgery.operate_picked, [picked, how],
            {film.pictures(): draw.operated, gr.HTML(render=False): draw.harm_bars},
            truth=surgery.truth, queue="pictures",
        )  # fmt: skip


def _text(lesson: LessonPage) -> None:
    with lesson.screen("text", predict="letters") as screen:
        with gr.Row(equal_height=True):
            own = gr.Textbox("", label="A word of your own (optional)", max_length=text.MAX_LETTERS, scale=3)
            count = gr.Slider(2, text.MAX_WORDS, 6, step=1, label="Words at each height", scale=3)
            seed = controls.seed_number()
        experiment(
            screen, "Draw, squeeze, and read again", text.legibility, [own, count, seed],
            {film.pictures(): draw.readings, charts.chart(): draw.reading_chart},
            truth=text.truth, queue="pictures", also=[own.submit], cost=lambda own, count, seed: count,
            check=text.pick_words,
        )  # fmt: skip
