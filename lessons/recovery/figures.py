"""What the recovery lesson draws, from its Evidence values."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from engines.pictures.tiles import SIDE
from engines.recovery import MOMENTS, PATCH, Struck, box_at
from engines.statistics import Interval
from engines.text import stories
from engines.text.masked import MASK, Writers
from lessons.recovery.measures import ABOUT, NAMES, of, recorded
from lessons.recovery.moments import Moments
from lessons.recovery.strike import Strikes, wilson_of
from lessons.shell import charts, film
from lessons.shell.charts import BLUE, CLAY, GREY, OK
from lessons.shell.film import Shot
from lessons.shell.prose import plain
from lessons.shell.views import BADGES, Bar, bars, join

COLUMNS = {"commits": ("twin", "tiles"), "revises": ("masked", "sculptor")}
LINES = {
    "twin": (BLUE, "solid", "circle"), "masked": (OK, "dash", "square"), "tiles": (GREY, "dot", "diamond"),
    "sculptor": (CLAY, "dashdot", "triangle-up"),
}  # fmt: skip
RED = np.array([200, 30, 30], np.uint8)


def cards(value: Strikes) -> str:
    """Two by two: symbols or canvas, against commit or revise."""
    there = {one.machine: one for one in value.struck}
    parts = [Markup('<span></span><b class="recovery-head">commits</b><b class="recovery-head">revises</b>')]
    for row, machines in (("symbols", ("twin", "masked")), ("a canvas", ("tiles", "sculptor"))):
        parts.append(Markup('<b class="recovery-side">{}</b>').format(row))
        parts += [_card(machine, there.get(machine)) for machine in machines]
    return str(Markup('<div class="recovery-cards">{}</div>').format(join(parts)))


def _card(machine: str, one: Struck | None) -> Markup:
    body = Markup('<p class="recovery-wait">comes next</p>') if one is None else _bars(one)
    return Markup('<section class="recovery-card"><h3>{}</h3><p>{}</p>{}</section>').format(
        plain(NAMES[machine].capitalize()), plain(ABOUT[machine]), body
    )


def _bars(one: Struck) -> Markup:
    ink = "typewriter" if one.machine in COLUMNS["commits"] else "sculptor"
    rows = [_bar("the stroke still stands", one.standing, ink)]
    if one.machine == "masked":
        rows.append(_bar("… if it does not look again", wilson_of(one.calm), ink))
    if one.machine == "sculptor":
        rows.append(_bar("… the same patch, undisturbed", wilson_of(one.calm), ink))
    judged = one.kept.trials == one.undisturbed.successes
    after = "of these, right when struck" if judged else "of these, where it can be judged, right when struck"
    rows += [_bar("right undisturbed", one.undisturbed, ink), _bar(after, one.kept, ink)]
    return bars(rows)


def _bar(label: str, share: Interval, ink: str) -> Bar:
    rate = share.rate if share.trials else 0.0
    return Bar(label, rate, of(share), low=share.low, high=share.high, ink=ink)


def pairs(value: Strikes) -> str | None:
    """One run of each machine that was right, undisturbed and with the wrong stroke marked; once all were struck."""
    if len(value.struck) < len(NAMES):
        return None
    parts = []
    for one in value.struck:
        name = Markup("<h3>{}</h3>").format(plain(NAMES[one.machine].capitalize()))
        parts += [name, _texts(value.writers, one) if one.machine in ("twin", "masked") else _pictures(one)]
    return str(Markup('<div class="recovery-pairs">{}</div>').format(join(parts)))


def _texts(writers: Writers, one: Struck) -> Markup:
    run = one.example
    rows = [("undisturbed", one.before[run], False), ("struck", one.after[run], one.stands[run])]
    if one.during is not None:
        rows.insert(1, ("at the stroke", one.during[run], True))
    return Markup('<dl class="recovery-texts">{}</dl>').format(
        join(
            Markup('<dt>{}</dt><dd translate="no">{}</dd>').format(title, _text(writers, row, one.places[run], wrong))
            for title, row, wrong in rows
        )
    )


def _text(writers: Writers, row: np.ndarray, place: int, wrong: bool) -> Markup:
    """Its words; what stands at the place of the stroke is marked, and said to be wrong where it is."""
    text = writers.text(row)
    text = text[: text.index(stories.END)] if stories.END in text else text
    said = []
    for at, word in enumerate(text):
        shown = plain("▒" if word == MASK else word)
        if at == place:
            kind, title = ("wrong", "the wrong stroke") if wrong else ("place", "the place of the stroke")
            shown = Markup('<mark data-s="{}" title="{}">{}</mark>').format(kind, title, shown)
        said.append(Markup("{} ").format(shown))
    return join(said)


def _pictures(one: Struck) -> Markup:
    run = one.example
    caption, place = one.captions[run], one.places[run]
    top, left = box_at(place) if one.machine == "sculptor" else divmod(place, SIDE)
    size = PATCH if one.machine == "sculptor" else 1
    shots = [Shot(one.before[run], f"{caption}, undisturbed", f"“{caption}”, undisturbed")]
    if one.during is not None:
        hurt = outlined(one.during[run], top, left, size)
        shots.append(Shot(hurt, "The noisy canvas, a patch overwritten", "the canvas at the stroke"))
    struck = outlined(one.after[run], top, left, size)
    shots.append(Shot(struck, f"{caption}, struck; the place is outlined", "struck; the place is outlined"))
    return film.row(shots, f"A run of {NAMES[one.machine]}", columns=3)


def outlined(picture: np.ndarray, top: int, left: int, cells: int) -> np.ndarray:
    """A picture uint8 [H, W, 3] with a red line around some cells of its 16 × 16."""
    shown, size = picture.copy(), picture.shape[0] // SIDE
    first, last = np.array([top, left]) * size, (np.array([top, left]) + cells) * size - 1
    shown[first[0] : last[0] + 1, [first[1], last[1]]] = RED
    shown[[first[0], last[0]], first[1] : last[1] + 1] = RED
    return shown


def still_right(value: Moments) -> Any:
    """What is still right of what was right undisturbed, by the moment: recorded, and the twin in this run."""
    figure = charts.figure(x="struck at this share of the way", y="still right", height=440)
    for number, (machine, (colour, dash, symbol)) in enumerate(LINES.items()):
        some = [one for one in value.kept if one.machine == machine and one.kept.trials]
        if some:
            _line(figure, some, NAMES[machine], colour, dash, symbol, 0.008 * (number - 1.5))
    _line(figure, [one for one in value.live if one.kept.trials], "the twin, this run", BLUE, "dot", "x", 0.024)
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    figure.update_xaxes(tickvals=list(MOMENTS), tickformat=".0%", range=[0.15, 0.85])
    return figure


def _line(figure: Any, some: list[Struck], name: str, colour: str, dash: str, symbol: str, aside: float) -> None:
    shares = [one.kept for one in some]
    charts.line(figure, [one.share + aside for one in some], [one.rate for one in shares], name, colour, dash, symbol)
    figure.data[-1].error_y = {
        "type": "data", "symmetric": False, "array": [one.high - one.rate for one in shares],
        "arrayminus": [one.rate - one.low for one in shares], "thickness": 1.5, "width": 4,
    }  # fmt: skip


def standing(value: Moments) -> str:
    """In how many recorded runs the stroke still stands, early to late, and what other dice would have kept right."""
    if not value.kept:
        return '<p class="recovery-told">Nothing is recorded here. Run “python -m training.recovery”.</p>'
    rows = [
        _bar(f"{NAMES[one.machine]}, struck at {one.share:.0%}", one.standing,
             "typewriter" if one.machine in COLUMNS["commits"] else "sculptor")
        for one in value.kept
    ]  # fmt: skip
    badge = Markup('<span class="badge badge-recorded" title="{}">recorded</span>').format(BADGES["recorded"])
    words = f"The stroke still stands at the end, of {len(value.kept[0].stands)} runs"
    return str(Markup('<p class="recovery-told">{} {}</p>{}').format(badge, words, bars(rows)))


def surprise(value: Moments) -> Any:
    """Extra bits of what was written after the stroke, by distance, of the two machines that commit, struck halfway."""
    figure = charts.figure(x="places after the stroke", y="extra bits a place", height=360)
    half = [one for one in (*value.live, *(kept for kept in recorded() if kept.machine == "tiles"))]
    for one in half:
        if one.share == MOMENTS[1] and one.surprise:
            colour, dash, symbol = LINES[one.machine]
            places = list(range(1, len(one.surprise) + 1))
            mean, low, high = zip(*one.surprise, strict=True)
            charts.band(figure, places, list(low), list(high), colour)
            name = NAMES[one.machine] + (", this run" if one.machine == "twin" else ", recorded")
            charts.line(figure, places, list(mean), name, colour, dash, symbol)
    return figure
