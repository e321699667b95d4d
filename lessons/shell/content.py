"""A lesson's words: ``lesson.md`` (prose, objectives, predictions, sources) and ``quiz.yaml``.

Pydantic checks both, so that a lesson with a missing explanation fails in the tests and not in class.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

LESSONS = Path(__file__).resolve().parents[1]
ADDRESS = "course"
"""Where the server offers the playground's own files, relative to any page; see :mod:`lessons.shell.serving`."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it: ten times as fast, and every start reads all lessons."""
Words = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Strict):
    """A work a claim rests on. ``note`` says what it supports, or where it is only roughly true."""

    title: Words
    by: str = ""
    year: int | None = None
    url: str = ""
    note: str = ""


class Guess(Strict):
    """One choice of a prediction. Of choices that are ranges each says where it ends: ``below`` (not reached) or
    ``upto`` (reached); the last is open.
    """

    text: Words
    below: float | None = None
    upto: float | None = None

    def holds(self, value: float) -> bool:
        if self.below is not None:
            return value < self.below
        return self.upto is None or value <= self.upto


class Prediction(Strict):
    """A guess asked for before a run; a measurement later picks the choice that came true.

    ``because`` explains the outcome: one text that holds whatever is measured, or one for each choice.
    """

    question: Words
    choices: Annotated[tuple[Guess, ...], Field(min_length=2, max_length=6)]
    because: str | tuple[Words, ...] = ""

    @field_validator("choices", mode="before")
    @classmethod
    def words_alone(cls, choices: Any) -> Any:
        return [{"text": one} if isinstance(one, str) else one for one in choices]

    @model_validator(mode="after")
    def one_reason_a_choice(self) -> Prediction:
        if not isinstance(self.because, str) and len(self.because) != len(self.choices):
            raise ValueError(f"{self.question!r} has {len(self.choices)} choices and {len(self.because)} reasons")
        ends = [one.below if one.below is not None else one.upto for one in self.choices]
        if any(end is not None for end in ends):
            edges = [end for end in ends if end is not None]
            if None in ends[:-1] or ends[-1] is not None or edges != sorted(edges):
                raise ValueError(
                    f"{self.question!r}: every range but the last ends somewhere, each after the one before"
                )
        return self

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.choices]

    def which(self, value: float) -> int:
        """The index of the choice that holds ``value``; ``value`` itself where the choices are no ranges."""
        if all(one.below is None and one.upto is None for one in self.choices):
            return int(value)
        return next(index for index, one in enumerate(self.choices) if one.holds(value))

    def reason(self, truth: int) -> str:
        """What to say when choice number ``truth`` came true."""
        return self.because if isinstance(self.because, str) else self.because[truth]


class Section(Strict):
    """One screen of a lesson: its heading and its prose, in markdown."""

    key: Words
    title: Words
    prose: Words
    deeper: str = ""

    def parts(self) -> tuple[str, str]:
        """The first two paragraphs, which stand before the stage, and the rest, which stands after it."""
        paragraphs = self.prose.split("\n\n")
        return "\n\n".join(paragraphs[:2]), "\n\n".join(paragraphs[2:])


class Lesson(Strict):
    """Everything a lesson says. ``ink`` names whose machine it opens."""

    key: Words
    title: Words
    tab: Words
    summary: Words
    minutes: int = 15
    ink: Literal["typewriter", "sculptor", "both"]
    objectives: Annotated[tuple[Words, ...], Field(min_length=2, max_length=6)]
    predictions: dict[str, Prediction] = {}
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    sections: Annotated[tuple[Section, ...], Field(min_length=1)]

    def section(self, key: str) -> Section:
        """The section called ``key``; KeyError names the ones there are."""
        for section in self.sections:
            if section.key == key:
                return section
        raise KeyError(f"no section {key!r} in {self.key}; there are {[s.key for s in self.sections]}")


class Choice(Strict):
    """One answer of a question. A wrong one names the misconception behind it."""

    text: Words
    feedback: Words
    right: bool = False
    misconception: str = ""


class Question(Strict):
    key: Words
    question: Words
    choices: Annotated[tuple[Choice, ...], Field(min_length=2, max_length=5)]

    @model_validator(mode="after")
    def one_right_answer(self) -> Question:
        if sum(choice.right for choice in self.choices) != 1:
            raise ValueError(f"question {self.key!r} needs exactly one right choice")
        for choice in self.choices:
            if not choice.right and not choice.misconception:
                raise ValueError(f"question {self.key!r}: wrong choice {choice.text!r} names no misconception")
        return self


class Flashcard(Strict):
    key: Words
    front: Words
    back: Words


class Quiz(Strict):
    questions: Annotated[tuple[Question, ...], Field(min_length=3, max_length=6)]
    flashcards: Annotated[tuple[Flashcard, ...], Field(min_length=3, max_length=12)]


class Term(Strict):
    """A glossary entry; ``lessons`` are the keys of the lessons that explain it."""

    term: Words
    meaning: Words
    also: tuple[str, ...] = ()
    lessons: Annotated[tuple[Words, ...], Field(min_length=1)]


HEADING = re.compile(r"^## (?P<title>.+?) \{#(?P<key>[a-z0-9-]+)\}$", re.MULTILINE)
DEEPER = re.compile(r"^### Deeper$", re.MULTILINE)


def parse_lesson(text: str) -> Lesson:
    """Read a ``lesson.md``: YAML between ``---`` lines, then ``## Title {#key}`` sections.

    Inside a section, what follows ``### Deeper`` is folded away until the learner asks for it.
    """
    match = re.match(r"\A---\n(.*?)\n---\n(.*)\Z", text, re.DOTALL)
    if not match:
        raise ValueError("lesson.md must begin with a YAML block between --- lines")
    facts, body = yaml.load(match[1], LOADER), match[2]
    headings = list(HEADING.finditer(body))
    ends = [heading.start() for heading in headings[1:]] + [len(body)]
    sections = []
    for heading, end in zip(headings, ends, strict=True):
        prose, deeper = _split(body[heading.end() : end])
        sections.append(Section(key=heading["key"], title=heading["title"], prose=prose, deeper=deeper))
    return Lesson(sections=tuple(sections), **facts)


def _split(text: str) -> tuple[str, str]:
    prose, *deeper = DEEPER.split(text, maxsplit=1)
    return prose.strip(), "".join(deeper).strip()


@cache
def read_lesson(key: str) -> Lesson:
    """The words of the lesson in folder ``lessons/<key>`` (hyphens become underscores)."""
    return parse_lesson((folder(key) / "lesson.md").read_text(encoding="utf-8"))


@cache
def read_quiz(key: str) -> Quiz:
    return Quiz.model_validate(yaml.load((folder(key) / "quiz.yaml").read_text(encoding="utf-8"), LOADER))


@cache
def read_glossary() -> dict[str, Term]:
    entries = yaml.load((LESSONS / "glossary.yaml").read_text(encoding="utf-8"), LOADER)
    return {key: Term.model_validate(entry) for key, entry in entries.items()}


def folder(key: str) -> Path:
    return LESSONS / key.replace("-", "_")
