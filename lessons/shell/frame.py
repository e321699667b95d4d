"""The frame of a lesson: screens with prose beside the experiment, a guess before the run, a quiz at the end.

with lesson_page("sampling") as lesson:
    with lesson.screen("scoreboard", predict="third-word") as screen:
        ...controls and views...
        result = screen.evidence()          # a handler gives it screen.show(evidence)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import gradio as gr
from markupsafe import Markup

from engines.evidence import Evidence
from lessons.shell import quiz, views
from lessons.shell.content import Lesson, Prediction, Section, read_lesson
from lessons.shell.prose import inline, plain, prose


@dataclass(frozen=True)
class Screen:
    """One idea: a section of prose and, beside it, the stage."""

    lesson: Lesson
    section: Section
    prediction_key: str | None
    guess: gr.Radio | None
    verdict: gr.HTML | None

    def evidence(self, empty: str = "Run the experiment; its result appears here with its settings.") -> gr.HTML:
        """The place under the stage for an Evidence; fill it with what :meth:`show` returns."""
        return gr.HTML(str(views.empty(empty)), elem_classes=["evidence-view"])

    def show(self, result: Evidence) -> str:
        """HTML of a result: badge and settings, findings, and drawers with table, code and download."""
        return str(views.evidence(result, f"{self.lesson.key}-{self.section.key}"))

    @property
    def prediction(self) -> Prediction:
        assert self.prediction_key is not None, "this screen asks for no prediction"
        return self.lesson.predictions[self.prediction_key]

    def score(self, guess: str | None, truth: int, measured: str) -> str:
        """HTML that sets the learner's ``guess`` against ``measured``; ``truth`` indexes the choice that came true."""
        came_true = self.prediction.choices[truth]
        name = f"{self.lesson.key}/{self.prediction_key}"
        if guess is None:
            said, hit = Markup("You ran it without a guess."), "none"
        elif guess == came_true:
            said, hit = Markup("Your guess held: <b>{}</b>.").format(plain(guess)), "yes"
        else:
            said, hit = (
                Markup("You guessed <b>{}</b>; it was <b>{}</b>.").format(plain(guess), plain(came_true)),
                "no",
            )
        return str(
            Markup(
                '<div class="verdict verdict-{hit}" role="status" data-prediction="{name}" data-hit="{hit}">'
                "{said} Measured: {measured}. {because}</div>"
            ).format(
                hit=hit,
                name=name,
                said=said,
                measured=plain(measured),
                because=inline(self.prediction.reason(truth)),
            )
        )


class LessonPage:
    """Builds the screens of one lesson, in order; see the module's example."""

    def __init__(self, lesson: Lesson, eyebrow: str) -> None:
        self.lesson, self.eyebrow, self.opened = lesson, eyebrow, 0

    @contextmanager
    def screen(self, key: str, *, predict: str | None = None) -> Iterator[Screen]:
        section = self.lesson.section(key)
        first, self.opened = self.opened == 0, self.opened + 1
        with gr.Row(elem_classes=["screen", "screen-first" if first else "screen-later"]):
            with gr.Column(elem_classes=["prose-column"], min_width=260, scale=34):
                gr.HTML(str(self._words(section, first)), elem_classes=["words"])
                guess, verdict = self._prediction(predict)
                if section.deeper:
                    deeper = prose(section.deeper, f"{self.lesson.key}-{key}-deeper")
                    gr.HTML(str(views.drawer("Deeper", deeper)), elem_classes=["words"])
            with gr.Column(elem_classes=["stage"], min_width=300, scale=84):
                yield Screen(self.lesson, section, predict, guess, verdict)

    def _words(self, section: Section, first: bool) -> Markup:
        body = prose(section.prose, f"{self.lesson.key}-{section.key}")
        if not first:
            return Markup("<h2>{}</h2>{}").format(inline(section.title), body)
        objectives = views.join(Markup("<li>{}</li>").format(inline(o)) for o in self.lesson.objectives)
        return Markup(
            '<p class="eyebrow">{}</p><h1>{}</h1>{}'
            '<details class="drawer objectives"><summary>What you will be able to explain</summary>'
            "<ul>{}</ul></details>"
        ).format(self.eyebrow, inline(self.lesson.title), body, objectives)

    def _prediction(self, key: str | None) -> tuple[gr.Radio | None, gr.HTML | None]:
        if key is None:
            return None, None
        prediction = self.lesson.predictions[key]
        with gr.Column(elem_classes=["predict"]):
            guess = gr.Radio(list(prediction.choices), label=f"Predict first: {prediction.question}")
            verdict = gr.HTML("", elem_classes=["verdict-holder"])
        return guess, verdict

    def close(self) -> None:
        """Quiz, flashcards and sources: what every lesson ends with."""
        with gr.Row(elem_classes=["closing"]):
            gr.HTML(str(quiz.quiz(self.lesson.key)), elem_classes=["quiz-holder"])
            quiz.flashcards(self.lesson.key)
        gr.HTML(str(_sources(self.lesson)), elem_classes=["words", "sources"])
        gr.HTML(str(_next(self.lesson)), elem_classes=["next-holder"])


@contextmanager
def lesson_page(key: str) -> Iterator[LessonPage]:
    """The page of lesson ``key``, closed with its quiz, flashcards and sources."""
    lesson = read_lesson(key)
    page = LessonPage(lesson, _eyebrow(lesson))
    with gr.Column(elem_classes=["lesson", f"ink-{lesson.ink}"], elem_id=f"lesson-{key}"):
        yield page
        page.close()


def _eyebrow(lesson: Lesson) -> str:
    from lessons.course import UNITS

    for unit in UNITS:
        if lesson.key in unit.lessons:
            return f"{unit.title} · lesson {unit.lessons.index(lesson.key) + 1} · {lesson.minutes} min"
    return f"{lesson.minutes} min"


def _next(lesson: Lesson) -> Markup:
    """The way to the next lesson, or from the last one back to the map."""
    from lessons.course import UNITS

    order = [key for unit in UNITS for key in unit.lessons]
    place = order.index(lesson.key) + 1 if lesson.key in order else len(order)
    if place == len(order):
        return Markup(
            '<a class="card next" href="?" data-action="open" data-lesson=""><span class="eyebrow">That was the last '
            "lesson</span><b>Back to the start page</b><span>Your progress, the map and the glossary.</span></a>"
        )
    following = read_lesson(order[place])
    return Markup(
        '<a class="card next ink-{ink}" href="?lesson={key}" data-action="open" data-lesson="{key}">'
        '<span class="eyebrow">Next lesson</span><b>{title}</b><span>{summary}</span></a>'
    ).format(ink=following.ink, key=following.key, title=inline(following.title), summary=inline(following.summary))


def _sources(lesson: Lesson) -> Markup:
    rows = []
    for source in lesson.sources:
        title = (
            Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(source.url, source.title)
            if source.url
            else Markup("<cite>{}</cite>").format(source.title)
        )
        year = f" ({source.year})" if source.year else ""
        note = Markup(" — {}").format(inline(source.note)) if source.note else Markup("")
        rows.append(Markup("<li>{}{}{}{}</li>").format(f"{source.by}{year}. " if source.by else "", title, "", note))
    return Markup('<details class="drawer" open><summary>Sources</summary><ul>{}</ul></details>').format(
        views.join(rows)
    )
