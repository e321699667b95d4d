"""The latents lesson on screen: one function a screen, then what the API offers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from engines.pictures import autoencoder
from engines.pictures.diffusion import Painter
from engines.pictures.files import open_picture
from lessons.latents import experiments as lab
from lessons.latents import reading, shrinking, smearing, surgery
from lessons.latents import views as draw
from lessons.latents.experiments import Chosen
from lessons.shell import controls, events, film, waking
from lessons.shell.frame import LessonPage, lesson_page
from lessons.shell.scenes import scenes
from lessons.shell.uploads import named_or_sent

HERE = Path(__file__).parent
FIRST = "owl-meadow"
UPLOAD_SIDE = 512  # kept in the tab; the painter's own size is cut from it


def build() -> None:
    with lesson_page("latents") as lesson:
        picked = gr.State((FIRST, None))
        _shrink(lesson, picked)
        _smear(lesson, picked)
        _surgery(lesson, picked)
        _text(lesson)
        events.endpoint(round_trip, "round_trip", model="pictures")
        events.endpoint(latent_channels, "latent_channels", model="pictures")


def _chosen(painter: Painter, picked: controls.Picked) -> Chosen:
    name, own = picked
    return lab.choose(painter, name, own if name == lab.OWN else None)


# --- 1 ----------------------------------------------------------------------------------------------------


def _shrink(lesson: LessonPage, picked: gr.State) -> None:
    with lesson.screen("shrink", predict="exact") as screen:
        controls.absent()
        picker = gr.HTML(controls.picker(scenes(), FIRST), js_on_load=controls.PICKER_JS)
        with gr.Row(equal_height=True):
            go = gr.Button("Squeeze it and bring it back", variant="primary", scale=3)
            own = gr.UploadButton("Use my own picture", file_types=["image"], scale=2, elem_classes=["latents-own"])
            stop = gr.Button("Stop", scale=1, min_width=80)
        status = controls.status()
        stage = film.pictures("Your picture, the four pictures it is squeezed into, and what comes back.")
        result = screen.evidence()

        def pick(picked: controls.Picked, event: gr.EventData) -> controls.Picked:
            return controls.pick(picked, event, lab.CAPTIONS)

        def upload(path: str) -> tuple[Any, str]:
            picture = open_picture(path, width=UPLOAD_SIDE, height=UPLOAD_SIDE)
            return (lab.OWN, picture), controls.picker_with(scenes(), picture)

        def run(picked: controls.Picked, guess: str | None) -> Iterator[Any]:
            painter = yield from controls.wake_painter(3, "Fetching the autoencoder…")
            shown: Any = None
            for result in shrinking.shrink(painter, _chosen(painter, picked)):
                shown = gr.skip() if shown else draw.shrunk(result.value)
                yield gr.skip(), shown, screen.show(result), gr.skip()
                shown = True
            yield "", gr.skip(), gr.skip(), screen.score(guess, *shrinking.truth(result.value))

        events.run(picker.select, pick, picked, picked, model=None, show_progress="hidden")
        events.run(own.upload, upload, own, [picked, picker], model="uploads")
        events.run(
            go.click, run, [picked, screen.guess], [status, stage, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- 2 ----------------------------------------------------------------------------------------------------


def _smear(lesson: LessonPage, picked: gr.State) -> None:
    with lesson.screen("smear", predict="stripes") as screen:
        go, stop = controls.buttons("Send edges, stripes and strangers through")
        status = controls.status()
        detail = film.pictures("First the error over twelve scenes, sorted by how much detail is there.")
        chart = gr.Plot(show_label=False, visible=False)
        stripes = film.pictures("Then stripes from 1 to 32 pixels wide: how much of their contrast comes back?")
        strangers = film.pictures("Last, pictures unlike any it was trained on.")
        result = screen.evidence()

        def run(picked: controls.Picked, guess: str | None) -> Iterator[Any]:
            painter = yield from controls.wake_painter(6, "Fetching the autoencoder…")
            chosen = _chosen(painter, picked)
            yield controls.wait("Twelve scenes through the autoencoder…"), *[gr.skip()] * 6
            size = min(painter.height, painter.width)
            for step in smearing.smear(painter, chosen if chosen.name == lab.OWN else None):
                value, verdict = step.value, gr.skip()
                done = len(value.stripes)
                if value.strangers:
                    yield "", gr.skip(), gr.skip(), gr.skip(), draw.stranger_row(value), screen.show(step), gr.skip()
                    continue
                note = controls.wait(f"Stripes, width {done + 1} of {len(smearing.WIDTHS)}…")
                if done == 0:
                    yield note, draw.detail_bars(value.edges), *[gr.skip()] * 3, screen.show(step), gr.skip()
                    continue
                graph: Any = gr.skip()
                if done == len(smearing.WIDTHS):
                    note = controls.wait("Strangers through the autoencoder…")
                    graph = gr.update(value=draw.stripe_chart(value), visible=True)
                    verdict = screen.score(guess, *smearing.truth(value))
                yield note, gr.skip(), graph, draw.stripe_pictures(value, size), gr.skip(), screen.show(step), verdict

        events.run(
            go.click, run, [picked, screen.guess],
            [status, detail, chart, stripes, strangers, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- 3 ----------------------------------------------------------------------------------------------------


def _surgery(lesson: LessonPage, picked: gr.State) -> None:
    with lesson.screen("surgery", predict="channel") as screen:
        how = gr.Radio(
            [(f"Each channel {words}", key) for key, words in surgery.HOWS.items()], value="zero",
            label="The operation (on the picture chosen at the top, and on the bundled scenes)",
        )  # fmt: skip
        go, stop = controls.buttons("Operate on all four channels")
        status = controls.status()
        stage = film.pictures("The picture with one channel changed, four times over.")
        harm = gr.HTML("")
        result = screen.evidence()

        def run(picked: controls.Picked, how: surgery.Operation, guess: str | None) -> Iterator[Any]:
            painter = yield from controls.wake_painter(4, "Fetching the autoencoder…")
            yield controls.wait("Encoding the pictures…"), *[gr.skip()] * 4
            for step in surgery.operate(painter, _chosen(painter, picked), how):
                yield gr.skip(), draw.operated(step.value), draw.harm_bars(step.value), screen.show(step), gr.skip()
            channel, words = surgery.truth(step.value)
            choices = len(screen.prediction.choices)
            verdict = screen.score(guess, channel, words) if channel < choices else ""
            yield "", gr.skip(), gr.skip(), gr.skip(), verdict

        events.run(
            go.click, run, [picked, how, screen.guess], [status, stage, harm, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- 4 ----------------------------------------------------------------------------------------------------


def _text(lesson: LessonPage) -> None:
    with lesson.screen("text", predict="letters") as screen:
        with gr.Row(equal_height=True):
            own = gr.Textbox("", label="A word of your own (optional)", max_length=reading.MAX_LETTERS, scale=3)
            count = gr.Slider(2, reading.MAX_WORDS, 6, step=1, label="Words at each height", scale=3)
            seed = gr.Number(7, label="Seed", precision=0, minimum=0, maximum=2**32 - 1, min_width=90, scale=1)
        go, stop = controls.buttons("Draw, squeeze, and read again")
        status = controls.status()
        stage = film.pictures("One word at every height, before and after, with what the reader makes of it.")
        chart = gr.Plot(show_label=False, visible=False)
        result = screen.evidence()

        def run(own: str, count: int, seed: int, guess: str | None) -> Iterator[Any]:
            painter = yield from controls.wake_painter(4, "Fetching the autoencoder…")
            heights = len(reading.letter_heights(painter, reading.pick_words(own, count, seed)))
            yield controls.wait(f"Letter height 1 of {heights}; the reader is fetched first…"), *[gr.skip()] * 4
            for step in reading.legibility(painter, own=own, count=count, seed=seed):
                done = len(step.value.heights)
                note = controls.wait(f"Letter height {done + 1} of {heights}…") if done < heights else ""
                graph = gr.update(value=draw.reading_chart(step.value), visible=True)
                yield note, draw.readings(step.value), graph, screen.show(step), gr.skip()
            verdict = screen.score(guess, *reading.truth(step.value, min(painter.height, painter.width)))
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip(), verdict

        events.run(
            [go.click, own.submit], run, [own, count, seed, screen.guess],
            [status, stage, chart, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- the API ----------------------------------------------------------------------------------------------


def _picture_from(painter: Painter, text: Any) -> Chosen:
    """A bundled scene by name, or a picture as base64 or data URI."""
    return lab.choose(painter, *named_or_sent(text, lab.CAPTIONS))


def round_trip(picture: str = FIRST) -> dict:
    """Send a picture through the autoencoder and back.

    picture: the name of a bundled scene, or any picture as base64 or data URI (40 million pixels at most; it is
    turned as its EXIF says, laid on white and cut to the painter's size). Returns before, after and error map as
    data URIs, the PSNR in dB, the numbers before and after, and the PSNR of a thumbnail of no more numbers.
    """
    painter = waking.open_painter()
    chosen = _picture_from(painter, picture)
    trip = autoencoder.round_trip(painter, chosen.picture)
    side = shrinking.thumbnail_side(trip.numbers.latent)
    score = shrinking.score(
        chosen.name, chosen.picture, trip.restored, shrinking.through_thumbnail(chosen.picture, side)
    )
    return {
        "picture": chosen.name, "numbers_before": trip.numbers.picture, "numbers_after": trip.numbers.latent,
        "ratio": trip.numbers.ratio, "psnr": score.psnr, "thumbnail_psnr": score.thumbnail_psnr,
        "exact_pixels": score.exact, "mean_error": float(trip.error.mean()),
        "before": film.data_uri(trip.picture), "after": film.data_uri(trip.restored),
        "error": film.data_uri(draw.glare(trip.error)), "model": painter.name, "revision": painter.revision,
    }  # fmt: skip


def latent_channels(picture: str = FIRST) -> dict:
    """The latent of a picture: its channels as numbers and as grey pictures on one shared scale.

    picture: as for /round_trip. Returns ``latent`` as nested lists [channels][rows][columns], rounded to four
    digits, ``views`` as data URIs, and the numbers shown as black (``low``) and white (``high``).
    """
    painter = waking.open_painter()
    chosen = _picture_from(painter, picture)
    latent = painter.encode(chosen.picture[None])[0]
    seen = autoencoder.channel_views(latent)
    return {
        "picture": chosen.name, "shape": list(latent.shape), "latent": latent.round(4).astype(float).tolist(),
        "views": [film.data_uri(view) for view in seen.views], "low": seen.low, "high": seen.high,
        "model": painter.name, "revision": painter.revision,
    }  # fmt: skip
