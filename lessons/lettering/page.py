"""The lettering lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from engines.signs import lab as sign_lab
from engines.signs import measures as sign_measures
from engines.text import character_art as art
from lessons.lettering import causes, ceiling, drawings, mirror, own, signs
from lessons.lettering import figures as draw
from lessons.shell import controls, events, film, views
from lessons.shell.experiment import experiment
from lessons.shell.frame import LessonPage, lesson_page

PAINTERS = [(f"{draw.SHORT[key]} · {cause.name}", key) for key, cause in sign_lab.CAUSES.items()]


def build() -> None:
    with lesson_page("lettering") as lesson:
        _signs(lesson)
        _causes(lesson)
        _own(lesson)
        _ceiling(lesson)
        _mirror(lesson)


def _signs(lesson: LessonPage) -> None:
    with lesson.screen("signs", predict="legible") as screen:
        with gr.Row(equal_height=True):
            word = gr.Textbox(signs.WORD, label="A word of 1 to 8 letters", max_lines=1, max_length=200, scale=3)
            new = gr.Button("A word never seen", scale=2, min_width=130)
            count = gr.Slider(1, signs.MAX_SEEDS, 4, step=1, label="Seeds", scale=2, min_width=120)
            seed = controls.seed_number(7, "First seed")
        painters = gr.CheckboxGroup(PAINTERS, value=["sloppy", "spelled", "characters"], label="Painters")
        stage = film.pictures()

        def painted(word: str, painters: list[str], count: int, seed: int) -> Iterator[Any]:
            return draw.as_painted(signs.paint_word(word, painters, count, seed), word, stage)

        experiment(
            screen, "Paint and read", painted, [word, painters, count, seed], {stage: draw.signs},
            truth=signs.truth, queue="signs", also=[word.submit],
            cost=lambda word, painters, count, seed: len(painters) * count,
        )  # fmt: skip
        events.on(new.click, lambda now: {word: signs.next_new_word(now)}, word, word)


def _causes(lesson: LessonPage) -> None:
    with lesson.screen("causes", predict="repair") as screen:
        with gr.Row(equal_height=True):
            lists = [(words, key) for key, words in causes.LISTS.items()]
            kind = gr.Radio(lists, value="never_seen", label="Which words", scale=3)
            length = gr.Slider(1, sign_lab.SLOTS, 4, step=1, label="Letters", scale=2, min_width=120)
        with gr.Row(equal_height=True):
            words = gr.Slider(
                1, causes.MAX_WORDS, sign_measures.LEAST_WORDS, step=1, label="How many words", min_width=120
            )
            seeds = gr.Slider(1, causes.MAX_SEEDS, 2, step=1, label="Seeds", min_width=120)
            seed = controls.seed_number(0, "First seed")
        table = gr.HTML(js_on_load=draw.RERUN, elem_classes=["lettering-recorded"], render=False)
        kept = gr.HTML(elem_classes=["evidence-view"], render=False)

        def rerun(kind: str, length: int, *settings: Any) -> Iterator[Any]:
            yield from causes.rerun(kind, length, *settings)
            record = causes.recorded()
            yield {table: _record(kind, int(length)), kept: screen.show(record) if record else ""}

        run = experiment(
            screen, "Run this cell with all four", rerun, [kind, length, words, seeds, seed],
            {film.pictures(): draw.side_by_side}, truth=causes.repaired, queue="signs", fills=[table, kept],
            cost=lambda kind, length, words, seeds, seed: words * seeds,
        )  # fmt: skip

        def picked(event: gr.EventData) -> dict[Any, Any]:
            asked = event._data.get("length")
            listed = causes.check_list(str(event._data.get("list")))
            return {kind: listed, length: asked}

        run.after(events.on(table.select, picked, None, [kind, length], status=run.status))


def _record(kind: str = "", length: int = 0) -> str:
    record = causes.recorded()
    if record is None:
        return str(views.notice("No table is recorded: the sign painters have not been measured yet."))
    return draw.record(record.value, kind, length)


def _own(lesson: LessonPage) -> None:
    with lesson.screen("own", predict="instead") as screen:
        with gr.Row(equal_height=True):
            pairs = gr.Slider(1, own.MAX_PAIRS, 20, step=1, label="Pairs of words", scale=3, min_width=140)
            seeds = gr.Slider(1, own.MAX_SEEDS, 3, step=1, label="Seeds", scale=2, min_width=120)
            seed = controls.seed_number(0, "First seed")
        experiment(
            screen, "Ask the painter for both", own.paint, [pairs, seeds, seed],
            {gr.HTML(elem_classes=["lettering-recorded"], render=False): draw.own_signs},
            truth=own.instead_truth, queue="pictures", check=own.check,
            cost=lambda pairs, seeds, seed: 2 * pairs * seeds,
        )  # fmt: skip


def _ceiling(lesson: LessonPage) -> None:
    with lesson.screen("ceiling", predict="ceiling") as screen:
        with gr.Row(equal_height=True):
            each = gr.Slider(1, ceiling.MAX_EACH, 5, step=1, label="Words of each length", scale=3, min_width=140)
            seed = controls.seed_number(0)
        experiment(
            screen, "Print, squeeze and read again", ceiling.measure, [each, seed], {film.pictures(): draw.trips},
            truth=ceiling.truth, queue="signs",
        )  # fmt: skip


def _mirror(lesson: LessonPage) -> None:
    with lesson.screen("mirror", predict="mirror") as screen:
        with gr.Row(equal_height=True):
            shape = gr.Dropdown([(words, key) for key, words in art.SHAPES.items()], value="T", label="Draw")
            styles = [(one.title, one.key) for one in art.STYLES.values()]
            style = gr.Dropdown(styles, value="spaces", label="Written with")
            runs = gr.Slider(2, mirror.MAX_RUNS, 6, step=1, label="Runs of each", min_width=120)
            seed = controls.seed_number(1, "First seed")
        stage = gr.HTML(render=False)
        run = experiment(
            screen, "Let it draw", mirror.draw_all, [shape, style, runs, seed], {stage: drawings.gallery},
            truth=mirror.truth, cost=lambda shape, style, runs, seed: 3 * runs,
        )  # fmt: skip
        experiment(
            screen, "Ask for all eight shapes", mirror.confuse, [style, seed], {stage: drawings.confusion},
            beside=run, key="all", asks=False, recordable=False,
        )  # fmt: skip
