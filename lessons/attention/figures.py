"""What this lesson draws: the looking words, the grid of heads, the sums of one cell, the lens, the fading facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.statistics import mean_interval
from engines.text.attention import Cell
from lessons.attention.experiments import Contest, Fading, Gaze, Lens, Look, Scan, Trial
from lessons.attention.looking import head_name, percent
from lessons.shell.prose import INVISIBLE, plain
from lessons.shell.views import Bar, bars, join, visible

SHOWN = 8  # components of a vector written out; the table has them all


def _table(label: str, columns: Sequence[Any], rows: Sequence[Markup], caption: Any = "", kind: str = "") -> Markup:
    """A table that scrolls sideways by itself; ``columns`` are headings, ``rows`` whole ``<tr>`` elements."""
    return Markup(
        '<div class="attention-vectors {}" tabindex="0" role="group" aria-label="{}"><table>{}<thead><tr>{}</tr>'
        "</thead><tbody>{}</tbody></table></div>"
    ).format(
        kind,
        label,
        Markup("<caption>{}</caption>").format(caption) if caption else "",
        join(Markup('<th scope="col">{}</th>').format(column) for column in columns),
        join(rows),
    )


def _spoken(text: str) -> str:
    """Text for an attribute: hidden characters by their number, since no markup can stand there."""
    return INVISIBLE.sub(lambda match: f"U+{ord(match[0]):04X}", text)


def _deep(share: float) -> bool:
    return share > 0.55


def _shade(share: float) -> float:
    """How much ink a cell takes; it skips the middle tones, on which no text would be readable."""
    return 0.82 + 0.4 * (share - 0.55) if _deep(share) else 0.8 * share


def _row(name: Any, cells: Sequence[Markup], state: str = "") -> Markup:
    return Markup('<tr class="{}"><th scope="row">{}</th>{}</tr>').format(state, name, join(cells))


def _cell(content: Any) -> Markup:
    return Markup("<td>{}</td>").format(content)


def _share(share: float, text: str) -> Markup:
    """A cell with a number and a bar as long as ``share``."""
    return Markup('<td class="attention-shares"><span>{}</span><i style="--share:{:.4f}"></i></td>').format(text, share)


# ---- who looks at whom -------------------------------------------------------------------------------------


def words(seen: Look, view: Gaze) -> Markup:
    """The sentence as columns: bar = the chosen head, tick = the mean of all heads, dashes = an even spread."""
    columns = join(_word(seen, view, i) for i in range(len(seen.pieces)))
    return Markup(
        '<div class="attention-words" role="group" aria-label="The sentence. Choose the word that looks.">{}</div>'
        '<p class="attention-key"><span><i class="attention-swatch"></i>{}</span><span><i class="attention-swatch '
        'attention-swatch-mean"></i>mean of all {} heads</span><span><i class="attention-swatch '
        'attention-swatch-even"></i>even spread, {}</span><span>◆ watched</span>{}</p>'
    ).format(
        columns,
        head_name(view.layer, view.head),
        seen.layers * seen.heads,
        percent(view.even),
        Markup("<span>first token left out, the rest scaled to 100 %</span>") if view.leave_out_first else "",
    )


def _word(seen: Look, view: Gaze, i: int) -> Markup:
    later, looker, left_out = i > view.looker, i == view.looker, view.leave_out_first and i == 0
    row, mean = float(view.row[i]), float(view.mean_row[i])
    share = "later" if later else "left out" if left_out else percent(row)
    says = f"{seen.name(i)}, position {i}: "
    says += "comes later, hidden" if later else f"gets {share}; mean of all heads {percent(mean)}"
    states = [
        name for name, on in (("looker", looker), ("watched", i in view.watched), ("closed", later or left_out)) if on
    ]
    return Markup(
        '<button type="button" data-row="0" data-col="{i}" tabindex="{tab}" aria-pressed="{pressed}" '
        'class="attention-word {states}" style="--share:{row:.4f};--mean:{mean:.4f};--even:{even:.4f}" '
        'aria-label="{says}{looks}">'
        '<span class="attention-rod" aria-hidden="true"><i></i><b></b><u></u></span>'
        '<span class="attention-text">{mark}{text}</span><span class="attention-share">{share}</span></button>'
    ).format(
        i=i,
        tab=0 if looker else -1,
        pressed=str(looker).lower(),
        states=" ".join(states),
        row=row,
        mean=mean,
        even=view.even,
        says=_spoken(says),
        looks=". This word looks." if looker else ". Press to look from here.",
        mark="◆ " if i in view.watched else "",
        text=visible(seen.pieces[i]),
        share=share,
    )


def grid(
    values: np.ndarray,
    chosen: tuple[int, int] | None,
    *,
    label: str,
    text: Callable[[float], str],
    says: Callable[[float], str],
    marked: tuple[int, int] | None = None,
    clickable: bool = True,
) -> Markup:
    """Every head of the model: columns are layers, rows are heads; the darker, the larger. nan = not measured yet."""
    layers, heads = values.shape
    peak = float(np.nanmax(values)) if not np.isnan(values).all() else 1.0
    chosen = chosen or (layers - 1, 0)
    top = join(
        Markup('<span class="attention-layer">{}</span>').format(layer if layer % 5 == 0 or layer == layers - 1 else "")
        for layer in range(layers)
    )
    rows = []
    for head in range(heads):
        cells = join(
            _head(float(values[layer, head]), peak, layer, head, chosen, marked, text, says, clickable)
            for layer in range(layers)
        )
        rows.append(Markup('<span class="attention-head">H{}</span>{}').format(head, cells))
    return Markup(
        '<div class="attention-grid" role="group" aria-label="{}" style="--columns:{}"><span class="attention-head">'
        '<span class="attention-layer">layer</span></span>{}{}</div>'
    ).format(label, layers, top, join(rows))


def _head(
    value: float,
    peak: float,
    layer: int,
    head: int,
    chosen: tuple[int, int],
    marked: tuple[int, int] | None,
    text: Callable[[float], str],
    says: Callable[[float], str],
    clickable: bool,
) -> Markup:
    unknown = np.isnan(value)
    share = 0.0 if unknown else min(1.0, max(value, 0.0) / max(peak, 1e-9))
    states = [
        name for name, on in (("deep", _deep(share)), ("marked", marked == (layer, head)), ("unknown", unknown)) if on
    ]
    label = f"{head_name(layer, head)}: {'not measured yet' if unknown else says(value)}"
    if marked == (layer, head):
        label += ", the hottest head"
    if not clickable:
        return Markup('<span class="attention-cell {}" style="--shade:{:.3f}" title="{}">{}</span>').format(
            " ".join(states), _shade(share), label, "" if unknown else text(value)
        )
    return Markup(
        '<button type="button" class="attention-cell {}" data-row="{}" data-col="{}" tabindex="{}" aria-pressed="{}" '
        'style="--shade:{:.3f}" aria-label="{}" title="{}">{}</button>'
    ).format(
        " ".join(states),
        head,
        layer,
        0 if chosen == (layer, head) else -1,
        str(chosen == (layer, head)).lower(),
        _shade(share),
        label,
        label,
        "" if unknown else text(value),
    )


def heads(seen: Look, view: Gaze) -> Markup:
    """The grid of heads, coloured by the share of attention on the watched words."""
    if not view.watched:
        return Markup('<div class="empty">Choose words to watch, and every head shows how much it looks at them.</div>')
    watched = seen.names(view.watched)
    caption = '<p class="attention-caption">How much of the attention of “{}” goes to {}, head by head, in %</p>{}'
    return Markup(caption).format(
        plain(seen.name(view.looker)),
        plain(watched),
        grid(
            view.grid,
            (view.layer, view.head),
            label="Every head of the model; arrow keys move, Enter chooses",
            text=lambda share: f"{100 * share:.0f}" if share >= 0.095 else "",
            says=lambda share: f"{percent(share)} on the watched words",
        ),
    )


# ---- the arithmetic of one cell ----------------------------------------------------------------------------


def pairs(seen: Look, layer: int, head: int, chosen: tuple[int, int] | None = None) -> Markup:
    """All pairs of one head: rows look, columns are looked at; later words are closed."""
    size = len(seen.pieces)
    weights = seen.weights[layer, head]
    chosen = chosen or (size - 1, 0)
    top = join(
        Markup('<span class="attention-column"><span>{}</span></span>').format(visible(piece)) for piece in seen.pieces
    )
    rows = []
    for query in range(size):
        cells = []
        for key in range(size):
            if key > query:
                cells.append(Markup('<span class="attention-pair closed" title="later: closed by the mask"></span>'))
                continue
            weight, on = float(weights[query, key]), chosen == (query, key)
            says = f"“{seen.name(query)}” looks at “{seen.name(key)}” (position {key}): {percent(weight)}"
            cells.append(
                Markup(
                    '<button type="button" class="attention-pair{}" data-row="{}" data-col="{}" tabindex="{}" '
                    'aria-pressed="{}" style="--shade:{:.3f}" aria-label="{}" title="{}">{}</button>'
                ).format(
                    " deep" if _deep(weight) else "",
                    query,
                    key,
                    0 if on else -1,
                    str(on).lower(),
                    _shade(weight),
                    _spoken(says),
                    _spoken(says),
                    f"{100 * weight:.0f}" if size <= 16 else "",
                )
            )
        rows.append(
            Markup('<span class="attention-rowname">{}</span>{}').format(visible(seen.pieces[query]), join(cells))
        )
    return Markup(
        '<p class="attention-caption">{}: each row is a word that looks, each column where it looks, in %. '
        'Hatched: later words, closed.</p><div class="attention-pairs{}" role="group" aria-label="Every pair of words; '
        'arrow keys move, Enter works the cell out" style="--columns:{}"><span></span>{}{}</div>'
    ).format(head_name(layer, head).capitalize(), " small" if size > 16 else "", size, top, join(rows))


def sums(seen: Look, cell: Cell) -> Markup:
    """Five steps from two vectors to what the head carries away."""
    who, whom, width = plain(seen.name(cell.query)), plain(seen.name(cell.key)), len(cell.query_vector)
    if cell.masked:
        return Markup('<div class="empty">“{}” may not look at “{}”: it comes later.</div>').format(who, whom)
    products = cell.query_vector * cell.key_vector
    compare = Markup(
        "<li><h3>Compare</h3><p>“{}” asks with its query, “{}” answers with its key: {} numbers each, already turned "
        "by their places in the sentence. Multiply them pair by pair and add up.</p>{}</li>"
    ).format(
        who,
        whom,
        width,
        _vectors(
            (
                ("query", cell.query_vector, None),
                ("key", cell.key_vector, None),
                ("query × key", products, cell.product),
            )
        ),
    )
    scale = Markup(
        "<li><h3>Scale</h3><p>{} × {} = <b>{}</b>. The factor is 1/√{}: without it, long vectors would make huge "
        "scores.</p></li>"
    ).format(_number(cell.product), f"{cell.scale:.4g}", _number(cell.score), width)
    hidden = len(cell.pieces) - 1 - cell.query
    mask = Markup("<li><h3>Mask</h3><p>{}</p></li>").format(
        f"{hidden} later token{'s' if hidden > 1 else ''} would get a score of minus infinity: no looking ahead."
        if hidden
        else "Nothing to hide: this is the last token. From any earlier one, all later tokens are closed."
    )
    softmax = Markup(
        "<li><h3>Softmax</h3><p>Raise e to each score (less the highest, which changes nothing) and divide by the sum."
        "</p>{}</li>"
    ).format(_shares(seen, cell))
    carry = Markup(
        "<li><h3>Carry</h3><p>“{}” hands over its value vector times {}. The head’s output is the sum of such parcels "
        "from all {} visible tokens.</p>{}</li>"
    ).format(
        whom,
        f"{cell.weight:.4f}",
        cell.query + 1,
        _vectors(
            (
                (f"value of “{seen.name(cell.key)}”", cell.value_vector, None),
                (f"× {cell.weight:.4f}", cell.weighted_value, None),
                ("head’s output", cell.head_output, None),
            )
        ),
    )
    returned = float(seen.weights[cell.layer, cell.head, cell.query, cell.key])
    check = Markup('<p class="attention-check">By hand <b>{}</b> · the model returned <b>{}</b></p>').format(
        f"{cell.weight:.6f}", f"{returned:.6f}"
    )
    steps = Markup('<ol class="attention-steps">{}</ol>{}')
    return steps.format(join((compare, scale, mask, softmax, carry)), check)


def _vectors(rows: Sequence[tuple[str, np.ndarray, float | None]]) -> Markup:
    width = len(rows[0][1])
    shown, summed = min(SHOWN, width), any(total is not None for *_, total in rows)
    columns = ["component", *range(shown), f"{width - shown} more", *([f"sum of {width}"] if summed else [])]
    body = []
    for name, vector, total in rows:
        cells = [_cell(_number(float(value))) for value in vector[:shown]] + [_cell("…")]
        if summed:
            cells.append(_cell("" if total is None else Markup("<b>{}</b>").format(_number(total))))
        body.append(_row(plain(name), cells))
    return _table(f"First {shown} of {width} components; the table below has all", columns, body)


def _shares(seen: Look, cell: Cell) -> Markup:
    scores = cell.scores_row[: cell.query + 1]
    powers = np.exp(scores - scores.max())
    rows = [
        _row(
            visible(seen.pieces[i]),
            (
                _cell(_number(float(scores[i]))),
                _cell(f"{powers[i]:.4f}"),
                _share(float(cell.softmax_row[i]), f"{cell.softmax_row[i]:.4f}"),
            ),
            "chosen" if i == cell.key else "",
        )
        for i in range(cell.query + 1)
    ]
    rows.append(_row("sum", (_cell(""), _cell(f"{powers.sum():.4f}"), _share(0, "1"))))
    return _table("The softmax row", ("token", "score", "e^(score − highest)", "share"), rows)


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


# ---- heads switched off ------------------------------------------------------------------------------------


def contest(seen: Look, result: Contest) -> Markup:
    """The change without each head as bars, and the tokens whose probabilities moved most."""
    every = (result.hottest, *sorted(result.random, key=lambda head: -head.kl_bits))
    mean, low, high = mean_interval([head.kl_bits for head in result.random])
    peak = max(*(head.kl_bits for head in every), high if len(result.random) > 1 else 0, 1e-9)
    rows = [
        Bar(
            f"{head.name}{' ◆ hottest' if head is result.hottest else ''}",
            head.kl_bits / peak,
            f"{head.kl_bits:.4f} bits",
            chosen=head is result.hottest,
        )
        for head in every
    ]
    average = Bar(f"mean of {len(result.random)}", mean / peak, f"{mean:.4f} bits", ink="sculptor")
    if len(result.random) > 1:
        average = replace(average, low=max(low, 0) / peak, high=high / peak)
    rows.insert(1, average)
    movers = [
        _row(
            visible(mover.text),
            (
                _cell(percent(mover.before)),
                _cell(percent(mover.after)),
                _cell("▲ up" if mover.after > mover.before else "▼ down"),
            ),
        )
        for mover in result.movers[:6]
    ]
    name = head_name(result.hottest.layer, result.hottest.head)
    caption = f"What moved most without {name}"
    return Markup('<p class="attention-caption">{}</p>{}{}').format(
        plain(f"After “{seen.text}”: how far the next-token probabilities move when one head is off"),
        bars(rows),
        _table("What moved", ("next token", "before", "without it", "moved"), movers, caption),
    )


def scan(seen: Look, result: Scan) -> Markup:
    """The grid of heads, coloured by the change without each."""
    roots = np.sqrt(result.kl_bits)
    return Markup(
        '<p class="attention-caption">After “{}”: change without each head, in hundredths of a bit (shade: square '
        "root). Outlined: the hottest head.</p>{}"
    ).format(
        plain(seen.text),
        grid(
            roots,
            None,
            label="Change without each head",
            text=lambda root: f"{100 * root**2:.0f}" if root**2 >= 0.045 else "",
            says=lambda root: f"{root**2:.4f} bits without it",
            marked=result.hottest,
            clickable=False,
        ),
    )


def survey(trials: Sequence[Trial]) -> Markup:
    """One bar a sentence: how many of the random heads the hottest one beat."""
    rows = [
        Bar(
            trial.text,
            trial.contest.beaten / len(trial.contest.random),
            f"beat {trial.contest.beaten} of {len(trial.contest.random)}",
            chosen=trial.contest.outcome == 0,
        )
        for trial in trials
    ]
    return Markup(
        '<p class="attention-caption">How many random heads the hottest head outdid (outlined: all of them)</p>'
        '<div class="attention-wide">{}</div>'
    ).format(bars(rows))


# ---- the logit lens ----------------------------------------------------------------------------------------


def ladder(result: Lens) -> Markup:
    """Every layer's best guesses, and how likely it finds the final answer."""
    rows = []
    for guess in reversed(result.guesses):
        leads = guess.final_rank == 1
        best, *others = (visible(candidate.text) for candidate in guess.candidates[:3])
        guesses = Markup('<span class="token attention-best">{}</span> {}').format(
            best, join(Markup('<span class="token">{}</span>').format(other) for other in others)
        )
        chance = percent(guess.final_probability) if guess.final_probability >= 0.0005 else "<0.1 %"
        cells = (
            _cell(guesses),
            _cell(percent(guess.candidates[0].probability)),
            _cell(Markup("<b>leads</b>") if leads else f"no. {guess.final_rank:,}"),
            _share(guess.final_probability, chance),
        )
        states = ("leads" if leads else "", "settled" if guess.layer == result.settled else "")
        rows.append(_row("embedding" if guess.layer == 0 else guess.layer, cells, " ".join(states).strip()))
    answer = visible(result.answer)
    caption = Markup(
        "After “{}”, the last layer on top. The final answer is <b>{}</b>; a green line marks where it settles."
    )
    columns = (
        "layers done",
        "best guesses",
        "chance of the best",
        Markup("{} is").format(answer),
        Markup("chance of {}").format(answer),
    )
    return _table("Each layer’s guess", columns, rows, caption.format(plain(result.text), answer), "attention-ladder")


def settling(results: Sequence[Lens]) -> Markup:
    """One bar a sentence: the layer after which its answer leads for good."""
    rows = [
        Bar(result.text, result.settled / result.layers, f"{result.settled} → {result.answer.strip()}")
        for result in results
    ]
    return Markup(
        '<p class="attention-caption">Layers done before the final answer leads for good (full bar: {})</p>'
        '<div class="attention-wide">{}</div>'
    ).format(results[0].layers, bars(rows))


# ---- smeared weights ---------------------------------------------------------------------------------------


def fading_chart(result: Fading) -> Any:
    """Two curves over the noise: facts still first, and how much of the right answers' probability is left."""
    import plotly.graph_objects as go

    kept, sure = [(0.0, 1.0, 0.0, 0.0)], [(0.0, 1.0, 0.0, 0.0)]
    for n, level in enumerate(result.levels):
        shares = result.kept(n)
        left = [float((row / result.whole).mean()) for row in result.faded[n] if not np.isnan(row).any()]
        for points, values in ((kept, shares), (sure, left)):
            if values:
                mean, low, high = mean_interval(values)
                open_ended = len(values) < 2
                points.append((level, mean, 0 if open_ended else high - mean, 0 if open_ended else mean - low))
    figure = go.Figure()
    for points, name, ink, dash, marker in (
        (kept, "facts still answered right", "#3a6aa3", "solid", "circle"),
        (sure, "certainty left in the right answer", "#c8683f", "dash", "square"),
    ):
        x, y, up, down = zip(*points, strict=True)
        figure.add_scatter(
            x=x,
            y=y,
            name=name,
            mode="lines+markers",
            line={"color": ink, "dash": dash, "width": 3},
            marker={"symbol": marker, "size": 9},
            error_y={"type": "data", "array": up, "arrayminus": down, "thickness": 1.5, "width": 5},
        )
    figure.update_layout(
        height=330,
        margin={"l": 56, "r": 16, "t": 10, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.14, "x": 0},
        font={"family": "IBM Plex Sans, sans-serif", "size": 14},
        xaxis={
            "title": "noise, in standard deviations of each weight matrix",
            "range": [0, 1.03 * max(result.levels)],
            "tickvals": [0, *result.levels],
        },
        yaxis={"title": "mean over copies", "range": [-0.03, 1.12], "tickformat": ".0%"},
    )
    return figure


def fading(result: Fading) -> Markup:
    """One row a fact: how likely the right answer still is at each noise level, and in how many copies it is first."""
    rows = []
    for f, (prompt, answer) in enumerate(result.facts):
        cells = [_fact(float(result.whole[f]), "")]
        for n in range(len(result.levels)):
            measured = ~np.isnan(result.faded[n, :, f])
            if not measured.any():
                cells.append(_cell("–"))
                continue
            first = int(result.first[n, measured, f].sum())
            cells.append(_fact(float(result.faded[n, measured, f].mean()), f"{first}/{int(measured.sum())}"))
        rows.append(_row(Markup("{} <b>{}</b>").format(plain(prompt), plain(answer.strip())), cells))
    return _table(
        "Each fact by noise",
        ("fact", "noise 0", *(f"{level:g}" for level in result.levels)),
        rows,
        "Mean probability of the right answer; below it, in how many copies it still comes first",
        "attention-facts",
    )


def _fact(probability: float, copies: str) -> Markup:
    return Markup('<td class="attention-fact{}" style="--shade:{:.3f}">{}<small>{}</small></td>').format(
        " deep" if _deep(probability) else "", _shade(probability), f"{probability:.0%}".replace("%", " %"), copies
    )
