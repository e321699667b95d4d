"""The lesson on diets on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from typing import Any

import gradio as gr

from engines.pictures.files import open_picture
from engines.text import vocabularies
from lessons.diets import browse, captions, scale, seen, similarity
from lessons.diets import figures as draw
from lessons.shell import charts, controls, events, film, views
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page
from lessons.shell.scenes import CAPTIONS

UPLOAD_SIDE = 512
ADDED = "Your picture is here: it will be the last of the grid. Give it a line of its own, if you like."


def build() -> None:
    with lesson_page("diets") as lesson:
        _scale(lesson)
        _browse(lesson)
        _similarity(lesson)
        _captions(lesson)
        _seen(lesson)


def _scale(lesson: LessonPage) -> None:
    with lesson.screen("scale", predict="lifetimes") as screen:
        with gr.Row(equal_height=True):
            speed = gr.Slider(50, 1000, scale.SPEED, step=1, label="Words a minute", min_width=150)
            hours = gr.Slider(1, 24, scale.HOURS, step=1, label="Hours a day", min_width=150)
            years = gr.Slider(1, 100, scale.YEARS, step=1, label="Years", min_width=150)
        with gr.Row(equal_height=True):
            share = gr.Slider(0.3, 1, scale.SHARE, step=0.05, label="Words a token", min_width=150)
            words = gr.Slider(1, 100, scale.CAPTION, step=1, label="Words a caption", min_width=150)
            side = gr.Slider(64, 2048, scale.SIDE, step=64, label="Pixels a side", min_width=150)
            names = [(f"{one.name}: {one.size:,}", one.key) for one in vocabularies.available() if one.size]
            chosen = gr.Dropdown(names, value="smollm2", label="Vocabulary", min_width=150)
        inputs = [speed, hours, years, share, words, side, chosen]
        view = gr.HTML(render=False)
        experiment(
            screen, "Draw it to scale", scale.scale, inputs, {view: draw.scaled}, truth=scale.scale_truth, queue=None,
            quick=True,
        )  # fmt: skip


def _browse(lesson: LessonPage) -> None:
    with lesson.screen("browse", predict="thin") as screen:
        with gr.Row(equal_height=True):
            query = controls.caption(browse.QUERY, "Search", needed=False)
            samples = gr.Slider(1, browse.MOST_SAMPLES, browse.SAMPLES, step=1, label="Scenes to draw", min_width=120)
            seed = controls.seed_number(0)
        experiment(
            screen, "Search the diet", browse.browse, [query, samples, seed],
            {gr.HTML(render=False): draw.counts, unveiled(film.pictures()): draw.found},
            truth=browse.browse_truth, queue="pictures", also=[query.submit], check=browse.check,
        )  # fmt: skip
        with gr.Row(equal_height=True):
            queries = gr.Slider(2, browse.MOST_QUERIES, browse.QUERIES, step=1, label="Searches", min_width=150)
            first = controls.seed_number(0, "Seed of the searches")
        experiment(
            screen, "Does meaning find what words miss?", browse.wordings, [queries, first],
            {unveiled(gr.HTML(render=False)): draw.wordings_bars}, queue="pictures", key="wordings", asks=False,
            cost=lambda queries, first: queries,
        )  # fmt: skip


def _similarity(lesson: LessonPage) -> None:
    with lesson.screen("similarity", predict="near-miss") as screen:
        own = gr.State(None)
        texts = gr.Textbox(
            "\n".join(similarity.LINES), label="Captions, one a line, in the order of the pictures", lines=6,
            max_lines=similarity.MOST, max_length=1000,
        )  # fmt: skip
        names = gr.CheckboxGroup(
            [(caption, name) for name, caption in CAPTIONS.items()], value=list(similarity.NAMES), label="Pictures"
        )
        with gr.Row(equal_height=True):
            pairs = gr.Slider(2, similarity.MOST_PAIRS, similarity.PAIRS, step=1, label="Unseen scenes", min_width=150)
            seed = controls.seed_number(0)
            upload = gr.UploadButton("Add my own picture", file_types=["image"])

        def check(texts: Any, names: Any, *_: Any) -> None:
            similarity.lines(texts)

        run = experiment(
            screen, "Measure the grid", similarity.similarity, [texts, names, own, pairs, seed],
            {unveiled(gr.HTML(render=False, elem_classes=["reel"])): draw.grid,
             gr.HTML(render=False): draw.near_bars},
            truth=similarity.similarity_truth, queue="pictures", check=check,
            cost=lambda texts, names, own, pairs, seed: pairs,
        )  # fmt: skip

        def bring(path: str) -> dict[Any, Any]:
            picture = open_picture(path, width=UPLOAD_SIDE, height=UPLOAD_SIDE)
            return {own: picture, run.status: str(views.notice(ADDED))}

        events.on(upload.upload, bring, upload, own, status=run.status, turn="uploads")


def _captions(lesson: LessonPage) -> None:
    with lesson.screen("captions", predict="left") as screen:
        with gr.Row(equal_height=True):
            caption = controls.caption(captions.CAPTION)
            seeds = controls.seeds_slider(captions.SEEDS, captions.MOST_SEEDS)
            seed = controls.seed_number(0, "First seed")

        experiment(
            screen, "Paint with all three readers", captions.captions, [caption, seeds, seed],
            {gr.HTML(render=False, elem_classes=["reel"]): draw.painted,
             charts.chart(): draw.captions_chart,
             unveiled(gr.HTML(render=False)): draw.examples},
            truth=captions.captions_truth, queue="pictures", also=[caption.submit], check=captions.check,
            cost=lambda caption, seeds, seed: 3 * seeds,
        )  # fmt: skip


def _seen(lesson: LessonPage) -> None:
    with lesson.screen("seen", predict="read-about") as screen:
        with gr.Row(equal_height=True):
            questions = gr.Slider(
                seen.LEAST, seen.MOST, seen.MOST, step=1, label="Questions of each sort", min_width=150
            )
            seed = controls.seed_number(0)
        experiment(
            screen, "Ask both machines", seen.seen, [questions, seed],
            {charts.chart(): draw.seen_chart,
             gr.HTML(render=False, elem_classes=["reel"]): draw.seen_answers},
            truth=seen.seen_truth, queue="both", cost=lambda questions, seed: 4 * questions,
        )  # fmt: skip
