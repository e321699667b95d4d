"""What the two-physics lesson draws by itself, from moments and Evidence values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.evidence import Evidence, Underway
from engines.pictures.copying import CAPTION, REPEATS
from engines.statistics import percent, plural
from lessons.shell import charts
from lessons.shell.charts import BLUE, CLAY, GREY
from lessons.shell.film import Film, Shot, row
from lessons.shell.prose import plain
from lessons.shell.views import BADGES, Bar, Clock, bars, clock_row, join
from lessons.two_physics.fixed import Fixing
from lessons.two_physics.memory import Copies, Found, Memory
from lessons.two_physics.price import CITED, Bill, Price, big, seconds_of
from lessons.two_physics.race import Moment
from lessons.two_physics.spoil import Spoiled


def raced(moments: Iterator[Moment | Evidence[Moment]], clocks: Any, reel: Any) -> Iterator[Any]:
    """The race with both clocks and the text in ``clocks``, and the sculptor's passes as a film in ``reel``."""
    film: Film | None = None  # a scheduler may make one pass more than it is asked for
    for step in moments:
        if isinstance(step, Evidence):
            yield step
            continue
        yield Underway((step.written + step.sculpted) / 2, "Both at work")
        if step.painted:
            film = film or Film(("the canvas", "the picture it is heading for"), step.passes[-1].passes + 1)
            _frame(film, step)
            if step.sculpted == 1:
                _finished(film, step)
        yield {clocks: both_clocks(step)} | ({reel: film.markup()} if film else {})


def _frame(film: Film, moment: Moment) -> None:
    event = moment.passes[-1]
    assert event.canvas is not None and event.previews is not None
    number = event.index + 1
    film.add(
        (event.canvas[0], event.previews[0]),
        (f"The canvas before pass {number}", f"The finished picture as guessed in pass {number}"),
        f"pass {number} of {event.passes}, after {moment.picture_seconds:.1f} s of painting; the text then has "
        f"{plural(len(moment.tokens), 'token')}",
        str(number),
    )


def _finished(film: Film, moment: Moment) -> None:
    pictures = moment.passes[-1].pictures
    assert pictures is not None
    words = f"done after {moment.picture_seconds:.1f} s of painting"
    film.add((pictures[0], pictures[0]), ("The finished picture",) * 2, words, "✓")


def both_clocks(moment: Moment) -> str:
    """Each machine's own time and how far it is, and the text so far."""
    tokens, passes = len(moment.tokens), len(moment.passes)
    both = clock_row(
        Clock(
            "typewriter", "The typewriter", moment.text_seconds, moment.written,
            f"{plural(tokens, 'pass', 'passes')}, {plural(tokens, 'token')}, 0 taken back",
        ),
        Clock(
            "sculptor", "The sculptor", moment.picture_seconds, moment.sculpted,
            f"{plural(passes, 'pass', 'passes')} over the whole canvas",
        ),
    )  # fmt: skip
    return str(both + Markup('<p class="two-physics-text">{}</p>').format(plain(moment.text)))


def fixed_chart(value: Fixing) -> Any:
    """Share of the final answer in place against the share of passes made, the picture's with its 95 % band and chance.

    Chance needs a second seed: it is what of another seed's finished picture would count as settled.
    """
    figure = charts.figure(x="share of its passes done", y="share of the final answer", height=350)
    painted, written = ((np.arange(one.shape[1]) + 1) / one.shape[1] for one in (value.picture, value.text))
    means, lows, highs = charts.bands(value.picture.T)
    charts.band(figure, painted.tolist(), np.clip(lows, 0, 1).tolist(), np.clip(highs, 0, 1).tolist(), CLAY)
    charts.line(figure, painted.tolist(), means, "picture settled", CLAY)
    charts.line(figure, written.tolist(), value.text.mean(axis=0).tolist(), "text fixed", BLUE, "dash", "square")
    if len(value.alike):
        ends, chance = [min(painted[0], written[0]), 1.0], round(float(value.alike.mean()), 4)
        figure.add_scatter(
            x=ends, y=[chance] * 2, name=f"chance: another seed’s picture, {percent(chance)}", mode="lines",
            line={"color": GREY, "dash": "dot", "width": 2.5},
        )  # fmt: skip
    figure.update_layout(charts.LEGEND_ABOVE, xaxis_tickformat=".0%", yaxis={"tickformat": ".0%", "range": [0, 1.02]})
    return figure


def accident(value: Spoiled) -> str:
    """Both texts with the wrong token marked, and the picture undisturbed, at the accident and at the end."""
    clean, spoiled = value.text_clean, value.text_spoiled
    same = next((i for i, (a, b) in enumerate(zip(clean, spoiled, strict=False)) if a != b), len(spoiled))
    cut = spoiled.find(value.wrong_token, max(0, same - len(value.wrong_token)))
    end = cut + len(value.wrong_token)
    marked = (
        Markup("{}<mark>{}</mark>{}").format(plain(spoiled[:cut]), plain(value.wrong_token), plain(spoiled[end:]))
        if cut >= 0
        else plain(spoiled)
    )
    texts = Markup(
        '<div class="two-physics-texts ink-typewriter"><section><h3>Undisturbed</h3><p class="two-physics-text">{}</p>'
        '</section><section><h3>One wrong key</h3><p class="two-physics-text">{}</p><p class="two-physics-note">The '
        "wrong key is underlined twice.</p></section></div>"
    ).format(plain(clean), marked)
    shots = row(
        [
            Shot(value.clean, "The picture as it would have been", "undisturbed"),
            Shot(value.hurt, "The noisy canvas with its middle overwritten", "the canvas at the accident"),
            Shot(value.mended, "The finished picture after the accident", "what became of it"),
            Shot(
                value.late,
                "The finished picture after an accident before the last pass",
                f"struck before pass {max(value.damage_left, default=value.passes)} instead",
            ),
        ],
        "The sculptor's accident",
    )
    return str(texts + shots)


def memory_rows(value: Memory) -> str:
    """The painted picture before its three nearest training scenes, and below it the unseen scene before its own."""
    return str(
        Markup("<p>{}</p>{}<p>{}</p>{}").format(
            "Your picture, and the three training scenes nearest to it:",
            _found(value.own, "your picture"),
            "The control, a real scene that was never trained on, through the same autoencoder:",
            _found(value.control, "an unseen scene"),
        )
    )


def _found(found: Found, name: str) -> Markup:
    shots = [Shot(found.picture, f"{name}: {found.caption}", f"{name}: “{found.caption}”", "chosen")]
    for near in found.near:
        words = f"training scene {near.seed:,}: “{near.caption}”, {percent(near.distance)} away"
        shots.append(Shot(near.picture, f"Training scene {near.seed:,}", words))
    return row(shots, f"Nearest to {name}")


def memory_chart(value: Memory) -> Any:
    """Distances to the nearest training scene as boxes with every picture a dot."""
    figure = charts.figure(y="distance to the nearest scene, %")
    for name, distances, colour in (
        ("painted", value.painted, CLAY),
        ("unseen scene", value.unseen, BLUE),
        ("unseen, as drawn", value.untouched, GREY),
    ):
        figure.add_box(
            y=[round(100 * float(x), 2) for x in distances], name=name, boxpoints="all", jitter=0.5, pointpos=0,
            marker={"color": colour, "size": 5}, line={"color": colour}, showlegend=False,
        )  # fmt: skip
    figure.add_hline(
        y=100 * value.copied, line={"dash": "dot", "color": GREY}, annotation_text="near-copy below",
        annotation_position="bottom right",
    )  # fmt: skip
    figure.update_yaxes(rangemode="tozero")
    return figure


def copies_rows(value: Copies) -> str:
    """The repeated scene, then what both painters make of its caption, then the twin's other captions."""
    parts = [
        Markup("<p>{}</p>{}").format(
            f"The scene that the twin was shown {REPEATS:,} times:",
            row([Shot(value.scene, f"The repeated scene: {CAPTION}", mark="chosen")], "The repeated scene", columns=8),
        )
    ]
    for words, pictures, distances in (
        (f"The ordinary painter, asked for “{CAPTION}”:", value.painted, value.painted_distances),
        ("The twin, asked for the same:", value.repeated, value.repeated_distances),
        ("The twin, asked for other things (distance to the nearest training scene):", value.elsewhere, value.others),
    ):
        shots = [
            Shot(
                one,
                f"Picture {number + 1}, {percent(away)} away",
                percent(away),
                "warn" if away < value.copied else "",
            )
            for number, (one, away) in enumerate(zip(pictures, distances, strict=True))
        ]
        parts.append(Markup("<p>{}</p>{}").format(words, row(shots, words, small=True)))
    return str(join(parts))


def copies_bars(value: Copies) -> str:
    """How many near-copies each painter made."""
    rows = []
    for name, distances in (
        ("ordinary painter", value.painted_distances),
        ("the twin", value.repeated_distances),
        ("other captions", value.others),
    ):
        share = value.near(distances)
        text = f"{share.successes} of {share.trials}"
        rows.append(Bar(name, share.rate, text, low=share.low, high=share.high, ink="sculptor"))
    return str(bars(rows))


PRICES = ("multiply-adds", "bytes read", "seconds", "passes")
MARKS = (("circle", "●"), ("square", "■"), ("circle-open", "○"), ("square-open", "□"), ("circle-dot", "◉"),
         ("square-dot", "▣"))  # fmt: skip
"""For each job its mark in the chart, and the character like it, which stands beside its name in the price tag."""


def price_chart(value: Price) -> Any:
    """All prices of all jobs on one axis of powers of ten; open marks are cited."""
    figure = charts.figure(x="number, bytes or seconds")
    for number, (one, (symbol, _)) in enumerate(zip(value.bills, MARKS, strict=True)):
        amounts = (one.multiply_adds, one.bytes_read, one.seconds, one.passes)
        colour, lift = ((BLUE, -0.14), (CLAY, 0.14))[number % 2]
        figure.add_scatter(
            x=[None if amount is None else float(f"{amount:.3g}") for amount in amounts],
            y=[row + lift for row in range(len(PRICES))], name=one.name + (" (cited)" if one.note == CITED else ""),
            mode="markers", showlegend=False, hovertemplate="%{x:.3s}",
            marker={"color": colour, "symbol": symbol.replace("-dot", "-open-dot"), "size": 12,
                    "line": {"width": 2, "color": colour}},
        )  # fmt: skip
    grid = "rgba(143,135,118,0.35)"
    figure.update_layout(
        hovermode="closest", margin={"l": 104, "b": 56},
        xaxis={"type": "log", "dtick": 3, "exponentformat": "power", "gridcolor": grid, "tickangle": 0,
               "tickfont": {"size": 12}},
        yaxis={"tickvals": list(range(len(PRICES))), "ticktext": list(PRICES), "range": [3.5, -0.5], "gridcolor": grid,
               "zeroline": False},
    )  # fmt: skip
    return figure


def bill(value: Price) -> str:
    """The price tag in words, with a badge where a figure is cited."""
    heads = join(Markup('<th scope="col">{}</th>').format(plain(head)) for head in ("", *PRICES))
    return str(
        Markup(
            '<div class="table two-physics-bill" tabindex="0" role="group" aria-label="The price tag"><table>'
            "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
        ).format(heads, join(_bill_row(one, number) for number, one in enumerate(value.bills)))
    )


def _bill_row(one: Bill, number: int) -> Markup:
    badge = (
        Markup(' <span class="badge badge-cited" title="{}">cited</span>').format(BADGES["cited"])
        if one.note == CITED
        else Markup("")
    )
    cells = (big(one.multiply_adds), big(one.bytes_read, "B"), seconds_of(one), f"{one.passes:,}")
    return Markup('<tr class="ink-{}"><th scope="row"><span aria-hidden="true">{}</span> {}{}</th>{}</tr>').format(
        ("typewriter", "sculptor")[number % 2], MARKS[number][1], plain(one.name), badge,
        join(Markup('<td class="number">{}</td>').format(plain(cell)) for cell in cells),
    )  # fmt: skip
