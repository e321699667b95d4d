"""Charts: where they stand on a page, and the look they share. Plotly draws them in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from engines.statistics import mean_interval

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

CLAY, BLUE, GREY, OK = "#c8683f", "#3a6aa3", "#8f8776", "#22693f"
"""Line colours that keep 3:1 on paper and on the dark card; say in words or dashes too what a colour means."""

LEGEND_ABOVE = {"legend": {"y": 1.02, "yanchor": "bottom"}, "margin": {"b": 50}}
"""For a chart of many or long names: its legend grows upwards, so on a phone no axis title stands in it."""


def chart() -> gr.Plot:
    """The place of a chart on a page, kept free for it; see :func:`lessons.shell.experiment.experiment`."""
    return gr.Plot(show_label=False, elem_classes=["chart"], render=False)


def figure(x: str = "", y: str = "", height: int = 330) -> Figure:
    """An empty chart in the playground's look; ``x`` and ``y`` are its axes' titles."""
    from plotly.graph_objects import Figure

    return Figure(
        layout={
            "height": height, "margin": {"l": 56, "r": 16, "t": 12, "b": 84}, "template": "none",
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": {"title": {"text": x}, "fixedrange": True}, "yaxis": {"title": {"text": y}, "fixedrange": True},
            "font": {"family": "IBM Plex Sans", "size": 14}, "legend": {"orientation": "h", "y": -0.3, "x": 0},
            "hovermode": "x unified", "dragmode": False,
        }
    )  # fmt: skip


def bands(values: np.ndarray) -> tuple[list[float], list[float], list[float]]:
    """Mean, low and high of the 95 % interval of each row of [points, samples]; the mean thrice for one sample."""
    rows = [mean_interval(row) for row in values]
    rows = [(m, m, m) if not np.isfinite(low) else (m, low, high) for m, low, high in rows]
    means, lows, highs = zip(*rows, strict=True)
    return list(means), list(lows), list(highs)


def band(chart: Figure, x: Sequence[Any], low: Sequence[float], high: Sequence[float], colour: str) -> None:
    """Shade the interval between ``low`` and ``high``."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    chart.add_scatter(
        x=[*x, *reversed(x)], y=[*high, *reversed(low)], mode="lines", fill="toself", hoverinfo="skip",
        fillcolor=f"rgba({red},{green},{blue},0.18)", line={"width": 0}, showlegend=False,
    )  # fmt: skip


def line(
    chart: Figure, x: Sequence[Any], y: Sequence[float], name: str, colour: str, dash: str = "solid",
    symbol: str = "circle",
) -> None:  # fmt: skip
    """A line with marks; dash and symbol tell it from the others where colours cannot."""
    chart.add_scatter(
        x=list(x), y=[round(float(value), 4) for value in y], name=name, mode="lines+markers",
        line={"color": colour, "dash": dash, "width": 2.5}, marker={"symbol": symbol, "size": 6},
    )  # fmt: skip
