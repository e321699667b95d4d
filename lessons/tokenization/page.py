"""The tokenization lesson on screen: six experiments from top to bottom, then the named endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from engines.checks import whole
from engines.evidence import PlainError, Underway
from engines.text import vocabularies
from engines.text.vocabularies import LIVE
from lessons.shell import events, measured, views
from lessons.shell.background import Progress, ShouldStop, in_background, open_text_model
from lessons.shell.frame import LessonPage, lesson_page
from lessons.tokenization import experiments as lab
from lessons.tokenization import figures, letters

WORD = "strawberry"
SHOWN_FIRST = (LIVE, "cl100k", "o200k", "llama3", "qwen3", "gemma", "clip")

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

# Clicks on our own buttons become one event; the first showing of the view asks for its content.
BUTTONS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-example], button[data-fetch]');
  if (button) trigger('select', { example: button.dataset.example || '', fetch: button.dataset.fetch || '' });
});
"""
FIRST_SEEN = (
    BUTTONS
    + """
new IntersectionObserver((entries, observer) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  observer.disconnect();
  trigger('select', { example: '', fetch: '' });
}, { rootMargin: '3000px' }).observe(element);
"""
)


def build() -> None:
    with lesson_page("tokenization") as lesson:
        _chunks(lesson)
        _merges(lesson)
        _rates(lesson)
        _count(lesson)
        _spell(lesson)
        _look_alikes(lesson)
    events.endpoint(tokenize, "tokenize", model=None)
    events.endpoint(count_letters, "count_letters")


def _choices() -> list[tuple[str, str]]:
    """(name, value) of each vocabulary; the live model's own is "live", whichever it is, so that a tick outlasts it."""
    own = vocabularies.resolve(LIVE)
    return [(info.name, LIVE if info.key == own else info.key) for info in vocabularies.available()]


def _names() -> dict[str, str]:
    return {info.key: info.name for info in vocabularies.available()}


def _split(keys: Sequence[str]) -> tuple[list[str], list[Any]]:
    """The chosen vocabularies that can cut, and those still to be fetched, in the order to show them."""
    wanted = {vocabularies.resolve(key) for key in keys or ()}
    chosen = [info for info in vocabularies.available() if info.key in wanted]
    return [info.key for info in chosen if info.ready], [info for info in chosen if not info.ready]


def _vocabularies(first: tuple[str, ...] = SHOWN_FIRST) -> gr.CheckboxGroup:
    """Which vocabularies to show; asked anew when the page or the fold is opened, since the live model can change."""
    with gr.Accordion("Vocabularies shown", open=False) as fold:
        group = gr.CheckboxGroup(**_offer(first), show_label=False, container=False)
    events.at_load(lambda: gr.update(**_offer(first)), group)
    quick: dict[str, Any] = {"model": None, "show_progress": "hidden"}
    events.run(fold.expand, lambda ticked: gr.update(**_offer(ticked)), group, group, **quick)
    return group


def _offer(ticked: Sequence[str]) -> dict[str, Any]:
    """The choices as they are now, and those of ``ticked`` that are still among them."""
    choices = _choices()
    return {"choices": choices, "value": [value for _, value in choices if value in ticked]}


# ---- one text, many vocabularies ---------------------------------------------------------------------------


def _chunks(lesson: LessonPage) -> None:
    with lesson.screen("chunks", predict="space") as screen:
        text = gr.Textbox(WORD, label="Type anything; it is cut as you type", max_lines=5, elem_id="tokenization-text")
        sample = gr.HTML(figures.examples(EXAMPLES), js_on_load=BUTTONS)
        with gr.Row(elem_classes=["tokenization-tight"]):
            space = gr.Button("Put a space in front", variant="primary", elem_id="tokenization-space")
            mode = gr.Radio(
                ["chunks and ids", "only what the model gets"], value="chunks and ids", label="Show", scale=3
            )
        status = gr.HTML("")
        view = gr.HTML(
            str(views.empty("Opening the vocabularies…")),
            js_on_load=FIRST_SEEN,
            elem_classes=["tokenization-view"],
            elem_id="tokenization-rows",
        )
        keys = _vocabularies()
        result = screen.evidence("The numbers behind the cut appear here.")

        def cut(text: str, keys: Sequence[str], mode: str) -> tuple[str, str]:
            ready, missing = _split(keys)
            if not text:
                return str(views.empty("Type something: a word, a sentence, an emoji.")), ""
            note = vocabularies.left_out()
            if not ready:
                return figures.rows((), missing, note=note), ""
            evidence = lab.chunks(text, ready)
            return figures.rows(evidence.value, missing, mode != "chunks and ids", note), screen.show(evidence)

        def chosen(event: gr.EventData) -> Any:
            return EXAMPLES[int(event.example)][1] if event.example else gr.skip()

        def fetched(event: gr.EventData) -> Iterator[Any]:
            yield ""
            if not event.fetch:  # the first showing of the view
                return

            def work(progress: Progress, should_stop: ShouldStop) -> Iterator[None]:
                vocabularies.prepare(event.fetch, progress)
                yield None

            for step in in_background(work):
                yield views.underway(step) if isinstance(step, Underway) else ""

        def spaced(text: str, keys: Sequence[str], mode: str, guess: str | None) -> tuple[Any, ...]:
            text = " " + (text or WORD).lstrip(" ")
            ready, _ = _split(keys)
            changed = lab.space_matters(text, ready)
            share = len(changed) / len(ready)
            truth = 0 if not changed else 1 if share < 0.35 else 2 if share < 0.65 else 3
            told = f"{len(changed)} of {len(ready)} vocabularies now need another number of chunks"
            asked = text.strip() == WORD  # the guess was about this word
            return text, *cut(text, keys, mode), screen.score(guess, truth, told) if asked else gr.skip()

        inputs = [text, keys, mode]
        quick: dict[str, Any] = {"model": None, "show_progress": "hidden"}
        events.run([text.input, keys.input, mode.input], cut, inputs, [view, result], **quick)
        # What is cut in the end is what then stands in the box: fetching takes a while, and learners type meanwhile.
        after: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
        for wired in (
            events.run(sample.select, chosen, None, text, **quick),
            events.run(view.select, fetched, None, status, status=status, **quick),
        ):
            wired.then(events.plain_errors(cut), inputs, [view, result], **after)
        events.run(space.click, spaced, [*inputs, screen.guess], [text, view, result, screen.verdict], **quick)


# ---- where the chunks come from ------------------------------------------------------------------------------


def _diets() -> dict[str, str]:
    bundled = lab.samples()
    return {
        **bundled["diets"],
        "Alice in Wonderland": bundled["kinds"]["English story"],
        "Python code": bundled["kinds"]["Python code"],
        "German law": "\n".join(bundled["declaration"]["German"]),
    }


def _merges(lesson: LessonPage) -> None:
    diets = _diets()
    first = next(iter(diets))
    with lesson.screen("merges", predict="diet") as screen:
        learned = gr.State(None)  # (name, text, merges)
        with gr.Row(elem_classes=["tokenization-tight"]):
            diet = gr.Dropdown([*diets, "my own text"], value=first, label="Learn from", min_width=180)
            word = gr.Textbox(WORD, label="A word to watch", max_lines=1, min_width=140)
            go = gr.Button("Learn the chunks", variant="primary", min_width=150, elem_id="tokenization-learn")
        own = gr.Textbox("", label="Your text to learn from", lines=3, max_lines=8, visible=False)
        count = gr.Slider(0, 100, 12, step=1, label="Merges made so far", elem_id="tokenization-merges")
        status = gr.HTML("")
        view = gr.HTML(
            str(views.empty("Press **Learn the chunks**, then drag the slider: each step joins one more pair.")),
            elem_classes=["tokenization-view"],
        )
        result = screen.evidence()

        def learn(diet: str, own: str, word: str, count: float, guess: str | None) -> Iterator[tuple[Any, ...]]:
            yield *[gr.skip()] * 5, str(views.notice("Counting pairs…", "wait"))
            text = own if diet == "my own text" else diets[diet]
            merges = lab.learn(text)
            at = min(int(count), len(merges))
            state = (diet, text, merges)
            slider = gr.Slider(maximum=max(len(merges), 1), value=at)
            yield state, *shown(state, word, at), slider, verdict(state, guess), ""

        def verdict(state: tuple[Any, ...], guess: str | None) -> str:
            if state[0] == "Alice in Wonderland":
                pieces = lab.grown(state[2], state[1], WORD, len(state[2]), state[0]).value.chunks
                truth = 0 if len(pieces) == 1 else 1 if len(pieces) <= 3 else 2 if len(pieces) <= 9 else 3
                return screen.score(guess, truth, f"{len(pieces)} chunks: {' | '.join(map(lab.show, pieces))}")
            return ""

        def shown(state: tuple[Any, ...], word: str, count: float) -> tuple[str, str]:
            name, text, merges = state
            evidence = lab.grown(merges, text, word, int(count), name)
            return figures.ladder(merges, evidence.value), screen.show(evidence)

        def dragged(state: tuple[Any, ...] | None, word: str, count: float) -> tuple[Any, ...]:
            return shown(state, word, count) if state else (gr.skip(), gr.skip())

        def picked(diet: str) -> Any:
            return gr.Textbox(visible=diet == "my own text")

        inputs, outputs = [diet, own, word, count, screen.guess], [learned, view, result, count, screen.verdict, status]
        events.run([go.click], learn, inputs, outputs, model="merges", status=status)
        events.run(
            [count.input, word.input],
            dragged,
            [learned, word, count],
            [view, result],
            model=None,
            show_progress="hidden",
        )
        events.run([diet.input], picked, [diet], [own], model=None, show_progress="hidden")


# ---- how much text a token carries ----------------------------------------------------------------------------


def _rates(lesson: LessonPage) -> None:
    with lesson.screen("rates", predict="hindi") as screen:
        own = gr.Textbox(
            "",
            label="A text of your own to add (optional)",
            max_lines=4,
            placeholder="Paste a paragraph in any language",
        )
        go = gr.Button("Measure every text", variant="primary", elem_id="tokenization-measure")
        status = gr.HTML("")
        view = gr.HTML(
            str(views.empty("Ten texts, every vocabulary you choose: press **Measure every text**.")),
            elem_classes=["tokenization-view"],
        )
        keys = _vocabularies()
        result = screen.evidence()

        def measure(own: str, keys: Sequence[str], guess: str | None) -> Iterator[tuple[Any, ...]]:
            yield *[gr.skip()] * 3, str(views.notice("Cutting ten texts with each vocabulary…", "wait"))
            ready, _ = _split(keys)
            evidence, names = lab.rates(ready, own or ""), _names()
            pair = [key for key in ("cl100k", "o200k") if key in ready]
            chart = figures.price(evidence.value, names, pair) if pair else ""
            drawn = figures.heat(evidence.value, names) + chart
            yield drawn, screen.show(evidence), verdict(evidence.value, guess), ""

        def verdict(found: Sequence[lab.Rate], guess: str | None) -> str:
            hindi = next((r for r in found if r.kind == "Hindi" and r.key == "cl100k"), None)
            if hindi is None or hindi.times_english is None:
                return ""
            mean, low, high = hindi.times_english
            truth = 0 if mean < 1.5 else 1 if mean < 3 else 2 if mean < 5 else 3
            return screen.score(guess, truth, f"× {mean:.1f} (95 % interval {low:.1f}–{high:.1f}, over 8 articles)")

        outputs = [view, result, screen.verdict, status]
        events.run([go.click], measure, [own, keys, screen.guess], outputs, model=None, status=status)


# ---- counting the letters --------------------------------------------------------------------------------------


def _watched(
    work: Callable[[Progress, ShouldStop], Iterator[Any]], draw: Callable[[Any], str]
) -> Iterator[tuple[Any, ...]]:
    """(status, view, evidence) for every event of a long measurement; what was measured stays if it is stopped."""
    for event in in_background(work):
        if isinstance(event, Underway):
            yield views.underway(event), gr.skip(), None
        else:
            yield "", draw(event.value), event


def _count(lesson: LessonPage) -> None:
    with lesson.screen("count", predict="spelt-out") as screen:
        measured.elsewhere()
        with gr.Row(elem_classes=["tokenization-tight"]):
            word = gr.Textbox(WORD, label="Word", max_lines=1, min_width=140, elem_id="tokenization-word")
            letter = gr.Textbox("r", label="Letter", max_lines=1, max_length=4, min_width=70)
            runs = gr.Slider(4, letters.MAX_RUNS, 16, step=1, label="Runs of each", min_width=200)
            seed = gr.Number(1, label="First seed", precision=0, minimum=0, maximum=letters.MAX_SEED, min_width=90)
        with gr.Row(elem_classes=["tokenization-tight"]):
            go = gr.Button("Ask the model", variant="primary", elem_id="tokenization-ask")
            check = gr.Button("Control: 18 words", elem_id="tokenization-control")
            stop = gr.Button("Stop", min_width=70)
        status = gr.HTML("")
        view = gr.HTML(
            str(
                views.empty(
                    "Press **Ask the model**: it answers the same question again and again, each run with its own seed."
                )
            ),
            elem_classes=["tokenization-view"],
        )
        result = screen.evidence()
        outputs = [status, view, result, screen.verdict]

        def ask(word, letter, runs, seed, guess):
            letters.check_word(word), letters.check_letter(letter)
            if seed is None:
                raise PlainError("First seed: type a whole number.")
            model = yield from open_text_model(lambda notice: (notice, *[gr.skip()] * 3))

            def work(progress: Progress, should_stop: ShouldStop) -> Iterator[Any]:
                return letters.count_letters(
                    model, word, letter, ("whole", "spaces", "hyphens"), runs=int(runs), seed=int(seed),
                    progress=progress, should_stop=should_stop,
                )  # fmt: skip

            for said, drawn, evidence in _watched(work, figures.tallies):
                if evidence is None:
                    yield said, drawn, gr.skip(), gr.skip()
                else:
                    yield said, drawn, screen.show(evidence), verdict(evidence.value, guess)

        def verdict(found: Sequence[letters.Tally], guess: str | None) -> Any:
            if len(found) < 2 or found[0].word.lower() != WORD:  # the guess was about this word
                return gr.skip()
            before, after = found[0].right, found[1].right
            told = f"as one word {before}, with spaces {after}"
            return screen.score(guess, letters.compare(before, after), told)

        def controlled() -> Iterator[tuple[Any, ...]]:
            model = yield from open_text_model(lambda notice: (notice, gr.skip(), gr.skip()))

            def work(progress: Progress, should_stop: ShouldStop) -> Iterator[Any]:
                return letters.control(model, progress=progress, should_stop=should_stop)

            for said, drawn, evidence in _watched(work, figures.controls):
                yield said, drawn, gr.skip() if evidence is None else screen.show(evidence)

        told: dict[str, Any] = {"stop": stop, "status": status}
        events.run([go.click], ask, [word, letter, runs, seed, screen.guess], outputs, **told)
        events.run([check.click], controlled, None, outputs[:3], **told)


# ---- spelling ----------------------------------------------------------------------------------------------------


def _spell(lesson: LessonPage) -> None:
    with lesson.screen("spell", predict="spell") as screen:
        measured.elsewhere()
        with gr.Row(elem_classes=["tokenization-tight"]):
            own = gr.Textbox("", label="A word of your own (optional)", max_lines=1, min_width=160)
            go = gr.Button("Spell 16 words", variant="primary", elem_id="tokenization-spell")
            stop = gr.Button("Stop", min_width=70)
        status = gr.HTML("")
        view = gr.HTML(
            str(views.empty("Press **Spell 16 words**: first each word is given as one chunk, then letter by letter.")),
            elem_classes=["tokenization-view"],
        )
        result = screen.evidence()

        def spell(own, guess):
            if own.strip():
                letters.check_word(own)
            model = yield from open_text_model(lambda notice: (notice, *[gr.skip()] * 3))

            def work(progress: Progress, should_stop: ShouldStop) -> Iterator[Any]:
                return letters.spell(model, own, progress=progress, should_stop=should_stop)

            for said, drawn, evidence in _watched(work, figures.spelt):
                if evidence is None:
                    yield said, drawn, gr.skip(), gr.skip()
                else:
                    yield said, drawn, screen.show(evidence), verdict(evidence.value, guess)

        def verdict(found: Sequence[letters.Spellings], guess: str | None) -> str:
            exact = found[0].exact
            truth = 0 if exact.rate < 0.15 else 1 if exact.rate < 0.5 else 2 if exact.rate < 0.85 else 3
            return screen.score(guess, truth, f"{exact} spelt without a mistake, given as one word")

        outputs = [status, view, result, screen.verdict]
        events.run([go.click], spell, [own, screen.guess], outputs, stop=stop, status=status)


# ---- strings that look the same --------------------------------------------------------------------------------


def _look_alikes(lesson: LessonPage) -> None:
    labels = [(pair.title, pair.key) for pair in lab.pairs()]
    by_key = {pair.key: pair for pair in lab.pairs()}
    start = by_key["accent"]
    with lesson.screen("look-alikes", predict="accent") as screen:
        choice = gr.Dropdown(labels, value=start.key, label="What sets them apart")
        with gr.Row(elem_classes=["tokenization-tight"]):
            left = gr.Textbox(start.left, label="First", max_lines=1, min_width=150)
            right = gr.Textbox(start.right, label="Second", max_lines=1, min_width=150)
            go = gr.Button("Compare", variant="primary", min_width=110, elem_id="tokenization-compare")
        why = gr.HTML(str(views.notice(start.why)))
        view = gr.HTML(
            str(views.empty("Press **Compare** to see both strings as the models do.")),
            elem_classes=["tokenization-view"],
        )
        keys = _vocabularies((LIVE, "cl100k", "o200k", "qwen3", "gemma"))
        result = screen.evidence()

        def pick(key: str, keys: Sequence[str], guess: str | None) -> tuple[Any, ...]:
            pair = by_key[key]
            return pair.left, pair.right, str(views.notice(pair.why)), *compare(pair.left, pair.right, keys, guess)

        def compare(left: str, right: str, keys: Sequence[str], guess: str | None) -> tuple[Any, ...]:
            ready, _ = _split(keys)
            evidence = lab.look_alikes(left, right, ready)
            same = sum(a.ids == b.ids for a, b in evidence.value)
            verdict: Any = gr.skip()
            if (left, right) == (start.left, start.right):
                truth = 0 if same == len(ready) else 1 if same > 1 else 2 if same == 1 else 3
                verdict = screen.score(guess, truth, f"{same} of {len(ready)} vocabularies give both the same ids")
            return figures.pairs(evidence.value, left, right), screen.show(evidence), verdict

        shown = [view, result, screen.verdict]
        events.run(
            [choice.input],
            pick,
            [choice, keys, screen.guess],
            [left, right, why, *shown],
            model=None,
            show_progress="hidden",
        )
        events.run([go.click, left.submit, right.submit], compare, [left, right, keys, screen.guess], shown, model=None)


# ---- for gradio_client ------------------------------------------------------------------------------------------


def tokenize(text: str, vocabulary: str = "o200k") -> dict[str, Any]:
    """Cut a text with one vocabulary.

    text: up to 2,000 characters. vocabulary: live (the live model's own), smollm2, cl100k, o200k, llama3, qwen3,
    mistral, deepseek, gemma or clip. Returns the ids, a list of chunks (id, text, first and last byte, whether it is
    whole characters), the number of tokens, the characters a token, and the size of the vocabulary.
    """
    cut = lab.chunks(text, [vocabulary]).value[0]
    return {
        "vocabulary": cut.vocabulary.name,
        "size": cut.vocabulary.size,
        "text": cut.text,
        "ids": list(cut.ids),
        "tokens": len(cut.ids),
        "characters_per_token": cut.characters_per_token if cut.ids else None,
        "chunks": [
            {"id": s.token_id, "text": s.text, "start_byte": s.start_byte, "end_byte": s.end_byte, "whole": s.whole}
            for s in cut.spans
        ],
    }


def count_letters(
    word: str = WORD, letter: str = "r", runs: int = 16, spelling: str = "whole", seed: int = 1
) -> dict[str, Any]:
    """Ask the live language model how often a letter stands in a word, in several seeded runs.

    word: one word of up to 24 letters; an accent typed apart is joined to its letter. letter: one letter. runs: 1 to
    32. spelling: whole, spaces or hyphens. seed: of the first run; run i has seed + i. Returns the true count, every
    answer (null where the run gave no number) and its text, how many were right, and the 95 % Wilson interval of that
    share.
    """
    from engines.text import language_model

    way = letters.check_spelling(spelling)
    word, letter = letters.check_word(word), letters.check_letter(letter)
    runs, seed = whole("The number of runs", runs, 1, letters.MAX_RUNS), letters.check_seed(seed)
    model = language_model.load()
    (evidence,) = letters.count_letters(model, word, letter, [way], runs=runs, seed=seed)
    (tally,) = evidence.value
    return {
        "word": tally.word,
        "letter": tally.letter,
        "truth": tally.truth,
        "spelling": tally.spelling,
        "tokens": list(tally.seen),
        "answers": list(tally.answers),
        "texts": list(tally.texts),
        "right": tally.right.successes,
        "runs": tally.right.trials,
        "interval": [tally.right.low, tally.right.high],
        "model": model.name,
        "revision": model.revision,
    }
