"""The first page: what this is, the map of lessons, the learner's progress kept in their browser, and the models."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from engines.statistics import listed
from lessons.course import TRACKS, UNITS, Unit
from lessons.shell import models, sheets
from lessons.shell.content import ADDRESS, read_glossary, read_lesson
from lessons.shell.frame import still
from lessons.shell.prose import explained_in, inline
from lessons.shell.teachers import TEACHERS
from lessons.shell.views import BADGES, join

XP_PER_LESSON = 15


def home() -> None:
    """The map of lessons, which models are live, and what to know of them and of the figures they make."""
    _map()
    models.panel()
    still(str(about()))


def _map() -> gr.HTML:
    units = join(_unit(unit) for unit in UNITS if unit.lessons)
    return gr.HTML(
        str(
            Markup(
                '<div class="home"><p class="eyebrow">A playground with real models</p>'
                "<h1>One box, two machines</h1>"
                '<p class="lede">Ask for an essay or ask for a painting: the box looks the same. Behind it are two '
                'different machines. One is a <em class="ink-typewriter">typewriter</em> that presses a token (a '
                "short chunk of text) at a time and has no backspace. The other is a "
                '<em class="ink-sculptor">sculptor</em> who starts from static and reworks the whole canvas in every '
                "pass. Here you open both, live: guess first, run the model, and see whether you were right.</p>"
                '<p class="notice unknown-lesson" role="status" hidden></p><p class="resume"></p>{units}'
                '<section class="keep"><h2>Your progress stays with you</h2><p>It lives in this browser and nowhere '
                "else. Save it to a file to move to another machine or to be safe. The file also holds your plan and "
                "results of “Predict, then test” and your recipe; anyone who has the file can read them.</p>"
                '<button type="button" class="button" data-action="progress-save">Save to a file</button> '
                '<label class="button">Restore from a file<input type="file" accept="application/json" '
                'class="sr-only" data-action="progress-restore"></label> '
                '<button type="button" class="button" data-action="progress-clear">Start over</button>'
                '<p class="keep-status" role="status"></p><button type="button" class="button" '
                'data-action="progress-undo" hidden>Undo</button></section><section class="keep"><h2>For teachers</h2>'
                "<p>Tracks of {tracks} minutes for a class, a worksheet and an answer key for each lesson, and how to "
                'run all this in a lab.</p><a class="button" href="{teachers}">Open the page for teachers</a></section>'
                "{glossary}</div>"
            ).format(
                units=units,
                glossary=_glossary(),
                tracks=listed([str(track.minutes) for track in TRACKS]),
                teachers=TEACHERS,
            )
        )
    )


def _unit(unit: Unit) -> Markup:
    cards = join(_card(key, number) for number, key in enumerate(unit.lessons, 1))
    return Markup('<section class="unit ink-{}"><h2>{}</h2><p>{}</p><ol class="map">{}</ol></section>').format(
        unit.ink, unit.title, unit.summary, cards
    )


def _card(key: str, number: int) -> Markup:
    lesson = read_lesson(key)
    return Markup(
        '<li><a class="card" href="{key}" data-lesson="{key}">'
        '<span class="eyebrow">Lesson {number} · {minutes} min</span><b>{title}</b><span>{summary}</span>'
        '<span class="card-progress" data-progress="{key}"></span></a></li>'
    ).format(
        key=key,
        number=number,
        minutes=lesson.minutes,
        title=inline(lesson.title),
        summary=inline(lesson.summary),
    )


def _glossary() -> Markup:
    terms = sorted(read_glossary().items(), key=lambda item: item[1].term.lower())
    rows = join(
        Markup("<dt>{}</dt><dd>{}{}</dd>").format(term.term, inline(term.meaning), explained_in(key))
        for key, term in terms
    )
    return Markup(
        '<section class="glossary"><details class="drawer"><summary>Glossary</summary><dl>{}</dl></details></section>'
    ).format(rows)


def about() -> Markup:
    """What each badge means, and the cards of the bundled models."""
    badges = join(
        Markup('<dt><span class="badge badge-{0}">{0}</span></dt><dd>{1}</dd>').format(badge, meaning)
        for badge, meaning in BADGES.items()
    )
    cards = join(
        Markup('<li><a href="{}/cards/{}">{}</a> <small>{} · {:.1f} MB</small></li>').format(
            ADDRESS, card.name, card.title, card.licence, card.size / 1e6
        )
        for card in sheets.cards().values()
    )
    return Markup(
        '<section class="about" id="badges"><h2>What the badges mean</h2><p>A badge under each figure says where it '
        "comes from. “Here” is the line beside the badge, with model, settings and seed.</p>"
        '<dl class="legend">{}</dl><h2>The bundled models</h2>'
        "<p>Each has a card: how and on what it was trained, what was measured of it, where it fails, and its licence. "
        "The cards are written for engineers.</p>"
        '<ul class="cards">{}</ul></section>'
    ).format(badges, cards)
