"""What the attention lesson draws: the heads that look, sums, the machine, silenced heads, the lens, facts."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.statistics import mean_interval, percent, share
from engines.text.attention import Cell
from lessons.attention.agreement import Agreement
from lessons.attention.arithmetic import Sums
from lessons.attention.fading import Fading
from lessons.attention.lens import Lens
from lessons.attention.looking import Gaze
from lessons.attention.machine import Machine
from lessons.attention.measures import head_name
from lessons.attention.silencing import Contest, Scan, Trial
from lessons.shell import charts
from lessons.shell.charts import BLUE, CLAY
from lessons.shell.prose import attribute, plain
from lessons.shell.views import Bar, bars, join, visible

SHOWN = 8  # components of a vector written out; the table has them all
SPACES = str.maketrans({" ": "␣", "\n": "⏎", "\t": "⇥"})


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


def _deep(share: float) -> bool:
    return share > 0.55


def _shade(share: float) -> float:
    """How much ink a cell takes; it skips the middle tones, on which no text would be readable."""
    return 0.82 + 0.4 * (share - 0.55) if _deep(share) else 0.8 * share


def _row(name: Any, cells: Sequence[Markup], state: str = "") -> Markup:
    marked = Markup(' class="{}"').format(state) if state else ""
    return Markup('<tr{}><th scope="row">{}</th>{}</tr>').format(marked, name, join(cells))


def _cell(content: Any) -> Markup:
    return Markup("<td>{}</td>").format(content)


def _share(share: float, text: str) -> Markup:
    """A cell with a number and a bar as long as ``share``."""
    return Markup('<td class="attention-shares"><span>{}</span><i style="--share:{:.3f}"></i></td>').format(text, share)


# ---- who looks at whom -------------------------------------------------------------------------------------


def gaze(value: Gaze) -> str:
    """All heads over all pairs of words as JSON for ``heads.js``.

    ``roots`` are the square roots of the shares in 65535ths, as base64 of unsigned 16-bit numbers, low byte first: for
    each layer, head and looking word those of the words from the second up to it. The first word has the rest.
    """
    seen = value.seen
    rows, columns = np.tril_indices(len(seen.pieces))
    roots = np.sqrt(seen.weights[:, :, rows[columns > 0], columns[columns > 0]])
    found = json.dumps(
        {
            "text": seen.text, "pieces": [attribute(piece.translate(SPACES)) for piece in seen.pieces],
            "watched": list(value.watched), "layer": value.layer, "head": value.head, "layers": seen.layers,
            "heads": seen.heads, "roots": b64encode((roots * 65535).round().astype("<u2").tobytes()).decode(),
        },
    )  # fmt: skip
    return found.replace("<", "\\u003c")


# ---- the arithmetic of one cell ----------------------------------------------------------------------------


def sums(value: Sums) -> Markup:
    """Five steps from two vectors to what the head carries away."""
    seen, cell, products = value.seen, value.cell, value.products
    who, whom, width = plain(seen.name(cell.query)), plain(seen.name(cell.key)), len(cell.query_vector)
    if cell.masked:
        return Markup('<div class="empty">“{}” may not look at “{}”: it comes later.</div>').format(who, whom)
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
    ).format(_shares(cell))
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
    check = Markup('<p class="attention-check">By hand <b>{}</b> · the model returned <b>{}</b></p>').format(
        f"{cell.weight:.6f}", f"{value.returned:.6f}"
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
    return _table(f"First {shown} of {width} components", columns, body)


def _shares(cell: Cell) -> Markup:
    scores = cell.scores_row[: cell.query + 1]
    powers = np.exp(scores - scores.max())
    rows = [
        _row(
            visible(cell.pieces[i]),
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


# ---- the machine -------------------------------------------------------------------------------------------

COLUMNS = ("The", "keys", "to", "the", "cabinet")


def machine(value: Machine) -> Markup:
    """One layer of the machine, word by word, and how its numbers are shared out."""
    xs = [70 + 120 * i for i in range(len(COLUMNS))]
    last = xs[-1]
    states = join(
        Markup('<path class="state" d="M{x} 366V{top}"/><text x="{x}" y="392">{word}</text>').format(
            x=x, top=40 if x == last else 74, word=word
        )
        for x, word in zip(xs, COLUMNS, strict=True)
    )
    alone = join(
        Markup('<rect class="alone" x="{}" y="130" width="92" height="60" rx="8"/>').format(x - 46) for x in xs
    )
    looks = join(
        Markup('<path class="look" d="M{} 302C{} 262 {} 270 {} 246"/>').format(x, x, last, last) for x in xs[:-1]
    )
    drawing = Markup(
        '<svg viewBox="0 0 620 404" role="img" aria-label="{label}"><rect class="layer" x="6" y="84" width="608" '
        'height="260" rx="14"/>{states}{alone}<rect class="meet" x="20" y="238" width="580" height="70" rx="8"/>{looks}'
        '<text class="part" x="310" y="118">feed-forward: each word alone</text>'
        '<text class="part" x="310" y="228">attention: words meet</text>'
        '<text class="small" x="310" y="333">one of {layers} layers</text>'
        '<text class="small" x="{scores}" y="28">scores for {tokens} tokens</text></svg>'
    ).format(
        label=f"One of {value.layers} layers. The state of each word runs upwards. In attention each word fetches from "
        "the words before it; then the feed-forward part works on each word alone. After the last layer the last "
        f"word's state is turned into scores for {value.tokens:,} tokens.",
        states=states, alone=alone, looks=looks, layers=value.layers, tokens=f"{value.tokens:,}", scores=last - 60,
    )  # fmt: skip
    a_layer = (value.attention + value.feed_forward) // value.layers
    rows = [
        Bar("attention", value.share, f"{value.attention // value.layers:,}"),
        Bar("feed-forward", 1 - value.share, f"{value.feed_forward // value.layers:,}", ink="sculptor"),
    ]
    return Markup(
        '<figure class="attention-machine">{}<figcaption class="attention-caption">The {:,} numbers of one layer; all '
        "{} layers and the tables of tokens together have {:,}</figcaption>{}</figure>"
    ).format(drawing, a_layer, value.layers, value.total, bars(rows))


# ---- heads switched off ------------------------------------------------------------------------------------


def contest(result: Contest) -> Markup:
    """The change without each head as bars, and the tokens whose probabilities moved most."""
    every = (result.hottest, *sorted(result.random, key=lambda head: -head.kl_bits))
    mean, low, high = mean_interval([head.kl_bits for head in result.random])
    peak = max(*(head.kl_bits for head in every), high if len(result.random) > 1 else 0, 1e-9)
    rows = [
        Bar(
            f"{head.name}{' ◆' if head is result.hottest else ''}",
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
        plain(
            f"After “{result.text}”: how far the next-token probabilities move when one head is off; ◆ is the hottest"
        ),
        bars(rows),
        _table("What moved", ("next token", "before", "without it", "moved"), movers, caption),
    )


def scan(result: Scan) -> Markup:
    """The grid of heads, coloured by the change without each."""
    return Markup(
        '<p class="attention-caption">After “{}”: change without each head, in hundredths of a bit (shade: square '
        "root). Outlined: the hottest head.</p>{}"
    ).format(
        plain(result.text),
        _grid(result),
    )


def _grid(result: Scan) -> Markup:
    """Every head of the model: columns are layers, rows are heads; the darker, the more it is missed."""
    layers, heads = result.kl_bits.shape
    peak = float(np.nanmax(np.sqrt(result.kl_bits))) if not np.isnan(result.kl_bits).all() else 1.0
    top = join(
        Markup('<span class="attention-layer">{}</span>').format(layer if layer % 5 == 0 or layer == layers - 1 else "")
        for layer in range(layers)
    )
    rows = (
        Markup('<span class="attention-head">H{}</span>{}').format(
            head, join(_head(result, layer, head, peak) for layer in range(layers))
        )
        for head in range(heads)
    )
    return Markup(
        '<div class="attention-grid" role="img" aria-label="Change without each head; the table has every number" '
        'style="--columns:{}"><span class="attention-layer">layer</span>{}{}</div>'
    ).format(layers, top, join(rows))


def _head(result: Scan, layer: int, head: int, peak: float) -> Markup:
    bits, hottest = float(result.kl_bits[layer, head]), result.hottest == (layer, head)
    unknown = np.isnan(bits)
    strength = 0.0 if unknown else min(1.0, float(np.sqrt(bits)) / max(peak, 1e-9))
    states = (("deep", _deep(strength)), ("marked", hottest), ("unknown", unknown))
    label = f"{head_name(layer, head)}: {'not measured yet' if unknown else f'{bits:.4f} bits without it'}"
    return Markup('<span class="attention-cell {}" style="--shade:{:.3f}" title="{}{}">{}</span>').format(
        " ".join(name for name, on in states if on), _shade(strength), label, ", the hottest head" if hottest else "",
        f"{100 * bits:.0f}" if bits >= 0.045 else "",
    )  # fmt: skip


def survey(trials: Sequence[Trial]) -> Markup:
    """One bar a sentence: how many of the random heads the hottest one beat."""
    rows = [
        Bar(
            trial.text,
            trial.contest.beaten / len(trial.contest.random),
            f"beat {trial.contest.beaten} of {len(trial.contest.random)}",
            chosen=trial.contest.beaten == len(trial.contest.random),
        )
        for trial in trials
    ]
    return Markup(
        '<p class="attention-caption">How many random heads the hottest head outdid (outlined: all of them)</p>'
        '<div class="attention-wide">{}</div>'
    ).format(bars(rows))


# ---- “are” or “is”? -----------------------------------------------------------------------------------------


def agreement_chart(value: Agreement) -> Any:
    """The right form's share of both: without the heads that look most at the subject, and without random ones."""
    chart = charts.figure(x="heads switched off", y=f"share of “{value.right}”")
    off = [str(count) for count in value.off]
    shares = [share(row) for row in value.random_share]
    lows, highs = [low for _, low, _ in shares], [high for *_, high in shares]
    charts.band(chart, off, lows, highs, BLUE)
    charts.line(chart, off, [mean for mean, *_ in shares], "random heads", BLUE, "dash", "square")
    charts.line(chart, off, value.share.tolist(), f"those that look most at “{plain(value.subject)}”", CLAY)
    chart.add_hline(y=0.5, line={"dash": "dot", "color": charts.GREY})
    chart.update_yaxes(range=[-0.03, 1.05], tickformat=".0%")
    chart.update_xaxes(type="category")
    return chart


def agreement_bars(value: Agreement) -> Markup:
    """Both forms with all heads, without one, and without as many as it took."""
    counts = [n for n in (0, 1, value.turned or value.off[-1]) if n in value.off]
    rows = []
    for count in dict.fromkeys(counts):
        at = value.off.index(count)
        peak = float(value.chances.max())
        right, wrong = (float(chance) for chance in value.chances[at])
        for form, chance, ink in ((value.right, right, "typewriter"), (value.wrong, wrong, "sculptor")):
            rows.append(Bar(f"{form}, {count} off", chance / peak, percent(chance), ink=ink))
    return Markup('<p class="attention-caption">{}</p>{}').format(
        plain(f"After “{value.text}”: “{value.right}” against “{value.wrong}”"), bars(rows)
    )


# ---- the logit lens ----------------------------------------------------------------------------------------


def ladder(result: Lens) -> Markup:
    """Every layer's best guesses, and how likely it finds the final answer."""
    rows = []
    for guess in reversed(result.guesses):
        leads = guess.final_rank == 1
        best, *others = (visible(candidate.text) for candidate in guess.candidates[:3])
        guesses = Markup('<b class="token">{}</b> <small>{}</small>').format(best, Markup(" ").join(others))
        chance = percent(guess.final_probability) if guess.final_probability >= 0.0005 else "<0.1 %"
        cells = (
            _cell(guesses),
            _cell(percent(guess.candidates[0].probability)),
            _cell(Markup("<b>leads</b>") if leads else f"no. {guess.final_rank:,}"),
            *([_cell(_elsewhere(result, guess.layer))] if result.others else []),
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
        *(["after other texts, at best (✓: lower)"] if result.others else []),
        Markup("chance of {}").format(answer),
    )
    return _table("Each layer’s guess", columns, rows, caption.format(plain(result.text), answer), "attention-ladder")


def _elsewhere(result: Lens, layer: int) -> str:
    """The control: the best rank of the final answer after other texts; a tick where it stands higher in this one."""
    rank = result.elsewhere(layer)
    return f"{'no. ' + format(rank, ',') if rank else 'over 1,000'}{' ✓' if result.ahead(layer) else ''}"


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


def fading_chart(value: Fading) -> Any:
    """Two curves over the noise: facts still first, and how much of the right answers' probability is left."""
    kept: list[tuple[float, Any]] = [(0.0, share([1.0]))]
    sure: list[tuple[float, Any]] = [(0.0, share([1.0]))]
    for n, level in enumerate(value.levels):
        left = [float((row / value.whole).mean()) for row in value.faded[n] if not np.isnan(row).any()]
        if left:
            kept.append((level, share(value.kept(n))))
            sure.append((level, share(left)))
    chart = charts.figure(x="noise, in standard deviations", y="mean over copies")
    for points, name, colour, dash, symbol in (
        (kept, "facts still answered right", BLUE, "solid", "circle"),
        (sure, "certainty left in the right answer", CLAY, "dash", "square"),
    ):
        levels = [level for level, _ in points]
        charts.band(
            chart, levels, [low if np.isfinite(low) else mean for _, (mean, low, _) in points],
            [high if np.isfinite(high) else mean for _, (mean, _, high) in points], colour,
        )  # fmt: skip
        charts.line(chart, levels, [mean for _, (mean, *_) in points], name, colour, dash, symbol)
    chart.update_xaxes(range=[0, 1.03 * max(value.levels)], tickvals=[0, *value.levels])
    chart.update_yaxes(range=[-0.03, 1.12], tickformat=".0%")
    return chart


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
    return Markup('<td{} style="--shade:{:.2f}">{}<small>{}</small></td>').format(
        Markup(' class="deep"') if _deep(probability) else "",
        _shade(probability),
        f"{probability:.0%}".replace("%", " %"),
        copies,
    )
