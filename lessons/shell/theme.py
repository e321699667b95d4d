"""Paper and two inks: the typewriter's blue and the sculptor's clay, in light and dark."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from gradio.themes import Base, Color, sizes

from lessons.course import UNITS
from lessons.shell.content import ADDRESS, folder, read_lesson, read_quiz

HERE = Path(__file__).parent
INKS = HERE / "inks.css"
STYLES = (HERE / "playground.css", HERE / "film.css")
OVER_GRADIO = "html:is(html, .over.gradio)"
"""What all rules are nested in: as specific as the prefix that gradio gives to a page's own style."""
SCRIPT = HERE / "playground.js"

OURS, GRADIOS = f"{ADDRESS}/fonts", "static/fonts"
FACES = (
    ("Lora", 400, f"{OURS}/lora-latin-400-normal.woff2"),
    ("Lora", 600, f"{OURS}/lora-latin-600-normal.woff2"),
    ("IBM Plex Sans", 400, f"{GRADIOS}/IBMPlexSans/IBMPlexSans-Regular.woff2"),
    ("IBM Plex Sans", 600, f"{OURS}/ibm-plex-sans-latin-600-normal.woff2"),
    ("IBM Plex Sans", 700, f"{GRADIOS}/IBMPlexSans/IBMPlexSans-Bold.woff2"),
    ("IBM Plex Mono", 400, f"{GRADIOS}/IBMPlexMono/IBMPlexMono-Regular.woff2"),
    ("IBM Plex Mono", 600, f"{OURS}/ibm-plex-mono-latin-600-normal.woff2"),
    ("IBM Plex Mono", 700, f"{GRADIOS}/IBMPlexMono/IBMPlexMono-Bold.woff2"),
)
"""Family, weight and address from the page. Gradio's bundle holds no Latin letters of Lora or in SemiBold."""
SEEN_FIRST = (400, 600)
"""Weights that a page shows at once."""

INK = Color(
    "#eef4fb",
    "#e3ecf6",
    "#c8daed",
    "#a3c2e2",
    "#8db8e8",
    "#3a6aa3",
    "#1d4e89",
    "#194373",
    "#14365d",
    "#0f2847",
    "#0a1c33",
)
CLAY = Color(
    "#fdf4ee",
    "#f8e7dc",
    "#f0d0bd",
    "#e9b397",
    "#e59a78",
    "#c8683f",
    "#b4532a",
    "#964522",
    "#78371b",
    "#5b2a15",
    "#3d1c0e",
)
PAPER = Color(
    "#fffdf8",
    "#faf7f1",
    "#f1ece1",
    "#e6dfd1",
    "#c9c1b2",
    "#8d8a85",
    "#6a6f78",
    "#4b5059",
    "#31363d",
    "#23262b",
    "#15171b",
)


def theme() -> Base:
    return Base(
        primary_hue=INK,
        secondary_hue=CLAY,
        neutral_hue=PAPER,
        text_size=sizes.text_lg,
        radius_size=sizes.radius_md,
        font=["IBM Plex Sans", "system-ui", "sans-serif"],
        font_mono=["IBM Plex Mono", "ui-monospace", "monospace"],
    ).set(
        body_background_fill="#faf7f1",
        body_background_fill_dark="#15171b",
        body_text_color="#23262b",
        body_text_color_dark="#e9e6df",
        body_text_color_subdued="#5d626b",
        body_text_color_subdued_dark="#a9aeb6",
        background_fill_primary="#fffdf8",
        background_fill_primary_dark="#1c1f24",
        background_fill_secondary="#faf7f1",
        background_fill_secondary_dark="#15171b",
        border_color_primary="#e6dfd1",
        border_color_primary_dark="#363b43",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_shadow="none",
        block_shadow_dark="none",
        block_padding="0px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_border_width_dark="0px",
        block_label_text_color="*body_text_color_subdued",
        block_label_text_color_dark="*body_text_color_subdued",
        block_title_text_color="*body_text_color_subdued",
        block_title_text_color_dark="*body_text_color_subdued",
        block_title_text_weight="500",
        block_info_text_color="*body_text_color_subdued",
        block_info_text_color_dark="*body_text_color_subdued",
        input_background_fill="#fffdf8",
        input_background_fill_dark="#22262c",
        input_border_color="#b9b09d",
        input_border_color_dark="#5a616c",
        input_border_width="1px",
        slider_color="#1d4e89",
        slider_color_dark="#8db8e8",
        button_primary_background_fill="#1d4e89",
        button_primary_background_fill_dark="#8db8e8",
        button_primary_background_fill_hover="#194373",
        button_primary_background_fill_hover_dark="#a3c2e2",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#10141a",
        button_secondary_background_fill="#fffdf8",
        button_secondary_background_fill_dark="#22262c",
        button_secondary_background_fill_hover="#f3ede1",  # darker, and clay letters on it would be hard to read
        button_secondary_border_color="#1d4e89",
        button_secondary_border_color_dark="#8db8e8",
        button_secondary_text_color="#1d4e89",
        button_secondary_text_color_dark="#a3c2e2",
        button_border_width="1px",
        button_large_text_size="16px",
        button_medium_text_size="15px",
        link_text_color="#1d4e89",
        link_text_color_dark="#8db8e8",
    )


def launch_options() -> dict[str, Any]:
    """Keyword arguments for ``Blocks.launch`` that dress the page; nothing here comes from another machine."""
    return {
        "theme": theme(),
        "head": '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="{ADDRESS}/style-{_version(style())}.css">',
        "footer_links": ["api"],
        "run_history": False,
        "ssr_mode": False,
    }


def _version(text: str) -> str:
    """A name that changes with the content, so that a browser may keep the file for ever."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]


@cache
def style() -> str:
    """The style sheet of every page."""
    rules = "".join(sheet.read_text(encoding="utf-8") for sheet in _stylesheets())
    return f"{_fonts()}{INKS.read_text(encoding='utf-8')}{OVER_GRADIO} {{\n{rules}}}\n"


@cache
def script() -> str:
    """The script of every page."""
    return _course_facts() + SCRIPT.read_text(encoding="utf-8")


def _fonts() -> str:
    """A face that comes late is left for the next page (``optional``): text that is being read or pressed never moves.

    A SemiBold Plex stands on the baseline of the Regular one, by that one's metrics.
    """
    level = "ascent-override: 78%; descent-override: 22%; line-gap-override: {}%; "
    levels = {("IBM Plex Sans", 600): level.format(30), ("IBM Plex Mono", 600): level.format(0)}
    return "".join(
        f"@font-face {{ font-family: '{family}'; font-weight: {weight}; font-display: optional; "
        f"{levels.get((family, weight), '')}src: url(../{address}) format('woff2'); }}\n"
        for family, weight, address in FACES
    )


def first_script() -> str:
    """The tag of the script of every page, which runs before gradio's."""
    return f'<script defer src="{ADDRESS}/script-{_version(script())}.js"></script>'


def links() -> str:
    """The header ``Link`` with which a browser fetches what gradio names only once its own script runs."""
    fonts = (
        f"<{address}>; rel=preload; as=font; type=font/woff2; crossorigin"
        for _, weight, address in FACES
        if weight in SEEN_FIRST
    )
    return ", ".join([f"<{ADDRESS}/style-{_version(style())}.css>; rel=preload; as=style", *fonts])


def _stylesheets() -> list[Path]:
    own = (folder(key) / "style.css" for unit in UNITS for key in unit.lessons)
    return [*STYLES, *(sheet for sheet in own if sheet.exists())]


def _course_facts() -> str:
    keys = [key for unit in UNITS for key in unit.lessons]
    questions = {key: [f"{key}/{question.key}" for question in read_quiz(key).questions] for key in keys}
    titles = {key: read_lesson(key).tab for key in keys}
    return f"window.playgroundQuestions = {json.dumps(questions)}; window.playgroundTitles = {json.dumps(titles)};\n"
