"""The page for teachers and its sheets: made of the lessons' own words, and every link leads somewhere."""

from __future__ import annotations

import re

import pytest
from markupsafe import Markup, escape
from starlette.applications import Starlette
from starlette.testclient import TestClient

import app
from engines.models import settings
from lessons import course
from lessons.shell import frame, pages, teachers, theme
from lessons.shell.content import Prediction, Question, read_lesson, read_quiz
from lessons.shell.prose import inline
from tests.lessons.common import NASTY
from tests.lessons.test_sheets import read

KEYS = [key for unit in course.UNITS for key in unit.lessons]


NOT_RECORDED = {"tokenization": 2, "predict-and-test": 1}
"""Predictions of a lesson whose run is not recorded: the page opens on something else, or waits for the learner."""


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    app.build()


@pytest.fixture(scope="module")
def page() -> str:
    return str(teachers._page())


def test_the_tracks_add_up_and_stop_where_there_is_something_to_guess_and_to_see() -> None:
    assert [track.minutes for track in course.TRACKS] == [10, 45, 90]
    for track in course.TRACKS:
        places = [(lesson, screen) for lesson, screen, _ in track.stops]
        assert len(set(places)) == len(places) and min(minutes for *_, minutes in track.stops) >= 3
        for lesson, screen in places:
            (step,) = (step for step in teachers.steps(lesson) if step.section.key == screen)
            assert step.prediction and step.press and step.findings and step.settings, (lesson, screen)


def test_a_track_tells_when_each_stop_begins_and_ends(page: str) -> None:
    for track, part in zip(course.TRACKS, page.split('<section class="track"')[1:], strict=True):
        times = [(int(a), int(b)) for a, b in re.findall(r'class="when">(\d+)–(\d+) min', part)]
        assert times[0][0] == 0 and times[-1][1] == track.minutes
        assert all(one[1] == other[0] for one, other in zip(times, times[1:], strict=False))


def test_every_link_leads_to_a_page_and_keeps_a_root_path(page: str) -> None:
    screens = {f"{key}#{key}-{section.key}" for key in KEYS for section in read_lesson(key).sections}
    places = {f"{teachers.TEACHERS}#{name}" for name in re.findall(r' id="([^"]+)"', page)}
    sheets = {f"course/{kind}/{key}" for kind in ("worksheets", "answers") for key in KEYS}
    links = set(re.findall(r'href="([^"]+)"', page))
    assert sheets <= links <= {"./", "./#badges", *KEYS} | screens | places | sheets


def paper(address: str) -> str:
    """A sheet, on which no number is parted from its percent sign."""
    sheet = read(address)
    assert not re.search(r"\d %", sheet)
    return sheet.replace("\u00a0%", " %")


@pytest.mark.parametrize("key", KEYS)
def test_a_worksheet_asks_everything_and_answers_nothing(key: str) -> None:
    lesson, quiz, sheet = read_lesson(key), read_quiz(key), paper(f"course/worksheets/{key}")
    asked = [*map(inline, lesson.objectives), *(escape(one.question) for one in lesson.predictions.values())]
    asked += [inline(one.question) for one in quiz.questions]
    asked += [inline(choice.text) for one in quiz.questions for choice in one.choices]
    assert [one for one in asked if one not in sheet] == []
    assert [section.title for section in lesson.sections if inline(section.title) not in sheet] == []
    assert [one for one in told(key) if one in sheet] == []


@pytest.mark.parametrize("key", KEYS)
def test_a_key_explains_every_outcome_and_every_mistaken_idea(key: str) -> None:
    sheet = paper(f"course/answers/{key}")
    assert [one for one in told(key) if one not in sheet] == []
    assert sheet.count('class="right"') == len(read_quiz(key).questions)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_says_what_the_recorded_run_made_right(key: str) -> None:
    sheet = paper(f"course/answers/{key}")
    told = [step for step in teachers.steps(key) if step.truth]
    assert [step.section.key for step in told if step.truth not in sheet] == []
    assert sheet.count("<b>Recorded:</b>") == len(told) >= len(read_lesson(key).predictions) - NOT_RECORDED.get(key, 0)
    assert "Recorded:" not in paper(f"course/worksheets/{key}")


def test_an_undecided_run_says_so() -> None:
    screen = frame.built["handoff"].screens[0]
    assert "undecided" not in teachers._truth(screen, [NASTY, 1]) and "<img" not in teachers._truth(screen, [NASTY, 1])
    assert "(undecided: the interval" in teachers._truth(screen, ["2 of 8", 0, 1])


def test_a_part_without_a_prediction_says_what_to_do() -> None:
    sheet = paper("course/worksheets/predict-and-test")
    assert "Write three prompts" in sheet and "Go back to your reasons" in sheet and "[[" not in sheet


def test_the_quiz_is_a_page_of_its_own() -> None:
    sheet = paper(f"course/worksheets/{KEYS[0]}")
    assert sheet.index("Turn over only when all runs are done.") < sheet.index('<div class="quiz"><h2>Check yourself')
    assert ".quiz { break-before: page; }" in sheet


def test_a_note_stands_at_a_stop_there_is(page: str) -> None:
    assert set(course.NOTES) <= {stop[:2] for track in course.TRACKS for stop in track.stops}
    assert [note for note in course.NOTES.values() if escape(note) not in page] == []
    for (lesson, _), note in course.NOTES.items():
        assert escape(note) in paper(f"course/answers/{lesson}")


def told(key: str) -> list[Markup]:
    """What only the teacher is told."""
    reasons: list[str] = []
    for one in read_lesson(key).predictions.values():
        reasons += [one.because] if isinstance(one.because, str) else one.because
    choices = [choice for question in read_quiz(key).questions for choice in question.choices]
    ideas = [escape(choice.misconception) + "”." for choice in choices if not choice.right]
    return [*map(inline, filter(None, reasons)), *(inline(choice.feedback) for choice in choices), *ideas]


def test_only_lessons_have_sheets() -> None:
    client = TestClient(Starlette(routes=list(teachers.ROUTES)))
    for name in ("nothing", "teachers", "two_physics", "..", "%2e%2e%2fengines", "<b>"):
        for kind in ("worksheets", "answers"):
            assert client.get(f"/course/{kind}/{name}").status_code == 404


def test_what_stands_on_a_sheet_is_escaped() -> None:
    asked = Prediction(question=NASTY, choices=(NASTY, "b"), because=(NASTY, "c"))
    step = teachers.Step(read_lesson(KEYS[0]).sections[0], asked, NASTY, Markup(), Markup(), Markup())
    right, wrong = {"text": NASTY, "feedback": NASTY, "right": True}, {"text": "b", "feedback": "c"}
    question = Question(key="k", question=NASTY, choices=(right, {**wrong, "misconception": NASTY}))
    shown = [teachers._to_fill(1, step), teachers._filled(1, step, Markup()), teachers._ask(step)]
    for choice in (teachers._box, teachers._explained):
        shown.append(teachers._question(1, question, choice))
    assert not [one for one in shown if "<script" in one or "<img" in one]


def test_the_settings_named_are_those_there_are() -> None:
    words = teachers.LAB.read_text(encoding="utf-8")
    known = {setting.name: setting for setting in settings.ALL}
    named = re.findall(r"(PLAYGROUND_\w+)(?:=(\w+))?", words)
    assert len(named) >= 4 and all(not value or value in known[name].words for name, value in named)


def test_the_page_is_no_lesson() -> None:
    assert teachers.TEACHERS not in theme._course_facts()
    assert f'data-total="{len(KEYS)}"' in pages.masthead(teachers.TEACHERS)
    assert "aria-current" not in pages.masthead(teachers.TEACHERS)
