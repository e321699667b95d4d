"""The image-tokens lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import gradio as gr

from engines.evidence import PlainError
from engines.pictures.tiles import GUIDANCE
from lessons.image_tokens import board, book, facts, force, half, race
from lessons.image_tokens import figures as draw
from lessons.image_tokens.measures import CAPTION, FIRST
from lessons.shell import controls, events, film, scenes, scripts
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page
from lessons.shell.views import NOT_RUN, unscored

HERE = Path(__file__).parent
TILES_JS = scripts.script(HERE / "tiles.js", HERE / "keys.js")
DESK_JS = scripts.script(HERE / "desk.js", HERE / "keys.js")
COSTS = "What each tile cost appears here at the end."
DESK = "The tile writer’s picture and its scoreboards appear here at the end."
BESIDE = "The picture with another entry appears here beside this one."


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

        costs = unveiled(film.pictures(COSTS))
        kept = gr.State(None)
        first = board.Shown(board.Ask.checked(CAPTION, seed.value, GUIDANCE, 1.0))
        desk = unveiled(gr.HTML(draw.waits(DESK, first), elem_classes=["reel"], render=False, js_on_load=DESK_JS))
        beside = unveiled(film.pictures(BESIDE))

        def start(painter: Any, *settings: Any) -> Any:
            steps = race.race(painter, *settings)
            begun = next(steps)  # refuses what makes no sense, while what was there still stands
            yield {
                kept: None, desk: draw.waits(DESK, board.Shown(board.Ask.checked(*settings))),
                costs: draw.waits(COSTS), both.result: draw.waits(NOT_RUN), both.verdict: str(unscored()),
            }  # fmt: skip
            yield from draw.raced(chain((begun,), steps), clocks, reel, costs, desk, kept)

        def lay(painter: Any, written: Any, shown: Any, pressed: Any = None) -> Any:
            of, only_looks = board.Shown.in_markup(shown), pressed and "entry" not in pressed
            steps = (force.looked_at if only_looks else force.forced)(painter, written, of, pressed)
            return draw.gone_on(steps, desk, beside, kept, run.result)

        settings = [caption, seed, guidance, temperature]
        above, below = gr.Column(), gr.Column(elem_classes=["tiles-force"])
        with below:
            desk.render()
        with above:
            both = experiment(
                screen, "Start both", start, settings, fills=[clocks, reel, costs, desk, kept],
                truth=race.truth, queue="pictures", also=[caption.submit],
            )  # fmt: skip
        with below:
            run = experiment(
                screen, "Lay the runner-up", lay, [kept, desk], fills=[beside, desk, kept], asks=False,
                key="force", queue="pictures", select=desk,
            )  # fmt: skip
        for place in (both.result, run.result):
            place.elem_classes = [*place.elem_classes, "reel"]

        def leave(*settings: Any) -> dict[Any, Any]:
            """Another picture is to be written: what was laid in the one before goes."""
            try:
                board.Ask.checked(*settings)
            except PlainError:
                return {}
            return {**run.given_up(), beside: draw.waits(BESIDE), run.result: draw.waits(NOT_RUN)}

        events.on([both.go.click, caption.submit], leave, settings, [beside, run.result, run.status])

        def look(written: Any, shown: Any, event: gr.EventData) -> Iterator[dict[Any, Any]]:
            pressed = dict(event._data)
            try:
                if not board.stands(written, shown):
                    yield from run.run(None, written, shown, payload=(pressed,))
                    return
                then = board.chose(written, pressed)
            except PlainError as error:
                yield {run.status: events.refusal(error)}
                return
            yield {kept: then, desk: draw.chosen(then), **({} if run.busy else {run.status: ""})}

        gr.on(
            [desk.input],
            look,
            [kept, desk],
            run.places,
            trigger_mode="multiple",
            concurrency_limit=None,
            **events.PRIVATE,
        )


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
