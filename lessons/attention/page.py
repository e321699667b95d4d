"""The attention lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from engines.checks import MAX_SEED
from lessons.attention import agreement, arithmetic, fading, lens, looking, machine, silencing
from lessons.attention import figures as draw
from lessons.attention.measures import EXAMPLES, KEYS
from lessons.shell import charts, controls, events, scripts
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page

HERE = Path(__file__).parent


def build() -> None:
    with lesson_page("attention") as lesson:
        _looking(lesson)
        kept = _arithmetic(lesson)
        _machine(lesson)
        _silencing(lesson, kept)
        _agreement(lesson)
        _lens(lesson)
        _fading(lesson)


def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _view() -> gr.HTML:
    return gr.HTML(render=False)


def _seed(label: str = "Seed", most: int = MAX_SEED) -> gr.Number:
    return controls.whole_number(0, label, most)


def _looking(lesson: LessonPage) -> None:
    with lesson.screen("looking", predict="leaning") as screen:
        text = gr.Textbox(KEYS, label="A sentence to read; type your own", max_lines=3, max_length=400)
        with gr.Row(elem_classes=["attention-tries"]):
            for example, _ in (EXAMPLES[1], *EXAMPLES[3:5]):
                button = gr.Button(example, size="sm")
                events.on(button.click, lambda label: {text: label}, button, text)
        heads = gr.HTML(
            "{}",
            html_template=_file("heads.html"),
            js_on_load=scripts.script(HERE / "heads.js"),
            elem_id="attention-heads",
            render=False,
        )
        experiment(
            screen, "Look inside", looking.gaze, [text], {unveiled(heads): draw.gaze}, truth=looking.leaning,
            also=[text.submit],
        )  # fmt: skip


def _arithmetic(lesson: LessonPage) -> gr.HTML:
    """The screen; what it gives back holds the sentence, the words to watch, the head and the pair that were chosen."""
    with lesson.screen("arithmetic", predict="products") as screen:
        kept = gr.HTML(
            "{}", html_template=_file("pairs.html"), js_on_load=scripts.script(HERE / "pairs.js"),
            elem_id="attention-pairs",
        )  # fmt: skip
        experiment(
            screen, "Work out the pair", arithmetic.work_out, [kept], {_view(): draw.sums},
            truth=arithmetic.pulling, also=[kept.select],
        )  # fmt: skip
    return kept


def _machine(lesson: LessonPage) -> None:
    with lesson.screen("machine", predict="attention-share") as screen:
        experiment(
            screen, "Count its numbers", machine.count, shows={_view(): draw.machine}, truth=machine.counted
        )  # fmt: skip


def _silencing(lesson: LessonPage, kept: gr.HTML) -> None:
    with lesson.screen("silencing", predict="hottest") as screen:
        with gr.Row(equal_height=True):
            count = gr.Slider(3, silencing.MAX_RANDOM, 10, step=1, label="Random heads", min_width=150)
            pool = gr.Radio(
                [("any layer", False), ("its own layer", True)], value=False, label="Drawn from", min_width=150
            )
            seed = _seed()
        picture = _view()
        first = experiment(
            screen, "Switch heads off", silencing.contest, [kept, count, pool, seed], {picture: draw.contest},
            truth=silencing.outdone,
        )  # fmt: skip
        experiment(
            screen, "All heads in turn", silencing.scan, [kept], {picture: draw.scan}, cost=lambda kept: len(kept),
            beside=first, key="scan", asks=False, recordable=False,
        )  # fmt: skip
        experiment(
            screen, "Twelve sentences", silencing.survey, [count, seed], {picture: draw.survey},
            cost=lambda count, seed: 12 * (count + 1), beside=first, key="survey", asks=False, recordable=False,
        )  # fmt: skip


def _agreement(lesson: LessonPage) -> None:
    with lesson.screen("agreement", predict="turned") as screen:
        with gr.Row(equal_height=True):
            text = gr.Dropdown(
                list(agreement.SUBJECTS), value=next(iter(agreement.SUBJECTS)), label="Sentence", scale=3
            )
            seed = _seed("Seed of the random heads")
        experiment(
            screen, "Switch off one after another", agreement.agree, [text, seed],
            {_view(): draw.agreement_bars, charts.chart(): draw.agreement_chart}, truth=agreement.turned,
        )  # fmt: skip


def _lens(lesson: LessonPage) -> None:
    with lesson.screen("lens", predict="settling") as screen:
        text = gr.Textbox("The capital of France is", label="A text to go on from", max_lines=3, max_length=400)
        picture = _view()
        first = experiment(
            screen, "Read every layer", lens.read, [text], {picture: draw.ladder}, truth=lens.settled,
            also=[text.submit],
        )  # fmt: skip
        experiment(
            screen, "All the lesson’s sentences", lens.survey, [], {picture: draw.settling},
            truth=lens.settled_on_average, beside=first, key="survey", recordable=False,
        )  # fmt: skip


def _fading(lesson: LessonPage) -> None:
    with lesson.screen("fading", predict="survivors") as screen:
        with gr.Row(equal_height=True):
            copies = gr.Slider(
                1, fading.MAX_COPIES, fading.COPIES, step=1, label="Noisy copies at each level", min_width=190
            )
            seed = _seed("First seed", MAX_SEED - fading.MAX_COPIES)
        experiment(
            screen, "Smear the weights", fading.fade, [copies, seed],
            {charts.chart(): draw.fading_chart, _view(): draw.fading}, truth=fading.weaker,
            cost=lambda copies, seed: copies * len(fading.LEVELS) * len(fading.FACTS),
        )  # fmt: skip
