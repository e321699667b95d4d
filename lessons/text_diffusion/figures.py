"""What the text-diffusion lesson draws, from its moments and Evidence values."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.evidence import Evidence
from engines.statistics import percent, plural
from engines.text import stories
from engines.text.masked import CANVAS, DOUBT, END, MASK, Round, Writers
from lessons.shell import charts, film
from lessons.shell.charts import BLUE, CLAY, GREY
from lessons.shell.prose import attribute, plain
from lessons.shell.views import Bar, Clock, bars, clock_row, join
from lessons.text_diffusion.between import Filled
from lessons.text_diffusion.canvas import SEEDS, Drafted
from lessons.text_diffusion.cover import Covered
from lessons.text_diffusion.larger import Answered
from lessons.text_diffusion.measures import broken
from lessons.text_diffusion.mend import WHERE, Mended
from lessons.text_diffusion.rounds import Compared

STATES = {
    "noise": "nothing yet", "draft": "a guess, not kept", "revealed": "kept now", "committed": "kept before",
    "given": "given", "wrong": "put there", "doubted": "doubted",
}  # fmt: skip
DRAFTING, MENDING = ("draft", "revealed", "committed"), ("wrong", "doubted", "draft", "revealed", "committed")
FRAMES = 6
"""Of a mending, in a recorded first paint."""
SHOWN_STORIES = 6


def filmed(events: Iterator[Any], reel: Any) -> Iterator[Any]:
    """The draft as frames in ``reel``: a canvas a pass, and what the twin has by then."""
    markup = ""
    for event in events:
        if not isinstance(event, Drafted):
            if isinstance(event, Evidence) and len(film.kept(CANVAS)) < CANVAS:
                yield {reel: recorded(event.value)}
            yield event
            continue
        if not markup:
            markup = str(_head(CANVAS))
        passes = max(len(event.rounds), len(event.steps))
        if passes <= event.passes:
            markup += str(_frame(event, passes))
            yield {reel: markup}


def _head(frames: int, states: Sequence[str] = DRAFTING, unit: str = "pass") -> Markup:
    """The open beginning of a film; the browser closes what is open."""
    legend = join(
        Markup('<span><i class="text-diffusion-cell" data-s="{}">word</i> {}</span>').format(state, STATES[state])
        for state in states
    )
    return Markup(
        '<p class="text-diffusion-legend">{}</p><div class="film text-diffusion-film" data-run="{}" '
        'style="--frames:{}"><div class="text-diffusion-stage"></div><p class="film-caption"></p>'
        '<div class="film-controls"><button type="button" class="button film-play">Play</button>'
        '<input class="film-slider" type="range" min="1" max="{}" value="1" aria-label="{}"></div>'
        '<div class="film-strip" tabindex="0" role="group" aria-label="One mark a {}">'
    ).format(legend, uuid.uuid4().hex, frames, 1, unit.capitalize(), unit)


def recorded(value: Drafted) -> str:
    """The whole film, or a few of its frames in a recorded first paint."""
    passes = value.passes
    frames = sorted({0, *film.kept(passes, 12), len(value.rounds) - 1})
    return str(_head(CANVAS) + join(_frame(value, number + 1) for number in frames if number < passes))


def _frame(value: Drafted, passes: int) -> Markup:
    """One frame: both clocks, the canvas after as many passes, or the finished one, and the twin's words."""
    rounds, steps = value.rounds[:passes], value.steps[:passes]
    one = rounds[-1]
    done = len(value.rounds) < passes
    stand = int((one.canvas[0] != one.hidden).sum()) - int(one.given[0].sum())
    typed = value.writers.story(steps[-1].canvas[0]).replace("▒", "").strip()
    finished = len(steps) >= value.typed and len(value.steps) > value.typed
    clocks = clock_row(
        Clock(
            "sculptor", "The canvas, finished" if done else f"The canvas, round {one.index} of {one.rounds}",
            one.seconds, one.index / one.rounds, f"{stand} of {value.length} words kept",
        ),
        Clock(
            "typewriter", "The twin, done" if finished else f"The twin, pass {len(steps)}", steps[-1].seconds,
            len(steps) / max(value.typed, len(steps)), plural(len(typed.split()), "word"),
        ),
    )  # fmt: skip
    caption = (
        f"after {plural(len(rounds), 'pass', 'passes')} of the canvas and {len(steps)} of the twin; {SEEDS} stories "
        "side by side, the first shown"
    )
    cells = _canvas(value.writers, one, done, value.length)
    return _cells_of(caption, Markup("{}{}").format(clocks, cells), _twin(typed, ""), str(passes))


def _cells_of(caption: str, canvas: Markup, twin: Markup, label: str) -> Markup:
    return Markup(
        '<div class="film-cell" data-caption="{}"><div class="text-diffusion-frame" hidden>{}{}</div>'
        "<small>{}</small></div>"
    ).format(attribute(caption), canvas, twin, label)


def _twin(text: str | Markup, title: str) -> Markup:
    """What the twin wrote, beside the canvas."""
    head = Markup("<h3{}>{}</h3>").format(
        "" if title else Markup(' class="text-diffusion-narrow"'), title or "The twin"
    )
    end = Markup("") if title else Markup('<b aria-hidden="true">▏</b>')
    words = text if isinstance(text, Markup) else plain(text)
    return Markup('<div class="text-diffusion-twin" translate="no">{}<p>{}{}</p></div>').format(head, words, end)


def _canvas(writers: Writers, one: Round, done: bool, length: int) -> Markup:
    """The cells of the first canvas: each position's word, state and confidence."""
    cells = []
    for place, state in enumerate(one.states(0)[:length]):
        kept = state in ("committed", "given")
        word = writers.words[one.canvas[0, place] if kept else one.guesses[0, place]]
        state = "committed" if done and state == "revealed" else state
        sure = 1.0 if kept else float(one.confidence[0, place])
        cells.append(_cell(word, state, None if kept else sure))
    return _list(cells)


def _list(cells: list[Markup]) -> Markup:
    return Markup('<ol class="text-diffusion-cells" translate="no">{}</ol>').format(join(cells))


def _cell(word: str, state: str, sure: float | None = None, note: str = "") -> Markup:
    title = f"{STATES.get(state, state)}{'' if sure is None else f', {percent(sure)} sure'}{note}"
    return Markup('<li class="text-diffusion-cell" data-s="{}" style="--c:{:.2f}" title="{}">{}</li>').format(
        state, 1.0 if sure is None else sure, attribute(title), plain("▒" if word == MASK else word)
    )


def curve(value: Compared) -> Any:
    """Valid stories and sound lines by rounds with 95 % intervals, and the twin's stories as a level band."""
    figure = charts.figure(x="rounds", y="share that is valid", height=400)
    rows = [row for row in value.rows if row.rounds]
    twin = value.of(None).valid
    ends = [2, 32]
    charts.band(figure, ends, [twin.low] * 2, [twin.high] * 2, BLUE)
    charts.line(figure, ends, [twin.rate] * 2, "the twin, a pass a word", BLUE, "dash", "square")
    if rows:
        at = [row.rounds for row in rows]
        charts.band(figure, at, [row.valid.low for row in rows], [row.valid.high for row in rows], CLAY)
        charts.line(figure, at, [row.valid.rate for row in rows], "the masked writer", CLAY)
        charts.band(figure, at, [row.sound[1] for row in rows], [row.sound[2] for row in rows], GREY)
        charts.line(figure, at, [row.sound[0] for row in rows], "its lines alone", GREY, "dot", "x")
    figure.update_layout(
        xaxis={"type": "log", "tickvals": [2, 4, 8, 16, 32]}, yaxis={"tickformat": ".0%", "range": [0, 1.02]}
    )
    return figure


def price(value: Compared) -> str:
    """The passes and seconds of each, and one of its stories."""
    rows = join(
        Markup(
            '<tr><th scope="row">{}</th><td class="number">{}</td><td class="number">{:.1f}</td><td>{}</td></tr>'
        ).format(row.name, row.passes, row.seconds, _story(value.writers, row.canvases[0]))
        for row in value.rows
    )
    return str(
        Markup(
            '<div class="text-diffusion-table" tabindex="0" role="group" aria-label="Passes and seconds"><table><thead>'
            '<tr><th scope="col">writer</th><th scope="col">passes</th><th scope="col">seconds for all</th>'
            '<th scope="col">its first story</th></tr></thead><tbody>{}</tbody></table></div>'
        ).format(rows)
    )


def _story(writers: Writers, row: np.ndarray) -> Markup:
    rules = writers.broken(row)
    return Markup('<span translate="no">{}</span> <em data-ok="{}">{}</em>').format(
        plain(writers.story(row)), "no" if rules else "yes", broken(rules)
    )


def mended(value: Mended) -> str:
    """The shares mended by each, where the word is wrong."""
    parts = []
    for where, words in WHERE.items():
        rows = []
        for name, one in (
            ("both sides", value.mended(value.pointed, where)),
            ("left only", value.mended(value.left, where)),
            ("nobody points", value.mended(value.found, where)),
        ):
            text = f"{one.successes} of {one.trials}"
            ink = "typewriter" if name.startswith("left") else "sculptor"
            rows.append(Bar(name, one.rate if one.trials else 0.0, text, low=one.low, high=one.high, ink=ink))
        parts.append(Markup("<p>Wrong {}:</p>{}").format(words, bars(rows)))
    return str(join(parts))


def patient(value: Mended) -> str:
    """The first story: the wrong word, how much each word is doubted, and what became of it."""
    writers, case = value.writers, value.cases[0]
    cells = []
    for place, word in enumerate(case.spoiled):
        doubt = float(value.shown[place])
        state = "wrong" if place == case.place else "doubted" if doubt < DOUBT else "committed"
        note = f", {percent(doubt)} of the best word’s chance"
        cells.append(_cell(word, state, None, note))
    parts = [
        Markup('<h3>Spoiled: place {} said “{}”</h3><ol class="text-diffusion-cells" translate="no">{}</ol>').format(
            case.place + 1, plain(case.right[case.place]), join(cells)
        )
    ]
    rows = [("Covered, from both sides", value.pointed[0]), ("Covered, from the left", value.left[0])]
    if value.found:
        rows.append(("Nobody pointed", value.found[0]))
    before = case.spoiled
    for name, row in rows:
        text = writers.text(row)
        text = text[: text.index(END)] if END in text else text
        marked = join(
            Markup("<mark>{}</mark> ").format(plain(word))
            if at >= len(before) or before[at] != word
            else Markup("{} ").format(plain(word))
            for at, word in enumerate(text)
        )
        rules = writers.broken(row)
        parts.append(
            Markup('<h3>{} <em data-ok="{}">{}</em></h3><p class="text-diffusion-text" translate="no">{}</p>').format(
                name, "no" if rules else "yes", broken(rules), marked
            )
        )
    return str(Markup('<div class="text-diffusion-patient">{}</div>').format(join(parts)))


def choices(value: Covered) -> str:
    """The finished story as buttons, one a word; with ``words.js`` a press on one fires ``select``."""
    chosen = value.chosen
    words = join(
        Markup(
            '<li><button type="button" class="text-diffusion-cell" data-s="committed" data-place="{}" '
            'aria-pressed="{}" tabindex="{}">{}</button></li>'
        ).format(place, str(place == chosen.place).lower(), 0 if place == chosen.place else -1, plain(word))
        for place, word in enumerate(value.words)
    )
    return str(
        Markup(
            '<p class="text-diffusion-ask">Press any word of the finished story (with keys: Tab, arrows, Enter). It '
            'breaks: <em data-ok="{}">{}</em></p><ol class="text-diffusion-cells text-diffusion-choices" '
            'aria-label="The words of the finished story" translate="no" data-whose="{}" data-seed="{}">{}</ol>'
        ).format(
            "no" if value.writers.broken(value.story) else "yes",
            broken(value.writers.broken(value.story)) if value.writers.broken(value.story) else "no rule",
            chosen.whose, chosen.seed, words,
        )
    )  # fmt: skip


def covered(value: Covered) -> str:
    """What happened to the story, frame by frame: spoiled, each round of mending, and how it stands."""
    writers, place, length = value.writers, value.chosen.place, len(value.words)
    twin = _twin(_against(value), f"The twin, on from place {place + 1}")
    word = value.wrong or MASK
    states = ["doubted" if one else "committed" for one in value.doubted[:length]]
    states[place] = "wrong" if value.wrong else "draft"
    spoiled = [
        _cell(
            writers.words[value.spoiled[at]], state, None,
            f", {percent(float(value.shares[at]))} of the best word’s chance" if value.wrong else "",
        )
        for at, state in enumerate(states)
    ]  # fmt: skip
    first = (
        f"“{word}” is put for “{value.word}”; {plural(int(value.doubted.sum()), 'word is', 'words are')} doubted"
        if value.wrong
        else f"“{value.word}” is covered"
    )
    frames = [
        _cells_of(first, _titled("The canvas, spoiled" if value.wrong else "The canvas, covered", spoiled), twin, "1")
    ]
    for number, one in enumerate(value.rounds, 2):
        cells = [
            _cell(
                writers.words[one.canvas[0, at] if state in ("given", "committed") else one.guesses[0, at]],
                "committed" if state == "given" else state,
                None if state in ("given", "committed") else float(one.confidence[0, at]),
            )
            for at, state in enumerate(one.states(0)[:length])
        ]
        caption = f"{int(one.revealed[0].sum())} kept now; {int((one.canvas[0] == one.hidden).sum())} still covered"
        title = f"Mending, round {one.index} of {one.rounds}"
        frames.append(_cells_of(caption, _titled(title, cells), twin, str(number)))
    ended = [
        _cell(word, "revealed" if word != before else "committed", None, "")
        for word, before in zip(writers.text(value.last)[:length], value.words, strict=True)
    ]
    rules = broken(writers.broken(value.last))
    changed = sum(a != b for a, b in zip(writers.text(value.last)[:length], value.words, strict=True))
    caption = f"in the end {plural(changed, 'word differs', 'words differ')} from the story as it was; now: {rules}"
    frames.append(_cells_of(caption, _titled("How it stands now", ended), twin, str(len(frames) + 1)))
    kept = film.kept(len(frames), FRAMES)
    return str(_head(len(kept), MENDING, "round") + join(frames[one] for one in kept))


def answered(events: Iterator[Any], reel: Any) -> Iterator[Any]:
    """The answer of a larger writer as frames in ``reel``, a pass each."""
    markup = ""
    for event in events:
        if not isinstance(event, Answered):
            yield event
            continue
        markup = markup or str(_head(len(event.rounds), ("noise", *DRAFTING)))
        markup += str(_answer_frame(event))
        yield {reel: markup}


def _answer_frame(value: Answered) -> Markup:
    one = value.rounds[-1]
    cells = []
    for place, token in enumerate(one.tokens):
        state = one.state(place)
        shown = MASK
        if state != "noise":
            word = value.drafter.piece(int(one.guesses[place] if state == "draft" else token))
            shown = word.replace("\n", "⏎").strip(" ") or "␣"
        cells.append(_cell(shown, state, float(one.confidence[place]) if state in ("draft", "revealed") else None))
    title = f"Block {one.block} of {one.blocks}, round {one.round}"
    caption = f"pass {one.passes}, {one.seconds:.1f} s; {int((one.revealed | one.before).sum())} tokens kept"
    return _cells_of(caption, _titled(title, cells), _twin(value.text, "As text"), str(one.passes))


def _titled(title: str, cells: list[Markup]) -> Markup:
    return Markup("<h3>{}</h3>{}").format(title, _list(cells))


def _against(value: Covered) -> Markup:
    """The twin's story, what differs from the one that stood there marked."""
    text = value.writers.text(value.twin)
    text = text[: text.index(END)] if END in text else text
    return join(
        Markup("{} ").format(plain(word))
        if at < len(value.words) and value.words[at] == word
        else Markup("<mark>{}</mark> ").format(plain(word))
        for at, word in enumerate(text)
    )


def sides(value: Covered) -> str:
    """What both give the words they like best at the place, and those that stood there."""
    stood = {value.word: " (stood there)", value.wrong: " (put there)"}
    rows = join(
        Markup(
            '<tr><th scope="row" translate="no">{}{}</th><td class="number">{}</td><td class="number">{}</td></tr>'
        ).format(
            plain(value.writers.words[one]), stood.get(value.writers.words[one], ""),
            percent(float(value.both[one])), percent(float(value.left[one])),
        )
        for one in value.liked
    )  # fmt: skip
    return str(
        Markup(
            '<div class="text-diffusion-table text-diffusion-chances" tabindex="0" role="group" '
            'aria-label="Chances at the place"><table>'
            '<thead><tr><th scope="col">at place {}, covered</th><th scope="col" class="number">from both sides</th>'
            '<th scope="col" class="number">from the left (the twin)</th></tr></thead><tbody>{}</tbody></table></div>'
        ).format(value.chosen.place + 1, rows)
    )


def shares(value: Filled) -> str:
    """Valid stories by both, and how often the free twin comes to what was wanted."""
    ours, forced = value.valid(value.masked), value.valid(value.forced)
    rows = [
        ("masked", ours, "sculptor"),
        ("twin, forced", forced, "typewriter"),
        ("twin comes to it", value.met, "typewriter"),
    ]
    return str(
        bars(
            [
                Bar(name, one.rate, f"{one.successes} of {one.trials}", low=one.low, high=one.high, ink=ink)
                for name, one, ink in rows
            ]
        )
    )


def filled(value: Filled) -> str:
    """Some stories of both, what was given set apart."""
    parts = []
    for name, rows, given in (
        ("The masked writer", value.masked, value.given),
        ("The twin, given words forced in", value.forced, value.given),
        ("The twin, free", value.free, np.zeros(CANVAS, bool)),
    ):
        items = join(_line(value.writers, row, given) for row in rows[:SHOWN_STORIES])
        parts.append(Markup("<section><h3>{}</h3><ol>{}</ol></section>").format(name, items))
    return str(
        Markup(
            '<div class="text-diffusion-lists" tabindex="0" role="group" aria-label="Stories" translate="no">{}</div>'
        ).format(join(parts))
    )


def _line(writers: Writers, row: np.ndarray, given: np.ndarray) -> Markup:
    text = writers.text(row)
    text = text[: text.index(END)] if END in text else text
    starts = {begin for begin, _ in stories.lines(text)}
    words = join(
        Markup("{}{} ").format(
            Markup("<br>") if at and at in starts else "",
            Markup("<b>{}</b>").format(plain(word)) if given[at] else plain(word),
        )
        for at, word in enumerate(text)
    )
    rules = writers.broken(row)
    return Markup('<li>{}<em data-ok="{}">{}</em></li>').format(words, "no" if rules else "yes", broken(rules))
