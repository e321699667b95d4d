"""The noising lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from engines.evidence import PlainError
from engines.pictures.files import open_picture
from lessons.noising import clay, lock, own, ruin, strip, turn
from lessons.noising import figures as draw
from lessons.noising.measures import CAT, FIRST, HOUSE, ROCKET, SHAPE, STEPS, TREE
from lessons.shell import charts, controls, events, film, scenes, scripts, views, waking
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page
from lessons.shell.uploads import OWN

HERE = Path(__file__).parent
SIDE = 256  # of a picture on its way to the painter, which cuts its own size from it


def build() -> None:
    with lesson_page("noising") as lesson:
        _ruin(lesson)
        _strip(lesson)
        _lock(lesson)
        _turn(lesson)
        _clay(lesson)
        _own(lesson)


def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _ruin(lesson: LessonPage) -> None:
    with lesson.screen("ruin", predict="lost") as screen:
        chosen = gr.State((FIRST, None))
        picker = gr.HTML(controls.picker(scenes.scenes(), FIRST), js_on_load=controls.PICKER_JS)
        with gr.Row(equal_height=True):
            own_picture = gr.UploadButton("Use my own picture", file_types=["image"], scale=2, min_width=170)
            with_caption = gr.Checkbox(False, label="Tell the painter the caption while it guesses", scale=3)
        words = controls.caption("an owl on a green meadow", visible=False, needed=False)
        run = experiment(
            screen, "Ruin it, and let the painter guess", ruin.ruin_scene, [chosen, with_caption, words],
            {film.reel(): draw.ruin_film, charts.chart(): draw.ruin_chart},
            truth=ruin.ruin_truth, queue="pictures", cost=lambda *settings: 1,
        )  # fmt: skip

        def pick(picked: controls.Picked, event: gr.EventData) -> dict[Any, Any]:
            picked = controls.pick(picked, event, scenes.CAPTIONS)
            return {chosen: picked, words: scenes.CAPTIONS.get(picked[0], "")}

        def upload(path: str) -> dict[Any, Any]:
            picture = open_picture(path, width=SIDE, height=SIDE)
            shown = {picker: controls.picker_with(scenes.scenes(), picture)}
            return {chosen: (OWN, picture), words: "", run.status: str(views.notice(controls.CHOSEN)), **shown}

        events.on(picker.select, pick, chosen, [chosen, words])
        events.on(own_picture.upload, upload, own_picture, [chosen, words, picker], status=run.status, turn="uploads")
        events.on(with_caption.change, lambda on: {words: gr.update(visible=on)}, with_caption, words)


def _strip(lesson: LessonPage) -> None:
    with lesson.screen("strip", predict="last-pass") as screen:
        caption = controls.caption(CAT)
        with gr.Row(equal_height=True):
            seed = controls.seed_number()
            steps = gr.Slider(2, 50, waking.usual_passes(), step=1, label="Passes", scale=3)
        events.at_load(waking.usual_passes, steps)
        reel = film.reel()

        def carve(*settings: Any) -> Any:
            return draw.filmed(strip.strip(*settings), reel)

        experiment(
            screen, "Carve it from static", carve, [caption, seed, steps], fills=[unveiled(reel)],
            truth=strip.strip_truth, queue="pictures", also=[caption.submit],
        )  # fmt: skip


def _lock(lesson: LessonPage) -> None:
    with lesson.screen("lock", predict="locked") as screen:
        with gr.Row(equal_height=True):
            caption = controls.caption(CAT)
            seeds = controls.seeds_slider(8)
        row = film.pictures()

        def measure(*settings: Any) -> Any:
            return draw.guessed(lock.lock(*settings), row)

        experiment(
            screen, "Paint them all and measure", measure, [caption, seeds],
            {unveiled(row): draw.finals_row, charts.chart(): draw.lock_chart, film.reel(): draw.lock_film},
            truth=lock.lock_truth, queue="pictures", also=[caption.submit], cost=lambda caption, seeds: seeds,
        )  # fmt: skip


def _turn(lesson: LessonPage) -> None:
    with lesson.screen("turn", predict="turned") as screen:
        with gr.Row(equal_height=True):
            first = controls.caption(CAT, "The words at first")
            second = controls.caption(ROCKET, "The words after the swap")
        seeds = controls.seeds_slider(4, 12)
        experiment(
            screen, "Swap at six different passes", turn.turn, [first, second, seeds],
            {film.pictures(): draw.turn_grid, charts.chart(): draw.turn_chart},
            truth=turn.turn_truth, queue="pictures", cost=lambda first, second, seeds: 14 * seeds,
        )  # fmt: skip


PLAYS = {
    "Poke a hole": ("poke", "Punch a hole of fresh noise into the clay at five different passes."),
    "Stir the start": ("nudge", "Stir a little of another seed's noise into the start."),
    "Walk between seeds": ("walk", "Seven stops from one start noise to another."),
    "Walk between captions": ("words", "Seven stops from one caption to another, the same start noise."),
    "Repaint a part": ("repaint", "Let new words fill one part and hold the rest still."),
    "Fewer or more passes": ("steps", "The same start carved in 2, 5, 10, 20 and 50 passes."),
}


def _clay(lesson: LessonPage) -> None:
    with lesson.screen("clay", predict="poked") as screen:
        play = gr.Radio([(name, kind) for name, (kind, _) in PLAYS.items()], value="poke", label="What to do")
        note = gr.HTML(PLAYS["Poke a hole"][1])
        with gr.Row(equal_height=True):
            caption = controls.caption(HOUSE)
            seed = controls.seed_number()
        with gr.Row(equal_height=True):
            other = controls.caption(TREE, "Second caption", visible=False, needed=False)
            other_seed = controls.seed_number(8, "Second seed", visible=False)
            region = gr.Dropdown(list(clay.REGIONS), value="the middle", label="Where", scale=2)
        run = experiment(
            screen, "Do it", clay.play, [play, caption, seed, other, other_seed, region],
            {film.pictures(): draw.exhibits}, truth=clay.poke_truth, queue="pictures", also=[caption.submit],
            cost=lambda kind, *others: clay.PAINTED[kind],
        )  # fmt: skip

        def choose(kind: str) -> dict[Any, Any]:
            words = next(words for name, words in PLAYS.values() if name == kind)
            return {
                note: words,
                other: gr.update(visible=kind in ("words", "repaint")),
                other_seed: gr.update(visible=kind in ("nudge", "walk")),
                region: gr.update(visible=kind in ("poke", "repaint")),
                **run.emptied(),
            }

        events.on(play.change, choose, play, [note, other, other_seed, region, *run.places])


def _own(lesson: LessonPage) -> None:
    with lesson.screen("own", predict="landed") as screen:
        with gr.Row(equal_height=True):
            shape = gr.Dropdown(list(own.PRESETS), value=SHAPE, label="Draw below, or take a shape", scale=2)
            letters = gr.Textbox("", label="or write up to five letters", max_length=5, scale=2)
            clear = gr.Button("Clear the pad", scale=1, min_width=120)
        with gr.Row(equal_height=True):
            steps = gr.Slider(200, 5000, STEPS, step=100, label="Training steps", scale=3)
            seed = controls.seed_number()
        pad = gr.HTML(
            _file("spiral.json"), html_template=draw.PAD, js_on_load=scripts.script(HERE / "pad.js"), label="Drawing"
        )
        cloud = gr.HTML("{}", html_template=draw.CLOUD, js_on_load=scripts.script(HERE / "cloud.js"), render=False)
        run = experiment(
            screen, "Train on this drawing", own.train_pad, [pad, steps, seed],
            {cloud: draw.cloud, gr.HTML(render=False): draw.loss_line}, truth=own.own_truth, queue="processor",
            cost=lambda pad, steps, seed: steps,
        )  # fmt: skip

        def write(text: str) -> dict[Any, Any]:
            return {pad: own.drawing_to(own.written(text))} if text.strip() else {}

        def write_on(text: str) -> dict[Any, Any]:
            try:
                return write(text)
            except PlainError:  # half a word may not be drawable yet; Enter says why
                return {}

        def take(name: str) -> dict[Any, Any]:
            return {pad: own.drawing_to(own.preset(name)), letters: ""}

        events.on(shape.input, take, shape, [pad, letters])
        events.on(letters.submit, write, letters, pad, status=run.status)
        events.on(letters.change, write_on, letters, pad)
        events.on(pad.input, lambda: {letters: ""}, None, letters)  # drawn on: the letters are not what is there
        events.on(clear.click, lambda: {pad: "[]", letters: ""}, None, [pad, letters])
