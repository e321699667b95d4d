"""The frame of a lesson: screens with words beside the stage, a guess before the run, a quiz at the end.

with lesson_page("sampling") as lesson:
    with lesson.screen("seeds", predict="third-key") as screen:
        ...controls...
        experiment(screen, "Run them all", seeding.crowd, [text, seed], {tree: figures.tree})
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from engines.evidence import Evidence
from lessons.shell import captions, events, quiz, views, waking
from lessons.shell.content import Lesson, Prediction, Section, read_lesson
from lessons.shell.prose import inline, plain, prose


def still(markup: str, *classes: str, **options: Any) -> gr.HTML:
    """A place for markup that tells the server of no click, as gradio's default would at the cost of a script."""
    return gr.HTML(markup, elem_classes=list(classes), js_on_load=None, **options)


UNDECIDED = "The interval reaches into more than one answer, so these runs alone do not decide."
OPEN = "This measurement leaves every answer open, so no guess is scored."


@dataclass(frozen=True)
class Outcome:
    """Which choices of a prediction a measurement bears out: number ``index``, and ``others`` that it cannot tell
    from it.
    """

    index: int
    others: frozenset[int]
    measured: str


@dataclass(eq=False)
class Screen:
    """One idea: a section of words and, beside it, the stage."""

    page: LessonPage
    section: Section
    prediction_key: str | None = None
    _asked: tuple[gr.Radio, gr.HTML] | None = None

    @property
    def lesson(self) -> Lesson:
        return self.page.lesson

    def ask(self) -> tuple[gr.Radio, gr.HTML]:
        """The prediction's choices, put on the page at the first call, and the place of the verdict, not put yet."""
        if self._asked is None:
            with gr.Column(elem_classes=["predict"]):
                guess = gr.Radio(self.prediction.texts, label=f"Predict first: {self.prediction.question}")
            verdict = still(str(views.unscored()), "verdict-holder", render=False)
            self._asked = guess, verdict
        return self._asked

    @property
    def guess(self) -> gr.Radio:
        return self.ask()[0]

    @property
    def verdict(self) -> gr.HTML:
        """Where the verdict stands; put on the page at the first call."""
        place = self.ask()[1]
        if not place.is_rendered:
            place.render()
        return place

    def evidence(self, empty: str = views.NOT_RUN, veiled: bool = False) -> gr.HTML:
        """The place under the stage for an Evidence; fill it with what :meth:`show` returns.

        ``veiled``: what was recorded would give the prediction away, so it is blurred until there is a guess.
        """
        return still(str(views.empty(empty)), "evidence-view", *(["veiled"] if veiled else []))

    def show(self, result: Evidence) -> str:
        """HTML of a result: badge and settings, findings, and drawers with table, code and download."""
        return str(views.evidence(result, f"{self.lesson.key}-{self.section.key}"))

    @property
    def prediction(self) -> Prediction:
        assert self.prediction_key is not None, "this screen asks for no prediction"
        return self.lesson.predictions[self.prediction_key]

    def outcome(self, truth: float, measured: str, as_near: Sequence[float] = ()) -> Outcome:
        """``truth`` is the measured number where the choices are ranges, else the index of the one that came true;
        ``as_near`` are others that the measurement cannot tell from it, or the ends of its interval.
        """
        found = {self.prediction.which(one) for one in (truth, *as_near)}
        ranges = self.prediction.choices[0].below is not None or self.prediction.choices[0].upto is not None
        possible = frozenset(range(min(found), max(found) + 1) if ranges else found)
        index = self.prediction.which(truth)
        return Outcome(index, possible - {index}, measured)

    def score(self, guess: str | None, truth: float, measured: str, as_near: Sequence[float] = ()) -> str:
        """HTML that sets the learner's ``guess`` against the :meth:`outcome`.

        No guess is scored where every choice is possible.
        """
        came_out = self.outcome(truth, measured, as_near)
        index, others, texts = came_out.index, came_out.others, self.prediction.texts
        came_true = texts[index]
        name = f"{self.lesson.key}/{self.prediction_key}"
        because = Markup(UNDECIDED) if others else inline(self.prediction.reason(index))
        if len(others) == len(texts) - 1:
            said, hit, because = Markup(OPEN), "none", Markup("")
        elif guess is None:
            said, hit = Markup("You ran it without a guess."), "none"
        elif others and guess in (texts[one] for one in (index, *others)):
            middle = Markup("there") if guess == came_true else Markup("at <b>{}</b>").format(plain(came_true))
            words = Markup("Your guess is possible: <b>{}</b>. The middle of the measurement lies {}.")
            said, hit = words.format(plain(guess), middle), "yes"
        elif guess == came_true:
            said, hit = Markup("Your guess held: <b>{}</b>.").format(plain(guess)), "yes"
        else:
            words = Markup("You guessed <b>{}</b>; {} <b>{}</b>.")
            was = "the middle of the measurement lies at" if others else "it was"
            said, hit = words.format(plain(guess), was, plain(came_true)), "no"
        return str(
            Markup(
                '<div class="verdict verdict-{hit}" role="status" data-prediction="{name}" data-hit="{hit}">'
                "{said} Measured: {measured}. {because}</div>"
            ).format(hit=hit, name=name, said=said, measured=plain(measured), because=because)
        )


class LessonPage:
    """Builds the screens of one lesson, in order; see the module's example.

    ``screens`` and ``experiments`` are those built so far.
    """

    def __init__(self, lesson: Lesson, eyebrow: str) -> None:
        self.lesson, self.eyebrow = lesson, eyebrow
        self.screens: list[Screen] = []
        self.experiments: list[Any] = []

    @contextmanager
    def screen(self, key: str, *, predict: str | None = None) -> Iterator[Screen]:
        section = self.lesson.section(key)
        made = Screen(self, section, predict)
        first = not self.screens
        self.screens.append(made)
        lead, rest = section.parts()
        with gr.Row(
            elem_classes=["screen", "screen-first" if first else "screen-later"], elem_id=f"{self.lesson.key}-{key}"
        ):
            with gr.Column(elem_classes=["lead"], min_width=0):
                still(str(self._lead(section, lead, first)), "words")
            with gr.Column(elem_classes=["stage"], min_width=0):
                yield made
            with gr.Column(elem_classes=["rest"], min_width=0):
                still(str(self._rest(section, rest, first)), "words")

    def _lead(self, section: Section, lead: str, first: bool) -> Markup:
        body = prose(lead, f"{self.lesson.key}-{section.key}", self.lesson.key)
        if not first:
            return Markup("<h2>{}</h2>{}").format(inline(section.title), body)
        return Markup('<p class="eyebrow">{}</p><h1>{}</h1>{}').format(self.eyebrow, inline(self.lesson.title), body)

    def _rest(self, section: Section, rest: str, first: bool) -> Markup:
        here, where = self.lesson.key, f"{self.lesson.key}-{section.key}"
        words = prose(rest, f"{where}-rest", here) if rest else Markup("")
        if section.deeper:
            words += views.drawer("Deeper", prose(section.deeper, f"{where}-deeper", here))
        if first:
            objectives = views.join(Markup("<li>{}</li>").format(inline(o)) for o in self.lesson.objectives)
            words += views.drawer("What you will be able to explain", Markup("<ul>{}</ul>").format(objectives))
        return words

    def close(self) -> None:
        """Quiz, flashcards and sources: what every lesson ends with."""
        with gr.Row(elem_classes=["closing"]):
            still(str(quiz.quiz(self.lesson.key)), "quiz-holder")
            quiz.flashcards(self.lesson.key)
        still(str(_sources(self.lesson)), "words", "sources")
        still(str(_next(self.lesson)), "next-holder")


@contextmanager
def lesson_page(key: str) -> Iterator[LessonPage]:
    """The page of lesson ``key``, closed with its quiz, flashcards and sources."""
    lesson = read_lesson(key)
    page = LessonPage(lesson, _eyebrow(lesson))
    with gr.Column(elem_classes=["lesson", f"ink-{lesson.ink}"], elem_id=f"lesson-{key}"):
        still(str(_whereabouts(lesson)), "whereabouts-holder")
        waking.notices(lesson)
        yield page
        page.close()
        if lesson.ink != "typewriter":
            events.at_load(captions.panel, still("", "known-words-holder"))
        events.endpoints(key)
    built[key] = page


built: dict[str, LessonPage] = {}
"""The lesson pages built last, by key; ``lessons.record`` runs their experiments."""


def _whereabouts(lesson: Lesson) -> Markup:
    """The screens of the lesson as a row of links; ``playground.js`` marks where the reader is."""
    steps = views.join(
        Markup('<li><a href="{lesson}#{lesson}-{key}" data-screen="{lesson}-{key}">{title}</a></li>').format(
            lesson=lesson.key, key=section.key, title=inline(section.title)
        )
        for section in lesson.sections
    )
    return Markup('<nav class="whereabouts" aria-label="Screens of this lesson"><ol>{}</ol></nav>').format(steps)


def _eyebrow(lesson: Lesson) -> str:
    from lessons.course import UNITS

    for unit in UNITS:
        if lesson.key in unit.lessons:
            return f"{unit.title} · lesson {unit.lessons.index(lesson.key) + 1} · {lesson.minutes}\u00a0min"
    return f"{lesson.minutes} min"


def _next(lesson: Lesson) -> Markup:
    """The way to the next lesson, or from the last one back to the map."""
    from lessons.course import UNITS

    order = [key for unit in UNITS for key in unit.lessons]
    place = order.index(lesson.key) + 1 if lesson.key in order else len(order)
    if place == len(order):
        return Markup(
            '<a class="card next" href="./"><span class="eyebrow">That was the last '
            "lesson</span><b>Back to the start page</b><span>Your progress, the map and the glossary.</span></a>"
        )
    following = read_lesson(order[place])
    return Markup(
        '<a class="card next ink-{ink}" href="{key}">'
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
