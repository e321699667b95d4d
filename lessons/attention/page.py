"""The attention lesson on screen: five experiments from top to bottom, then the named endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from engines.checks import MAX_SEED, whole
from engines.evidence import Evidence, PlainError
from engines.models import catalogue
from engines.text import language_model
from engines.text.dials import Scoreboard
from lessons.attention import experiments as lab
from lessons.attention import figures
from lessons.shell import events, measured, views
from lessons.shell.background import open_text_model
from lessons.shell.frame import LessonPage, lesson_page

# Cells are buttons with data-row and data-col. Arrow keys move between them, Enter or a click chooses one, and the
# focus returns to the same cell when the view is redrawn.
CELLS = """
let focused = null;
const at = (row, col) => element.querySelector(`button[data-row="${row}"][data-col="${col}"]`);
const place = (b) => [Number(b.dataset.row), Number(b.dataset.col)];
const only = (name, b, on, off) => {
  element.querySelectorAll(`button[${name}="${on}"]`).forEach((other) => other.setAttribute(name, off));
  b.setAttribute(name, on);
};
element.addEventListener('focusin', (e) => {
  const b = e.target.closest('button[data-row]');
  if (b) { focused = place(b); only('tabindex', b, '0', '-1'); }
});
element.addEventListener('click', (e) => {
  const b = e.target.closest('button[data-row]');
  if (!b) return;
  focused = place(b);
  only('aria-pressed', b, 'true', 'false');
  trigger('select', { row: focused[0], col: focused[1] });
});
element.addEventListener('keydown', (e) => {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key];
  const b = e.target.closest('button[data-row]');
  if (!step || !b) return;
  const [row, col] = place(b), next = at(row + step[0], col + step[1]);
  e.preventDefault();
  if (next) next.focus();
});
watch('value', () => {
  const on = element.querySelector('button[aria-pressed="true"]'), box = on?.parentElement;
  if (box && box.scrollWidth > box.clientWidth) {
    box.scrollLeft += on.getBoundingClientRect().left - box.getBoundingClientRect().left - box.clientWidth / 2;
  }
  const free = !document.activeElement || document.activeElement === document.body;
  if (focused && free) at(...focused)?.focus({ preventScroll: true });
});
"""
CHEAP: dict[str, Any] = {"model": None, "show_progress": "hidden"}
SEED_LIMIT = MAX_SEED - 64  # the runs beside it have the seeds after it


@dataclass(frozen=True)
class Desk:
    """What the screens share: the sentence that was read, the view of it, and the grid of pairs."""

    text: gr.Textbox
    seen: gr.State
    view: gr.State
    pairs: gr.HTML


def build() -> None:
    with lesson_page("attention") as lesson:
        desk = _looking(lesson)
        _arithmetic(lesson, desk)
        _silencing(lesson, desk)
        _lens(lesson)
        _fading(lesson)
    events.endpoint(attention, "attention")
    events.endpoint(logit_lens, "logit_lens")
    events.endpoint(ablate_head, "ablate_head")


def _last_of(places: int) -> Callable[[str], tuple[Any, ...]]:
    """Outputs that show a notice in the last of ``places`` and leave the others alone."""
    return lambda notice: (*[gr.skip()] * (places - 1), notice)


def _wait(words: str) -> str:
    return str(views.notice(words, "wait"))


def _still_live(now: lab.Look | None) -> None:
    """PlainError when another model is live than the one that read the sentence; asked before it is loaded."""
    if now is not None:
        lab.check_still_live(now, catalogue.text_model().key)


def _whole(value: float | None, name: str) -> int:
    if value is None:
        raise PlainError(f"{name}: type a whole number.")
    return int(value)


# ---- who looks at whom -------------------------------------------------------------------------------------


def _looking(lesson: LessonPage) -> Desk:
    with lesson.screen("looking", predict="leaning") as screen:
        measured.elsewhere()
        seen, view = gr.State(None), gr.State(None)
        with gr.Row(equal_height=True):
            text = gr.Textbox(lab.KEYS, label="A sentence to read; type your own", scale=5, max_lines=3, min_width=240)
            go = gr.Button("Look inside", variant="primary", scale=1, min_width=130, elem_id="attention-look")
        with gr.Row(elem_classes=["attention-tries"]):
            tries = [gr.Button(example, size="sm") for example, _ in (lab.EXAMPLES[1], *lab.EXAMPLES[3:5])]
        status = gr.HTML("")
        words = gr.HTML(
            str(views.empty("One pass, and every head shows where it looks. The first pass also opens the model.")),
            js_on_load=CELLS,
            elem_id="attention-words",
        )
        with gr.Row():
            layer = gr.Slider(0, 29, 0, step=1, label="Layer", min_width=165, elem_id="attention-layer")
            head = gr.Slider(0, 8, 0, step=1, label="Head", min_width=150)
            watch = gr.Dropdown([], multiselect=True, label="Words to watch", min_width=230, scale=2)
            leave = gr.Checkbox(False, label="Leave out the first token", min_width=200)
        heads = gr.HTML("", js_on_load=CELLS, elem_id="attention-heads")
        result = screen.evidence("Look inside; the numbers of this head, settings and code appear here.")
    pairs = gr.HTML(
        str(views.empty("Look inside a sentence first (above); then every pair of its words can be worked out.")),
        js_on_load=CELLS,
        elem_id="attention-pairs",
        render=False,
    )
    outputs = [view, words, heads, layer, head, pairs, result]

    def drawn(now: lab.Look, shown: lab.Gaze, grid: bool = True) -> tuple[Any, ...]:
        return (
            shown,
            str(figures.words(now, shown)),
            str(figures.heads(now, shown)) if grid else gr.skip(),
            shown.layer,
            shown.head,
            str(figures.pairs(now, shown.layer, shown.head, (shown.looker, lab.strongest(shown)))),
            screen.show(lab.who_looks(now, shown)),
        )

    def changed(now: lab.Look | None, old: lab.Gaze | None, grid: bool = True, **change: Any) -> tuple[Any, ...]:
        if now is None or old is None:
            return (gr.skip(),) * len(outputs)
        facts = {
            "looker": old.looker,
            "watched": old.watched,
            "layer": old.layer,
            "head": old.head,
            "leave_out_first": old.leave_out_first,
            **change,
        }
        return drawn(now, lab.gaze(now, **facts), grid)

    def read(text: str, guess: str | None, leave_out: bool) -> Iterator[tuple[Any, ...]]:
        waiting = _last_of(len(everything))
        yield waiting(_wait("Opening the model…"))
        model = yield from open_text_model(waiting)
        now = lab.look(model, text)
        watched = lab.words_to_watch(now)
        top = lab.hottest(now, now.last, watched)
        shown = lab.gaze(now, now.last, watched, *top, leave_out_first=leave_out)
        names = [(f"{i} {now.name(i)}", i) for i in range(len(now.pieces))]
        first = drawn(now, shown)
        yield (
            *first[:3],
            gr.update(maximum=now.layers - 1, value=shown.layer),
            gr.update(maximum=now.heads - 1, value=shown.head),
            *first[5:],
            now,
            gr.update(choices=names, value=list(watched)),
            screen.score(guess, *lab.leaning(now)) if now.text == lab.KEYS else gr.skip(),
            "",
        )

    def pick_layer(now: lab.Look | None, old: lab.Gaze | None, layer: float) -> tuple[Any, ...]:
        return changed(now, old, layer=int(layer))

    def pick_head(now: lab.Look | None, old: lab.Gaze | None, head: float) -> tuple[Any, ...]:
        return changed(now, old, head=int(head))

    def pick_cell(now: lab.Look | None, old: lab.Gaze | None, event: gr.EventData) -> tuple[Any, ...]:
        return changed(now, old, grid=False, layer=int(event.col), head=int(event.row))

    def pick_word(now: lab.Look | None, old: lab.Gaze | None, event: gr.EventData) -> tuple[Any, ...]:
        return changed(now, old, looker=int(event.col))

    def pick_watch(now: lab.Look | None, old: lab.Gaze | None, watch: list[int]) -> tuple[Any, ...]:
        return changed(now, old, watched=tuple(sorted(watch or [])))

    def pick_leave(now: lab.Look | None, old: lab.Gaze | None, leave: bool) -> tuple[Any, ...]:
        return changed(now, old, leave_out_first=bool(leave))

    everything = [*outputs, seen, watch, screen.verdict, status]
    reading = [text, screen.guess, leave]
    events.run([go.click, text.submit], read, reading, everything, status=status)
    told, places = events.told_in(status, read, everything)
    for button in tries:
        events.run(button.click, lambda label: label, button, text, **CHEAP).then(
            told,
            reading,
            places,
            api_visibility="private",
            show_progress="minimal",
            concurrency_id="text",
            concurrency_limit=1,
        )
    now = [seen, view]
    events.run(layer.input, pick_layer, [*now, layer], outputs, **CHEAP)
    events.run(head.input, pick_head, [*now, head], outputs, **CHEAP)
    clicks = CHEAP | {"trigger_mode": "multiple"}
    events.run(heads.select, pick_cell, now, outputs, **clicks)
    events.run(words.select, pick_word, now, outputs, **clicks)
    events.run(watch.input, pick_watch, [*now, watch], outputs, **CHEAP)
    events.run(leave.input, pick_leave, [*now, leave], outputs, **CHEAP)
    return Desk(text, seen, view, pairs)


# ---- the arithmetic of one cell ----------------------------------------------------------------------------


def _arithmetic(lesson: LessonPage, desk: Desk) -> None:
    with lesson.screen("arithmetic", predict="products") as screen:
        desk.pairs.render()
        go = gr.Button("Work out the word you watch", variant="primary", elem_id="attention-work")
        status, sums = gr.HTML(""), gr.HTML("")
        result = screen.evidence("Choose a cell; its sums, the full vectors and the code appear here.")
        outputs = [sums, result, screen.verdict, status]
        waiting = _last_of(len(outputs))

        def worked(now: lab.Look | None, view: lab.Gaze | None, guess: str | None, cell: tuple[int, int] | None):
            if now is None or view is None:
                raise PlainError("Press “Look inside” on the first screen: this one works on the same sentence.")
            _still_live(now)
            query, key = cell or (view.looker, lab.strongest(view))
            yield waiting(_wait("Working it out…"))
            model = yield from open_text_model(waiting)
            found = lab.cell(model, now, view.layer, view.head, query, key)
            verdict = screen.score(guess, *lab.pulling(found.value))
            yield str(figures.sums(now, found.value)), screen.show(found), verdict, ""

        def strongest(now: lab.Look | None, view: lab.Gaze | None, guess: str | None) -> Iterator[tuple[Any, ...]]:
            yield from worked(now, view, guess, None)

        def clicked(
            now: lab.Look | None, view: lab.Gaze | None, guess: str | None, event: gr.EventData
        ) -> Iterator[tuple[Any, ...]]:
            yield from worked(now, view, guess, (int(event.row), int(event.col)))

        inputs = [desk.seen, desk.view, screen.guess]
        events.run(go.click, strongest, inputs, outputs, status=status)
        events.run(desk.pairs.select, clicked, inputs, outputs, status=status)


# ---- did the hottest head matter? --------------------------------------------------------------------------


def _silencing(lesson: LessonPage, desk: Desk) -> None:
    with lesson.screen("silencing", predict="hottest") as screen:
        with gr.Row():
            count = gr.Slider(3, lab.MAX_RANDOM, 10, step=1, label="Random heads", min_width=150)
            pool = gr.Radio(
                [("any layer", False), ("its own layer", True)], value=False, label="Drawn from", min_width=150
            )
            seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=SEED_LIMIT, min_width=90)
        with gr.Row():
            go = gr.Button("Switch heads off", variant="primary", min_width=140, elem_id="attention-silence")
            every = gr.Button("All heads in turn", min_width=140)
            many = gr.Button("Twelve sentences", min_width=140)
            stop = gr.Button("Stop", min_width=80)
        status = gr.HTML("")
        picture = gr.HTML(
            str(views.empty("The same sentence and words to watch: what is lost without the head that looks most?"))
        )
        result = screen.evidence()
        outputs = [picture, result, screen.verdict, status]
        waiting = _last_of(len(outputs))

        def sentence(model: language_model.LanguageModel, now: lab.Look | None, view: lab.Gaze | None, text: str):
            now = now or lab.look(model, text)
            return now, (view.watched if view else lab.words_to_watch(now))

        def silence(now, view, text, count, pool, seed, guess):
            _still_live(now)
            yield waiting(_wait("Switching heads off…"))
            model = yield from open_text_model(waiting)
            now, watched = sentence(model, now, view, text)
            found = lab.contest(model, now, watched, seed=_whole(seed, "Seed"), heads=int(count), same_layer=bool(pool))
            said = f"it outdid {found.value.beaten} of {len(found.value.random)} random heads"
            yield (
                str(figures.contest(now, found.value)),
                screen.show(found),
                screen.score(guess, found.value.outcome, said),
                "",
            )

        def scan(now, view, text):
            _still_live(now)
            yield waiting(_wait("Switching off every head, layer by layer…"))
            model = yield from open_text_model(waiting)
            now, watched = sentence(model, now, view, text)
            for found in lab.scan(model, now, watched):
                progress = "" if found.value.finished else _progress(found.value.done, now.layers, "Layer")
                yield str(figures.scan(now, found.value)), screen.show(found), gr.skip(), progress

        def survey(count, seed):
            yield waiting(_wait("Reading twelve sentences…"))
            model = yield from open_text_model(waiting)
            for found in lab.survey(model, seed=_whole(seed, "Seed"), heads=int(count)):
                done = len(found.value)
                progress = "" if done == len(lab.EXAMPLES) else _progress(done, len(lab.EXAMPLES), "Sentence")
                yield str(figures.survey(found.value)), screen.show(found), gr.skip(), progress

        here = [desk.seen, desk.view, desk.text]
        told: dict[str, Any] = {"stop": stop, "status": status}
        events.run(go.click, silence, [*here, count, pool, seed, screen.guess], outputs, **told)
        events.run(every.click, scan, here, outputs, **told)
        events.run(many.click, survey, [count, seed], outputs, **told)


# ---- the logit lens ----------------------------------------------------------------------------------------


def _lens(lesson: LessonPage) -> None:
    with lesson.screen("lens", predict="settling") as screen:
        text = gr.Textbox("The capital of France is", label="A text to go on from", max_lines=3)
        with gr.Row():
            go = gr.Button("Read every layer", variant="primary", min_width=140, elem_id="attention-lens")
            many = gr.Button("All the lesson’s sentences", min_width=140)
            stop = gr.Button("Stop", min_width=80)
        status = gr.HTML("")
        picture = gr.HTML(str(views.empty("What would the model say if it stopped after 5 layers? After 20?")))
        result = screen.evidence()
        outputs = [picture, result, screen.verdict, status]
        waiting = _last_of(len(outputs))

        def read(text: str, guess: str | None) -> Iterator[tuple[Any, ...]]:
            yield waiting(_wait("Reading every layer…"))
            model = yield from open_text_model(waiting)
            found = lab.lens(model, text)
            truth = lab.quarter(found.value.settled, found.value.layers)
            said = f"after {found.value.settled} of {found.value.layers} layers"
            yield str(figures.ladder(found.value)), screen.show(found), screen.score(guess, truth, said), ""

        def survey(guess: str | None) -> Iterator[tuple[Any, ...]]:
            yield waiting(_wait("Reading every layer of every sentence…"))
            model = yield from open_text_model(waiting)
            for found in lab.lens_survey(model):
                done, verdict, progress = len(found.value), gr.skip(), ""
                if done < len(lab.SENTENCES):
                    progress = _progress(done, len(lab.SENTENCES), "Sentence")
                else:
                    mean, layers = float(np.mean([one.settled for one in found.value])), found.value[0].layers
                    said = f"after {mean:.1f} of {layers} layers, the mean of {done} sentences"
                    verdict = screen.score(guess, lab.quarter(mean, layers), said)
                yield str(figures.settling(found.value)), screen.show(found), verdict, progress

        told: dict[str, Any] = {"stop": stop, "status": status}
        events.run([go.click, text.submit], read, [text, screen.guess], outputs, **told)
        events.run(many.click, survey, screen.guess, outputs, **told)


# ---- smeared weights ---------------------------------------------------------------------------------------


def _fading(lesson: LessonPage) -> None:
    with lesson.screen("fading", predict="survivors") as screen:
        with gr.Row():
            copies = gr.Slider(1, lab.MAX_COPIES, 3, step=1, label="Noisy copies at each level", min_width=190)
            seed = gr.Number(0, label="First seed", precision=0, minimum=0, maximum=SEED_LIMIT, min_width=90)
        with gr.Row():
            go = gr.Button("Smear the weights", variant="primary", min_width=140, elem_id="attention-smear")
            stop = gr.Button("Stop", min_width=80)
        status = gr.HTML(
            str(views.empty("Each copy of the model gets noise in all its weights and is asked twelve facts."))
        )
        chart = gr.Plot(visible=False, show_label=False)
        facts = gr.HTML("")
        result = screen.evidence()
        outputs = [chart, facts, result, screen.verdict, status]
        waiting = _last_of(len(outputs))

        def smear(copies: float, seed: float, guess: str | None) -> Iterator[tuple[Any, ...]]:
            yield waiting(_wait("Asking the whole model first…"))
            model = yield from open_text_model(waiting)
            for found in lab.fade(model, copies=int(copies), seed=_whole(seed, "Seed")):
                done, verdict = found.value.copies == found.value.planned, gr.skip()
                progress = "" if done else _progress(found.value.copies, found.value.planned, "Copy")
                if done and (truth := found.value.outcome) is not None:
                    verdict = screen.score(guess, truth, found.value.told)
                yield (
                    gr.update(value=figures.fading_chart(found.value), visible=True),
                    str(figures.fading(found.value)),
                    screen.show(found),
                    verdict,
                    progress,
                )

        events.run(go.click, smear, [copies, seed, screen.guess], outputs, stop=stop, status=status)


def _progress(done: int, planned: int, what: str) -> str:
    return _wait(f"{what} {done} of {planned}. Stop keeps what is measured.")


# ---- endpoints ---------------------------------------------------------------------------------------------


def attention(text: str = lab.KEYS, layer: int | None = None, head: int | None = None) -> dict[str, Any]:
    """Where one head looks. ``weights[i][j]`` is the share of its attention that token i gives to token j.

    Layers and heads count from 0; the text may have 3 to 48 tokens. What is left out is chosen as on the page: the
    layer and head that look most from the last token at the sentence's own words (an example's, else its two longest).
    """
    seen = lab.look(language_model.load(), _text(text))
    layer, head = lab.named_head(seen, layer, head)
    shown = lab.gaze(seen, seen.last, (), layer, head)
    return {
        **_origin(lab.who_looks(seen, shown)),
        "tokens": list(seen.pieces),
        "layer": layer,
        "head": head,
        "layers": seen.layers,
        "heads": seen.heads,
        "weights": seen.weights[layer, head].tolist(),
        "mean_of_all_heads": seen.weights.mean((0, 1)).tolist(),
    }


def logit_lens(text: str = "The capital of France is") -> dict[str, Any]:
    """Each layer's best guess at the next token, and the layer from which the final answer leads for good."""
    found = lab.lens(language_model.load(), _text(text))
    return {
        **_origin(found),
        "answer": found.value.answer,
        "first_leads_after_layer": found.value.first,
        "settled_after_layer": found.value.settled,
        "layers": [
            {
                "layer": guess.layer,
                "best": [[candidate.text, candidate.probability] for candidate in guess.candidates],
                "rank_of_answer": guess.final_rank,
                "probability_of_answer": guess.final_probability,
            }
            for guess in found.value.guesses
        ],
    }


def ablate_head(
    text: str = "The capital of France is", layer: int | None = None, head: int | None = None
) -> dict[str, Any]:
    """Switch one head off (its output becomes zero at every position): the scoreboard before and after.

    Layers and heads count from 0; what is left out is chosen as by /attention. ``before`` and ``after`` hold the best
    tokens as [text, probability], ``movers`` the eight whose probability changed most as [text, before, after], and
    ``kl_bits`` the change of the whole scoreboard. ``target`` is the model's first choice with the head on.
    """
    text, model = _text(text), language_model.load()
    if layer is None or head is None:
        layer, head = lab.named_head(lab.look(model, text), layer, head)
    layer, head = whole("The layer", layer, 0, model.layers - 1), whole("The head", head, 0, model.heads - 1)
    result = model.ablate_heads(text, [(layer, head)])
    return {
        "model": model.name,
        "revision": model.revision,
        "layer": layer,
        "head": head,
        "before": _best(result.before),
        "after": _best(result.after),
        "kl_bits": result.kl_bits,
        "target": result.target_text,
        "target_before": result.target_before,
        "target_after": result.target_after,
        "movers": [[mover.text, mover.before, mover.after] for mover in result.movers],
    }


def _text(text: str) -> str:
    if not isinstance(text, str):
        raise PlainError("The text must be text in quotes, not a number or a list.")
    return text


def _best(board: Scoreboard) -> list[list[Any]]:
    return [[candidate.text, candidate.probability] for candidate in board.candidates]


def _origin(found: Evidence[Any]) -> dict[str, Any]:
    return {"model": found.provenance.model, "revision": found.provenance.revision, "summary": found.alt}
