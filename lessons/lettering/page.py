"""The lettering lesson on screen: one function a screen, then what the API offers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from engines.checks import whole
from engines.evidence import Evidence, Underway
from engines.signs import lab as sign_lab
from engines.stickers import judge
from engines.text import character_art as art
from engines.text import language_model
from lessons.lettering import causes, ceilings, drawings, mirror, signs
from lessons.lettering import views as draw
from lessons.shell import controls, events, film, views
from lessons.shell.background import Progress, ShouldStop, in_background, open_text_model
from lessons.shell.frame import LessonPage, lesson_page

WAITING = "What is finished appears here."
PAINTERS = [(f"{draw.SHORT[key]} · {cause.name}", key) for key, cause in sign_lab.CAUSES.items()]


def build() -> None:
    with lesson_page("lettering") as lesson:
        _signs(lesson)
        _causes(lesson)
        _ceiling(lesson)
        _mirror(lesson)
        events.endpoint(paint_sign, "paint_sign", model="signs")
        events.endpoint(read_text, "read_text", model="signs")
        events.endpoint(try_painter, "sign_lab", model="signs")
        events.endpoint(ascii_draw, "ascii_draw")


def _seed(seed: int | None) -> int:
    """The seed, checked before the page is cleared for a run."""
    return whole("The seed", seed, 0, signs.LAST_SEED)


# --- 1 ----------------------------------------------------------------------------------------------------


def _signs(lesson: LessonPage) -> None:
    with lesson.screen("signs", predict="legible") as screen:
        with gr.Row(equal_height=True):
            word = gr.Textbox(signs.WORD, label="A word of 1 to 8 letters", max_lines=1, max_length=200, scale=3)
            count = gr.Slider(1, signs.MAX_SEEDS, 4, step=1, label="Seeds", scale=2, min_width=120)
            seed = controls.seed_number(7, "First seed")
        painters = gr.CheckboxGroup(PAINTERS, value=["sloppy", "spelled", "characters"], label="Painters")
        with gr.Row(equal_height=True):
            go = gr.Button("Paint and read", variant="primary", scale=3)
            new = gr.Button("A word never seen", scale=2)
            stop = gr.Button("Stop", scale=1, min_width=80)
        status = controls.status()
        told: dict[str, Any] = {"stop": stop, "status": status, "stopped": events.STOPPED}
        stage = film.pictures("Each painter's signs, and under each sign what a machine reader makes of it.")
        result = screen.evidence()

        def run(word: str, painters: list[str], count: int, seed: int | None, guess: str | None) -> Iterator[Any]:
            word, chosen, seed = sign_lab.check_word(word), signs.check_causes(painters), _seed(seed)
            value = signs.Signs(word, sign_lab.is_seen(word), (), (), ())
            yield controls.wait("Waking the painters…"), draw.signs(value), "", ""
            for event in in_background(lambda progress, should_stop: signs.paint_word(
                word, chosen, seeds=count, seed=seed, progress=progress, should_stop=should_stop
            )):  # fmt: skip
                if isinstance(event, Underway):
                    yield views.underway(event), *[gr.skip()] * 3
                elif isinstance(event, signs.Glimpse):
                    yield gr.skip(), draw.signs(value, event), *[gr.skip()] * 2
                else:
                    value = event.value
                    truth = signs.truth(value)
                    verdict = screen.score(guess, *truth) if truth else gr.skip()
                    done = len(value.painted) == len(chosen)
                    yield "" if done else gr.skip(), draw.signs(value), screen.show(event), verdict

        inputs = [word, painters, count, seed, screen.guess]
        outputs = [status, stage, result, screen.verdict]
        events.run([go.click, word.submit], run, inputs, outputs, **told, model="signs")
        events.run(new.click, signs.next_new_word, word, word, model=None, show_progress="hidden")


# --- 2 ----------------------------------------------------------------------------------------------------


def _causes(lesson: LessonPage) -> None:
    with lesson.screen("causes", predict="repair") as screen:
        with gr.Row(equal_height=True):
            kind = gr.Radio([(words, key) for key, words in causes.LISTS.items()], value="never_seen",
                            label="Which words", scale=3)  # fmt: skip
            length = gr.Slider(1, sign_lab.SLOTS, 4, step=1, label="Letters", scale=2, min_width=120)
        with gr.Row(equal_height=True):
            words = gr.Slider(1, causes.MAX_WORDS, sign_lab.LEAST_WORDS, step=1, label="How many words", min_width=120)
            seeds = gr.Slider(1, causes.MAX_SEEDS, 2, step=1, label="Seeds", min_width=120)
            seed = controls.seed_number(0, "First seed")
        go, stop = controls.buttons("Run this cell with all four")
        status = controls.status()
        told: dict[str, Any] = {"stop": stop, "status": status, "stopped": events.STOPPED}
        stage = film.pictures("The same words and seeds by all four painters.")
        result = screen.evidence()
        after = str(views.empty("The whole recorded table appears after your run; each of its cells can be rerun."))
        table = gr.HTML(after, js_on_load=draw.RERUN, elem_classes=["lettering-recorded"])
        kept = gr.HTML("", elem_classes=["evidence-view"])

        def run(kind: str, length: int, words: int, seeds: int, seed: int | None, guess: str | None) -> Iterator[Any]:
            causes.pick(kind, length, words, seed)
            yield controls.wait("Waking the painters…"), str(views.empty(WAITING)), "", "", gr.skip(), gr.skip()
            for event in in_background(lambda progress, should_stop: causes.rerun(
                kind, length, words=words, seeds=seeds, seed=seed, progress=progress, should_stop=should_stop
            )):  # fmt: skip
                if isinstance(event, Underway):
                    yield views.underway(event), *[gr.skip()] * 5
                else:
                    yield gr.skip(), draw.side_by_side(event.value), screen.show(event), *[gr.skip()] * 3
            record = causes.recorded()
            truth = causes.truth(record.value) if record else None
            verdict = screen.score(guess, *truth) if truth else gr.skip()
            yield "", gr.skip(), gr.skip(), verdict, _record(kind, int(length)), _kept(screen.show)

        def picked(words: int, seeds: int, seed: int | None, guess: str | None, event: gr.EventData) -> Iterator[Any]:
            kind, length = causes.check_list(str(event._data.get("list"))), event._data.get("length")
            for outputs in run(kind, length, words, seeds, seed, guess):
                yield kind, length, *outputs

        rest = [words, seeds, seed, screen.guess]
        outputs = [status, stage, result, screen.verdict, table, kept]
        events.run(go.click, run, [kind, length, *rest], outputs, **told, model="signs")
        events.run(table.select, picked, rest, [kind, length, *outputs], **told, model="signs")


def _record(kind: str = "", length: int = 0) -> str:
    record = causes.recorded()
    if record is None:
        return str(views.notice("No table is recorded: the sign painters have not been measured yet."))
    return draw.record(record.value, kind, length)


def _kept(show: Any) -> str:
    record = causes.recorded()
    return show(record) if record else ""


# --- 3 ----------------------------------------------------------------------------------------------------


def _ceiling(lesson: LessonPage) -> None:
    with lesson.screen("ceiling", predict="ceiling") as screen:
        with gr.Row(equal_height=True):
            each = gr.Slider(1, ceilings.MAX_EACH, 5, step=1, label="Words of each length", scale=3, min_width=140)
            seed = controls.seed_number(0)
        go, stop = controls.buttons("Print, squeeze and read again")
        status = controls.status()
        told: dict[str, Any] = {"stop": stop, "status": status, "stopped": events.STOPPED}
        stage = film.pictures("Printed signs of 1 to 8 letters, and what the autoencoder makes of them.")
        result = screen.evidence()

        def run(each: int, seed: int | None, guess: str | None) -> Iterator[Any]:
            seed = _seed(seed)
            yield controls.wait("Fetching the reader and the autoencoder…"), str(views.empty(WAITING)), "", ""

            def work(progress: Progress, should_stop: ShouldStop) -> Iterator[Any]:
                return ceilings.measure(each, seed, progress=progress, should_stop=should_stop)

            for event in in_background(work):
                if isinstance(event, Underway):
                    yield views.underway(event), *[gr.skip()] * 3
                else:
                    done = event.value.finished
                    verdict = screen.score(guess, *ceilings.truth(event.value)) if done else gr.skip()
                    yield "" if done else gr.skip(), draw.ceiling(event.value), screen.show(event), verdict

        outputs = [status, stage, result, screen.verdict]
        events.run(go.click, run, [each, seed, screen.guess], outputs, **told, model="signs")


# --- 4 ----------------------------------------------------------------------------------------------------


def _mirror(lesson: LessonPage) -> None:
    with lesson.screen("mirror", predict="mirror") as screen:
        with gr.Row(equal_height=True):
            shape = gr.Dropdown([(words, key) for key, words in art.SHAPES.items()], value="T", label="Draw")
            style = gr.Dropdown(
                [(one.title, one.key) for one in art.STYLES.values()], value="spaces", label="Written with"
            )
            runs = gr.Slider(2, mirror.MAX_RUNS, 6, step=1, label="Runs of each", min_width=120)
            seed = controls.seed_number(1, "First seed")
        with gr.Row(equal_height=True):
            go = gr.Button("Let it draw", variant="primary", scale=3)
            every = gr.Button("Ask for all eight shapes", scale=2)
            stop = gr.Button("Stop", scale=1, min_width=80)
        status = controls.status()
        told: dict[str, Any] = {"stop": stop, "status": status, "stopped": events.STOPPED}
        stage = gr.HTML(
            str(views.empty("What it was asked for, the tokens it is made of, and every drawing, unedited."))
        )
        result = screen.evidence()

        def run(shape: str, style: str, runs: int, seed: int | None, guess: str | None) -> Iterator[Any]:
            art.check_shape(shape), art.style_of(style), _seed(seed)
            yield controls.wait("Waking the language model…"), str(views.empty(WAITING)), "", ""
            model = yield from open_text_model(lambda notice: (notice, *[gr.skip()] * 3))

            def work(progress: Progress, should_stop: ShouldStop) -> Iterator[Any]:
                return mirror.draw(
                    model, shape, style, runs=runs, seed=seed, progress=progress, should_stop=should_stop
                )  # fmt: skip

            for event in in_background(work):
                if isinstance(event, Underway):
                    yield views.underway(event), *[gr.skip()] * 3
                else:
                    truth = mirror.truth(event.value)
                    verdict = screen.score(guess, *truth) if truth else gr.skip()
                    yield "", drawings.gallery(event.value), screen.show(event), verdict

        def confuse(style: str, seed: int | None) -> Iterator[Any]:
            art.style_of(style), _seed(seed)
            yield controls.wait("Waking the language model…"), str(views.empty(WAITING)), ""
            model = yield from open_text_model(lambda notice: (notice, *[gr.skip()] * 2))

            def work(progress: Progress, should_stop: ShouldStop) -> Iterator[Any]:
                return mirror.confuse(model, style, seed=seed, progress=progress, should_stop=should_stop)

            for event in in_background(work):
                if isinstance(event, Underway):
                    yield views.underway(event), *[gr.skip()] * 2
                else:
                    yield "", drawings.confusion(event.value), screen.show(event)

        inputs = [shape, style, runs, seed, screen.guess]
        events.run(go.click, run, inputs, [status, stage, result, screen.verdict], **told)
        events.run(every.click, confuse, [style, seed], [status, stage, result], **told)


# --- the API ----------------------------------------------------------------------------------------------


def paint_sign(word: str = signs.WORD, painter: str = "spelled", seed: int = 7) -> dict[str, Any]:
    """Paint one sign with one of the lab's four painters, and read it.

    word: 1 to 8 letters A to Z. painter: sloppy, spelled, characters or boxes. seed: 0 to 4,294,967,283. Returns
    the picture as a data URI, what was read, whether it is exact, the edit distance, whether the word was on the
    training signs, and the pieces in which the painter's text encoder gets it.
    """
    painting = signs.paint_word(word, [painter], seeds=1, seed=seed)
    (value,) = (event.value for event in painting if isinstance(event, Evidence))
    (one,), (pieces,) = value.painted, value.pieces
    (spelling,) = one.spellings
    return {
        "word": spelling.word, "painter": painter, "seed": seed, "picture": film.data_uri(one.pictures[0]),
        "read": spelling.text, "exact": spelling.exact, "distance": spelling.errors,
        "seen_in_training": value.seen, "pieces": list(pieces), "revision": one.revision,
    }  # fmt: skip


def read_text(picture: str = signs.WORD) -> dict[str, Any]:
    """Read the lettering in a picture.

    picture: base64 or a data URI of a PNG, JPEG or WebP file, 40 million pixels at most; it is fitted into
    1024 × 1024 pixels on white. A word of 1 to 8 letters is printed as one of the lab's signs instead. Returns the
    text, its lines from top to bottom, and the reader's mean confidence from 0 to 1.
    """
    (found,) = judge.read_text(signs.picture_to_read(picture)[None])
    return {"text": found.text, "lines": list(found.lines), "confidence": found.confidence}


def try_painter(
    painter: str = "spelled", words: str = "never_seen", length: int = 4, seeds: int = 2, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Run a cell of the sign lab: words times seeds by one painter, read; streams the passes, then the result.

    painter: sloppy, spelled, characters or boxes. words: never_seen or seen (up to 8 words of ``length`` letters,
    drawn by ``seed``), or your own, up to 8, separated by commas. seeds: 1 to 4, from ``seed`` on. The result has
    the share spelled exactly with its 95 % interval (over words; of one word, over seeds), the character error
    rate with its own over words (null for one word or words that all err alike), and every sign's reading.
    """
    asked = causes.words_asked(words, length, seed)
    yield {"painter": painter, "words": list(asked), "pass": 0, "finished": False}
    for event in causes.one_painter(painter, asked, seeds, seed):
        if isinstance(event, signs.Glimpse):
            yield {"painter": painter, "words": list(asked), "pass": event.index + 1, "finished": False}
            continue
        exact = event.exact
        yield {
            "painter": painter, "words": list(asked), "pass": sign_lab.STEPS, "finished": True,
            "exact": exact.successes, "signs": exact.trials, "interval": [exact.low, exact.high],
            "character_error_rate": event.error_rate,
            "character_error_interval": list(event.error_interval) if event.error_interval else None,
            "revision": event.revision,
            "readings": [
                {
                    "word": spelling.word, "seed": event.seed(row), "read": spelling.text, "distance": spelling.errors,
                    "seen_in_training": sign_lab.is_seen(spelling.word),
                }
                for row, spelling in enumerate(event.spellings)
            ],
        }  # fmt: skip


def ascii_draw(
    shape: str = "square", way: str = "shown", style: str = "spaces", runs: int = 8, seed: int = 1
) -> dict[str, Any]:
    """Let the live language model draw a shape in characters, and score it against the shape and against chance.

    shape: square, triangle, ring, diagonal, plus, cross, L or T. way: ask (just asked), shown (four other shapes
    first) or copy (the shape itself just before). style: dots, spaces or cells. runs: 1 to 16; run i has seed + i.
    Returns the shape as text and as tokens, how many tokens back the cell above stands, and for each run what was
    written, its overlap with the shape, with the other shapes and shuffled, and the shape it is most like. "chance"
    is how often the drawings' own cells, thrown about at random, are most like the shape.
    """
    model = language_model.load()
    (evidence,) = mirror.draw(model, shape, style, [way], runs=runs, seed=seed)
    (tried,), tokens = evidence.value.ways, evidence.value.tokens
    found = tried.recognised
    return {
        "shape": shape, "way": way, "style": style, "target": art.write(evidence.value.target, evidence.value.style),
        "tokens": list(tokens.pieces), "tokens_up": list(tokens.distances),
        "drawings": [
            {
                "seed": one.seed, "text": one.reply, "row_widths": list(one.drawing.widths), "overlap": one.score.asked,
                "shuffled": one.score.shuffled, "other_shapes": one.score.others, "most_like": one.score.likest,
            }
            for one in tried.attempts
        ],
        "recognised": found.successes, "runs": found.trials, "interval": [found.low, found.high],
        "chance": tried.chance, "model": model.name, "revision": model.revision,
    }  # fmt: skip
