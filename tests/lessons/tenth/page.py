"""The page of the tenth lesson: three screens, and nothing but controls."""

from __future__ import annotations

from typing import Any

import gradio as gr

from lessons.shell import charts, controls
from lessons.shell.experiment import experiment
from lessons.shell.frame import LessonPage, lesson_page
from lessons.shell.views import Bar, bars
from tests.lessons.tenth import coin


def build() -> LessonPage:
    with lesson_page("tenth") as lesson:
        with lesson.screen("toss", predict="heads") as screen:
            count = gr.Slider(1, 1000, 16, step=1, label="Tosses")
            seed = controls.seed_number()
            experiment(
                screen, "Toss", coin.toss, [count, seed], {gr.HTML(render=False): share_bar}, truth=coin.heads,
                queue=None, cost=lambda count, seed: count,
            )  # fmt: skip
        with lesson.screen("walk") as screen:
            experiment(screen, "Walk", coin.walk, [controls.seed_number()], {charts.chart(): walked}, queue=None)
        with lesson.screen("wait") as screen:
            steps = gr.Slider(1, 100, 3, step=1, label="Steps")
            experiment(screen, "Wait", coin.wait, [steps], queue="processor")
    return lesson


def share_bar(value: Any) -> str:
    return str(bars([Bar("heads", value.rate, f"{value.rate:.0%}", low=value.low, high=value.high)]))


def walked(value: Any) -> Any:
    figure = charts.figure("step", "place")
    charts.line(figure, range(len(value)), value, "the walk", charts.BLUE)
    return figure
