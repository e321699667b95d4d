"""The text-diffusion lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from engines.text import larger as larger_models
from engines.text.masked import ROUNDS, TEMPERATURE
from lessons.shell import charts, controls, film, scripts
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, Screen, lesson_page
from lessons.text_diffusion import between, canvas, cover, larger, mend, rounds
from lessons.text_diffusion import figures as draw
from lessons.text_diffusion.measures import LEAST_STORIES, MOST_STORIES

HERE = Path(__file__).parent


def build() -> None:
    with lesson_page("text-diffusion") as lesson:
        _canvas(lesson)
        _rounds(lesson)
        _mend(lesson)
        _between(lesson)


def _how_many(value: int = 8) -> gr.Dropdown:
    return gr.Dropdown(list(ROUNDS), value=value, label="Rounds", scale=1, min_width=90)


def _warmth(least: float = 0.0) -> gr.Slider:
    return gr.Slider(least, 1.5, TEMPERATURE, step=0.1, label="Temperature", scale=2, min_width=140)


def _canvas(lesson: LessonPage) -> None:
    with lesson.screen("canvas", predict="kept") as screen:
        with gr.Row(equal_height=True):
            many, warmth, seed = _how_many(), _warmth(), controls.seed_number()
        reel = gr.HTML(elem_classes=["reel"], js_on_load=film.scrubbed(HERE / "canvas.js"), render=False)

        def run(*values: Any) -> Iterator[Any]:
            return draw.filmed(canvas.draft(*values), reel)

        experiment(
            screen, "Sharpen a story", run, [many, warmth, seed], {}, fills=[unveiled(reel)], truth=canvas.kept_truth,
            queue="stories",
        )  # fmt: skip
        if larger_models.wanted():
            _larger(screen)


def _larger(screen: Screen) -> None:
    """Only where the operator chose a larger writer."""
    request = gr.Textbox(larger.REQUEST, label="A request to the larger writer", max_length=larger_models.MAX_PROMPT)
    with gr.Row(equal_height=True):
        length = gr.Slider(8, larger_models.MAX_ANSWER, 48, step=8, label="Tokens", scale=2, min_width=140)
        many, warmth, seed = _how_many(), _warmth(), controls.seed_number()
    reel = gr.HTML(elem_classes=["reel"], js_on_load=film.scrubbed(HERE / "canvas.js"), render=False)

    def run(*values: Any) -> Iterator[Any]:
        return draw.answered(larger.answer(*values), reel)

    experiment(
        screen, "Let it answer", run, [request, length, many, warmth, seed], {}, fills=[reel], queue="stories",
        key="larger", asks=False, recordable=False, also=[request.submit], cost=lambda *values: values[2],
    )  # fmt: skip


def _rounds(lesson: LessonPage) -> None:
    with lesson.screen("rounds", predict="gap") as screen:
        with gr.Row(equal_height=True):
            count = gr.Slider(LEAST_STORIES, MOST_STORIES, 32, step=8, label="Stories of each", scale=2, min_width=140)
            warmth, seed = _warmth(0.1), controls.seed_number()
        experiment(
            screen, "Write them all", rounds.compare, [count, warmth, seed],
            {charts.chart(): draw.curve, gr.HTML(render=False): draw.price},
            truth=rounds.gap_truth, queue="stories", cost=lambda count, warmth, seed: count,
        )  # fmt: skip


def _mend(lesson: LessonPage) -> None:
    with lesson.screen("mend", predict="sides") as screen:
        with gr.Row(equal_height=True):
            fact = gr.Dropdown(
                [(words, key) for key, words in mend.FACTS.items()], value="colour", label="The word to spoil",
                scale=2, min_width=140,
            )  # fmt: skip
            count = gr.Slider(mend.LEAST, mend.MOST, 12, step=4, label="Stories of each kind", scale=2, min_width=140)
            seed = controls.seed_number()
        experiment(
            screen, "Spoil and mend", mend.mend, [fact, count, seed],
            {gr.HTML(render=False): draw.mended, unveiled(gr.HTML(render=False)): draw.patient},
            truth=mend.mend_truth, queue="stories", cost=lambda fact, count, seed: count,
        )  # fmt: skip
        _by_hand(screen)


def _by_hand(screen: Screen) -> None:
    chosen = gr.State(None)
    with gr.Row(equal_height=True):
        whose = gr.Dropdown(
            [(words, key) for key, words in cover.WHOSE.items()], value="grammar", label="The finished story",
            scale=2, min_width=150,
        )  # fmt: skip
        deed = gr.Dropdown(
            [(words, key) for key, words in cover.DEEDS.items()], value="wrong", label="What to do to a word",
            scale=2, min_width=150,
        )  # fmt: skip
        word = gr.Textbox("", label="The wrong word (empty: one of its kind)", max_length=60, scale=2, min_width=150)
        seed = controls.seed_number()
    words = gr.HTML(render=False, js_on_load=scripts.script(HERE / "words.js"))
    reel = gr.HTML(elem_classes=["reel"], js_on_load=film.scrubbed(HERE / "canvas.js"), render=False)
    experiment(
        screen, "Let it mend", cover.cover, [chosen, whose, deed, word, seed],
        {unveiled(words): draw.choices, unveiled(reel): draw.covered, unveiled(gr.HTML(render=False)): draw.sides,
         chosen: lambda one: one.chosen},
        queue="stories", key="by-hand", asks=False, also=[word.submit], select=words,
    )  # fmt: skip


def _between(lesson: LessonPage) -> None:
    with lesson.screen("between", predict="forced") as screen:
        with gr.Row(equal_height=True):
            beginning = gr.Textbox(between.BEGINNING, label="It begins", max_length=300, scale=2, min_width=160)
            words = gr.Slider(4, 30, between.WORDS, step=1, label="Words between", scale=2, min_width=140)
        ending = gr.Textbox(between.ENDING, label="and ends", max_length=300)
        with gr.Row(equal_height=True):
            many, seed = _how_many(16), controls.seed_number()
            seeds = gr.Slider(between.LEAST_SEEDS, between.MOST_SEEDS, between.SEEDS, step=8, label="Seeds", scale=2)
        experiment(
            screen, "Fill the middle", between.fill, [beginning, words, ending, many, seeds, seed],
            {gr.HTML(render=False): draw.shares, gr.HTML(render=False): draw.filled},
            truth=between.fill_truth, queue="stories", cost=lambda *values: values[3] * values[4],
        )  # fmt: skip
        letters = gr.Textbox("moon", label="Letters for the line starts: a word of four or five", max_length=20)
        experiment(
            screen, "Write the acrostic", between.acrostic, [letters, many, seeds, seed],
            {unveiled(gr.HTML(render=False)): draw.shares, unveiled(gr.HTML(render=False)): draw.filled},
            queue="stories", key="acrostic", asks=False, also=[letters.submit],
            cost=lambda *values: values[1] * values[2],
        )  # fmt: skip
