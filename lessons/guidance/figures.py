"""What the guidance lesson draws by itself, from engine events and Evidence values."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from markupsafe import Markup

from engines.pictures.diffusion import Pass
from engines.statistics import share, words
from lessons.guidance.branches import Fork
from lessons.guidance.editing import Edit
from lessons.guidance.experiments import LITTLE, apart
from lessons.guidance.silencing import ALWAYS, HIDDEN, REST, WINDOW, Silenced
from lessons.guidance.sweeping import Dice, Sweep
from lessons.shell.film import Shot, data_uri, row
from lessons.shell.prose import attribute, plain
from lessons.shell.views import Bar, bars, join

CLAY, BLUE, GREY = "#c8683f", "#3a6aa3", "#8f8776"

MAPS = """
<div class="guidance-maps guidance-blank">
  <p class="guidance-empty">Press the button: the picture appears pass by pass, and under it every word's heatmap.</p>
  <div class="guidance-words" role="group" aria-label="The words of the caption: choose one to see its heatmap"></div>
  <div class="guidance-pair">
    <figure><canvas class="guidance-heat" width="320" height="320" role="img"></canvas>
      <figcaption>where the painter looks at this word</figcaption></figure>
    <figure><canvas class="guidance-guess" width="320" height="320" role="img"></canvas>
      <figcaption>the picture it is heading for</figcaption></figure>
  </div>
  <p class="guidance-said" role="status"></p>
  <div class="guidance-controls"><button type="button" class="button guidance-play">Play</button>
    <input class="guidance-pass" type="range" min="1" max="25" value="1" aria-label="Pass">
    <label>Seen at <select class="guidance-size"></select></label></div>
  <div class="guidance-strip" aria-hidden="true"></div>
</div>
"""

FORK = """
<div class="guidance-fork guidance-blank">
  <p class="guidance-empty">Press the button: three pictures for every pass, and the sum behind the third.</p>
  <div class="guidance-trio">
    <figure class="branch-without"><img alt=""><figcaption>ε∅: without the caption</figcaption></figure>
    <figure class="branch-with"><img alt=""><figcaption>ε<sub>c</sub>: with the caption</figcaption></figure>
    <figure class="branch-guided"><img alt=""><figcaption>ε: the gap multiplied</figcaption></figure>
    <figure><canvas class="guidance-gap" width="240" height="240" role="img"></canvas>
      <figcaption>where ε∅ and ε<sub>c</sub> differ; click a cell</figcaption></figure>
  </div>
  <div class="guidance-controls"><button type="button" class="button guidance-play">Play</button>
    <input class="guidance-pass" type="range" min="1" max="25" value="1" aria-label="Pass"></div>
  <p class="guidance-forksaid" role="status"></p>
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


# --- streams for the two live views: one line of JSON more at each pass ------------------------------------


def maps_head(key: str, caption_words: tuple[str, ...], passes: int) -> str:
    naming = next((i for i, word in enumerate(caption_words) if word.lower() not in LITTLE), 0)
    return json.dumps({"key": key, "words": caption_words, "passes": passes, "chosen": naming}) + "\n"


def maps_line(event: Pass) -> str:
    """One pass: the guessed picture and every word's attention, for ``maps.js``."""
    assert event.attention is not None and event.previews is not None
    grids = [
        {"h": h, "w": w, "cells": (maps[0].reshape(len(maps[0]), -1) * 10_000).round().astype(int).tolist()}
        for (h, w), maps in event.attention.maps.items()
    ]
    return json.dumps({"t": event.timestep, "img": data_uri(event.previews[0]), "grids": grids}) + "\n"


def fork_head(key: str, scale: float, passes: int, shape: tuple[int, ...]) -> str:
    return json.dumps({"key": key, "scale": scale, "passes": passes, "shape": shape}) + "\n"


def fork_line(step: Fork) -> str:
    """One pass: the three pictures and both predictions, for ``fork.js``."""

    def thousandths(noise: np.ndarray) -> list[int]:
        return (noise * 1000).round().astype(int).ravel().tolist()

    line = {
        "t": step.event.timestep,
        "images": [data_uri(picture) for picture in (step.without, step.with_caption, step.guided)],
        "without": thousandths(step.noise_without),
        "with": thousandths(step.noise_with),
    }
    return json.dumps(line) + "\n"


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
    return str(row(upper, "The first seed with and without the word") + row(lower, "Heatmap and changes"))


def silenced_bars(value: Silenced) -> str:
    """Mean change over seeds in each case."""
    changes = {case: share(value.change(case)) for case in (WINDOW, REST, ALWAYS, HIDDEN) if case in value.without}
    longest = max(max(high if np.isfinite(high) else m for m, _, high in changes.values()), 1e-6)
    rows = []
    for case, (middle, low, high) in changes.items():
        limits = (max(0.0, low / longest), high / longest) if np.isfinite(low) else (None, None)
        rows.append(Bar(
            value.label(case), middle / longest, f"{100 * middle:.1f} %", low=limits[0], high=limits[1],
            ink="sculptor", chosen=case == WINDOW,
        ))  # fmt: skip
    return str(bars(rows))


def sweep_row(value: Sweep) -> str:
    """The first seed at every scale."""
    shots = []
    for i, scale in enumerate(value.scales):
        followed = f", certainty {value.alignment[0, i]:.2f}" if value.alignment is not None else ""
        shots.append(Shot(
            value.pictures[0, i], f"Guidance {scale:g}: clipped {value.clipped[0, i]:.1%}{followed}",
            f"{scale:g}" + (" (words ignored)" if scale == 0 else " (no push)" if scale == 1 else ""),
        ))  # fmt: skip
    return str(row(shots, "One seed at every guidance scale"))


def sweep_chart(value: Sweep) -> Any:
    """Alignment and overcooking against the guidance scale, with 95 % bands."""
    import plotly.graph_objects as go

    figure = go.Figure()
    scales = list(value.scales)
    curves = [
        ("clipped colour values", value.clipped, BLUE, "dash", "square"),
        ("saturation", value.saturation, GREY, "dot", "diamond"),
    ]
    if value.alignment is not None:
        curves.insert(0, ("judge sees what was asked", value.alignment, CLAY, "solid", "circle"))
    for name, measured, colour, dash, symbol in curves:
        means, lows, highs = _band([share(column) for column in measured.T])
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        figure.add_scatter(
            x=scales + scales[::-1], y=highs + lows[::-1], mode="lines", fill="toself", line={"width": 0},
            fillcolor=f"rgba({red},{green},{blue},0.18)", hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        figure.add_scatter(
            x=scales, y=[round(number, 3) for number in means], name=name, mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2.5}, marker={"symbol": symbol, "size": 8},
        )  # fmt: skip
    figure.update_layout(
        height=330, margin={"l": 56, "r": 16, "t": 16, "b": 46}, paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)", xaxis_title="guidance scale", yaxis={"title": "share", "range": [-0.02, 1.04]},
        font={"family": "IBM Plex Sans", "size": 14}, legend={"orientation": "h", "y": 1.14, "x": 0},
        hovermode="x unified",
    )  # fmt: skip
    return figure


def _band(of: list[tuple[float, float, float]]) -> tuple[list[float], list[float], list[float]]:
    finite = [(m, low, high) if np.isfinite(low) else (m, m, m) for m, low, high in of]
    means, lows, highs = zip(*finite, strict=True)
    return list(means), list(lows), list(highs)


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
        parts.append(heading + row(shots, attribute(label), small=len(value.labels) > 3))
    return str(Markup('<div class="guidance-edits">{}</div>').format(join(parts)))


def dice_rows(value: Dice) -> str:
    parts = []
    for scale, pictures, spread in zip(value.scales, value.pictures, value.spread, strict=True):
        label = f"guidance {scale:g}: pictures of different seeds are {words(share(spread), 0, True)} apart"
        shots = [Shot(each, f"Guidance {scale:g}, seed number {i + 1}") for i, each in enumerate(pictures)]
        heading = Markup('<p class="guidance-label">{}</p>').format(plain(label))
        parts.append(heading + row(shots, attribute(label), small=True))
    return str(Markup('<div class="guidance-edits">{}</div>').format(join(parts)))
