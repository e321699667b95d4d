"""Every lesson's words are whole: objectives, predictions, sources, quiz, flashcards, glossary."""

from __future__ import annotations

import re

import pytest
import yaml

from lessons import course
from lessons.shell import home
from lessons.shell.content import LESSONS, folder, read_glossary, read_lesson, read_quiz
from lessons.shell.prose import prose

KEYS = [key for unit in course.UNITS for key in unit.lessons]


@pytest.mark.parametrize("key", KEYS)
def test_lesson_reads(key: str) -> None:
    lesson = read_lesson(key)
    assert lesson.key == key
    assert 10 <= lesson.minutes <= 20
    for section in lesson.sections:
        for text in (section.prose, section.deeper):
            assert prose(text, "test")
        assert len(section.prose.split()) >= 40, f"{section.key} says too little"
    science = {f"{section.key.replace('-', '_')}.py" for section in lesson.sections}
    assert {"page.py", "figures.py", *science} <= {path.name for path in folder(key).iterdir()}


@pytest.mark.parametrize("key", KEYS)
def test_every_screen_and_prediction_is_used(key: str) -> None:
    page = (folder(key) / "page.py").read_text(encoding="utf-8")
    lesson = read_lesson(key)
    for name in [section.key for section in lesson.sections] + list(lesson.predictions):
        assert f'"{name}"' in page, f"{name} is written but never shown"


@pytest.mark.parametrize("key", KEYS)
def test_quiz_reads(key: str) -> None:
    quiz = read_quiz(key)
    names = [question.key for question in quiz.questions]
    assert len(names) == len(set(names))
    cards = [card.key for card in quiz.flashcards]
    assert len(cards) == len(set(cards))


@pytest.mark.parametrize("key", KEYS)
def test_the_right_answer_is_not_given_away(key: str) -> None:
    """Neither always in the same place nor always the longest."""
    questions = read_quiz(key).questions
    places = [next(i for i, choice in enumerate(q.choices) if choice.right) for q in questions]
    longest = [max(q.choices, key=lambda choice: len(choice.text)).right for q in questions]
    assert len(set(places)) > 1
    assert not all(longest)


def test_glossary_is_unique_and_names_real_lessons() -> None:
    text = (LESSONS / "glossary.yaml").read_text(encoding="utf-8")
    keys = [line.split(":")[0] for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(keys) == len(set(keys))
    assert set(yaml.safe_load(text)) == set(read_glossary())
    for term in read_glossary().values():
        assert term.lessons and set(term.lessons) <= set(KEYS)


def test_every_term_leads_to_where_it_is_explained() -> None:
    sections = [(f"{key}-{section.key}", section) for key in KEYS for section in read_lesson(key).sections]
    screens = {screen for screen, _ in sections}
    folded = (str(prose(section.deeper, f"{screen}-deeper")) for screen, section in sections)
    words = {name for html in folded for name in re.findall(r'class="term" id="([^"]+)"', html)}
    links = re.findall(r'href="([^"#]+)(?:#([^"]+))?"', str(home._glossary()))
    assert len(links) == sum(len(term.lessons) for term in read_glossary().values())
    assert {lesson for lesson, _ in links} <= set(KEYS) and {screen for _, screen in links if screen} <= screens | words
    assert ("tokenization", "tokenization-chunks") in links
    assert ("sampling", "sampling-branch-deeper-beam-search") in links


def test_an_entry_does_not_lead_to_the_lesson_it_is_opened_in() -> None:
    elsewhere, here = prose("A [[latent]].", "x"), prose("A [[latent]].", "x", "latents")
    assert 'href="latents#latents-shrink"' in elsewhere and 'href="noising#noising-ruin"' in here
    assert 'href="latents' not in here and "Explained" not in prose("A [[token]].", "x", "tokenization")
