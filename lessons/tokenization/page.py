"""The tokenization lesson on screen: the controls of each screen, and which experiment they start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from engines.text import vocabularies
from lessons.shell import charts, controls, events, waking
from lessons.shell.experiment import experiment, unveiled
from lessons.shell.frame import LessonPage, lesson_page
from lessons.tokenization import cause, chunks, count, look_alikes, measures, merges, rates, spell
from lessons.tokenization import figures as draw
from lessons.tokenization.measures import MAX_RUNS, SHOWN_FIRST, WORD

EXAMPLES = (
    ("strawberry", "strawberry"),
    ("a sentence", "How many letters r are there in strawberry?"),
    ("German", "Wie viele r stecken in der Erdbeermarmelade?"),
    ("Hindi", "स्ट्रॉबेरी में कितने अक्षर हैं?"),
    ("Chinese", "草莓这个词有几个字？"),
    ("Arabic", "كم حرفًا في كلمة فراولة؟"),
    ("code", "for i in range(10):\n    print(i ** 2)"),
    ("numbers", "3.14159 · 1234567 · 2024-03-01"),
    ("a family emoji", "👩‍👩‍👧‍👦 👍🏽"),
    ("spaces", "one two  three    four"),
    ("hidden characters", "straw\u200bberry cafe\u0301"),
)
# Clicks on our own buttons become one event.
BUTTONS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-example], button[data-fetch]');
  if (button) trigger('select', { example: button.dataset.example || '', fetch: button.dataset.fetch || '' });
});
"""


def build() -> None:
    with lesson_page("tokenization") as lesson:
        _chunks(lesson)
        _merges(lesson)
        _rates(lesson)
        _count(lesson)
        _cause(lesson)
        _spell(lesson)
        _look_alikes(lesson)


def _vocabularies(first: Sequence[str] = SHOWN_FIRST) -> gr.CheckboxGroup:
    """Which vocabularies to show; asked anew when the page or the fold is opened, since the live model can change."""
    with gr.Accordion("Vocabularies shown", open=False) as fold:
        group = gr.CheckboxGroup(**measures.offer(first), show_label=False, container=False)

    def offer() -> Any:
        measures.warm()
        return gr.update(**measures.offer(first))

    events.at_load(offer, group)
    events.on(fold.expand, lambda ticked: {group: gr.update(**measures.offer(ticked))}, group, group)
    return group


def _view(name: str, *classes: str, **options: Any) -> gr.HTML:
    return gr.HTML(render=False, elem_classes=["tokenization-view", *classes], elem_id=name, **options)


def _chunks(lesson: LessonPage) -> None:
    with lesson.screen("chunks", predict="space") as screen:
        text = gr.Textbox(WORD, label="Type anything; it is cut as you type", max_lines=5, elem_id="tokenization-text")
        sample = gr.HTML(draw.examples(EXAMPLES), js_on_load=BUTTONS)
        shown = [("chunks and ids", "chunks"), ("only what the model gets", "ids")]
        mode = gr.Radio(shown, value="chunks", label="Show", show_label=False)
        keys = _vocabularies()
        view = _view("tokenization-rows", js_on_load=BUTTONS)

        def put_space(typed: str, keys: Sequence[str], mode: str) -> Iterator[Any]:
            spaced = " " + (typed or WORD).lstrip(" ")
            yield {text: spaced}
            yield from chunks.as_typed(spaced, keys, mode)

        inputs = [text, keys, mode]
        space = experiment(
            screen, "Put a space in front", put_space, inputs, {view: draw.rows}, truth=chunks.space_truth, queue=None,
            fills=[text], recordable=False,
        )  # fmt: skip
        typed = experiment(
            screen, "", chunks.as_typed, inputs, {view: draw.rows}, queue=None, beside=space, key="typed", asks=False,
            also=[text.input, keys.input, mode.input],
        )  # fmt: skip

        def choose(keys: Sequence[str], mode: str, event: gr.EventData) -> dict[Any, Any]:
            example = EXAMPLES[int(event.example)][1]
            return {text: example, **typed.at_once(example, keys, mode)}

        def fetch(event: gr.EventData) -> Iterator[Any]:
            key = event.fetch
            yield from space.follow(waking.opened(lambda progress: vocabularies.prepare(key, progress)))

        events.on(sample.select, choose, [keys, mode], [text, *typed.places], status=typed.status)
        # What is cut in the end is what then stands in the box: fetching takes a while, and learners type meanwhile.
        private: dict[str, Any] = {**events.PRIVATE, "concurrency_limit": None}
        fetched = view.select(fetch, None, [space.status], **private)
        fetched.then(typed.at_once, inputs, typed.places, **private)


def _merges(lesson: LessonPage) -> None:
    first, *_ = names = [*merges.diets(), merges.OWN]
    most = len(merges.learn(merges.diets()[first]))
    with lesson.screen("merges", predict="diet") as screen:
        with gr.Row(elem_classes=["tokenization-tight"]):
            diet = gr.Dropdown(names, value=first, label="Learn from", min_width=180)
            word = gr.Textbox(WORD, label="A word to watch", max_lines=1, min_width=140)
        own = gr.Textbox("", label="Your text to learn from", lines=3, max_lines=8, visible=False)
        learned = gr.Slider(0, most, 12, step=1, label="Merges made so far", elem_id="tokenization-learned")
        view = _view("tokenization-growth")

        def learn_alice(word: str) -> Iterator[Any]:
            most = len(merges.learn(merges.diets()[merges.ALICE]))
            yield {diet: merges.ALICE, own: gr.update(visible=False), learned: gr.update(maximum=most, value=most)}
            yield from merges.grow(merges.ALICE, "", word, most)

        inputs = [diet, own, word, learned]
        alice = experiment(
            screen, "Learn from Alice", learn_alice, [word], {view: draw.ladder},
            truth=merges.diet_truth, queue=None, fills=[diet, own, learned], recordable=False,
        )  # fmt: skip
        grown = experiment(
            screen, "", merges.grow, inputs, {view: draw.ladder}, queue=None, beside=alice, key="typed", asks=False,
            also=[learned.input, word.input],
        )  # fmt: skip

        def feed(diet: str, text: str, word: str, count: float) -> dict[Any, Any]:
            seen = grown.at_once(diet, text, word, count)
            shown = {own: gr.update(visible=diet == merges.OWN), **seen}
            most = merges.most(diet, text)
            return {**shown, learned: gr.update(maximum=most, value=min(int(count), most))} if most else shown

        events.on([diet.input, own.input], feed, inputs, [own, learned, *grown.places], status=grown.status)


def _rates(lesson: LessonPage) -> None:
    with lesson.screen("rates", predict="hindi") as screen:
        invite = "Paste a paragraph in any language"
        own = gr.Textbox("", label="A text of your own to add (optional)", max_lines=4, placeholder=invite)
        keys = _vocabularies()
        experiment(
            screen, "Measure every text", rates.measure, [own, keys],
            {_view("tokenization-measured"): draw.rates}, truth=rates.hindi_truth, queue=None,
        )  # fmt: skip


def _count(lesson: LessonPage) -> None:
    with lesson.screen("count", predict="spelt-out") as screen:
        with gr.Row(elem_classes=["tokenization-tight"]):
            word = gr.Textbox(WORD, label="Word", max_lines=1, min_width=140, elem_id="tokenization-word")
            letter = gr.Textbox("r", label="Letter", max_lines=1, max_length=4, min_width=70)
            runs = gr.Slider(4, MAX_RUNS, 16, step=1, label="Runs of each", min_width=200)
            seed = controls.seed_number(1, "First seed")
        experiment(
            screen, "Ask the model", count.ask, [word, letter, runs, seed],
            {_view("tokenization-tallies"): draw.tallies}, truth=count.spaces_truth,
            check=count.check, cost=lambda word, letter, runs, seed: len(count.WAYS) * runs,
        )  # fmt: skip
        gr.HTML(draw.CONTROL)
        experiment(
            screen, f"Control: {len(count.CONTROL_WORDS)} words", count.control, [],
            {_view("tokenization-controls"): draw.controls}, key="control", asks=False,
            cost=lambda: len(count.CONTROL_WAYS) * len(count.CONTROL_WORDS),
        )  # fmt: skip


def _cause(lesson: LessonPage) -> None:
    with lesson.screen("cause", predict="diet-repair") as screen:
        with gr.Row(elem_classes=["tokenization-tight"]):
            word = gr.Textbox(WORD, label="Word", max_lines=1, min_width=140)
            letter = gr.Textbox("r", label="Letter", max_lines=1, max_length=4, min_width=70)
        experiment(
            screen, "Ask the four networks", cause.ask, [word, letter],
            {unveiled(_view("tokenization-asked")): draw.asked, charts.chart(): draw.cause_chart},
            truth=cause.repair_truth, queue=None, check=cause.check, also=[word.submit, letter.submit],
        )  # fmt: skip
        gr.HTML(draw.REPAIRS)
        experiment(
            screen, "Compare the repairs", cause.repairs, [], {_view("tokenization-repairs"): draw.repairs},
            key="repairs", asks=False, cost=lambda: len(count.CONTROL_WAYS) * len(count.CONTROL_WORDS),
        )  # fmt: skip


def _spell(lesson: LessonPage) -> None:
    with lesson.screen("spell", predict="spell") as screen:
        own = gr.Textbox("", label="A word of your own (optional)", max_lines=1)
        experiment(
            screen, f"Spell {len(spell.WORDS_TO_SPELL)} words", spell.spell, [own],
            {_view("tokenization-spelt"): draw.spelt}, truth=spell.spell_truth, check=spell.check,
            cost=lambda own: len(spell.WAYS) * len(spell.WORDS_TO_SPELL),
        )  # fmt: skip


def _look_alikes(lesson: LessonPage) -> None:
    pairs = look_alikes.pairs()
    first = pairs[look_alikes.FIRST]
    with lesson.screen("look-alikes", predict="accent") as screen:
        choice = gr.Dropdown([(one.title, one.key) for one in pairs.values()], value=first.key, label="What differs")
        why = gr.HTML(draw.why(first))
        with gr.Row(elem_classes=["tokenization-tight"]):
            left = gr.Textbox(first.left, label="First", max_lines=1, min_width=150)
            right = gr.Textbox(first.right, label="Second", max_lines=1, min_width=150)
        keys = _vocabularies(("live", "cl100k", "o200k", "qwen3", "gemma"))
        run = experiment(
            screen, "Compare", look_alikes.compare, [left, right, keys],
            {_view("tokenization-pairs"): draw.pairs}, truth=look_alikes.accent_truth, queue=None,
            also=[left.submit, right.submit],
        )  # fmt: skip

        def pick(key: str, keys: Sequence[str]) -> dict[Any, Any]:
            pair = pairs[key]
            return {left: pair.left, right: pair.right, why: draw.why(pair), **run.at_once(pair.left, pair.right, keys)}

        events.on(choice.input, pick, [choice, keys], [left, right, why, *run.places], status=run.status)
