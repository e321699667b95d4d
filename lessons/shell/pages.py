"""One page for each lesson, one to start from and one for teachers, each at an address of its own (``/sampling``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from markupsafe import Markup

from lessons.course import UNITS, Unit
from lessons.shell import events, frame
from lessons.shell.content import read_lesson
from lessons.shell.home import XP_PER_LESSON
from lessons.shell.prose import inline
from lessons.shell.teachers import TEACHERS
from lessons.shell.views import join

START = ""


@contextmanager
def page(playground: gr.Blocks, key: str) -> Iterator[None]:
    """The page of lesson ``key``, :data:`START` or :data:`TEACHERS`, under the masthead, inside ``with playground``.

    ``Blocks.route`` does the same outside of it, and at the end of each page makes the whole app anew.
    """
    if key != START:
        playground.pages.append((key, "For teachers" if key == TEACHERS else read_lesson(key).tab, False))
    playground.current_page = key
    gr.HTML(str(masthead(key)), elem_classes=["masthead-holder"])
    yield
    events.wire_loads()
    back = gr.Button(elem_id="typed-due")
    back.click(None, js="() => window.playground.giveBack()", **events.PRIVATE)
    if plots := [block for block in playground.blocks.values() if isinstance(block, gr.Plot) and block.page == key]:
        due = gr.Button(elem_id="charts-due")
        ids = [plot._id for plot in plots]
        due.click(None, plots, plots, js=f"(...now) => window.playground.charts({ids}, now)", **events.PRIVATE)
    if key in frame.built and (screens := _shown(key)):
        keep = gr.Button(elem_id="runs-due")
        places = [place for several in screens.values() for place in several]
        shown = json.dumps({screen: [place._id for place in several] for screen, several in screens.items()})
        keep.click(None, places, places, js=f"(...now) => window.playground.runs({shown}, now)", **events.PRIVATE)


def _shown(key: str) -> dict[str, list[gr.HTML | gr.Plot]]:
    """By screen, what the runs on the page of a lesson leave on it; first the place that says how a run ended."""
    screens: dict[str, list[Any]] = {}
    for one in frame.built[key].experiments:
        if one.words:
            views = [place for place in one.places if isinstance(place, gr.HTML | gr.Plot)]
            several = screens.setdefault(f"{key}-{one.screen.section.key}", [one.status])
            several += [place for place in views if not any(place is other for other in several)]
    return screens


def masthead(key: str) -> Markup:
    """The name, the units, the lessons of the unit the page belongs to, progress and the theme."""
    here = next((unit for unit in UNITS if key in unit.lessons), None)
    total = sum(len(unit.lessons) for unit in UNITS)
    units = join(_unit(unit, unit is here) for unit in UNITS if unit.lessons)
    return Markup(
        '<header class="masthead"><a class="brand" href="./"><i>Typewriter</i> &amp; <b>Sculptor</b></a>'
        '<nav class="units" aria-label="Units"><a href="./"{start}>Start</a>{units}</nav>'
        '<span class="xp" data-total="{total}" data-per-lesson="{xp}" role="status"></span>'
        '<button type="button" class="link" data-action="theme" aria-label="Switch between light and dark">◐</button>'
        "</header>{lessons}"
    ).format(
        start=Markup(' aria-current="page"') if key == START else "",
        units=units,
        total=total,
        xp=XP_PER_LESSON,
        lessons=_lessons(here, key) if here else "",
    )


def _unit(unit: Unit, here: bool) -> Markup:
    return Markup('<a class="ink-{}" href="{}"{}>{}</a>').format(
        unit.ink, unit.lessons[0], Markup(' aria-current="true"') if here else "", unit.title
    )


def _lessons(unit: Unit, key: str) -> Markup:
    links = join(
        Markup('<a href="{}"{}>{}</a>').format(
            one, Markup(' aria-current="page"') if one == key else "", inline(read_lesson(one).tab)
        )
        for one in unit.lessons
    )
    return Markup('<nav class="lessons ink-{}" aria-label="Lessons of this unit">{}</nav>').format(unit.ink, links)


def blank() -> gr.Blocks:
    """The playground without a page, and its queue, for which gradio makes the app anew: quick while it is empty."""
    playground = events.Playground(
        title="Typewriter & Sculptor", analytics_enabled=False, delete_cache=(3600, 3600), fill_width=True
    )
    playground.pages = [(path, name, False) for path, name, _ in playground.pages]  # the masthead leads to each page
    return playground.queue(max_size=None, default_concurrency_limit=None, api_open=False)
