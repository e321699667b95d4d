"""For teachers: tracks through the course, a worksheet and an answer key for each lesson, and how to run a class.

All of it is read from the lessons: their words, the buttons of their pages, and what was recorded of them. The page is
built after those of the lessons; the sheets are made when they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from lessons.course import NOTES, TRACKS, UNITS, Track
from lessons.shell import frame, recorded, sheets
from lessons.shell.content import ADDRESS, LESSONS, Choice, Prediction, Question, Section, read_quiz
from lessons.shell.prose import inline, markdown, plain, printed
from lessons.shell.views import drawer, join

TEACHERS = "teachers"
"""The page's address."""
LAB = LESSONS / "teachers.md"
FINDINGS = re.compile(r'<ul class="findings".*?</ul>', re.DOTALL)
BEFORE_PERCENT = re.compile(r"(?<=\d) (?=%)")
SETTINGS = re.compile(r'<span class="settings">(.*?)</span>', re.DOTALL)


@dataclass(frozen=True)
class Step:
    """What a teacher has to know of a screen. ``press``: the words on the button that answers the question.

    ``settings`` and ``findings`` are those of the recorded run, as HTML, and ``truth`` what it says of the prediction;
    "" where nothing was recorded.
    """

    section: Section
    prediction: Prediction | None
    press: str
    settings: Markup
    findings: Markup
    truth: Markup


def steps(lesson: str) -> tuple[Step, ...]:
    """The screens of a lesson, in order."""
    return tuple(_step(frame.built[lesson], screen) for screen in frame.built[lesson].screens)


def _step(page: frame.LessonPage, screen: frame.Screen) -> Step:
    here = [one for one in page.experiments if one.screen is screen]
    asked = next((one for one in here if one.verdict is not None), here[0])
    kept = recorded.read(asked.name)
    shown = kept["places"]["result"] if kept else ""
    found, made_with = FINDINGS.search(shown), SETTINGS.search(shown)
    return Step(
        screen.section,
        screen.prediction if screen.prediction_key else None,
        asked.words,
        Markup(made_with[1] if made_with else ""),
        Markup(found[0] if found else ""),
        _truth(screen, kept["truth"]) if kept and "truth" in kept else Markup(""),
    )


def _truth(screen: frame.Screen, told: Sequence[Any]) -> Markup:
    measured, choice, *others = told
    return Markup('<p class="truth"><b>Recorded:</b> {} → <b>{}</b>{}</p>').format(
        plain(measured),
        screen.prediction.texts[choice],
        " (undecided: the interval reaches into more than one answer)" if others else "",
    )


# --- The page ------------------------------------------------------------------------------------------------


def page() -> None:
    """Puts the page together; the pages of all lessons have been built."""
    frame.still(str(_page()))


def _page() -> Markup:
    return Markup(
        '<div class="home teachers"><p class="eyebrow">In front of a class</p><h1>For teachers</h1>'
        '<p class="lede">Three tracks lead through the course: ask the class for a guess, press the button, compare. '
        "Each lesson has a worksheet to write the guesses down and an answer key.</p>"
        '<nav class="jumps" aria-label="On this page">{jumps}<a href="{here}#sheets">Worksheets and answer keys</a>'
        '<a href="{here}#lab">In a lab</a></nav>{tracks}{sheets}{lab}</div>'
    ).format(
        here=TEACHERS,
        jumps=join(
            Markup('<a href="{0}#track-{1}">{1} minutes</a>').format(TEACHERS, track.minutes) for track in TRACKS
        ),
        tracks=join(map(_track, TRACKS)),
        sheets=_sheets(),
        lab=_lab(),
    )


def _track(track: Track) -> Markup:
    return Markup(
        '<section class="track" id="track-{minutes}"><h2>{minutes} minutes: {title}</h2><ol>{stops}</ol></section>'
    ).format(minutes=track.minutes, title=track.title, stops=join(_stops(track)))


def _stops(track: Track) -> Iterator[Markup]:
    begun = 0
    for lesson, screen, minutes in track.stops:
        words = frame.built[lesson].lesson
        step = next(step for step in steps(lesson) if step.section.key == screen)
        yield Markup(
            '<li class="ink-{ink}"><span class="when">{begun}–{ended} min</span><div><span class="eyebrow">{tab}</span>'
            '<h3><a href="{lesson}#{lesson}-{screen}">{title}</a></h3>{ask}{see}</div></li>'
        ).format(
            ink=words.ink,
            begun=begun,
            ended=begun + minutes,
            tab=inline(words.tab),
            lesson=lesson,
            screen=screen,
            title=inline(step.section.title),
            ask=_ask(step),
            see=drawer("What they should see", _note(lesson, screen) + _see(step)),
        )
        begun += minutes


def _note(lesson: str, screen: str) -> Markup:
    note = NOTES.get((lesson, screen))
    return Markup("<p>{}</p>").format(note) if note else Markup("")


def _ask(step: Step) -> Markup:
    assert step.prediction is not None, "a track stops where there is something to guess"
    choices = Markup(" / ").join(Markup("<i>{}</i>").format(text) for text in step.prediction.texts)
    return Markup("<p><b>Ask:</b> {} {}</p><p><b>Then press</b> “{}”.</p>").format(
        step.prediction.question, choices, step.press
    )


def _see(step: Step) -> Markup:
    """What came out when the screen was recorded, and what to say of it."""
    run = Markup("<p>Of this run nothing is recorded: press “{}” and read it there.</p>").format(step.press)
    if step.findings:
        run = Markup('<p class="run"><span class="badge badge-recorded">recorded</span> {}</p>{}').format(
            step.settings, step.findings
        )
    return run + step.truth + (_meaning(step.prediction) if step.prediction else Markup(""))


def _meaning(prediction: Prediction) -> Markup:
    if isinstance(prediction.because, str):
        return Markup("<p>{}</p>").format(inline(prediction.because))
    rows = zip(prediction.texts, prediction.because, strict=True)
    return Markup("<ul>{}</ul>").format(
        join(Markup("<li><b>If {}:</b> {}</li>").format(text, inline(reason)) for text, reason in rows)
    )


def _sheets() -> Markup:
    rows = (
        Markup(
            '<tr><th scope="row"><a href="{key}">{tab}</a></th><td>{minutes} min</td>'
            '<td><a href="{address}/worksheets/{key}" aria-label="Worksheet: {tab}">Worksheet</a></td>'
            '<td><a href="{address}/answers/{key}" aria-label="Answer key: {tab}">Answer key</a></td></tr>'
        ).format(
            key=key,
            tab=inline(frame.built[key].lesson.tab),
            minutes=frame.built[key].lesson.minutes,
            address=ADDRESS,
        )
        for key in _keys()
    )
    return Markup(
        '<section id="sheets"><h2>Worksheets and answer keys</h2><p>A worksheet holds the objectives, each prediction '
        "with room to write before the run and after it, and the quiz without its answers. The key holds what was "
        "recorded, what each outcome means, and the mistaken idea behind each wrong answer. Both print in black on A4. "
        'Whoever knows a key’s address can open it.</p><table><thead class="sr-only"><tr><th scope="col">Lesson</th>'
        '<th scope="col">Time</th><th scope="col">Worksheet</th><th scope="col">Answer key</th></tr></thead>'
        "<tbody>{}</tbody></table></section>"
    ).format(join(rows))


def _lab() -> Markup:
    words = markdown.render(LAB.read_text(encoding="utf-8")).replace("<pre>", '<pre tabindex="0">')
    return Markup('<section id="lab">{}</section>').format(Markup(words))


# --- The sheets ----------------------------------------------------------------------------------------------


def worksheet(lesson: str) -> str:
    """What a learner of ``lesson`` prints and fills in; no answer stands in it."""
    words = frame.built[lesson].lesson
    goals = join(Markup("<li>{}</li>").format(inline(goal)) for goal in words.objectives)
    body = Markup(
        '<div class="fill"><span>Name</span><span>Date</span></div><p>Lesson “{}”, about {} minutes.</p>'
        "<h2>You will be able to explain</h2><ul>{}</ul>{}<p><b>Turn over only when all runs are done.</b></p>"
        '<div class="quiz"><h2>Check yourself</h2>{}</div>'
    ).format(
        inline(words.tab),
        words.minutes,
        goals,
        join(_to_fill(number, step) for number, step in enumerate(steps(lesson), 1)),
        join(_question(number, one, _box) for number, one in enumerate(read_quiz(lesson).questions, 1)),
    )
    return sheets.sheet(f"Worksheet: {words.title}", _held(body), BACK)


def answers(lesson: str) -> str:
    """The key to :func:`worksheet`."""
    words = frame.built[lesson].lesson
    body = Markup("<p>Lesson “{}”.</p>{}<h2>Check yourself</h2>{}").format(
        inline(words.tab),
        join(_filled(number, step, _note(lesson, step.section.key)) for number, step in enumerate(steps(lesson), 1)),
        join(_question(number, one, _explained) for number, one in enumerate(read_quiz(lesson).questions, 1)),
    )
    return sheets.sheet(f"Answer key: {words.title}", _held(body), BACK)


def _held(body: Markup) -> Markup:
    """No line ends between a number and its percent sign."""
    return Markup(BEFORE_PERCENT.sub("\u00a0", body))


BACK = (f"../../{TEACHERS}", "For teachers")


def _lines(words: str, count: int) -> Markup:
    return Markup('<p class="lines">{}{}</p>').format(words, Markup("<span></span>") * count)


def _to_fill(number: int, step: Step) -> Markup:
    heading = Markup("<h2>{}. {}</h2>").format(number, inline(step.section.title))
    if step.prediction is None:
        task = printed(step.section.parts()[0])
        press = Markup("<p>Then press “{}”.</p>").format(step.press) if step.press else Markup("")
        return Markup("<section>{}{}{}{}</section>").format(heading, task, press, _lines("My notes:", 7))
    return Markup(
        '<section>{}<div class="whole"><p><b>Predict first:</b> {}</p><ul>{}</ul></div>'
        "{}<p>Now press “{}”.</p>{}</section>"
    ).format(
        heading,
        step.prediction.question,
        join(Markup('<li class="box">{}</li>').format(text) for text in step.prediction.texts),
        _lines("Because:", 2),
        step.press,
        _lines("What was measured, and what surprised me:", 2),
    )


def _filled(number: int, step: Step, note: Markup) -> Markup:
    asked = Markup("<p><b>{}</b></p>").format(step.prediction.question) if step.prediction else Markup("")
    return Markup("<section><h2>{}. {}</h2>{}{}</section>").format(
        number, inline(step.section.title), asked, note + _see(step)
    )


def _question(number: int, question: Question, choice: Callable[[Choice], Markup]) -> Markup:
    return Markup('<section class="whole"><p><b>{}. {}</b></p><ul>{}</ul></section>').format(
        number, inline(question.question), join(map(choice, question.choices))
    )


def _box(choice: Choice) -> Markup:
    return Markup('<li class="box">{}</li>').format(inline(choice.text))


def _explained(choice: Choice) -> Markup:
    if choice.right:
        return Markup('<li class="right"><b>{}</b><br><b>Right.</b> {}</li>').format(
            inline(choice.text), inline(choice.feedback)
        )
    return Markup('<li class="wrong">{}<br>Mistaken idea: “{}”. {}</li>').format(
        inline(choice.text), plain(choice.misconception), inline(choice.feedback)
    )


def _keys() -> list[str]:
    return [key for unit in UNITS for key in unit.lessons]


def _served(made: Callable[[str], str]) -> Callable[[Request], Response]:
    def serve(request: Request) -> Response:
        lesson = request.path_params["lesson"]
        return HTMLResponse(made(lesson)) if lesson in _keys() else sheets.missing()

    return serve


ROUTES = (
    Route(f"/{ADDRESS}/worksheets/{{lesson}}", _served(worksheet)),
    Route(f"/{ADDRESS}/answers/{{lesson}}", _served(answers)),
)
