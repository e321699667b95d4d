"""The recovery lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

import gradio as gr

from lessons.recovery import figures as draw
from lessons.recovery import moments, strike
from lessons.shell import charts, controls
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page


def build() -> None:
    with lesson_page("recovery") as lesson:
        _strike(lesson)
        _moments(lesson)


def _strike(lesson: LessonPage) -> None:
    with lesson.screen("strike", predict="stands") as screen:
        with gr.Row(equal_height=True):
            share = gr.Slider(
                strike.EARLIEST, strike.LATEST, 0.5, step=0.1, label="Share of the way", scale=2, min_width=120
            )
            runs = gr.Slider(strike.LEAST, strike.MOST, 6, step=1, label="Runs of each", scale=2, min_width=120)
            seed = controls.seed_number()
        experiment(
            screen, "Strike all four", strike.strike, [share, runs, seed],
            {gr.HTML(render=False): draw.cards,
             gr.HTML(render=False): draw.pairs},
            truth=strike.truth, queue="pictures", cost=lambda share, runs, seed: 2 + runs,
        )  # fmt: skip


def _moments(lesson: LessonPage) -> None:
    with lesson.screen("moments", predict="late") as screen:
        with gr.Row(equal_height=True):
            runs = gr.Slider(moments.LEAST, moments.MOST, 16, step=4, label="Runs of the twin", scale=2, min_width=120)
            seed = controls.seed_number()
        experiment(
            screen, "Strike the twin three times", moments.moments, [runs, seed],
            {charts.chart(): draw.still_right, gr.HTML(render=False): draw.standing,
             unveiled(charts.chart()): draw.surprise},
            truth=moments.truth, queue="stories", cost=lambda runs, seed: runs,
        )  # fmt: skip
