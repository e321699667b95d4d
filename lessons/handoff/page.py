"""The handoff on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from engines.checks import MAX_CAPTION
from engines.evidence import PlainError
from lessons.handoff import bypass, chain, forget, play, proof
from lessons.handoff import figures as draw
from lessons.handoff.measures import EXAMPLES, MAX_CHAT, check_wish, messages
from lessons.handoff.rounds import rounds
from lessons.shell import controls, events, film, scripts
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page

HERE = Path(__file__).parent


def build() -> None:
    with lesson_page("handoff") as lesson:
        _chain(lesson)
        _bypass(lesson)
        _proof(lesson)
        _forget(lesson)
        _play(lesson)


def _chat(value: str, label: str = "Your messages, one a line", lines: int = 4) -> gr.Textbox:
    return gr.Textbox(value, label=label, lines=lines, max_lines=8, max_length=MAX_CHAT)


def _wish(value: str, **options: Any) -> gr.Textbox:
    label = "What you want in the end (only the ledger reads it)"
    return controls.caption(value, label, needed=False, **options)


def _check(chat: str, wish: str, *rest: Any) -> None:
    messages(chat)
    check_wish(wish)


def _chain(lesson: LessonPage) -> None:
    with lesson.screen("chain", predict="crossed") as screen:
        picker = gr.HTML(draw.examples(), js_on_load=scripts.script(HERE / "examples.js"))
        chat = _chat(EXAMPLES[0].chat)
        wish = _wish(EXAMPLES[0].wish)
        seed = controls.seed_number(render=False)
        talk = gr.HTML(draw.writing(draw.IDLE), elem_classes=["handoff-chat"], render=False)
        reel = film.reel("The painter's passes appear here once it has its caption.")
        label = "The caption that crossed; change it and paint again"
        caption = gr.Textbox("", label=label, max_length=MAX_CAPTION, render=False)
        ledger = gr.HTML(render=False)
        places = (unveiled(talk), unveiled(reel), caption, ledger)

        def start(model: Any, painter: Any, *settings: Any) -> Any:
            return draw.followed(chain.chain(model, painter, *settings), *places)

        def again(model: Any, painter: Any, *settings: Any) -> Any:
            return draw.followed(chain.edited(model, painter, *settings), *places)

        run = experiment(
            screen, "Hand it over", start, [chat, wish, seed], fills=places, truth=chain.truth, queue="both",
            check=_check, near=[seed],
        )  # fmt: skip
        experiment(
            screen, "Paint again", again, [chat, wish, caption, seed], fills=places, queue="both",
            beside=run, key="edited", asks=False, recordable=False,
        )  # fmt: skip

        def pick(event: gr.EventData) -> dict[Any, Any]:
            name = str(event._data.get("name"))
            for one in EXAMPLES:
                if one.name == name:
                    return {chat: one.chat, wish: one.wish}
            raise PlainError("There is no such chat. Choose one of those shown.")

        events.on(picker.select, pick, None, [chat, wish], status=run.status)


def _bypass(lesson: LessonPage) -> None:
    with lesson.screen("bypass", predict="better") as screen:
        chat = _chat(EXAMPLES[1].chat, lines=3)
        with gr.Row():
            wish = _wish(EXAMPLES[1].wish)
            seeds = controls.seeds_slider(8, bypass.MOST_SEEDS)
            seed = controls.seed_number()
        experiment(
            screen, "Send all three", bypass.bypass, [chat, wish, seeds, seed],
            {
                gr.HTML(render=False): draw.kept_bars,
                film.pictures(): draw.three_ways,
            },
            truth=bypass.truth, queue="both", cost=lambda chat, wish, seeds, seed: 1 + 3 * seeds / 8,
            check=lambda chat, wish, *rest: (messages(chat), check_wish(wish, needed=True)),
        )  # fmt: skip


def _proof(lesson: LessonPage) -> None:
    with lesson.screen("proof", predict="pixels") as screen:
        chats = [_chat(chat, name.capitalize(), 2) for name, chat in zip(proof.NAMES, proof.CHATS, strict=True)]
        experiment(
            screen, "Hand over all three", proof.proof, [*chats, controls.seed_number()],
            {film.pictures(): draw.three_pictures}, truth=proof.truth, queue="both",
            check=lambda *chats: [messages(chat) for chat in chats[:3]], cost=lambda *settings: 3,
        )  # fmt: skip


def _forget(lesson: LessonPage) -> None:
    with lesson.screen("forget", predict="again") as screen:
        caption = controls.caption(forget.CAPTION, "First caption")
        order = controls.caption(forget.ORDER, "Then, as one would tell a person")
        following = controls.caption(forget.NEXT, "Or a whole new caption")
        with gr.Row():
            seeds = controls.seeds_slider(8, forget.MOST_SEEDS)
            seed = controls.seed_number()
        experiment(
            screen, "Paint all four rows", forget.forget, [caption, order, following, seeds, seed],
            {film.pictures(): draw.four_rows}, truth=forget.truth, queue="pictures",
            cost=lambda caption, order, following, seeds, seed: seeds,
        )  # fmt: skip


def _play(lesson: LessonPage) -> None:
    with lesson.screen("play", predict="ahead") as screen:
        number = gr.State(0)
        with gr.Row():
            picture = gr.HTML(elem_classes=["handoff-picture"], js_on_load=None)
            with gr.Column():
                caption = controls.caption(play.CAPTION, "Your caption for this picture")
                with gr.Row():
                    which = gr.Slider(1, len(rounds()), 1, step=1, label="Picture", scale=2, min_width=120)
                    other = gr.Button("Another picture", size="sm", min_width=120)
                with gr.Row():
                    seeds = controls.seeds_slider(6, play.MOST_SEEDS)
                    seed = controls.seed_number()
        events.at_load(lambda: draw.target(0), picture)
        run = experiment(
            screen, "Play against the director", play.play, [number, caption, seeds, seed],
            {film.pictures(): draw.match}, truth=play.truth, queue="both",
            cost=lambda number, caption, seeds, seed: 1 + seeds / 4,
        )  # fmt: skip

        def turn(before: int, wanted: int) -> dict[Any, Any]:
            if wanted - 1 == before:
                return {}
            return {number: wanted - 1, picture: draw.target(wanted - 1), caption: "", **run.emptied()}

        events.on(which.change, turn, [number, which], [number, picture, caption, *run.places])
        events.on(other.click, lambda shown: {which: shown % len(rounds()) + 1}, which, which)
