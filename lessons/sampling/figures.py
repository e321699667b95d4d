"""What the sampling lesson draws: the page, the scoreboard with its dice, lines that part, trees and curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from engines.statistics import percent, plural
from engines.text.dials import Candidate
from engines.text.language_model import Token
from lessons.sampling.branching import Line, Story
from lessons.sampling.experiments import shown
from lessons.sampling.heating import TEMPERATURES, Sweep
from lessons.sampling.measures import parting, tree
from lessons.sampling.pressing import Sheet
from lessons.sampling.seeding import Crowd
from lessons.shell.prose import attribute, plain
from lessons.shell.views import join, visible

FULL_BARS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
INKS = ("#3a6aa3", "#c8683f", "#5b8c5a", "#8a6fb0")
DASHES = ("solid", "dash", "dot", "dashdot")
MARKERS = ("circle", "square", "diamond", "x")


# ---- the page in the typewriter --------------------------------------------------------------------------


def blank_page(text: str) -> Markup:
    """The text before the model has cut it into tokens."""
    return Markup(
        '<div class="sampling-page" role="group" aria-label="The page"><span class="sampling-uncut">{}</span>{}</div>'
    ).format(plain(text), CURSOR)


CURSOR = Markup('<i class="sampling-cursor" aria-hidden="true"></i>')


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
    wet = Markup("")
    if sheet.keys:
        wet = Markup(
            '<span class="token sampling-wet" title="wet: no pass has read it yet">{}'
            '<span class="sr-only"> (the key just pressed)</span></span>'
        ).format(visible(sheet.keys[-1].piece))
    return Markup(
        '<div class="sampling-page" role="group" aria-label="The page"><span class="tokens">{}{}{}{}</span></div>'
    ).format(read, dry, wet, CURSOR)


# ---- the scoreboard and the dice -------------------------------------------------------------------------


def empty_board() -> Markup:
    return Markup(
        '<div class="empty sampling-empty"><b>Press one key.</b> One pass scores every token the model knows; '
        "the best twelve and the dice appear here. The first press also opens the model, which takes a few seconds."
        "</div>"
    )


def board(sheet: Sheet) -> Markup:
    """The scoreboard of the last pass and, under it, the dice on the cumulative bar, in the same order."""
    if sheet.board is None:
        return empty_board()
    candidates, wet = sheet.board.candidates, sheet.keys[-1]
    highest = max(max(c.probability, c.kept_probability) for c in candidates)
    full = next(step for step in FULL_BARS if highest <= step + 1e-9)
    rows = [_row(c, full, chosen=c.token_id == wet.token_id) for c in candidates]
    if all(c.token_id != wet.token_id for c in candidates):
        own = Candidate(wet.token_id, wet.piece, 0.0, wet.probability, wet.kept_probability, wet.rank)
        rows.append(
            Markup('<li class="sampling-gap">… {} …</li>').format(plural(wet.rank - len(candidates) - 1, "more key"))
        )
        rows.append(_row(own, full, chosen=True))
    return Markup(
        '<div class="sampling-board"><div class="sampling-scale" aria-hidden="true"><span>press another</span>'
        "<span>chance after the dials; ┃ what the model believes</span><span>full bar {}</span></div>"
        '<ul class="bars">{}</ul>{}</div>'
    ).format(percent(full), join(rows), dice(sheet))


def _row(candidate: Candidate, full: float, *, chosen: bool) -> Markup:
    cut = candidate.kept_probability == 0
    width = (candidate.probability if cut else candidate.kept_probability) / full
    value = "cut" if cut else percent(candidate.kept_probability)
    label = (
        f"Press {shown(candidate.text)} instead. Rank {candidate.rank}, {percent(candidate.probability)} before "
        f"the dials, {value} after"
    )
    return Markup(
        '<li class="bar-row sampling-row{states}"><button type="button" class="sampling-key" data-token="{token}" '
        'aria-pressed="{pressed}" aria-label="{label}">{text}</button>'
        '<span class="bar-track"><i class="bar" style="width:{width:.2f}%"></i>'
        '<i class="sampling-belief" style="left:{belief:.2f}%"></i></span>'
        '<span class="bar-value">{value}</span><span class="sampling-before">{before}</span></li>'
    ).format(
        states=(" hit" if chosen else "") + (" cut" if cut else ""),
        token=candidate.token_id,
        pressed=str(chosen).lower(),
        label=attribute(label),
        text=visible(candidate.text),
        width=min(width, 1) * 100,
        belief=min(candidate.probability / full, 1) * 100,
        value=value,
        before=percent(candidate.probability),
    )


def dice(sheet: Sheet) -> Markup:
    """The cumulative bar: slices in the scoreboard's order, and the pin where the dice fell."""
    assert sheet.board is not None
    wet, (low, high) = sheet.keys[-1], sheet.slice
    slices = [
        _slice(c.kept_probability, shown(c.text), chosen=c.token_id == wet.token_id)
        for c in sheet.board.candidates
        if c.kept_probability > 0
    ]
    rest = 1 - sum(c.kept_probability for c in sheet.board.candidates)
    others = sheet.board.kept - len(slices)
    if others > 0 and rest > 1e-6:
        slices.append(_slice(rest, f"{others:,} others", chosen=False, rest=True))
    pin = Markup("")
    if not wet.forced and not sheet.dials.greedy:
        pin = Markup('<i class="sampling-pin" style="left:{:.2f}%"></i>').format(wet.u * 100)
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
        '<div class="sampling-dice" aria-hidden="true">{}{}</div><p class="sampling-caption" role="status">{}</p>'
    ).format(join(slices), pin, caption)


def _slice(share: float, label: str, *, chosen: bool, rest: bool = False) -> Markup:
    text = label if share * 62 > len(label) else ""  # about 62 characters fit on the whole bar
    return Markup('<span class="sampling-slice{}" style="width:{:.3f}%">{}</span>').format(
        (" hit" if chosen else "") + (" rest" if rest else ""), share * 100, attribute(text)
    )


def gauge(sheet: Sheet) -> Markup:
    """What the last pass did, in one line of figures."""
    if sheet.board is None:
        return Markup('<p class="sampling-gauge">No pass yet.</p>')
    last = sheet.pass_seconds[-1] * 1000
    return Markup(
        '<p class="sampling-gauge"><b>{} scored</b> · {} kept<br><b>pass {}</b> took {:.0f} ms · {:.1f} passes/s</p>'
    ).format(f"{sheet.board.vocabulary_size:,}", f"{sheet.board.kept:,}", sheet.passes, last, sheet.passes_per_second)


# ---- lines that part -------------------------------------------------------------------------------------


def lines(story: Story, chosen: tuple[str, int] | None) -> Markup:
    """Every line of a story, one under the other, so that they part where their keys part."""
    return Markup('<div class="sampling-lines">{}</div>').format(
        join(_line(story, line, chosen) for line in story.lines)
    )


def _line(story: Story, line: Line, chosen: tuple[str, int] | None) -> Markup:
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
        if chosen == (line.name, index):
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


def alternatives(story: Story, name: str, at: int) -> Markup:
    """The scoreboard that stood at one key of a line: every bar is a button that starts a branch there."""
    token = story.line(name).tokens[at]
    top = max(max(c.kept_probability, c.probability) for c in token.scoreboard.candidates)
    full = next(step for step in FULL_BARS if top <= step + 1e-9)
    rows = join(_row(c, full, chosen=c.token_id == token.token_id) for c in token.scoreboard.candidates[:8])
    return Markup(
        '<div class="sampling-board"><p class="sampling-caption">Key {} of line {} was <b>{}</b>. '
        'Press another to go the other way from here.</p><ul class="bars">{}</ul></div>'
    ).format(at + 1, name, visible(token.piece), rows)


def partings(done: Sequence[Any]) -> Markup:
    """For each seed, the keys after the forced one: how many stayed."""
    rows = join(
        Markup(
            '<li class="bar-row"><span class="bar-label">seed {}</span><span class="bar-track">'
            '<i class="bar" style="width:{:.1f}%"></i></span><span class="bar-value">{} of {}</span></li>'
        ).format(one.seed, 100 * one.same / max(one.places, 1), one.same, one.places)
        for one in done
    )
    return Markup(
        '<div class="sampling-board"><p class="sampling-caption">Later keys that stayed the same, seed by seed; '
        'a full bar would be all of them.</p><ul class="bars">{}</ul></div>'
    ).format(rows)


# ---- one seed and many -----------------------------------------------------------------------------------


def twice(rows: Sequence[Sequence[Token]], seed: int) -> Markup:
    """Three rows of keys; the first key that differs from the first row is marked."""
    names = (f"seed {seed}", f"seed {seed} again", f"seed {seed + 1}")
    ids = [[token.token_id for token in row] for row in rows]
    out = []
    for name, row, own in zip(names, rows, ids, strict=False):
        apart = parting(ids[0][: len(own)], own)
        chips = join(
            Markup('<span class="token{}">{}</span>').format(
                " sampling-apart" if index == apart else "", visible(token.piece)
            )
            for index, token in enumerate(row)
        )
        if len(own) < len(ids[0]) and own == ids[0][: len(own)]:
            verdict = "the same so far" if own is not ids[0] else ""
        elif own is ids[0]:
            verdict = ""
        else:
            verdict = "the same to the last key" if apart is None else f"parts at key {apart + 1}"
        out.append(
            Markup(
                '<section class="sampling-line"><h3><b>{}</b> {}</h3><span class="tokens">{}</span></section>'
            ).format(name, verdict, chips)
        )
    return Markup('<div class="sampling-lines">{}</div>').format(join(out))


def tree_of(crowd: Crowd, depth: int = 6) -> Markup:
    """Runs as rows, keys as columns; neighbouring runs that agree so far share one block."""
    depth = min(depth, crowd.length)
    rows = [run.token_ids for run in crowd.runs]
    pieces = {i: piece for run in crowd.runs for i, piece in zip(run.token_ids, run.pieces, strict=True)}
    order, nodes = tree(rows, depth)
    cells = []
    for node in nodes:
        token_id = node.item
        assert isinstance(token_id, int)
        count = Markup("<small>{}</small>").format(node.count) if node.count > 1 else Markup("")
        cells.append(
            Markup('<li class="sampling-node{}" style="grid-area:{}/{}/span {}/span 1">{}{}</li>').format(
                " alone" if node.count == 1 else "",
                node.row + 2,
                node.depth + 2,
                node.count,
                visible(pieces[token_id]),
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
        '<ul class="sampling-tree" style="grid-template-columns:3.4em repeat({depth},minmax(84px,1fr))">'
        "{all}</ul></div>"
    ).format(
        label=f"Tree of {len(rows)} runs over {depth} keys; a block stands for runs that agree so far",
        depth=depth,
        all=join([corner, heads, seeds, *cells]),
    )


def together_chart(crowds: Sequence[Crowd]) -> Any:
    """Share of the pairs of runs with the same first k keys, one curve a setting, 95 % intervals."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, crowd in enumerate(crowds):
        figure.add_scatter(
            x=list(range(1, crowd.length + 1)),
            y=[share for share, _, _ in crowd.pairs],
            name=f"T {crowd.dials.temperature:g}, top-p {crowd.dials.top_p:g}",
            mode="lines+markers",
            line={"color": INKS[number % 4], "dash": DASHES[number % 4]},
            marker={"symbol": MARKERS[number % 4], "size": 8},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [high - share for share, _, high in crowd.pairs],
                "arrayminus": [share - low for share, low, _ in crowd.pairs],
                "thickness": 1,
                "width": 3,
            },
        )
    figure.update_xaxes(title="first keys", dtick=1)
    figure.update_yaxes(title="pairs of runs that agree", tickformat=".0%", range=[0, 1.05])
    return _dressed(figure, 300)


def sweep_chart(sweeps: Sequence[Sweep]) -> Any:
    """Distinct pairs and surprise by temperature with 95 % intervals, and the people's texts as a band."""
    from plotly.subplots import make_subplots

    titles = ("distinct pairs of keys", "bits of surprise a key")
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles, horizontal_spacing=0.12)
    for number, found in enumerate(sweeps):
        for column, measure in ((1, "variety"), (2, "bits")):
            values = [getattr(stop, measure) for stop in found.stops]
            figure.add_scatter(
                x=[stop.temperature for stop in found.stops],
                y=[mean for mean, _, _ in values],
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [high - mean for mean, _, high in values],
                    "arrayminus": [mean - low for mean, low, _ in values],
                    "thickness": 1,
                    "width": 3,
                },
                name=f"top-p {found.top_p:g}",
                legendgroup=str(number),
                showlegend=column == 1,
                mode="lines+markers",
                line={"color": INKS[number % 4], "dash": DASHES[number % 4]},
                marker={"symbol": MARKERS[number % 4], "size": 8},
                row=1,
                col=column,
            )
    latest = sweeps[-1]
    if latest.people:
        for column, (level, low, high) in ((1, latest.people_variety), (2, latest.people_bits)):
            if math.isfinite(low):
                figure.add_hrect(low, high, fillcolor="#7d8590", opacity=0.2, line_width=0, row=1, col=column)
            figure.add_scatter(
                x=[TEMPERATURES[0], TEMPERATURES[-1]],
                y=[level, level],
                name="people's texts",
                showlegend=column == 1,
                mode="lines",
                line={"color": "#7d8590", "dash": "longdash", "width": 2},
                row=1,
                col=column,
            )
    figure.update_xaxes(title="temperature")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(rangemode="tozero", row=1, col=2)
    return _dressed(figure, 330)


def _dressed(figure: Any, height: int) -> Any:
    figure.update_layout(
        height=height,
        margin={"l": 56, "r": 12, "t": 34, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "IBM Plex Sans, sans-serif", "size": 14},
        legend={"orientation": "h", "y": -0.28},
        hovermode="x unified",
    )
    return figure


def samples(found: Sweep) -> Markup:
    """One text at each temperature, the same opening: read them from dull to nonsense."""
    rows = join(
        Markup(
            "<li><h3>T = {:g} <span>{} new pairs · {:.1f} bits a key</span></h3>"
            '<p><span class="sampling-opening">{}</span>{}</p></li>'
        ).format(
            stop.temperature,
            percent(stop.variety[0]),
            stop.bits[0],
            plain(stop.openings[0]),
            plain(stop.runs[0].text),
        )
        for stop in found.stops
    )
    return Markup('<ul class="sampling-samples">{}</ul>').format(rows)


# ---- passes ----------------------------------------------------------------------------------------------


def answer_bars(rows: Sequence[tuple[str, int, int]], total: tuple[float, float, float], keys: int) -> Markup:
    """Passes for 500 words, answer by answer: (question, passes, words) of its first ``keys`` keys."""
    rates = [500 * passes / max(words, 1) for _, passes, words in rows]
    full = max([*rates, 800.0])
    bars = join(
        Markup(
            '<li class="bar-row sampling-answer"><span class="bar-label" title="{}">{}</span><span class="bar-track">'
            '<i class="bar" style="width:{:.1f}%"></i><i class="sampling-belief" style="left:{:.1f}%"></i></span>'
            '<span class="bar-value">{:.0f}</span></li>'
        ).format(attribute(question), plain(question), 100 * rate / full, 100 * 700 / full, rate)
        for (question, _, _), rate in zip(rows, rates, strict=True)
    )
    return Markup(
        '<div class="sampling-board"><p class="sampling-caption">Passes that 500 words of each answer would take '
        "at the rate of its first {} keys; ┃ marks 700. All together: <b>{:.0f}</b> ({:.0f}–{:.0f}).</p>"
        '<ul class="bars">{}</ul></div>'
    ).format(keys, *total, bars)
