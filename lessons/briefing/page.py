"""The briefing lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from engines.evidence import PlainError
from lessons.briefing import bench, both, checklist, dice, measures, recipe
from lessons.briefing import figures as draw
from lessons.shell import controls, events, film, scripts, views, waking
from lessons.shell.experiment import experiment
from lessons.shell.frame import LessonPage, lesson_page, still

HERE = Path(__file__).parent
EXAMPLES_JS = scripts.script(HERE / "examples.js")
KEY, SECRET = "playground.briefing.recipe", "sticker-world"  # kept with the progress; the secret hides nothing
SETTLE = "() => new Promise((done) => setTimeout(() => done([]), 150))"  # an event may run ahead of its last keystroke
KEEP = """(...fields) => {
    const plain = location.pathname + location.search;
    if (location.hash.startsWith("#recipe=")) history.replaceState(history.state, "", plain);
    return { version: 1, fields: fields.slice(0, 4) };
}"""
UNLESS_LINKED = '(kept) => [location.hash.startsWith("#recipe=") ? null : kept]'


def build() -> None:
    with lesson_page("briefing") as lesson:
        _bench(lesson)
        _dice(lesson)
        _both(lesson)
        _recipe(lesson)


def _caption(value: str, label: str, *, needed: bool = True, **options: Any) -> gr.Textbox:
    """A caption with its checklist, which follows what is typed."""
    with gr.Column(scale=4, min_width=260):
        box = controls.caption(value, label, needed=needed, **options)
        place = still(_checked(value))
    events.on(box.change, lambda text: {place: _checked(text)}, box, place)
    return box


def _checked(text: str) -> str:
    return draw.checks(checklist.check(text, waking.sticker_world_is_live()))


def _examples(names: Any, label: str) -> gr.HTML:
    return gr.HTML(draw.examples(names, label), js_on_load=EXAMPLES_JS)


def _bench(lesson: LessonPage) -> None:
    with lesson.screen("bench", predict="stays") as screen:
        examples = _examples((one[0] for one in bench.EXAMPLES), "Change")
        with gr.Row():
            first = _caption(bench.FIRST, "First caption")
            second = _caption(bench.SECOND, "Second caption")
        seed = controls.seed_number(render=False)
        guidance = gr.Slider(1, 20, 4, step=0.5, label="Guidance scale", scale=3, min_width=160, render=False)
        experiment(
            screen, "Paint both from this seed", bench.bench, [first, second, seed, guidance],
            {film.pictures(): draw.bench_rows}, truth=bench.bench_truth, queue="pictures", near=[seed, guidance],
            also=[first.submit, second.submit], check=lambda first, second, *_: measures.two(first, second),
        )  # fmt: skip

        def fill(event: gr.EventData) -> dict[Any, Any]:
            _, one, other = bench.EXAMPLES[int(event._data.get("example", 0)) % len(bench.EXAMPLES)]
            return {first: one, second: other}

        events.on(examples.select, fill, None, [first, second])


def _dice(lesson: LessonPage) -> None:
    with lesson.screen("dice", predict="farther") as screen:
        kinds = [(one.name, one.key) for one in dice.WORDINGS]
        kind = gr.Radio(kinds, value=dice.DEFAULT.key, label="What is changed in the wording")
        with gr.Row():
            first = controls.caption(dice.DEFAULT.first, "First wording")
            second = controls.caption(dice.DEFAULT.second, "Second wording")
        wish = controls.caption(dice.DEFAULT.wish, "The wish that the judge looks for under both")
        with gr.Row(equal_height=True):
            seeds = controls.seeds_slider(8)
            seed = controls.seed_number(0, "First seed")
        bars = gr.HTML(render=False)
        experiment(
            screen, "Paint both wordings", dice.dice, [first, second, wish, seeds, seed],
            {film.pictures(): draw.dice_rows, bars: draw.dice_bars}, truth=dice.dice_truth, queue="pictures",
            cost=lambda first, second, wish, seeds, seed: 2 * seeds,
            check=lambda first, second, *_: measures.two(first, second),
        )  # fmt: skip

        def choose(kind: str) -> dict[Any, Any]:
            one = dice.BY_KEY[kind]
            return {first: one.first, second: one.second, wish: one.wish}

        events.on(kind.input, choose, kind, [first, second, wish])


def _both(lesson: LessonPage) -> None:
    with lesson.screen("both", predict="raw") as screen:
        examples = _examples((one.wish for one in both.EXAMPLES), "A chat about")
        begun = both.EXAMPLES[0]
        chat = gr.Textbox(
            "\n".join(begun.messages), label="The chat, a message a line, the oldest on top", lines=4, max_lines=8,
            max_length=400,
        )  # fmt: skip
        with gr.Row():
            wish = controls.caption(begun.wish, "The wish in the end, for the judge")
            own = _caption(both.OWN, "Your caption for the same wish", needed=False)
        with gr.Row(equal_height=True):
            seeds = controls.seeds_slider(6, 12)
            seed = controls.seed_number(0, "First seed")
        bars = gr.HTML(render=False)
        experiment(
            screen, "Send it by all three ways", both.both, [chat, wish, own, seeds, seed],
            {film.pictures(): draw.both_rows, bars: draw.both_bars}, truth=both.both_truth, queue="both",
            cost=lambda chat, wish, own, seeds, seed: 3 * seeds + 4, check=lambda chat, *_: both.messages_of(chat),
        )  # fmt: skip
        still(draw.published())

        def fill(event: gr.EventData) -> dict[Any, Any]:
            one = both.EXAMPLES[int(event._data.get("example", 0)) % len(both.EXAMPLES)]
            return {chat: "\n".join(one.messages), wish: one.wish, own: ""}

        events.on(examples.select, fill, None, [chat, wish, own])


def _recipe(lesson: LessonPage) -> None:
    with lesson.screen("recipe", predict="holds") as screen:
        about = still("")
        caption = _caption("three fish in the ocean", "Your caption", max_length=recipe.MOST_CAPTION)
        with gr.Row(equal_height=True):
            seed = controls.seed_number()
            steps = gr.Slider(1, recipe.MOST_STEPS, 25, step=1, label="Passes", scale=3, min_width=150)
            guidance = gr.Slider(0, recipe.MOST_GUIDANCE, 4, step=0.5, label="Guidance scale", scale=3, min_width=150)
        fields = [caption, seed, steps, guidance]
        link = gr.HTML(draw.WAITING, js_on_load=scripts.script(HERE / "recipe.js"))
        experiment(
            screen, "Try it on eight other seeds", recipe.recipe, fields, {film.pictures(): draw.recipe_rows},
            truth=recipe.recipe_truth, queue="pictures", also=[caption.submit],
            cost=lambda caption, seed, steps, guidance: 9 * steps / 25, check=lambda *values: recipe.Recipe(*values),
        )  # fmt: skip
        page = gr.State("")
        _share(fields, page, link, about)
        _keep(fields)


def _share(fields: list[Any], page: gr.State, link: gr.HTML, about: gr.HTML) -> None:
    """The link follows the fields; a recipe that came in the page's address fills them."""

    def opened(caption: str, seed: Any, steps: Any, guidance: Any, event: gr.EventData) -> dict[Any, Any]:
        here, fragment = recipe.address(event._data.get("address")), str(event._data.get("fragment") or "")
        places = {page: here, about: "", **drawn(here, caption, seed, steps, guidance)}
        if not fragment.startswith("#recipe="):
            return places
        try:
            came = recipe.Recipe.of(fragment)
        except PlainError as error:
            return {**places, about: str(views.notice(str(error), "error"))}
        arrived = (came.caption, came.seed, came.steps, came.guidance)
        notice = str(views.notice("This recipe came with the link."))
        return {**places, **drawn(here, *arrived), **dict(zip(fields, arrived, strict=True)), about: notice}

    def drawn(page: str, *values: Any) -> dict[Any, Any]:
        if not page:
            return {}
        try:
            return {link: draw.shared(page, recipe.Recipe(*values))}
        except PlainError as error:
            return {link: draw.unshared(f"No link yet. {error}")}

    events.on(link.select, opened, fields, [page, about, link, *fields])
    events.on([one.change for one in fields], drawn, [page, *fields], link)


def _keep(fields: list[Any]) -> None:
    """Every change of a field goes to the browser at once, and comes back when the page is opened without a recipe."""
    written, read = (gr.BrowserState(None, storage_key=KEY, secret=SECRET) for _ in range(2))
    typed = gr.on([one.input for one in fields], None, js=SETTLE, api_visibility="private", trigger_mode="multiple")
    typed.then(None, fields, written, js=KEEP, api_visibility="private")

    def restored(kept: Any) -> dict[Any, Any]:
        one = recipe.Recipe.kept(kept)
        return {} if one is None else dict(zip(fields, (one.caption, one.seed, one.steps, one.guidance), strict=True))

    events.on(read.change, restored, read, fields, js=UNLESS_LINKED)
