"""What the guidance lesson draws by itself, from engine events and Evidence values."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.evidence import Evidence, Underway
from engines.pictures.diffusion import Pass
from engines.statistics import Mean, of_pairs, percent, share, words
from lessons.guidance.dice import Dice
from lessons.guidance.edit import Edit
from lessons.guidance.fork import Fork, Gap
from lessons.guidance.maps import Look
from lessons.guidance.measures import LITTLE, apart
from lessons.guidance.one_by_one import OneByOne
from lessons.guidance.silence import ALWAYS, HIDDEN, REST, WINDOW, Silenced
from lessons.guidance.sweep import Sweep
from lessons.shell import charts, film
from lessons.shell.charts import BLUE, CLAY, GREY
from lessons.shell.film import Shot, data_uri, row
from lessons.shell.painting import underway
from lessons.shell.prose import attribute, plain
from lessons.shell.views import Bar, bars, join

CONTROLS = """<div class="film-controls"><button type="button" class="button film-play">Play</button>
    <input class="film-slider" type="range" min="1" max="1" value="1" aria-label="Pass">"""
MAPS = f"""
<div class="guidance-maps guidance-blank" style="--frames:25;--tracks:1">
  <p class="empty">The picture appears here pass by pass, and with it every word's heatmap.</p>
  <div class="guidance-words" role="group" aria-label="The words of the caption; choose one"></div>
  <div class="guidance-pair">
    <figure><canvas class="guidance-heat" width="320" height="320" role="img"></canvas>
      <figcaption>where the painter looks at this word</figcaption></figure>
    <figure><canvas class="guidance-guess" width="320" height="320" role="img"></canvas>
      <figcaption>the picture it is heading for</figcaption></figure>
    <figure><img class="guidance-without" alt="" hidden>
      <span class="guidance-later">comes when the picture is done</span>
      <figcaption>painted without this word, same seed</figcaption></figure>
  </div>
  <p class="film-caption" role="status"></p>
  {CONTROLS}<label>Seen at <select class="guidance-size"></select></label></div>
  <div class="film-strip" tabindex="0" role="group" aria-label="One heatmap a pass"></div>
</div>
"""
FORK = f"""
<div class="guidance-fork guidance-blank">
  <p class="empty">Three pictures for every pass appear here, and the sum behind the third.</p>
  <div class="film-stage" style="--tracks:4">
    <figure><img alt=""><figcaption>ε∅: without the caption</figcaption></figure>
    <figure><img alt=""><figcaption>ε<sub>c</sub>: with the caption</figcaption></figure>
    <figure><img alt=""><figcaption>ε: the gap multiplied</figcaption></figure>
    <figure><canvas class="guidance-gap" width="240" height="240" role="img"></canvas>
      <figcaption>where ε∅ and ε<sub>c</sub> differ; click a cell</figcaption></figure>
  </div>
  {CONTROLS}</div>
  <p class="film-caption" role="status"></p>
  <svg class="guidance-line" viewBox="0 0 600 118" role="img"
    aria-label="The number line: the prediction without caption, with caption, and the guided one beyond">
    <path class="axis" d="M10 62H590"/>
    <line class="line-push" y1="62" y2="62"/><line class="line-gap" y1="62" y2="62"/>
    <g class="mark-without"><circle r="8"/><text y="-18">ε∅</text></g>
    <g class="mark-with"><rect x="-7" y="-7" width="14" height="14"/><text y="-18">ε<tspan dy="4">c</tspan></text></g>
    <g class="mark-guided"><path d="M0 -10L10 0L0 10L-10 0Z"/><text y="30">ε, guided</text></g>
  </svg>
  <p class="guidance-formula">ε∅ + s × (ε<sub>c</sub> − ε∅) = ε</p>
  <p class="guidance-sum" role="status"></p>
  <div class="guidance-cell">
    <label class="guidance-scale">s = <output>4</output>
      <input type="range" min="0" max="20" step="0.5" value="4" aria-label="Guidance scale s in the sum"></label>
    <label>channel <input class="cell-channel" type="number" min="1" value="1"></label>
    <label>row <input class="cell-row" type="number" min="1" value="1"></label>
    <label>column <input class="cell-column" type="number" min="1" value="1"></label>
  </div>
</div>
"""
MAPS_KEPT, FORKS_KEPT = 4, 3
"""Passes of these two views in a recorded first paint: their numbers weigh more than pictures."""


# --- streams for the two live views: one line of JSON more at each pass ------------------------------------


def mapped(steps: Iterator[Pass | Underway | Evidence[Look]], view: Any) -> Iterator[Any]:
    """The run of :func:`maps.look`, with its passes as lines for ``maps.js`` in ``view``."""
    lines = ""
    for step in steps:
        if not isinstance(step, Pass):
            yield step
            if isinstance(step, Evidence) and step.value.without and "without" not in lines:
                lines += maps_without(step.value)
                yield {view: lines}
            continue
        yield underway(step, "Painting")
        lines = lines or maps_head(step)
        if step.index in film.kept(step.passes, MAPS_KEPT):
            lines += maps_line(step)
            yield {view: lines}


def maps_head(event: Pass) -> str:
    assert event.attention is not None
    words = event.attention.words[0]
    chosen = next((i for i, word in enumerate(words) if word.lower() not in LITTLE), 0)
    return json.dumps({"key": event.captions[0], "words": words, "passes": event.passes, "chosen": chosen}) + "\n"


def maps_line(event: Pass) -> str:
    """One pass: the guessed picture and every word's attention, its largest share and its cells as bytes."""
    assert event.attention is not None and event.previews is not None
    grids = []
    for (h, w), maps in event.attention.maps.items():
        cells = maps[0].reshape(len(maps[0]), -1)
        tops = np.maximum(cells.max(axis=1), 1e-6)
        scaled = (cells / tops[:, None] * 255).round().astype(np.uint8)
        grids.append({"h": h, "w": w, "tops": tops.round(6).tolist(), "cells": _base64(scaled)})
    return json.dumps({"pass": event.index + 1, "img": data_uri(event.previews[0]), "grids": grids}) + "\n"


def maps_without(value: Look) -> str:
    """What the first seed paints without each word, and how far that moves the picture."""
    silenced = [{"img": data_uri(value.without[word]), "moved": round(value.moved(word), 4)} for word in value.words]
    return json.dumps({"without": silenced}) + "\n"


def forked(steps: Iterator[Fork | Underway | Evidence[Gap]], view: Any) -> Iterator[Any]:
    """The run of :func:`fork.fork`, with its passes as lines for ``fork.js`` in ``view``."""
    lines = ""
    for step in steps:
        if not isinstance(step, Fork):
            yield step
            continue
        yield underway(step.event, "Predicting twice")
        lines = lines or fork_head(step)
        if step.event.index in film.kept(step.event.passes, FORKS_KEPT):
            lines += fork_line(step)
            yield {view: lines}


def fork_head(step: Fork) -> str:
    event = step.event
    head = {"key": event.captions[0], "scale": step.scale, "passes": event.passes}
    return json.dumps({**head, "shape": step.noise_with[: _channels()].shape}) + "\n"


def _channels() -> int | None:
    """How many channels of a prediction are sent: all of them (None), or one in a recorded first paint."""
    return None if film.kept(FORKS_KEPT + 1, FORKS_KEPT) == tuple(range(FORKS_KEPT + 1)) else 1


def fork_line(step: Fork) -> str:
    """One pass: the three pictures and both predictions, in thousandths as 16-bit numbers."""

    def thousandths(noise: np.ndarray) -> str:
        return _base64((noise[: _channels()] * 1000).round().clip(-32767, 32767).astype("<i2"))

    line = {
        "pass": step.event.index + 1, "t": step.event.timestep,
        "images": [data_uri(picture) for picture in (step.without, step.with_caption, step.guided)],
        "without": thousandths(step.noise_without), "with": thousandths(step.noise_with),
    }  # fmt: skip
    return json.dumps(line) + "\n"


def _base64(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode()


# --- pictures ---------------------------------------------------------------------------------------------


def heat_picture(picture: np.ndarray, heat: np.ndarray, top: float | None = None) -> np.ndarray:
    """A heatmap float [H, W] laid in clay over the grey picture uint8 [H, W, 3]; full colour at ``top``."""
    grey = picture.astype(np.float32).mean(axis=2, keepdims=True) * 0.65 + 255 * 0.35 * 0.97
    warmth = np.clip(heat / max(float(heat.max()) if top is None else top, 1e-6), 0, 1)[..., None] * 0.92
    return (grey * (1 - warmth) + np.array([214, 84, 30]) * warmth).round().clip(0, 255).astype(np.uint8)


def silenced_rows(value: Silenced) -> str:
    """The first seed: with the word and its heatmap, then each way to lose it with what changed."""
    moved = {
        case: np.abs(pictures[0].astype(np.float32) - value.kept[0].astype(np.float32)).mean(axis=2)
        for case, pictures in value.without.items()
    }
    top = max((float(change.max()) for change in moved.values()), default=1.0)
    columns = [
        (
            Shot(value.kept[0], f"“{value.caption}”", "with the word"),
            Shot(
                heat_picture(value.kept[0], value.heat[0]), f"Where “{value.word}” is looked at, all passes",
                "where it is looked at",
            ),
        )
    ]  # fmt: skip
    for case, pictures in value.without.items():
        label, change = value.label(case), value.change(case)[0]
        columns.append((
            Shot(pictures[0], f"The same seed with “{value.word}” {label}", label),
            Shot(
                heat_picture(value.kept[0], moved[case], top), f"Where the picture changed with the word {label}",
                f"changed: {100 * change:.1f} %",
            ),
        ))  # fmt: skip
    upper, lower = zip(*columns, strict=True)
    rows = (upper, "The first seed with and without the word"), (lower, "Heatmap and changes")
    return str(join(row(shots, label, columns=5) for shots, label in rows))


def silenced_bars(value: Silenced) -> str:
    """Mean change over seeds in each case."""
    changes = {case: share(value.change(case)) for case in (WINDOW, REST, ALWAYS, HIDDEN) if case in value.without}
    longest = max(max(high if np.isfinite(high) else m for m, _, high in changes.values()), 1e-6)
    return str(bars([_change(value.label(case), of, longest, case == WINDOW) for case, of in changes.items()]))


def _change(label: str, of: Mean, longest: float, chosen: bool = False, ink: str = "sculptor") -> Bar:
    """A bar of a mean change with its interval, beside the ``longest``."""
    middle, low, high = of
    limits = (max(0.0, low / longest), high / longest) if np.isfinite(low) else (None, None)
    return Bar(label, middle / longest, f"{100 * middle:.1f} %", chosen, low=limits[0], high=limits[1], ink=ink)


def words_rows(value: OneByOne) -> str:
    """The first seed after each word, as written and in chance order."""
    orders = (
        ("as written", range(len(value.words)), value.written),
        ("in chance order", value.orders[0], value.shuffled),
    )
    parts = []
    for label, order, pictures in orders:
        said = ["", *(value.words[i] for i in order)]
        shots = [
            Shot(picture, f"After “{' '.join(said[1 : i + 1])}”" if i else "The empty caption", said[i] or "(no word)")
            for i, picture in enumerate(pictures[0])
        ]
        heading = Markup('<p class="guidance-label">{}</p>').format(plain(f"Word after word, {label}:"))
        parts.append(heading + row(shots, f"Word after word, {label}", small=True))
    return str(Markup('<div class="guidance-edits">{}</div>').format(join(parts)))


def words_bars(value: OneByOne) -> str:
    """How far each word moves the picture as written; then both kinds of words in both orders, and another seed."""
    moved = value.moved()
    lines = [(f"{i + 1}. {word}", share(moved[:, i]), "sculptor") for i, word in enumerate(value.words)]
    for said, kinds in (("as written", value.kinds()), ("chance order", value.kinds(shuffled=True))):
        names = f"words that name something, {said}", f"little words, {said}"
        lines += [(name, share(kind), "typewriter") for name, kind in zip(names, kinds or (), strict=False)]
    if len(other := value.other_seed()):
        lines.append(("another seed, all words as written", share(other), "typewriter"))
    longest = max(max(high if np.isfinite(high) else middle for _, (middle, _, high), _ in lines), 1e-6)
    return str(bars([_change(label, of, longest, ink=ink) for label, of, ink in lines]))


def sweep_row(value: Sweep) -> str:
    """The first seed at every scale."""
    shots = []
    for i, scale in enumerate(value.scales):
        followed = f", certainty {value.alignment[0, i]:.2f}" if value.alignment is not None else ""
        shots.append(Shot(
            value.pictures[0, i],
            f"Guidance {scale:g}: clipped {percent(value.clipped[0, i])}, {value.returned[0, i]:.0f} dB{followed}",
            f"{scale:g}" + (" (words ignored)" if scale == 0 else " (no push)" if scale == 1 else ""),
        ))  # fmt: skip
    return str(row(shots, "One seed at every guidance scale"))


def sweep_chart(value: Sweep) -> Any:
    """Alignment and overcooking against the guidance scale, with 95 % bands."""
    figure = charts.figure(x="guidance scale", y="share")
    curves = [
        ("clipped colour values", value.clipped, BLUE, "dash", "square"),
        ("saturation", value.saturation, GREY, "dot", "diamond"),
    ]
    if value.alignment is not None:
        curves.insert(0, ("judge sees what was asked", value.alignment, CLAY, "solid", "circle"))
    for name, measured, colour, dash, symbol in curves:
        means, lows, highs = charts.bands(measured.T)
        lows, highs = [max(0.0, low) for low in lows], [min(1.0, high) for high in highs]
        charts.band(figure, value.scales, lows, highs, colour)
        charts.line(figure, value.scales, means, name, colour, dash, symbol)
    figure.update_yaxes(range=[-0.02, 1.04])
    return figure


def edit_rows(value: Edit, seeds: int = 4) -> str:
    """One row of pictures an edit, one column a seed, the first row untouched."""
    parts = []
    for index, (label, pictures) in enumerate(zip(value.labels, value.pictures, strict=True)):
        shots = []
        for number, picture in enumerate(pictures[:seeds]):
            moved = apart(picture[None], value.pictures[0][number : number + 1])[0]
            under = f"changed {100 * moved:.0f} %" if index else ""
            shots.append(Shot(picture, f"{label}, seed number {number + 1}. {under}", under))
        heading = Markup('<p class="guidance-label">{}</p>').format(plain(label))
        parts.append(heading + row(shots, attribute(label), small=value.kind == "weigh", columns=seeds))
    return str(Markup('<div class="guidance-edits">{}</div>').format(join(parts)))


MOST_SHOWN = 8


def dice_rows(value: Dice) -> str:
    """At each scale how far apart the seeds' pictures are, and the first of them."""
    parts = []
    for scale, pictures, spread in zip(value.scales, value.pictures, value.spread, strict=True):
        label = f"guidance {scale:g}: pictures of different seeds are {words(share(of_pairs(spread)), 0, True)} apart"
        if len(pictures) > MOST_SHOWN:
            label += f"; the first {MOST_SHOWN} of {len(pictures)}"
        shots = [Shot(each, f"Guidance {scale:g}, seed number {i}") for i, each in enumerate(pictures[:MOST_SHOWN], 1)]
        heading = Markup('<p class="guidance-label">{}</p>').format(plain(label))
        parts.append(heading + row(shots, attribute(label), small=True))
    return str(Markup('<div class="guidance-edits">{}</div>').format(join(parts)))
