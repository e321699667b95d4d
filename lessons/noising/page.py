"""The noising lesson on screen: one function a screen, then what the API offers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from engines.checks import whole
from engines.evidence import Evidence, PlainError, Underway
from engines.pictures import diffusion
from engines.pictures import measures as picture_measures
from engines.pictures.diffusion import Painter
from engines.pictures.files import open_picture
from lessons.noising import clay, drawing, experiments, passes, ruining, turning
from lessons.noising import views as draw
from lessons.shell import easel, events, film, views, workshop
from lessons.shell.frame import LessonPage, lesson_page
from lessons.shell.uploads import OWN, named_or_sent

HERE = Path(__file__).parent
FIRST = "owl-meadow"
SIDE = 256  # of a picture on its way to the painter, which cuts its own size from it


def build() -> None:
    with lesson_page("noising") as lesson:
        _ruin(lesson)
        _strip(lesson)
        _lock(lesson)
        _turn(lesson)
        _clay(lesson)
        _own(lesson)
        events.endpoint(noise, "noise", model="pictures")
        events.endpoint(denoise, "denoise", model="pictures")
        events.endpoint(swap_prompt, "swap_prompt", model="pictures")


def _script(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


# --- 1 ----------------------------------------------------------------------------------------------------


def _ruin(lesson: LessonPage) -> None:
    with lesson.screen("ruin", predict="lost") as screen:
        easel.absent()
        chosen = gr.State((FIRST, None))
        picker = gr.HTML(easel.picker(ruining.scenes(), FIRST), js_on_load=easel.PICKER_JS)
        with gr.Row(equal_height=True):
            go = gr.Button("Ruin it, and let the painter guess", variant="primary", scale=3, min_width=240)
            own = gr.UploadButton("Use my own picture", file_types=["image"], scale=2, min_width=170)
            stop = gr.Button("Stop", scale=1, min_width=80)
        told = gr.Checkbox(False, label="Tell the painter the caption while it guesses")
        words = gr.Textbox("an owl on a green meadow", label="Caption", visible=False)
        status = easel.status()
        reel = film.reel("Sixteen noise levels will lie here as a strip. Drag through them, from clean to static.")
        chart = gr.Plot(show_label=False, visible=False)
        result = screen.evidence()

        def pick(picked: easel.Picked, event: gr.EventData) -> tuple[easel.Picked, str]:
            picked = easel.pick(picked, event, ruining.CAPTIONS)
            return picked, ruining.CAPTIONS.get(picked[0], "")

        def upload(path: str) -> tuple[easel.Picked, str, str]:
            picture = open_picture(path, width=SIDE, height=SIDE)
            return (OWN, picture), "", easel.picker_with(ruining.scenes(), picture)

        def run(picked: easel.Picked, use_words: bool, caption: str, guess: str | None) -> Iterator[Any]:
            painter = yield from easel.wake_painter(4)
            name, picture = picked
            if picture is None or name != OWN:
                picture = ruining.example(name, painter.height, painter.width)
            picture = painter.fit(picture[None], painter.height, painter.width)[0]
            suspects, end = ruining.line_up(painter, name, picture), painter.train_timesteps
            yield easel.wait("Ruining the picture at sixteen levels…"), *[gr.skip()] * 4
            measured = ruining.ruin(painter, picture, suspects, caption=caption if use_words else "", name=name)
            strip: Any = None
            for result in measured:
                strip = gr.skip() if strip else draw.ruin_film(result.value, end)
                truth, words = ruining.ruin_truth(result.value, end)
                graph = gr.update(value=draw.ruin_chart(result.value), visible=True)
                yield gr.skip(), strip, graph, screen.show(result), gr.skip()
                strip = True
            yield "", gr.skip(), gr.skip(), gr.skip(), screen.score(guess, truth, words)

        events.run(picker.select, pick, chosen, [chosen, words], model=None, show_progress="hidden")
        events.run(own.upload, upload, own, [chosen, words, picker], model="uploads")
        events.run(told.change, lambda on: gr.update(visible=on), told, words, model=None, show_progress="hidden")
        events.run(
            go.click, run, [chosen, told, words, screen.guess], [status, reel, chart, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- 2 ----------------------------------------------------------------------------------------------------


def _strip(lesson: LessonPage) -> None:
    with lesson.screen("strip", predict="last-pass") as screen:
        easel.absent()
        caption = gr.Textbox("a cat on a green meadow", label="Caption")
        with gr.Row(equal_height=True):
            seed = easel.seed_number()
            steps = gr.Slider(2, 50, workshop.usual_passes(), step=1, label="Passes", scale=3)
        events.at_load(workshop.usual_passes, steps)
        go, stop = easel.buttons("Carve it from static")
        status = easel.status()
        reel = film.reel("The strip will appear pass by pass: the canvas, the noise found in it, the picture ahead.")
        result = screen.evidence()

        def run(caption: str, seed: int, steps: int, guess: str | None) -> Iterator[Any]:
            painter = yield from easel.wake_painter(3)
            steps = whole("The number of passes", steps, 1, 100)
            strip = None  # a scheduler may make one pass more than it is asked for
            for step in passes.strip(painter, caption, seed=seed, steps=steps):
                if isinstance(step, Evidence):
                    assert strip is not None
                    verdict = screen.score(guess, *passes.strip_truth(step.value))
                    yield "", draw.strip_end(strip, step.value), screen.show(step), verdict
                else:
                    strip = draw.strip_film(step.event.passes) if strip is None else strip
                    yield "", draw.strip_frame(strip, step), gr.skip(), gr.skip()

        events.run(
            [go.click, caption.submit], run, [caption, seed, steps, screen.guess],
            [status, reel, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- 3 ----------------------------------------------------------------------------------------------------


def _lock(lesson: LessonPage) -> None:
    with lesson.screen("lock", predict="locked") as screen:
        easel.absent()
        with gr.Row(equal_height=True):
            caption = gr.Textbox("a cat on a green meadow", label="Caption", scale=4)
            seeds = gr.Slider(2, 16, 8, step=1, label="Seeds", scale=2)
        go, stop = easel.buttons("Paint them all and measure")
        status = easel.status()
        row = film.pictures("All the seeds' guesses will show here while they are painted.")
        chart = gr.Plot(show_label=False, visible=False)
        reel = film.reel("Then one of them, taken apart into composition and detail.")
        result = screen.evidence()

        def run(caption: str, seeds: int, guess: str | None) -> Iterator[Any]:
            painter = yield from easel.wake_painter(5)
            for step in passes.lock(painter, caption, seeds=seeds, seed=7):
                if isinstance(step, Evidence):
                    value = step.value
                    verdict = screen.score(guess, *passes.lock_truth(value))
                    graph = gr.update(value=draw.lock_chart(value), visible=True)
                    yield "", draw.finals_row(value), graph, draw.lock_film(value), screen.show(step), verdict
                else:
                    note = easel.wait(f"Pass {step.index + 1} of {step.passes}, {len(step.captions)} pictures at once")
                    yield note, draw.guesses_row(step), *[gr.skip()] * 4

        events.run(
            [go.click, caption.submit], run, [caption, seeds, screen.guess],
            [status, row, chart, reel, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- 4 ----------------------------------------------------------------------------------------------------


def _turn(lesson: LessonPage) -> None:
    with lesson.screen("turn", predict="turned") as screen:
        easel.absent()
        with gr.Row(equal_height=True):
            first = gr.Textbox("a cat on a green meadow", label="The words at first", scale=3)
            second = gr.Textbox("a rocket under a night sky", label="The words after the swap", scale=3)
            seeds = gr.Slider(2, 12, 6, step=1, label="Seeds", scale=2)
        go, stop = easel.buttons("Swap at six different passes")
        status = easel.status()
        grid = film.pictures("Each column swaps the words at another pass; each row is one seed.")
        rates = gr.HTML("")
        result = screen.evidence()

        def run(first: str, second: str, seeds: int, guess: str | None) -> Iterator[Any]:
            painter = yield from easel.wake_painter(4)
            value = None
            for step in turning.turn(painter, first, second, seeds=seeds, seed=7):
                if isinstance(step, Underway):
                    yield views.underway(step), *[gr.skip()] * 4
                    continue
                value = step.value
                yield gr.skip(), draw.turn_grid(value), draw.turn_bars(value), screen.show(step), gr.skip()
            assert value is not None
            yield "", gr.skip(), gr.skip(), gr.skip(), screen.score(guess, *turning.turn_truth(value))

        events.run(
            go.click, run, [first, second, seeds, screen.guess], [status, grid, rates, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- 5 ----------------------------------------------------------------------------------------------------

PLAYS = {
    "Poke a hole": ("poke", "Punch a hole of fresh noise into the clay at five different passes."),
    "Stir the start": ("nudge", "Stir a little of another seed's noise into the start."),
    "Walk between seeds": ("walk", "Seven stops from one start noise to another."),
    "Walk between captions": ("words", "Seven stops from one caption to another, the same start noise."),
    "Repaint a part": ("repaint", "Let new words fill one part and hold the rest still."),
    "Fewer or more passes": ("steps", "The same start carved in 5, 10, 20 and 50 passes."),
}


def _clay(lesson: LessonPage) -> None:
    with lesson.screen("clay", predict="poked") as screen:
        easel.absent()
        play = gr.Radio(list(PLAYS), value="Poke a hole", label="What to do")
        note = gr.HTML(PLAYS["Poke a hole"][1])
        with gr.Row(equal_height=True):
            caption = gr.Textbox("a house in the snow", label="Caption", scale=4)
            seed = easel.seed_number()
        with gr.Row(equal_height=True):
            other = gr.Textbox("a tree at sunset", label="Second caption", visible=False, scale=3)
            other_seed = gr.Number(8, label="Second seed", precision=0, minimum=0, visible=False, min_width=90, scale=1)
            region = gr.Dropdown(list(clay.REGIONS), value="the middle", label="Where", scale=2)
        go, stop = easel.buttons("Do it")
        status = easel.status()
        series = film.pictures("The pictures will stand here side by side.")
        result = screen.evidence()

        def choose(name: str) -> tuple[Any, ...]:
            kind, words = PLAYS[name]
            return (
                words,
                gr.update(visible=kind in ("words", "repaint")),
                gr.update(visible=kind in ("nudge", "walk")),
                gr.update(visible=kind in ("poke", "repaint")),
            )

        def run(
            name: str, caption: str, seed: int, other: str, other_seed: int, region: str, guess: str | None,
        ) -> Iterator[Any]:  # fmt: skip
            painter = yield from easel.wake_painter(3)
            yield easel.wait("Painting…"), *[gr.skip()] * 3
            kind, value = PLAYS[name][0], None
            for step in _play(painter, kind, caption, seed, other, other_seed, region):
                if isinstance(step, Underway):
                    yield views.underway(step), *[gr.skip()] * 3
                    continue
                value = step.value
                yield gr.skip(), draw.exhibits(value), screen.show(step), gr.skip()
            poked = value if kind == "poke" else None
            verdict = screen.score(guess, *clay.poke_truth(poked)) if poked else gr.skip()
            yield "", gr.skip(), gr.skip(), verdict

        events.run(play.change, choose, play, [note, other, other_seed, region], model=None, show_progress="hidden")
        events.run(
            [go.click, caption.submit], run, [play, caption, seed, other, other_seed, region, screen.guess],
            [status, series, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


def _play(
    painter: Painter, kind: str, caption: str, seed: int, other: str, other_seed: int, region: str
) -> Iterator[Underway | Evidence[clay.Series]]:
    if kind == "poke":
        yield from clay.poke(painter, caption, region=region, seed=seed)
    elif kind == "nudge":
        yield from clay.nudge(painter, caption, seed=seed, other_seed=other_seed)
    elif kind == "walk":
        yield from clay.walk(painter, caption, seed=seed, other_seed=other_seed)
    elif kind == "words":
        if not other.strip():
            raise PlainError("Write a second caption to walk to.")
        yield from clay.walk(painter, caption, seed=seed, other_caption=other)
    elif kind == "repaint":
        yield from clay.repaint(painter, caption, other, region=region, seed=seed)
    else:
        yield from clay.compare_steps(painter, caption, seed=seed)


# --- 6 ----------------------------------------------------------------------------------------------------

PAD = (
    '<div class="noising-pad"><canvas width="380" height="380" role="img" '
    'aria-label="Drawing pad: draw with a pointer, or choose a shape or a letter with the controls below"></canvas>'
    '<p class="noising-pad-words" role="status"></p></div>'
)
CLOUD = (
    '<div class="noising-cloud"><canvas width="380" height="380" role="img" aria-label="Nothing trained yet"></canvas>'
    '<p class="noising-cloud-words"></p><div class="noising-cloud-controls"><button type="button" class="button">Play'
    '</button><input type="range" min="0" max="100" value="0" aria-label="How far along the way"></div></div>'
)


def _own(lesson: LessonPage) -> None:
    with lesson.screen("own", predict="landed") as screen:
        with gr.Row(equal_height=True):
            shape = gr.Dropdown(list(drawing.PRESETS), value="spiral", label="Draw below, or take a shape", scale=2)
            letters = gr.Textbox("", label="or write up to five letters", max_length=5, scale=2)
        with gr.Row():
            with gr.Column(min_width=240):
                pad = gr.HTML(_script("spiral.json"), html_template=PAD, js_on_load=_script("pad.js"), label="Drawing")
                clear = gr.Button("Clear the pad", size="sm")
            with gr.Column(min_width=240):
                cloud = gr.HTML("{}", html_template=CLOUD, js_on_load=_script("cloud.js"))
        with gr.Row(equal_height=True):
            seconds = gr.Slider(5, 60, 12, step=1, label="Seconds to train", scale=3)
            seed = easel.seed_number()
        go, stop = easel.buttons("Train on this drawing")
        status = easel.status()
        loss = gr.HTML("")
        result = screen.evidence()

        def run(pad: str, seconds: float, seed: int, guess: str | None) -> Iterator[Any]:
            points = drawing.drawing_from(pad)
            yield easel.wait("Training…"), *[gr.skip()] * 4
            value, key = None, f"{time.time()}"
            for step in drawing.train_own(points, seconds=seconds, seed=seed):
                value = step.value
                line = draw.loss_line(value.losses)
                yield gr.skip(), draw.cloud(value, key, step.alt), line, screen.show(step), gr.skip()
            assert value is not None
            yield "", gr.skip(), gr.skip(), gr.skip(), screen.score(guess, *drawing.own_truth(value))

        def write(text: str) -> Any:
            return drawing.drawing_to(drawing.written(text)) if text.strip() else gr.skip()

        def write_on(text: str) -> Any:
            try:
                return write(text)
            except PlainError:  # half a word may not be drawable yet; Enter says why
                return gr.skip()

        def take(name: str) -> tuple[str, str]:
            return drawing.drawing_to(drawing.preset(name)), ""

        quick: dict[str, Any] = {"model": None, "show_progress": "hidden"}
        events.run(shape.input, take, shape, [pad, letters], **quick)
        events.run(letters.submit, write, letters, pad, **quick)
        events.run(letters.change, write_on, letters, pad, **quick)
        events.run(pad.input, lambda: "", None, letters, **quick)  # drawn on: the letters are not what is there
        events.run(clear.click, lambda: ("[]", ""), None, [pad, letters], **quick)
        events.run(
            go.click, run, [pad, seconds, seed, screen.guess], [status, cloud, loss, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="points",
        )  # fmt: skip


# --- the API ----------------------------------------------------------------------------------------------


def _picture_from(text: Any) -> tuple[str, np.ndarray]:
    """A bundled picture by name, or a picture as base64 or as a data URI; (name, uint8 [256, 256, 3])."""
    name, data = named_or_sent(text, ruining.CAPTIONS)
    if data is None:
        return name, ruining.example(name, SIDE, SIDE)
    return name, open_picture(data, width=SIDE, height=SIDE)


def noise(picture: str = FIRST, timestep: int = 500, seed: int = 0, caption: str = "") -> dict:
    """Ruin a picture to one timestep and guess it back in a single pass.

    picture: the name of a bundled picture, or any picture as base64 or data URI. timestep: 0 (nearly clean)
    to 999 (nearly pure noise). Returns the three pictures as data URIs, alpha, sigma and PSNR in dB.
    """
    painter = workshop.open_painter()
    name, pixels = _picture_from(picture)
    (guess,) = diffusion.noising(painter, pixels, timesteps=(timestep,), seed=seed, caption=caption)
    return {
        "picture": name, "timestep": guess.timestep, "alpha": guess.alpha, "sigma": guess.sigma, "seed": seed,
        "psnr": guess.psnr, "noisy_psnr": guess.noisy_psnr, "ceiling_psnr": guess.ceiling_psnr,
        "noisy": film.data_uri(guess.noisy_picture),
        "predicted_noise": film.data_uri(picture_measures.noise_picture(guess.predicted_noise)),
        "guess": film.data_uri(guess.guess), "model": painter.name, "revision": painter.revision,
    }  # fmt: skip


def denoise(caption: str, seed: int = 0, steps: int | None = None, guidance: float | None = None) -> Iterator[dict]:
    """Paint a caption from noise; streams one result a pass with canvas, noise estimate and predicted picture.

    seed: where the noise comes from. steps: passes, 1 to 100. guidance: the guidance scale. Left out, both
    are the painter's own. Pictures are data URIs; the last result also holds the finished picture. Each result names
    model, revision, seed and guidance scale.
    """
    painter = workshop.open_painter()
    plan = diffusion.Plan(
        caption, (seed,), steps=painter.passes(steps), guidance_scale=guidance, previews=True, canvas=True
    )
    scale = experiments.guidance(painter, guidance)
    for event in diffusion.denoise(painter, plan):
        assert event.canvas is not None and event.previews is not None
        yield {
            "pass": event.index + 1, "passes": event.passes, "timestep": event.timestep, "alpha": event.alpha,
            "sigma": event.sigma, "seconds": event.seconds,
            "numbers_changed": float((event.latent != event.latent_before).mean()),
            "canvas": film.data_uri(event.canvas[0]),
            "noise": film.data_uri(picture_measures.noise_picture(event.noise[0])),
            "predicted": film.data_uri(event.previews[0]),
            "picture": film.data_uri(event.pictures[0]) if event.pictures is not None else None,
            "caption": caption, "seed": plan.seeds[0], "guidance": scale, "model": painter.name,
            "revision": painter.revision,
        }  # fmt: skip


def swap_prompt(
    first: str,
    second: str,
    swap_before_pass: int | None = None,
    seed: int = 0,
    seeds: int = 4,
    steps: int | None = None,
) -> dict:
    """Swap the caption on the way: how many pictures end nearer to what the new caption paints by itself?

    swap_before_pass: counted from 1; a third of the way when left out. seeds: pictures, 1 to 12, from ``seed`` on.
    steps: passes, 2 to 100; the painter's own number when left out.
    """
    whole("The number of seeds", seeds, 1, 12)
    painter = workshop.open_painter()
    steps = whole("The number of passes", painter.passes(steps), 2, 100)
    third = max(1, round(steps / 3))
    at = whole("The pass of the swap", third if swap_before_pass is None else swap_before_pass, 1, steps) - 1
    turned = turning.turn(painter, first, second, swaps=(at,), seed=seed, seeds=seeds, steps=steps)
    (result,) = (step for step in turned if isinstance(step, Evidence))
    pictures = [film.data_uri(picture) for picture in result.value.swapped[at]]
    return {**result.as_json(), "turned": result.value.turned[at].tolist(), "pictures": pictures}
