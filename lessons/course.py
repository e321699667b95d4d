"""The table of contents. To add a lesson: a folder beside this file, and its key in one line below."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from lessons.shell.content import Lesson, read_lesson


@dataclass(frozen=True)
class Unit:
    """A tab of the course. ``ink`` colours it: the typewriter's, the sculptor's, or both."""

    key: str
    title: str
    summary: str
    ink: str
    lessons: tuple[str, ...]


UNITS = (
    Unit(
        "one-box",
        "One box, two machines",
        "Who reads your chat, who paints, and what crosses between the two.",
        "both",
        ("handoff",),
    ),
    Unit(
        "typewriter",
        "The typewriter",
        "A language model scores every token it knows, draws one, and can never take it back.",
        "typewriter",
        ("tokenization", "attention", "sampling"),
    ),
    Unit(
        "sculptor",
        "The sculptor",
        "A diffusion model starts from static and touches the whole canvas in every pass.",
        "sculptor",
        ("noising", "latents", "guidance", "two-physics"),
    ),
    Unit(
        "limits",
        "Where they fail",
        "Say what will go wrong and why, let the machines try, and count.",
        "sculptor",
        ("lettering", "predict-and-test"),
    ),
    Unit(
        "meet",
        "Where they meet",
        "Pictures written as tokens, text sharpened like a picture, and a typewriter that you train yourself.",
        "both",
        ("image-tokens", "text-diffusion", "train-your-own", "recovery"),
    ),
    Unit(
        "yours",
        "Your turn",
        "What both machines were fed, and how to speak to each.",
        "both",
        ("diets", "briefing"),
    ),
)


@dataclass(frozen=True)
class Track:
    """A way through some screens in front of a class. ``stops``: lesson, screen, and minutes for it."""

    title: str
    stops: tuple[tuple[str, str, int], ...]

    @property
    def minutes(self) -> int:
        return sum(minutes for _, _, minutes in self.stops)


TRACKS = (
    Track(
        "One look at each machine",
        (("handoff", "chain", 4), ("sampling", "scoreboard", 3), ("noising", "strip", 3)),
    ),
    Track(
        "How each one works, and where it slips",
        (
            ("handoff", "chain", 5),
            ("tokenization", "count", 7),
            ("sampling", "scoreboard", 5),
            ("sampling", "seeds", 6),
            ("noising", "strip", 6),
            ("noising", "turn", 6),
            ("lettering", "signs", 6),
            ("two-physics", "spoil", 4),
        ),
    ),
    Track(
        "What causes it, and how to brief them",
        (
            ("handoff", "chain", 6),
            ("handoff", "bypass", 6),
            ("tokenization", "rates", 6),
            ("tokenization", "count", 8),
            ("sampling", "scoreboard", 7),
            ("sampling", "seeds", 7),
            ("noising", "strip", 8),
            ("noising", "lock", 7),
            ("guidance", "sweep", 8),
            ("lettering", "signs", 7),
            ("lettering", "causes", 8),
            ("two-physics", "spoil", 5),
            ("briefing", "dice", 7),
        ),
    ),
)


NOTES = {
    ("sampling", "scoreboard"): (
        "The page opens with key 1 pressed at temperature 0.8, and what is recorded here is that scoreboard; a press "
        "adds the second key. The guess is about the first scoreboard at temperature 0.2, wherever the slider stands: "
        "the verdict works it out from the scores, with nothing cut. To show it, move temperature to 0.2 and top-p to "
        "1 before the press."
    ),
}
"""What a teacher should know of a stop, by lesson and screen."""


def lessons() -> tuple[Lesson, ...]:
    """Every lesson of the course, in reading order."""
    return tuple(read_lesson(key) for unit in UNITS for key in unit.lessons)


def page(key: str) -> ModuleType:
    """The ``page`` module of a lesson; it defines ``build()``."""
    return import_module(f"lessons.{key.replace('-', '_')}.page")
