"""The image-tokens lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from engines.pictures.tiles import GUIDANCE
from lessons.image_tokens import board, book, facts, force, half, race
from lessons.image_tokens import figures as draw
from lessons.image_tokens.measures import CAPTION, FIRST
from lessons.shell import controls, events, film, scenes, scripts
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page

HERE = Path(__file__).parent
TILES_JS = scripts.script(HERE / "tiles.js", HERE / "keys.js")
DESK_JS = scripts.script(HERE / "desk.js", HERE / "keys.js")


def build() -> None:
    with lesson_page("image-tokens") as lesson:
        _book(lesson)
        _race(lesson)
        _half(lesson)
        _facts(lesson)


def _book(lesson: LessonPage) -> None:
    with lesson.screen("book", predict="entries") as screen:
        picked = gr.State((FIRST, None))
        picker = gr.HTML(controls.picker(scenes.scenes(), FIRST), js_on_load=controls.PICKER_JS)
        own = gr.UploadButton("Use my own picture", file_types=["image"])
        marked: dict[str, Any] = {"render": False, "js_on_load": TILES_JS}
        run = experiment(
            screen, "Turn it into tiles", book.book, [picked],
            {gr.HTML(elem_classes=["reel"], **marked): draw.journey,
             gr.HTML(**marked): draw.wall},
            truth=book.truth, queue="pictures",
        )  # fmt: skip
        controls.wire_picker(picked, picker, own, run.status, scenes.scenes())


def _race(lesson: LessonPage) -> None:
    with lesson.screen("race", predict="slower") as screen:
        with gr.Row(equal_height=True):
            caption = controls.caption(CAPTION)
            seed = controls.seed_number()
        with gr.Row(equal_height=True):
            guidance = gr.Slider(0, 6, GUIDANCE, step=0.5, label="Guidance of the tile writer", min_width=140)
            temperature = gr.Slider(0, 2, 1.0, step=0.1, label="Temperature of the tile writer", min_width=140)
        clocks = gr.HTML(draw.both_clocks(race.Moment()), render=False)
        reel = film.reel("Both canvases appear here, row by row.")

        costs = film.pictures("What each tile cost appears here at the end.")
        kept = gr.State(None)
        desk = unveiled(gr.HTML(render=False, js_on_load=DESK_JS))
        beside = unveiled(film.pictures("The picture with another entry appears here beside this one."))
        settings = [caption, seed, guidance, temperature]

        def start(*settings: Any) -> Any:
            return draw.raced(race.race(*settings), clocks, reel, costs, desk, kept)

        def lay(painter: Any, written: Any, *rest: Any) -> Any:
            return draw.gone_on(force.forced(painter, written, *rest), written, desk, beside, kept)

        def chose(written: Any, event: gr.EventData) -> dict[Any, Any]:
            then = board.chose(written, event._data)
            return {kept: then, desk: draw.chosen(then)}

        above, below = gr.Column(), gr.Column(elem_classes=["tiles-force"])
        with below:
            desk.render()
        with above:
            experiment(
                screen, "Start both", start, settings, fills=[clocks, reel, unveiled(costs), desk, kept],
                truth=race.truth, queue="pictures", also=[caption.submit],
            )  # fmt: skip
        with below:
            run = experiment(
                screen, "Lay the runner-up", lay, [kept, *settings], fills=[beside, desk, kept], asks=False,
                key="force", queue="pictures", select=desk,
            )  # fmt: skip
        events.on(desk.input, chose, kept, [kept, desk], status=run.status)


def _half(lesson: LessonPage) -> None:
    with lesson.screen("half", predict="obeys") as screen:
        with gr.Row(equal_height=True):
            scene = gr.Dropdown(
                [(words, name) for name, words in scenes.CAPTIONS.items()],
                value=half.SCENE,
                label="Whose upper rows",
                scale=3,
                min_width=240,
            )
            other = controls.caption(half.OTHER, "The other caption")
        with gr.Row(equal_height=True):
            given = gr.Slider(1, half.MAX_GIVEN, 8, step=1, label="Rows given, of 16", min_width=140)
            seeds = controls.seeds_slider(6, half.MAX_SEEDS)
        experiment(
            screen, "Go on from here", half.half, [scene, other, given, seeds],
            {film.pictures(): draw.halves, gr.HTML(render=False): draw.half_bars},
            truth=half.truth, queue="pictures", also=[other.submit],
            cost=lambda scene, other, given, seeds: 6 + seeds,
        )  # fmt: skip


def _facts(lesson: LessonPage) -> None:
    with lesson.screen("facts", predict="longer") as screen:
        with gr.Row(equal_height=True):
            captions = gr.Slider(4, facts.MAX_CAPTIONS, 8, step=2, label="Captions", min_width=140)
            seed = controls.seed_number()
        experiment(
            screen, "Ask both painters", facts.asked, [captions, seed],
            {film.pictures(): draw.fact_rows, gr.HTML(render=False): draw.fact_bars},
            truth=facts.truth, queue="pictures", cost=lambda captions, seed: captions,
        )  # fmt: skip
