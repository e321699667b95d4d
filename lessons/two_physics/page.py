"""The controls and views of two-physics."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import gradio as gr
import numpy as np
from markupsafe import Markup

from engines.evidence import PlainError
from engines.pictures.diffusion import Painter
from engines.statistics import mean_interval
from engines.text.language_model import LanguageModel
from lessons.shell import controls, events, views
from lessons.shell.background import open_text_model
from lessons.shell.film import Shot, data_uri, pictures, row
from lessons.shell.frame import LessonPage, lesson_page
from lessons.shell.prose import plain
from lessons.two_physics import experiments as lab

REQUESTS = (
    "a strawberry on a blue background",
    "a cat on a green meadow",
    "two apples on a white background",
    "a rocket under a night sky",
)


def build() -> None:
    with lesson_page("two-physics") as lesson:
        _race(lesson)
        _fixed(lesson)
        _spoil(lesson)


def _race(lesson: LessonPage) -> None:
    with lesson.screen("race", predict="edits") as screen:
        request = gr.Textbox(REQUESTS[0], label="Request", max_length=200)
        gr.Examples([[one] for one in REQUESTS], request, label="Or one of these")
        with gr.Row():
            seed = gr.Number(7, label="Seed", precision=0, minimum=0, maximum=2**32 - 1)
            go = gr.Button("Start both", variant="primary")
            stop = gr.Button("Stop")
        status = controls.status()
        view = pictures("Both machines wait for the request.")
        result = screen.evidence()

    def run(request: str, seed: float | None, guess: str | None) -> Iterator[Any]:
        lab.request(request)
        if seed is None:
            raise PlainError("Seed: type a whole number.")
        model, painter = yield from _both(3)
        moment = None
        for moment in lab.race(model, painter, request, seed=int(seed)):
            yield "", _moment(moment), gr.skip(), gr.skip()
        assert moment is not None
        share = lab.edited(moment)
        truth = 0 if share < 0.1 else 1 if share < 0.4 else 2 if share <= 0.8 else 3
        verdict = screen.score(guess, truth, f"{share:.0%} of the pixels change from one pass to the next")
        shown = screen.show(lab.race_result(model, painter, request, int(seed), moment))
        yield "", _moment(moment), shown, verdict

    _wire(go, stop, run, [request, seed, screen.guess], [status, view, result, screen.verdict])


def _both(others: int) -> Generator[Any, None, tuple[LanguageModel, Painter]]:
    """Both models, in a handler of 1 + ``others`` outputs whose first is the status."""
    model = yield from open_text_model(lambda notice: (notice, *[gr.skip()] * others))
    painter = yield from controls.wake_painter(others)
    return model, painter


def _moment(moment: lab.Moment) -> str:
    text = "".join(token.text for token in moment.tokens)
    preview = moment.passes[-1].previews if moment.passes else None
    image = (
        Markup('<img src="{}" alt="{}">').format(
            data_uri(preview[0]), f"The painter's guess of the finished picture after pass {len(moment.passes)}"
        )
        if preview is not None
        else Markup("")
    )
    return str(
        Markup('<div class="two-physics-race">{}{}</div>').format(
            _machine(
                "typewriter",
                "The typewriter",
                moment.text_seconds,
                f"{len(moment.tokens)} passes, {len(moment.tokens)} tokens, 0 taken back",
                Markup('<p class="two-physics-text">{}</p>').format(plain(text)),
                min(1.0, len(moment.tokens) / lab.TOKENS),
            ),
            _machine(
                "sculptor",
                "The sculptor",
                moment.picture_seconds,
                f"{len(moment.passes)} passes over the whole canvas",
                image,
                len(moment.passes) / moment.passes[-1].passes if moment.passes else 0.0,
            ),
        )
    )


def _machine(ink: str, name: str, seconds: float, note: str, body: Markup, share: float) -> Markup:
    return Markup(
        '<section class="two-physics-machine ink-{}"><h3>{}</h3><p class="two-physics-clock">{:.1f} s · {}</p>{}'
        '<div class="two-physics-meter" role="img" aria-label="{:.0%} of its passes done"><i style="width:{:.1f}%"></i>'
        "</div></section>"
    ).format(ink, name, seconds, note, body, share, share * 100)


def _fixed(lesson: LessonPage) -> None:
    with lesson.screen("fixed", predict="half") as screen:
        request = gr.Textbox(REQUESTS[1], label="Request", max_length=200)
        with gr.Row():
            seeds = gr.Slider(2, 12, 8, step=1, label="Seeds")
            go = gr.Button("Run them all", variant="primary")
            stop = gr.Button("Stop")
        status = gr.HTML(str(views.empty("One line for each machine: how much is in place after each pass.")))
        chart = gr.Plot(show_label=False, visible=False)
        result = screen.evidence()

    def run(request: str, seeds: float, guess: str | None) -> Iterator[Any]:
        lab.request(request)
        model, painter = yield from _both(3)
        for words, evidence in lab.fixing(model, painter, request, seeds=int(seeds)):
            if evidence is None:
                yield controls.wait(words), *[gr.skip()] * 3
                continue
            mean, low, high = lab.half_way(evidence.value)
            truth = 0 if mean < 0.2 else 1 if mean < 0.5 else 2 if mean <= 0.8 else 3
            measured = f"{mean:.0%} (95 % interval {low:.0%}–{high:.0%})"
            shown = gr.Plot(_chart(evidence.value), visible=True)
            yield "", shown, screen.show(evidence), screen.score(guess, truth, measured)

    _wire(go, stop, run, [request, seeds, screen.guess], [status, chart, result, screen.verdict])


def _chart(value: lab.Fixing) -> Any:
    import plotly.graph_objects as go

    painted, written = (np.arange(1, one.shape[1] + 1) / one.shape[1] for one in (value.picture, value.text))
    mean, low, high = np.array([mean_interval(column.tolist()) for column in value.picture.T]).T
    figure = go.Figure()
    figure.add_scatter(x=painted, y=np.clip(high, 0, 1), mode="lines", line_width=0, showlegend=False)
    figure.add_scatter(
        x=painted, y=np.clip(low, 0, 1), mode="lines", line_width=0, fill="tonexty",
        fillcolor="rgba(200,104,63,0.25)", name="95 % interval",
    )  # fmt: skip
    figure.add_scatter(x=painted, y=mean, mode="lines+markers", name="picture settled", line_color="#c8683f")
    figure.add_scatter(
        x=written, y=value.text.mean(axis=0), mode="lines+markers", name="text fixed",
        line={"color": "#3a6aa3", "dash": "dash"}, marker_symbol="square",
    )  # fmt: skip
    figure.update_layout(
        height=340, margin={"l": 50, "r": 10, "t": 10, "b": 40}, paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)", legend={"orientation": "h", "y": 1.1},
        xaxis={"title": "share of its passes done", "tickformat": ".0%"},
        yaxis={"title": "share of the final answer", "tickformat": ".0%", "range": [0, 1.02]},
    )  # fmt: skip
    return figure


def _spoil(lesson: LessonPage) -> None:
    with lesson.screen("spoil", predict="mend") as screen:
        request = gr.Textbox(REQUESTS[0], label="Request", max_length=200)
        with gr.Row():
            seeds = gr.Slider(2, 8, 6, step=1, label="Seeds")
            go = gr.Button("Cause an accident", variant="primary")
            stop = gr.Button("Stop")
        status = controls.status()
        view = pictures("Each machine, undisturbed and disturbed.")
        result = screen.evidence()

    def run(request: str, seeds: float, guess: str | None) -> Iterator[Any]:
        lab.request(request)
        model, painter = yield from _both(3)
        for words, evidence in lab.spoil(model, painter, request, seeds=int(seeds)):
            if evidence is None:
                yield controls.wait(words), *[gr.skip()] * 3
                continue
            gone = lab.mended_by(evidence.value)
            truth = 0 if gone < 0.15 else 1 if gone < 0.5 else 2 if gone <= 0.85 else 3
            verdict = screen.score(guess, truth, f"{gone:.0%} gone")
            yield "", _accident(evidence.value), screen.show(evidence), verdict

    _wire(go, stop, run, [request, seeds, screen.guess], [status, view, result, screen.verdict])


def _accident(value: lab.Spoiled) -> str:
    clean, spoiled = value.text_clean, value.text_spoiled
    same = next((i for i, (a, b) in enumerate(zip(clean, spoiled, strict=False)) if a != b), len(spoiled))
    cut = spoiled.find(value.wrong_token, max(0, same - len(value.wrong_token)))
    end = cut + len(value.wrong_token)
    marked = (
        Markup("{}<mark>{}</mark>{}").format(plain(spoiled[:cut]), plain(value.wrong_token), plain(spoiled[end:]))
        if cut >= 0
        else plain(spoiled)
    )
    texts = Markup(
        '<div class="two-physics-race"><section class="two-physics-machine ink-typewriter"><h3>Undisturbed</h3>'
        '<p class="two-physics-text">{}</p></section><section class="two-physics-machine ink-typewriter">'
        '<h3>One wrong key</h3><p class="two-physics-text">{}</p><p class="two-physics-note">The wrong key is '
        "underlined twice.</p></section></div>"
    ).format(plain(clean), marked)
    shots = row(
        [
            Shot(value.clean, "The picture as it would have been", "undisturbed"),
            Shot(value.hurt, "The noisy canvas with its middle overwritten", "the canvas at the accident"),
            Shot(value.mended, "The finished picture after the accident", "what became of it"),
        ],
        "The sculptor's accident",
    )
    return str(texts + shots)


def _wire(go: gr.Button, stop: gr.Button, run: Any, inputs: list[Any], outputs: list[Any]) -> None:
    controls.absent()
    told: dict[str, Any] = {"stop": stop, "status": outputs[0], "stopped": events.STOPPED}
    events.run(go.click, run, inputs, outputs, model="pictures", **told)
