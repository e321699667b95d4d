"""What the sampling lesson draws: the page, the scoreboard with its dice, lines that part, trees and curves."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.evidence import Evidence
from engines.statistics import percent, plural, share
from engines.text import dials as dials_of
from engines.text.dials import Candidate
from engines.text.language_model import Token
from lessons.sampling import link
from lessons.sampling.branch import Line, Parting, Story, by_chance, stayed
from lessons.sampling.measures import parting, shown, tree
from lessons.sampling.passes import Answers
from lessons.sampling.scoreboard import ROWS, Sheet
from lessons.sampling.seeds import Crowds, Rows
from lessons.sampling.sweep import TEMPERATURES, Sweeps, bits_a_key, new_pairs
from lessons.shell import charts
from lessons.shell.charts import BLUE, CLAY, GREY, OK
from lessons.shell.prose import attribute, plain
from lessons.shell.views import Bar, bars, join, spelled, visible

FULL_BARS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
STEPS = 1024
"""Of so many a unit of score the browser knows each token's distance from the best, up to ``DEEPEST`` units."""
DEEPEST = 64
LOOKS = ((BLUE, "solid", "circle"), (CLAY, "dash", "square"), (OK, "dot", "diamond"), (GREY, "dashdot", "x"))
CURSOR = Markup('<i class="sampling-cursor" aria-hidden="true"></i>')


# ---- the page in the typewriter --------------------------------------------------------------------------


def blank(text: str) -> str:
    """The desk before the model has cut the text into tokens: the page, and no scoreboard yet."""
    return str(
        Markup('<div class="sampling-page" role="group" aria-label="The page">{}{}</div>{}').format(
            Markup('<span class="sampling-uncut">{}</span>').format(plain(text)),
            CURSOR,
            Markup(
                '<div class="empty sampling-empty"><b>Press one key.</b> One pass scores every token the model '
                "knows; the best twelve and the dice appear here.</div>"
            ),
        )
    )


def desk(sheet: Sheet) -> str:
    """The page and, under it, the scoreboard that its last key was drawn from."""
    return str(page(sheet) + board(sheet))


def page(sheet: Sheet) -> Markup:
    """Prompt and keys as chips; the last key is wet, the cursor waits behind it."""
    read = join(Markup('<span class="token">{}</span>').format(visible(piece)) for piece in sheet.prompt.pieces)
    dry = join(
        Markup('<span class="token sampling-typed{}" title="{}">{}</span>').format(
            " sampling-by-hand" if key.forced else "",
            f"{percent(key.probability)} before the dials, rank {key.rank}",
            visible(key.piece),
        )
        for key in sheet.keys[:-1]
    )
    wet = Markup(
        '<span class="token sampling-wet" title="wet: no pass has read it yet"><span class="sampling-wet-key">{}</span>'
        '<span class="sr-only"> (the key just pressed)</span></span>'
    ).format(visible(sheet.keys[-1].piece))
    return Markup(
        '<div class="sampling-page" tabindex="0" role="group" aria-label="The page">'
        '<span class="tokens" translate="no">{}{}{}{}</span></div>'
    ).format(read, dry, wet, CURSOR)


# ---- the scoreboard and the dice -------------------------------------------------------------------------


def board(sheet: Sheet) -> Markup:
    """The scoreboard of the last pass, the dice on the cumulative bar, and what is left of the vocabulary.

    All that ``board.js`` needs to draw it under other dials stands in it as data.
    """
    assert sheet.board is not None
    candidates, wet = sheet.board.candidates[:ROWS], sheet.keys[-1]
    full = _full_bar(candidates)
    rows = [_row(c, full, chosen=c.token_id == wet.token_id) for c in candidates]
    outside = all(c.token_id != wet.token_id for c in candidates)
    own = Candidate(wet.token_id, wet.piece, 0.0, wet.probability, wet.kept_probability, wet.rank)
    return Markup(
        '<div class="sampling-board"{data}><div class="sampling-scale" aria-hidden="true"><span>press another</span>'
        '<span>chance after the dials; ┃ what the model believes</span><span class="sampling-full">full bar {full}'
        '</span></div><ul class="bars">{rows}<li class="sampling-gap{absent}">{gap}</li>{own}</ul>{dice}{gauge}</div>'
    ).format(
        data=_data(sheet),
        full=percent(full),
        rows=join(rows),
        absent="" if outside else " sampling-absent",
        gap=f"… {plural(max(wet.rank - len(candidates) - 1, 0), 'more key')} …",
        own=_row(own, full, chosen=outside, also="" if outside else " sampling-absent"),
        dice=dice(sheet),
        gauge=gauge(sheet),
    )


def _full_bar(candidates: Sequence[Candidate]) -> float:
    highest = max(max(c.probability, c.kept_probability) for c in candidates)
    return next(step for step in FULL_BARS if highest <= step + 1e-9)


def _data(sheet: Sheet) -> Markup:
    """The scores of the last pass for the browser: exact and named for the leaders, rounded for all others."""
    assert sheet.board is not None and sheet.logits is not None
    wet, leaders = sheet.keys[-1], sheet.board.candidates
    ids = list(sheet.token_ids)
    given = ids if wet.forced else ids[:-1]
    hand = [place for place, key in enumerate(sheet.keys) if key.forced]
    facts: dict[str, object] = {
        "ids": " ".join(str(c.token_id) for c in leaders),
        "names": "\n".join(attribute(shown(c.text)) for c in leaders),
        "scores": " ".join(f"{c.logit - leaders[0].logit:.7g}" for c in leaders),
        "others": packed(sheet.logits),
        "dice": repr(wet.u),
        "key": wet.token_id,
        "by-hand": str(wet.forced).lower(),
        "temperature": repr(float(sheet.dials.temperature)),
        "top-p": repr(float(sheet.dials.top_p)),
        "link": link.as_json(sheet.prompt.text, sheet.seed, given, hand, len(ids), sheet.written_by),
    }
    return join(Markup(' data-{}="{}"').format(name, value) for name, value in facts.items())


def packed(logits: np.ndarray) -> str:
    """Every token's distance from the best score, sorted and in steps of 1/``STEPS``, as base64.

    A row of bits: a 0 is one step further down, a 1 is a token. 49,152 tokens take some 14 kB.
    """
    below = np.sort(np.clip(logits.max() - logits, 0, DEEPEST))
    places = np.rint(below * STEPS).astype(np.int64) + np.arange(below.size)
    bits = np.zeros(int(places[-1]) + 1, dtype=np.uint8)
    bits[places] = 1
    return base64.b64encode(np.packbits(bits).tobytes()).decode()


def _row(candidate: Candidate, full: float, *, chosen: bool, also: str = "") -> Markup:
    cut = candidate.kept_probability == 0
    width = (candidate.probability if cut else candidate.kept_probability) / full
    value = "cut" if cut else percent(candidate.kept_probability)
    before = percent(candidate.probability)
    label = f"Press {shown(candidate.text)} instead. Rank {candidate.rank}, {before} before the dials, {value} after"
    return Markup(
        '<li class="bar-row sampling-row{states}"><button type="button" class="sampling-key" data-token="{token}" '
        'aria-pressed="{pressed}" aria-label="{label}" translate="no">{text}</button>'
        '<span class="bar-track"><i class="bar" style="width:{width:.2f}%"></i>'
        '<i class="sampling-belief" style="left:{belief:.2f}%"></i></span>'
        '<span class="bar-value">{value}</span><span class="sampling-before">{before}</span></li>'
    ).format(
        states=(" hit" if chosen else "") + (" cut" if cut else "") + also,
        token=candidate.token_id,
        pressed=str(chosen).lower(),
        label=attribute(label),
        text=visible(candidate.text),
        width=min(width, 1) * 100,
        belief=min(candidate.probability / full, 1) * 100,
        value=value,
        before=before,
    )


def dice(sheet: Sheet) -> Markup:
    """The cumulative bar: slices in the scoreboard's order, and the pin where the dice fell."""
    assert sheet.board is not None
    wet, (low, high) = sheet.keys[-1], sheet.slice
    leaders = sheet.board.candidates[:ROWS]
    slices = [_slice(c.kept_probability, shown(c.text), chosen=c.token_id == wet.token_id) for c in leaders]
    rest = max(0.0, 1 - sum(c.kept_probability for c in leaders))
    others = max(0, sheet.board.kept - sum(c.kept_probability > 0 for c in leaders))
    slices.append(_slice(rest if others else 0.0, f"{others:,} others", chosen=False, rest=True))
    thrown = not wet.forced and not sheet.dials.greedy
    if wet.forced:
        caption = Markup("No dice: you pressed <b>{}</b> yourself.").format(visible(wet.piece))
    elif sheet.dials.greedy:
        caption = Markup("No dice at temperature 0: the first key, <b>{}</b>, is always taken.").format(
            visible(wet.piece)
        )
    else:
        caption = Markup("The dice: <b>{:.3f}</b> falls on <b>{}</b>, whose slice runs from {:.3f} to {:.3f}.").format(
            wet.u, visible(wet.piece), low, high
        )
    return Markup(
        '<div class="sampling-dice" aria-hidden="true">{}<i class="sampling-pin{}" style="left:{:.2f}%"></i></div>'
        '<p class="sampling-caption" role="status" translate="no">{}</p>'
    ).format(join(slices), "" if thrown else " sampling-absent", wet.u * 100, caption)


def _slice(share: float, label: str, *, chosen: bool, rest: bool = False) -> Markup:
    text = label if share * 62 > len(label) else ""  # about 62 characters fit on the whole bar
    return Markup('<span class="sampling-slice{}" style="width:{:.3f}%">{}</span>').format(
        (" hit" if chosen else "") + (" rest" if rest else ""), share * 100, attribute(text)
    )


def gauge(sheet: Sheet) -> Markup:
    """What the last pass did and what the dials leave of it, in figures, and the way to a link."""
    assert sheet.board is not None and sheet.logits is not None
    last, kept = sheet.pass_seconds[-1] * 1000, sheet.board.kept
    believed = float(np.sort(dials_of.softmax(sheet.logits))[::-1][:kept].sum())
    return Markup(
        '<p class="sampling-gauge"><span><b>{scored} scored</b> · <span class="sampling-left">{left}</span></span>'
        "<span>{passes}, the last {last:.0f} ms</span>"
        '<button type="button" class="link sampling-copy">Copy link</button></p>'
    ).format(
        scored=f"{sheet.board.vocabulary_size:,}",
        left=left(kept, believed, sheet.board.kept_entropy_bits),
        passes=plural(sheet.passes, "pass", "passes"),
        last=last,
    )


def left(kept: int, believed: float, bits: float) -> str:
    """How many keys are kept, what the model gives them before any dial, and how unsure the dice is."""
    return f"{counted(kept)} kept, {percent(believed)} of its belief · {bits:.1f} bits"


def counted(kept: int) -> str:
    """A number of keys: exact below a thousand, else to two digits, which the browser knows as well."""
    return f"{kept:,}" if kept < 1000 else f"about {float(f'{kept:.2g}'):,.0f}"


# ---- lines that part -------------------------------------------------------------------------------------


def lines(story: Story) -> Markup:
    """Every line of a story, one under the other, so that they part where their keys part."""
    return Markup('<div class="sampling-lines">{}</div>').format(join(_line(story, line) for line in story.lines))


def _line(story: Story, line: Line) -> Markup:
    parent = story.line(line.parent) if line.parent else None
    keys = []
    for index, token in enumerate(line.tokens):
        states = []
        if parent and index < line.at:
            states.append("shared")
        if parent and index == line.at:
            states.append("forced")
        if (
            parent
            and index > line.at
            and index < len(parent.tokens)
            and parent.tokens[index].token_id == token.token_id
        ):
            states.append("same")
        if story.chosen == (line.name, index):
            states.append("chosen")
        note = {"shared": ", read from the line above", "forced": ", pressed by hand", "same": ", the same as before"}
        words = f"Key {index + 1} of line {line.name}: {shown(token.piece)}, {percent(token.probability)}" + "".join(
            note.get(state, "") for state in states
        )
        keys.append(
            Markup(
                '<button type="button" class="sampling-chip {states}" data-line="{line}" data-at="{at}" '
                'aria-pressed="{pressed}" aria-label="{words}">{text}<small>{chance}</small></button>'
            ).format(
                states=" ".join(f"sampling-{state}" for state in states),
                line=line.name,
                at=index,
                pressed=str("chosen" in states).lower(),
                words=attribute(words),
                text=visible(token.piece),
                chance=percent(token.probability).replace(" ", ""),
            )
        )
    where = f"parts from {line.parent} at key {line.at + 1}" if line.parent else "as the dice fell"
    return Markup(
        '<section class="sampling-line"><h3><b>{}</b> {} · {:.0f} bits</h3>'
        '<div class="sampling-chips">{}</div></section>'
    ).format(line.name, where, line.bits, join(keys))


def alternatives(story: Story) -> Markup | None:
    """The scoreboard that stood at the chosen key: every bar is a button that starts a branch there."""
    if story.chosen is None:
        return None
    name, at = story.chosen
    token = story.line(name).tokens[at]
    full = _full_bar(token.scoreboard.candidates)
    rows = join(_row(c, full, chosen=c.token_id == token.token_id) for c in token.scoreboard.candidates[:8])
    return Markup(
        '<div class="sampling-board"><p class="sampling-caption">Key {} of line {} was <b translate="no">{}</b>. '
        'Press another to go the other way from here.</p><ul class="bars">{}</ul></div>'
    ).format(at + 1, name, visible(token.piece), rows)


def partings(done: Sequence[Parting]) -> Markup:
    """For each seed, the keys after the forced one: how many stayed. Under them the mean, and that by chance."""
    rows = [Bar(f"seed {one.seed}", one.same / max(one.places, 1), f"{one.same} of {one.places}") for one in done]
    if chance := by_chance(done):
        for name, (middle, low, high), ink in (
            ("mean", stayed(done), "typewriter"), ("other seeds", share(chance), "sculptor"),
        ):  # fmt: skip
            rows.append(Bar(name, max(0.0, middle), percent(middle), low=low, high=high, ink=ink))
    return Markup(
        '<div class="sampling-board"><p class="sampling-caption">Later keys that stayed the same, seed by seed, and '
        "what texts of other seeds have in the same places by chance; a full bar would be all of them.</p>{}</div>"
    ).format(bars(rows))


# ---- one seed and many -----------------------------------------------------------------------------------


def twice_written(events: Iterator[Rows | Evidence[Rows]], seed: int, place: Any) -> Iterator[Any]:
    """The run with its rows shown in ``place`` as they grow."""
    for event in events:
        yield event if isinstance(event, Evidence) else {place: twice(event, seed)}


def twice(rows: Sequence[Sequence[Token]], seed: int) -> Markup:
    """Three rows of keys; the first key that differs from the first row is marked."""
    names = (f"seed {seed}", f"seed {seed} again", f"seed {seed + 1}")
    first = [token.token_id for token in rows[0]]
    out = []
    for number, (name, row) in enumerate(zip(names, rows, strict=False)):
        own = [token.token_id for token in row]
        apart = parting(first[: len(own)], own)
        chips = join(
            Markup('<span class="token{}">{}</span>').format(
                " sampling-apart" if index == apart else "", visible(token.piece)
            )
            for index, token in enumerate(row)
        )
        verdict = f"parts at key {apart + 1}" if apart is not None else "the same so far"
        if own == first:
            verdict = "the same to the last key"
        out.append(
            Markup(
                '<section class="sampling-line"><h3><b>{}</b> {}</h3><span class="tokens" translate="no">{}</span>'
                "</section>"
            ).format(name, verdict if number else "", chips)
        )
    return Markup('<div class="sampling-lines">{}</div>').format(join(out))


def tree_of(crowds: Crowds) -> Markup:
    """The last crowd's runs as rows, all their keys as columns; neighbours that agree so far share one block."""
    crowd = crowds[-1]
    depth = crowd.length
    rows = [run.token_ids for run in crowd.runs]
    pieces = {i: piece for run in crowd.runs for i, piece in zip(run.token_ids, run.pieces, strict=True)}
    order, nodes = tree(rows, depth)
    cells = []
    for node in nodes:
        token_id = node.item
        assert isinstance(token_id, int)
        count = Markup("<small>{}</small>").format(node.count) if node.count > 1 else Markup("")
        cells.append(
            Markup(
                '<li class="sampling-node{}" style="grid-area:{}/{}/span {}/span 1" title="{}"><span>{}</span>{}</li>'
            ).format(
                " alone" if node.count == 1 else "",
                node.row + 2,
                node.depth + 2,
                node.count,
                attribute(shown(pieces[token_id])),
                spelled(pieces[token_id]),
                count,
            )
        )
    heads = join(
        Markup('<li class="sampling-head" style="grid-area:1/{}">key {}</li>').format(column + 2, column + 1)
        for column in range(depth)
    )
    seeds = join(
        Markup('<li class="sampling-head" style="grid-area:{}/1">{}</li>').format(place + 2, crowd.runs[run].seed)
        for place, run in enumerate(order)
    )
    corner = Markup('<li class="sampling-head" style="grid-area:1/1">seed</li>')
    return Markup(
        '<div class="sampling-tree-frame" tabindex="0" role="group" aria-label="{label}">'
        '<ul class="sampling-tree" style="grid-template-columns:3.4em repeat({depth},minmax(66px,1fr))" translate="no">'
        "{all}</ul></div>"
    ).format(
        label=f"Tree of {len(rows)} runs over {depth} keys; a block stands for runs that agree so far",
        depth=depth,
        all=join([corner, heads, seeds, *cells]),
    )


def together_chart(crowds: Crowds) -> Any:
    """Share of the pairs of runs with the same first k keys, one curve a setting, and the last one's control.

    Both with 95 % intervals.
    """
    figure = charts.figure("first keys", "pairs of runs that agree", 320)
    if dice := crowds[-1].by_dice:
        keys, (means, lows, highs) = list(range(1, len(dice) + 1)), zip(*dice, strict=True)
        charts.band(figure, keys, lows, highs, GREY)
        charts.line(figure, keys, means, "the same dice, another text", GREY, "longdash", "triangle-up")
    for crowd, look in zip(crowds, LOOKS, strict=False):
        named = f"T {crowd.dials.temperature:g}, top-p {crowd.dials.top_p:g}"
        _curve(figure, list(range(1, crowd.length + 1)), crowd.pairs, look, name=named)
    figure.update_xaxes(dtick=1)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.05])
    return figure.update_layout(charts.LEGEND_ABOVE, height=360)


def _curve(
    figure: Any, x: Sequence[float], means: Sequence[tuple[float, float, float]], look: tuple[str, str, str],
    place: Mapping[str, int] | None = None, **options: Any,
) -> None:  # fmt: skip
    """Means with their intervals as whiskers; an open interval has none."""
    colour, dash, symbol = look
    ends = [(m, m, m) if not np.isfinite(low) else (m, low, high) for m, low, high in means]
    figure.add_scatter(
        x=x, y=[round(m, 4) for m, _, _ in means], mode="lines+markers",
        line={"color": colour, "dash": dash, "width": 2.5}, marker={"symbol": symbol, "size": 7},
        error_y={
            "type": "data", "symmetric": False, "thickness": 1, "width": 3,
            "array": [round(high - m, 4) for m, _, high in ends],
            "arrayminus": [round(m - low, 4) for m, low, _ in ends],
        },
        **options, **(place or {}),
    )  # fmt: skip


def sweep_chart(sweeps: Sweeps) -> Any:
    """New pairs and surprise by temperature with 95 % intervals, and the people's texts as a band."""
    from plotly.subplots import make_subplots

    titles = ("new pairs of keys", "surprise, bits a key")
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles, horizontal_spacing=0.12)
    figure.update_layout(charts.figure(height=370).layout, margin_t=34)
    figure.update_annotations(font_size=13)
    for found, look in zip(sweeps, LOOKS, strict=False):
        steps = [stop.temperature for stop in found.stops]
        named = {"name": f"top-p {found.top_p:g}, {plural(found.length, 'key')}", "legendgroup": look[0]}
        _curve(figure, steps, [stop.variety for stop in found.stops], look, {"row": 1, "col": 1}, **named)
        _curve(
            figure, steps, [stop.bits for stop in found.stops], look, {"row": 1, "col": 2}, showlegend=False, **named
        )
    for column, mean in ((1, sweeps[-1].people_variety), (2, sweeps[-1].people_bits)):
        middle, low, high = mean
        figure.add_scatter(
            x=[TEMPERATURES[0], TEMPERATURES[-1]], y=[middle, middle], mode="lines", name="people", row=1, col=column,
            showlegend=column == 1, line={"color": GREY, "dash": "longdash"},
        )  # fmt: skip
        if np.isfinite(low):
            figure.add_hrect(low, high, fillcolor=GREY, opacity=0.2, line_width=0, row=1, col=column)
    figure.update_xaxes(title="temperature", fixedrange=True)
    figure.update_yaxes(rangemode="tozero", fixedrange=True)
    figure.update_yaxes(tickformat=".0%", row=1, col=1)
    return figure


def samples(sweeps: Sweeps) -> Markup:
    """One text at each temperature, the same opening, each with its own numbers: from dull to nonsense."""
    rows = join(
        Markup(
            '<li><h3>T = {:g} <span>{} new pairs · {:.1f} bits a key in this text</span></h3><p translate="no">'
            '<span class="sampling-opening">{}</span>{}</p></li>'
        ).format(
            stop.temperature,
            percent(new_pairs(stop.runs[0])),
            bits_a_key(stop.runs[0]),
            plain(stop.openings[0]),
            plain(stop.runs[0].text),
        )
        for stop in sweeps[-1].stops
    )
    return Markup('<ul class="sampling-samples">{}</ul>').format(rows)


# ---- passes ----------------------------------------------------------------------------------------------


def answer_bars(found: Answers) -> Markup:
    """Passes that 500 words of each answer would take at the rate of its first keys."""
    rates = [500 * rate for rate in found.rates]
    full = max([*rates, 800.0])
    rows = join(
        Markup(
            '<li class="bar-row sampling-answer"><span class="bar-label" title="{}">{}</span><span class="bar-track">'
            '<i class="bar" style="width:{:.1f}%"></i><i class="sampling-belief" style="left:{:.1f}%"></i></span>'
            '<span class="bar-value">{:.0f}</span></li>'
        ).format(attribute(question), plain(question), 100 * rate / full, 100 * 700 / full, rate)
        for question, rate in zip(found.questions, rates, strict=True)
    )
    return Markup(
        '<div class="sampling-board"><p class="sampling-caption">Passes that 500 words of each answer would take '
        "at the rate of its first {} keys; ┃ marks 700. All together: <b>{:.0f}</b> ({:.0f}–{:.0f}).</p>"
        '<ul class="bars">{}</ul></div>'
    ).format(found.length, *found.passes, rows)
