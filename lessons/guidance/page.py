"""The guidance lesson on screen: one function a screen, then what the API offers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from engines.checks import whole
from engines.evidence import Evidence, PlainError, Underway
from engines.pictures.diffusion import Painter, Pass
from lessons.guidance import branches, editing, looking, silencing, sweeping
from lessons.guidance import experiments as lab
from lessons.guidance import figures as draw
from lessons.shell import controls, events, film, views, waking
from lessons.shell.frame import LessonPage, lesson_page

HERE = Path(__file__).parent
CAPTION = "a rabbit on a yellow background"
CAPTIONS = (CAPTION, "a blue car on a white background", "an owl under a night sky", "a lemon to the left of a cat")


def build() -> None:
    with lesson_page("guidance") as lesson:
        _maps(lesson)
        _silence(lesson)
        _fork(lesson)
        _sweep(lesson)
        _edit(lesson)
        _dice(lesson)
        events.endpoint(word_maps, "word_maps", model="pictures")
        events.endpoint(guidance_sweep, "guidance_sweep", model="pictures")


def _caption(label: str = "Caption", value: str = CAPTION) -> gr.Textbox:
    return gr.Textbox(value, label=label, scale=4, max_length=400)


def _script(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


# --- 1 ----------------------------------------------------------------------------------------------------


def _maps(lesson: LessonPage) -> None:
    with lesson.screen("maps", predict="looks-at") as screen:
        controls.absent()
        with gr.Row(equal_height=True):
            caption = _caption()
            seed = controls.seed_number()
        gr.Examples([[one] for one in CAPTIONS], caption, label="Or one of these")
        go, stop = controls.buttons("Paint it, and listen to every patch")
        status = controls.status()
        view = gr.HTML("", html_template=draw.MAPS, js_on_load=_script("maps.js"))
        result = screen.evidence()

        def run(caption: str, seed: int, guess: str | None) -> Iterator[Any]:
            painter = yield from controls.wake_painter(3)
            lines = ""
            for step in looking.look(painter, caption, seed=seed):
                if isinstance(step, Underway):
                    yield views.underway(step), *[gr.skip()] * 3
                    continue
                if isinstance(step, Evidence):
                    ready = step.value.shares.shape[0] > 1
                    verdict = screen.score(guess, *looking.look_truth(step.value)) if ready else gr.skip()
                    yield "", gr.skip(), screen.show(step), verdict
                    continue
                assert step.attention is not None
                lines = lines or draw.maps_head(f"{time.time()}", step.attention.words[0], step.passes)
                lines += draw.maps_line(step)
                yield "", lines, gr.skip(), gr.skip()

        events.run(
            [go.click, caption.submit], run, [caption, seed, screen.guess], [status, view, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- 2 ----------------------------------------------------------------------------------------------------


def _silence(lesson: LessonPage) -> None:
    with lesson.screen("silence", predict="listening") as screen:
        controls.absent()
        with gr.Row(equal_height=True):
            caption = _caption()
            word = gr.Textbox("yellow", label="Word to take away", scale=2, max_length=60)
        with gr.Row(equal_height=True):
            first = gr.Slider(1, lab.STEPS, 1, step=1, label="from pass", scale=2)
            last = gr.Slider(1, lab.STEPS, 8, step=1, label="to pass", scale=2)
            seeds = controls.seeds_slider(6, 8)
        go, stop = controls.buttons("Take it away, in those passes only")
        status = controls.status()
        rows = film.pictures("With the word, without it for a while, without it at all; under each, where it changed.")
        bars = gr.HTML("")
        result = screen.evidence()

        def run(caption: str, word: str, first: int, last: int, seeds: int, guess: str | None) -> Iterator[Any]:
            if first > last:
                raise PlainError("The first pass comes after the last. Turn “from” down or “to” up.")
            painter = yield from controls.wake_painter(4)
            value = None
            span = {"first": lab.pass_of(painter, first) - 1, "last": lab.pass_of(painter, last) - 1}
            for step in silencing.silence(painter, caption, word, **span, seeds=seeds):
                if isinstance(step, Underway):
                    yield views.underway(step), *[gr.skip()] * 4
                    continue
                value = step.value
                yield gr.skip(), draw.silenced_rows(value), draw.silenced_bars(value), screen.show(step), gr.skip()
            assert value is not None
            yield "", gr.skip(), gr.skip(), gr.skip(), screen.score(guess, *silencing.silence_truth(value))

        events.run(
            [go.click, word.submit], run, [caption, word, first, last, seeds, screen.guess],
            [status, rows, bars, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- 3 ----------------------------------------------------------------------------------------------------


def _fork(lesson: LessonPage) -> None:
    with lesson.screen("fork", predict="widest") as screen:
        controls.absent()
        with gr.Row(equal_height=True):
            caption = _caption()
            scale = gr.Slider(1.5, 20, 4, step=0.5, label="Guidance scale", scale=2)
            seed = controls.seed_number()
        go, stop = controls.buttons("Show both predictions")
        status = controls.status()
        view = gr.HTML("", html_template=draw.FORK, js_on_load=_script("fork.js"))
        result = screen.evidence()

        def run(caption: str, scale: float, seed: int, guess: str | None) -> Iterator[Any]:
            painter = yield from controls.wake_painter(3)
            lines = ""
            for step in branches.fork(painter, caption, guidance_scale=scale, seed=seed):
                if isinstance(step, Underway):
                    yield views.underway(step), *[gr.skip()] * 3
                    continue
                if isinstance(step, Evidence):
                    ready = len(step.value.noise) > 1
                    verdict = screen.score(guess, *branches.fork_truth(step.value)) if ready else gr.skip()
                    yield "", gr.skip(), screen.show(step), verdict
                    continue
                passes, shape = step.event.passes, step.noise_with.shape
                lines = lines or draw.fork_head(f"{time.time()}", scale, passes, shape)
                lines += draw.fork_line(step)
                yield "", lines, gr.skip(), gr.skip()

        events.run(
            [go.click, caption.submit], run, [caption, scale, seed, screen.guess],
            [status, view, result, screen.verdict], stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- 4 ----------------------------------------------------------------------------------------------------


def _sweep(lesson: LessonPage) -> None:
    with lesson.screen("sweep", predict="bought") as screen:
        controls.absent()
        with gr.Row(equal_height=True):
            caption = _caption(value=CAPTIONS[-1])
            seeds = controls.seeds_slider(8, 12)
        go, stop = controls.buttons("Turn it from nothing to far too much")
        status = controls.status()
        pictures = film.pictures("One seed, seven guidance scales. Then the same over more seeds, measured.")
        chart = gr.Plot(show_label=False, visible=False)
        result = screen.evidence()

        def run(caption: str, seeds: int, guess: str | None) -> Iterator[Any]:
            painter = yield from controls.wake_painter(4)
            yield controls.wait("Painting the first seed at seven scales at once…"), *[gr.skip()] * 4
            value = None
            for step in sweeping.sweep(painter, caption, seeds=seeds):
                if isinstance(step, Underway):
                    yield views.underway(step), *[gr.skip()] * 4
                    continue
                value = step.value
                graph = gr.update(value=draw.sweep_chart(value), visible=True)
                row = draw.sweep_row(value) if len(value.pictures) == 1 else gr.skip()
                yield gr.skip(), row, graph, screen.show(step), gr.skip()
            assert value is not None
            truth = sweeping.sweep_truth(value)
            verdict = screen.score(guess, *truth) if truth else str(views.notice(f"No verdict: {value.why}"))
            yield "", gr.skip(), gr.skip(), gr.skip(), verdict

        events.run(
            [go.click, caption.submit], run, [caption, seeds, screen.guess],
            [status, pictures, chart, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- 5 ----------------------------------------------------------------------------------------------------

KINDS = {
    "another word, the layout held": "swap",
    "one word louder or quieter": "weigh",
    "a negative caption": "negative",
}
OFFERED = {"swap": (CAPTION, "rabbit"), "weigh": (CAPTION, "yellow"), "negative": ("a rabbit", "yellow")}
"""The caption and the word that stand there for each kind until the learner writes others."""


def _standing(kind: str, caption: str, word: str) -> tuple[str, str]:
    """Caption and word for a kind of edit: what the learner wrote stays, an example gives way to the kind's own."""
    captions, words = ({pair[i] for pair in OFFERED.values()} for i in (0, 1))
    example = caption.strip() in captions
    text = OFFERED[kind][0] if example else caption
    if word.strip() in words:
        word = OFFERED[kind][1] if example else word if word.strip() in text.split() else ""
    return text, word


def _edit(lesson: LessonPage) -> None:
    with lesson.screen("edit", predict="nearer") as screen:
        controls.absent()
        kind = gr.Radio(list(KINDS), value="another word, the layout held", label="What to try")
        with gr.Row(equal_height=True):
            caption = _caption()
            word = gr.Textbox("rabbit", label="Word", scale=2, max_length=60)
            other = gr.Textbox("pig", label="Another word", scale=2, max_length=60)
            negative = gr.Textbox("on a green meadow", label="Negative caption", scale=2, visible=False, max_length=400)
        with gr.Row(equal_height=True):
            hold = gr.Slider(1, lab.STEPS, 20, step=1, label="Passes that hold the layout", scale=2)
            seed = controls.seed_number()
        go, stop = controls.buttons("Try it")
        status = controls.status()
        rows = film.pictures("The untouched pictures will stand in the first row, the changed ones below.")
        result = screen.evidence()

        def choose(name: str, caption: str, word: str) -> tuple[Any, ...]:
            one = KINDS[name]
            return (
                gr.update(visible=one != "negative"),
                gr.update(visible=one == "swap"),
                gr.update(visible=one == "negative"),
                gr.update(visible=one == "swap"),
                *_standing(one, caption, word),
            )

        def run(
            name: str, caption: str, word: str, other: str, negative: str, hold: int, seed: int, guess: str | None,
        ) -> Iterator[Any]:  # fmt: skip
            painter = yield from controls.wake_painter(3)
            yield controls.wait("Painting…"), *[gr.skip()] * 3
            value = None
            for step in _tried(painter, KINDS[name], caption, word, other, negative, hold, seed):
                if isinstance(step, Underway):
                    yield views.underway(step), *[gr.skip()] * 3
                    continue
                value = step.value
                yield gr.skip(), draw.edit_rows(value), screen.show(step), gr.skip()
            swapped = value if KINDS[name] == "swap" else None
            verdict = screen.score(guess, *editing.swap_truth(swapped)) if swapped else ""
            yield "", gr.skip(), gr.skip(), verdict

        events.run(
            kind.change, choose, [kind, caption, word], [word, other, negative, hold, caption, word],
            model=None, show_progress="hidden",
        )  # fmt: skip
        events.run(
            go.click, run, [kind, caption, word, other, negative, hold, seed, screen.guess],
            [status, rows, result, screen.verdict], stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


def _tried(
    painter: Painter, kind: str, caption: str, word: str, other: str, negative: str, hold: int, seed: int
) -> Iterator[Underway | Evidence[editing.Edit]]:
    if kind == "swap":
        yield from editing.swap_word(painter, caption, word, other, hold=lab.pass_of(painter, hold), seed=seed)
    elif kind == "weigh":
        yield from editing.reweigh(painter, caption, word, seed=seed)
    else:
        yield from editing.negate(painter, caption, negative, seed=seed)


# --- 6 ----------------------------------------------------------------------------------------------------


def _dice(lesson: LessonPage) -> None:
    with lesson.screen("dice", predict="left-over") as screen:
        controls.absent()
        with gr.Row(equal_height=True):
            caption = _caption()
            seeds = controls.seeds_slider(6, 8)
        go, stop = controls.buttons("Paint the same seeds at three scales")
        status = controls.status()
        rows = film.pictures("One row a guidance scale, one column a seed.")
        result = screen.evidence()

        def run(caption: str, seeds: int, guess: str | None) -> Iterator[Any]:
            painter = yield from controls.wake_painter(3)
            yield controls.wait("Painting at guidance 1, twice over…"), *[gr.skip()] * 3
            value = None
            for step in sweeping.dice(painter, caption, seeds=seeds):
                if isinstance(step, Underway):
                    yield views.underway(step), *[gr.skip()] * 3
                    continue
                value = step.value
                yield gr.skip(), draw.dice_rows(value), screen.show(step), gr.skip()
            assert value is not None
            yield "", gr.skip(), gr.skip(), screen.score(guess, *sweeping.dice_truth(value))

        events.run(
            [go.click, caption.submit], run, [caption, seeds, screen.guess], [status, rows, result, screen.verdict],
            stop=stop, status=status, stopped=events.STOPPED, model="pictures",
        )  # fmt: skip


# --- the API ----------------------------------------------------------------------------------------------


def word_maps(caption: str, word: str, seed: int = 0, steps: int | None = None) -> dict:
    """Where the painter looks at a word of the caption, pass by pass and size by size.

    caption: up to 400 characters. word: one word of it; if it occurs more than once its maps are added.
    steps: passes, 1 to 50; the painter's own number when left out. Each pass holds its timestep and "maps": one
    grid of attention shares a size ("8x8").
    "share" is the word's share of all attention.
    """
    painter = waking.open_painter()
    steps = whole("The number of passes", painter.passes(steps), 1, 50)
    result: Evidence[looking.Look] | None = None
    timesteps: list[float] = []
    for step in looking.look(painter, caption, seed=seed, seeds=1, steps=steps):
        if isinstance(step, Evidence):
            result = step
        elif isinstance(step, Pass):
            if not timesteps and step.attention is not None:
                looking.word_index(step.attention.words[0], word)  # refuse before painting on
            timesteps.append(step.timestep)
    assert result is not None
    value = result.value
    places = list(looking.word_index(value.words, word))
    passes = [
        {"pass": i + 1, "timestep": timestep, "maps": {f"{h}x{w}": m[0, places].sum(0).tolist() for (h, w), m in
         maps.maps.items()}}
        for i, (timestep, maps) in enumerate(zip(timesteps, value.maps, strict=True))
    ]  # fmt: skip
    return {
        **result.as_json(), "words": list(value.words), "share": float(value.shares[0, :, places].mean(axis=1).sum()),
        "passes": passes, "picture": film.data_uri(value.picture),
    }  # fmt: skip


def guidance_sweep(caption: str, seed: int = 0, scales: list[float] | None = None) -> dict:
    """One seed at several guidance scales: pictures, saturation, share of clipped colour values, judge's certainty.

    scales: 2 to 16 numbers from 0 to 30; 0, 1, 2, 4, 8, 12 and 20 when left out. "certainty" is null where the
    judge cannot tell; "why" says why.
    """
    swept = sweeping.sweep(
        waking.open_painter(), caption, seed=seed, seeds=1, scales=sweeping.SCALES if scales is None else scales
    )
    (result,) = (step for step in swept if isinstance(step, Evidence))
    value = result.value
    rows = [
        {
            "scale": scale, "saturation": float(value.saturation[0, i]), "clipped": float(value.clipped[0, i]),
            "certainty": None if value.alignment is None else float(value.alignment[0, i]),
            "picture": film.data_uri(value.pictures[0, i]),
        }
        for i, scale in enumerate(value.scales)
    ]  # fmt: skip
    return {**result.as_json(), "why": value.why, "sweep": rows}
