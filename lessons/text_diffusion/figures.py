"""What the text-diffusion lesson draws, from its moments and Evidence values."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
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
from lessons.shell.views import Bar, bars, join
from lessons.text_diffusion.between import Filled
from lessons.text_diffusion.canvas import Drafted
from lessons.text_diffusion.measures import broken
from lessons.text_diffusion.mend import WHERE, Mended
from lessons.text_diffusion.rounds import Compared

STATES = {
    "noise": "nothing yet", "draft": "a guess, not kept", "revealed": "kept now", "committed": "kept before",
    "given": "given",
}  # fmt: skip
LEGEND = Markup('<p class="text-diffusion-legend">{}</p>').format(
    join(
        Markup('<span><i class="text-diffusion-cell" data-s="{}">word</i> {}</span>').format(state, words)
        for state, words in STATES.items()
        if state in ("draft", "revealed", "committed")
    )
)
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
            markup = str(_head(event))
        passes = max(len(event.rounds), len(event.steps))
        if passes <= event.passes:
            markup += str(_frame(event, passes))
            yield {reel: markup}


def _head(value: Drafted) -> Markup:
    """The open beginning of a film; the browser closes what is open."""
    return Markup(
        '{}<div class="film text-diffusion-film" data-run="{}" style="--frames:{}"><div class="text-diffusion-stage">'
        '</div><p class="film-caption"></p><div class="film-controls"><button type="button" class="button film-play">'
        'Play</button><input class="film-slider" type="range" min="1" max="{}" value="1" aria-label="Pass"></div>'
        '<div class="film-strip" tabindex="0" role="group" aria-label="One mark a pass">'
    ).format(LEGEND, uuid.uuid4().hex, CANVAS, 1)


def recorded(value: Drafted) -> str:
    """The whole film, or a few of its frames in a recorded first paint."""
    passes = value.passes
    frames = sorted({0, *film.kept(passes, 12), len(value.rounds) - 1})
    return str(_head(value) + join(_frame(value, number + 1) for number in frames if number < passes))


def _frame(value: Drafted, passes: int) -> Markup:
    """One frame: the canvas after as many passes, or the finished one, and the twin's words."""
    rounds, steps = value.rounds[:passes], value.steps[:passes]
    one = rounds[-1]
    done = len(value.rounds) < passes
    stand = int((one.canvas[0] != one.hidden).sum()) - int(one.given[0].sum())
    typed = value.writers.story(steps[-1].canvas[0]).replace("▒", "").strip()
    sharpened = "done" if done else f"{stand} of {value.length} words kept"
    words = plural(len(typed.split()), "word")
    title = "done" if len(steps) >= value.typed and len(value.steps) > value.typed else f"pass {len(steps)}"
    caption = f"pass {passes}: the canvas {sharpened} ({one.seconds:.1f} s), the twin has {words}"
    return Markup(
        '<div class="film-cell" data-caption="{}"><div class="text-diffusion-frame" hidden>{}'
        '<div class="text-diffusion-twin" translate="no"><h3>The twin, {}</h3><p>{}<b aria-hidden="true">▏</b></p>'
        "</div></div><small>{}</small></div>"
    ).format(attribute(caption), _canvas(value.writers, one, done, value.length), title, plain(typed), passes)


def _canvas(writers: Writers, one: Round, done: bool, length: int) -> Markup:
    """The cells of the first canvas: each position's word, state and confidence."""
    cells = []
    for place, state in enumerate(one.states(0)[:length]):
        kept = state in ("committed", "given")
        word = writers.words[one.canvas[0, place] if kept else one.guesses[0, place]]
        state = "committed" if done and state == "revealed" else state
        sure = 1.0 if kept else float(one.confidence[0, place])
        cells.append(_cell(word, state, None if kept else sure))
    return Markup(
        '<h3>The canvas, {}</h3><ol class="text-diffusion-cells" translate="no">{}</ol>'
    ).format("finished" if done else f"round {one.index} of {one.rounds}", join(cells))  # fmt: skip


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
