"""The two-physics lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from typing import Any

import gradio as gr

from lessons.shell import charts, controls, film
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page
from lessons.two_physics import figures as draw
from lessons.two_physics import fixed, memory, price, race, spoil
from lessons.two_physics.measures import CAT, MAX_REQUEST, OWL, STRAWBERRY, TOKENS


def build() -> None:
    with lesson_page("two-physics") as lesson:
        _race(lesson)
        _fixed(lesson)
        _spoil(lesson)
        _memory(lesson)
        _price(lesson)


def _request(value: str) -> gr.Textbox:
    return controls.caption(value, "Request", max_length=MAX_REQUEST)


def _race(lesson: LessonPage) -> None:
    with lesson.screen("race", predict="edits") as screen:
        with gr.Row():
            request = _request(STRAWBERRY)
            seed = controls.seed_number()
        clocks = gr.HTML(draw.both_clocks(race.Moment(0)), elem_classes=["two-physics-race"], render=False)
        reel = film.reel("The canvas and the picture it is heading for appear here, pass by pass.")

        def start(*settings: Any) -> Any:
            return draw.raced(race.race(*settings), clocks, reel)

        experiment(
            screen, "Start both", start, [request, seed], fills=[unveiled(clocks), unveiled(reel)],
            truth=race.race_truth, queue="both", also=[request.submit],
        )  # fmt: skip


def _fixed(lesson: LessonPage) -> None:
    with lesson.screen("fixed", predict="half") as screen:
        with gr.Row():
            request = _request(CAT)
            seeds = controls.seeds_slider(8, 12)
        experiment(
            screen, "Run them all", fixed.fixed, [request, seeds], {charts.chart(): draw.fixed_chart},
            truth=fixed.fixed_truth, queue="both", also=[request.submit], cost=lambda request, seeds: seeds,
        )  # fmt: skip


def _spoil(lesson: LessonPage) -> None:
    with lesson.screen("spoil", predict="mend") as screen:
        with gr.Row():
            request = _request(STRAWBERRY)
            seeds = controls.seeds_slider(6, 8)
        experiment(
            screen, "Cause an accident", spoil.spoil, [request, seeds], {film.pictures(): draw.accident},
            truth=spoil.spoil_truth, queue="both", also=[request.submit], cost=lambda request, seeds: 5 * seeds,
        )  # fmt: skip


def _memory(lesson: LessonPage) -> None:
    with lesson.screen("memory", predict="remembered") as screen:
        with gr.Row(equal_height=True):
            caption = controls.caption(OWL)
            seed = controls.seed_number()
            pairs = gr.Slider(8, 64, memory.PAIRS, step=8, label="Captions to compare", scale=3)
        experiment(
            screen, "Paint it and search its diet", memory.memory, [caption, seed, pairs],
            {unveiled(film.pictures()): draw.memory_rows, charts.chart(): draw.memory_chart},
            truth=memory.memory_truth, queue="pictures", also=[caption.submit],
            cost=lambda caption, seed, pairs: pairs + 1,
        )  # fmt: skip
        with gr.Row(equal_height=True):
            seeds = controls.seeds_slider(8, 12)
        experiment(
            screen, "Now ask one that copies", memory.copying, [seeds],
            {unveiled(film.pictures()): draw.copies_rows, unveiled(gr.HTML(render=False)): draw.copies_bars},
            queue="pictures", key="copying", asks=False, cost=lambda seeds: 3 * seeds,
        )  # fmt: skip


def _price(lesson: LessonPage) -> None:
    with lesson.screen("price", predict="dearer") as screen:
        with gr.Row(equal_height=True):
            request = _request(STRAWBERRY)
            seed = controls.seed_number()
        with gr.Row(equal_height=True):
            words = gr.Slider(50, price.MOST_WORDS, price.WORDS, step=50, label="Words of the text", min_width=140)
            passes = gr.Slider(1, price.MOST_PASSES, 25, step=1, label="Passes of the picture", min_width=140)
            tokens = gr.Slider(16, price.MOST_TOKENS, TOKENS, step=16, label="Tokens really written", min_width=140)
        experiment(
            screen, "Count the price", price.price, [request, seed, words, passes, tokens],
            {gr.HTML(render=False): draw.bill, charts.chart(): draw.price_chart},
            truth=price.price_truth, queue="both", also=[request.submit],
            cost=lambda request, seed, words, passes, tokens: passes + tokens + 20,
        )  # fmt: skip
