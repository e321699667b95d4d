"""The train-your-own lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from typing import Any

import gradio as gr

from engines.text.small import MOST, MOST_SECONDS
from lessons.shell import charts, controls, events, views
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page, still
from lessons.train_your_own import copy, diets, train
from lessons.train_your_own import figures as draw
from lessons.train_your_own.measures import DIETS


def build() -> None:
    with lesson_page("train-your-own") as lesson:
        _train(lesson)
        _diets(lesson)
        _copy(lesson)


def _diet(value: str, label: str) -> gr.Dropdown:
    return gr.Dropdown([(words, key) for key, words in DIETS.items()], value=value, label=label, scale=3, min_width=180)


def _train(lesson: LessonPage) -> None:
    with lesson.screen("train", predict="beats-pairs") as screen:
        model = gr.State(None)
        with gr.Row(equal_height=True):
            diet = _diet("prose", "The text it eats")
            seconds = gr.Slider(train.LEAST_SECONDS, MOST_SECONDS, train.SECONDS, step=5, label="Seconds", scale=2)
            seed = controls.seed_number()
        own = gr.Textbox(
            "", label="or your own text: paste a page or more (it stays on this server while it trains)", lines=2,
            max_lines=4, max_length=MOST,
        )  # fmt: skip
        run = experiment(
            screen, "Train it", train.train, [diet, own, seconds, seed],
            {charts.chart(): draw.curves, unveiled(gr.HTML(render=False)): draw.samples, model: lambda one: one.file},
            truth=train.train_truth, queue="processor", cost=lambda diet, own, seconds, seed: seconds,
        )  # fmt: skip
        run.pace = 1.15  # the learner chose the seconds; the rest is the start of a process
        with gr.Row(equal_height=True):
            prompt = gr.Textbox("The painter ", label="Let it write on after", max_length=train.MOST_PROMPT, scale=3)
            temperature = gr.Slider(0.1, 2, 0.8, step=0.1, label="Temperature", scale=2)
        experiment(
            screen, "Write on", train.write_on, [model, prompt, temperature, seed],
            {gr.HTML(render=False): draw.written}, queue="processor", key="write", asks=False, recordable=False,
            also=[prompt.submit],
        )  # fmt: skip
        with gr.Row(equal_height=True):
            save = still("", "train-your-own-saved")
            load = gr.UploadButton("Load a typewriter", file_types=[".safetensors"], type="binary", min_width=170)
        note = still("", "status")

        def take(data: Any) -> dict[Any, Any]:
            file, words = train.loaded(data)
            return {model: file, note: str(views.notice(words))}

        events.on(load.upload, take, load, [model, note], status=note, turn="uploads")
        events.on(model.change, lambda file: {save: draw.link(file)}, model, save)


def _diets(lesson: LessonPage) -> None:
    with lesson.screen("diets", predict="stranger") as screen:
        with gr.Row(equal_height=True):
            first, second = _diet("prose", "One eats"), _diet("code", "The other eats")
        with gr.Row(equal_height=True):
            steps = gr.Slider(
                diets.LEAST_STEPS, diets.MOST_STEPS, diets.STEPS, step=50, label="Training steps", scale=3
            )
            seed = controls.seed_number()
        experiment(
            screen, "Feed both", diets.feed, [first, second, steps, seed],
            {gr.HTML(render=False): draw.table, unveiled(gr.HTML(render=False)): draw.beside},
            truth=diets.feed_truth, queue="processor", cost=lambda first, second, steps, seed: steps,
        )  # fmt: skip


def _copy(lesson: LessonPage) -> None:
    with lesson.screen("copy", predict="by-heart") as screen:
        with gr.Row(equal_height=True):
            diet, seed = _diet("prose", "The text"), controls.seed_number()
        with gr.Row(equal_height=True):
            size = gr.Slider(
                copy.LEAST_SIZE, copy.MOST_SIZE, copy.SIZE, step=500, label="Characters of it", min_width=140
            )
            steps = gr.Slider(
                copy.LEAST_STEPS, copy.MOST_STEPS, copy.STEPS, step=50, label="Training steps", min_width=140
            )
        experiment(
            screen, "Train it too long", copy.overtrain, [diet, size, steps, seed],
            {charts.chart(): draw.copies, gr.HTML(render=False): draw.passages},
            truth=copy.copy_truth, queue="processor", cost=lambda diet, size, steps, seed: steps,
        )  # fmt: skip
