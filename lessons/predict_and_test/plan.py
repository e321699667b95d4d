"""Screen 1: three prompts expected to be easy, three to be hard, each with a reason and a confidence."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engines.checks import check_characters, check_number
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table
from engines.pictures.diffusion import Painter
from engines.statistics import interval, wilson
from engines.stickers.world import RECOLOURABLE, counted, facts_of, placed, unscored
from lessons.predict_and_test import blind

MAX_PROMPT, MAX_REASON = 200, 600
Kind = Literal["easy", "hard"]
Changed = Literal["", "prompt", "confidence", "reason"]
ORDER: tuple[Kind, ...] = ("easy", "easy", "easy", "hard", "hard", "hard")


@dataclass(frozen=True)
class Entry:
    """A prompt, what is expected of it and why; ``confidence`` in percent that everything in it comes out right.

    ``changed``: what the learner changed in it after having seen a test.
    """

    kind: Kind
    prompt: str
    reason: str
    confidence: int
    changed: Changed = ""


DEFAULTS = (
    Entry("easy", "a teacup on a brown background", "One thing, in the middle, with nothing around it.", 90),
    Entry("easy", "a green book on a white background", "One thing and one colour, and books are often green.", 80),
    Entry("easy", "a cat on a green meadow", "Cats and meadows: it must have seen many together.", 85),
    Entry("hard", "an owl to the right of a cake", "Two things and two sides to keep apart.", 50),
    Entry("hard", "two keys in the desert", "Who ever painted keys in a desert?", 40),
    Entry("hard", "a white sign that says GARDEN on a pink background", "Letters are only squiggles to it.", 15),
)  # fmt: skip
"""A plan that works on the first click. The page shows its reasons as examples only; they are nobody's answers."""

EXAMPLES = (
    ("one object", ("a strawberry on a white background", "an elephant in the snow")),
    (
        "two objects and their sides",
        ("a rocket to the left of a key", "a dog to the left of a cat on a white background"),
    ),
    ("a count", ("four apples on a white background", "three lemons on a blue background")),
    ("a colour", ("a pink balloon in the snow", "a blue car on a yellow background")),
    ("an odd combination", ("three roses in the snow", "a purple car on a white background")),
    ("lettering", ("a red sign that says GO at the beach", "a white sign that says OPEN on a blue background")),
    ("outside its world", ("a dragon on a white background", "a purple pizza on a white background")),
)
"""Prompts to click, by what each kind probes."""


def entries(rows: Sequence[Sequence[Any]]) -> tuple[Entry, ...]:
    """The plan from six rows of (prompt, reason, confidence); rows without a prompt are left out.

    PlainError names the row when a text is too long or a confidence is not a number from 0 to 100, and asks for
    a prompt when there is none.
    """
    made = []
    for number, (kind, (prompt, reason, confidence)) in enumerate(zip(ORDER, rows, strict=True)):
        name = f"{kind} prompt {number % 3 + 1}"
        prompt, reason = text(prompt, name, MAX_PROMPT), text(reason, f"reason of {name}", MAX_REASON)
        if not prompt:
            continue
        check_number(f"The confidence for {name}", confidence, 0, 100)
        made.append(Entry(kind, prompt, reason, round(confidence)))
    if not made:
        raise PlainError("Write at least one prompt first, or click an example.")
    return tuple(made)


def text(value: Any, name: str, most: int) -> str:
    """``value`` without spaces around it, "" for None; PlainError when it is no text or longer than ``most``."""
    if value is not None and not isinstance(value, str):
        raise PlainError(f"The {name} must be text.")
    trimmed = (value or "").strip()
    if len(trimmed) > most:
        raise PlainError(f"The {name} is {len(trimmed)} characters long. Keep it to {most} at most.")
    check_characters(f"The {name}", trimmed)
    return trimmed


def checks(caption: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what the judge will look for, what nobody here can score) in a picture of this caption."""
    facts = facts_of(caption)
    paints = [thing for thing in facts.things if thing.colour and thing.name in RECOLOURABLE]
    looks = [
        ("object", bool(facts.things)),
        ("count", bool(counted(facts))),
        ("colour", bool(paints)),
        ("background", facts.background is not None),
        ("relation", placed(facts)),
        ("left out", bool(facts.absent)),
        ("lettering", facts.lettering is not None),
    ]
    unknown = blind.spots(facts)
    hidden = blind.NEEDS_THE_THING if unknown else ()
    seen = tuple(name for name, wanted in looks if wanted and name not in hidden)
    return seen, (*(f"the {spot}, which the judge misreads even where it is" for spot in unknown), *unscored(facts))


def seal(painter: Painter, plan: Sequence[Entry]) -> Evidence[tuple[Entry, ...]]:
    """The plan as it will be tested: what the judge will look for in each prompt, and what it cannot score."""
    began = time.perf_counter()
    bundled = painter.is_bundled
    rows, cut = [], []
    for entry in plan:
        if tail := painter.read(entry.prompt).unread:
            cut.append(tail)
        looks, left = checks(entry.prompt) if bundled else _only_lettering(entry.prompt)
        rows.append((entry.kind, entry.prompt, entry.confidence, ", ".join(looks) or "nothing", ", ".join(left) or "–"))
    whole = sum(row[4] == "–" and row[3] != "nothing" for row in rows)
    means = {kind: [e.confidence for e in plan if e.kind == kind] for kind in ("easy", "hard")}
    said = {kind: f"{sum(values) / len(values):.0f} %" if values else "–" for kind, values in means.items()}
    doubt = wilson(6, 8)
    findings = [
        Finding(
            f"{said['easy']} and {said['hard']}",
            "is your mean confidence for the easy and the hard prompts. The test will say whether the gap is real.",
        ),
        Finding(
            f"{whole} of {len(rows)}",
            "prompts can be judged in full. For the others your own eye decides, on the third screen.",
        ),
        Finding(
            interval(doubt.low, doubt.high),
            "is how wide the doubt still is when 6 of 8 pictures come out right. More seeds make it narrower.",
        ),
    ]
    if cut:
        tails = ", ".join(f"“{tail}”" for tail in cut)
        findings.append(
            Finding(
                f"{len(cut)} of {len(rows)}",
                f"prompts are longer than the {painter.capacity} tokens this painter takes in. It never reads {tails}.",
            )
        )
    if changed := [entry.prompt for entry in plan if entry.changed]:
        findings.append(
            Finding(
                f"{len(changed)} of {len(rows)}",
                "prompts were changed after a test was seen. The calibration and the lab note will say so.",
            )
        )
    alt = f"A plan of {len(rows)} prompts; {whole} of them can be judged in full."
    table = Table(("expected", "prompt", "confidence, %", "the judge looks for", "nobody here can score"), tuple(rows))
    return Evidence(tuple(plan), alt, table, Provenance.live(painter, began, prompts=len(rows)), tuple(findings))


def _only_lettering(caption: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    word = facts_of(caption).lettering
    return ("lettering",) if word else (), ("everything but the lettering",) if word else ("everything",)
