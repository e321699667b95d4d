"""Screen 1: one word, several painters, several seeds; a reader says what each sign reads."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures.files import open_picture
from engines.signs import lab as sign_lab
from engines.signs import measures as sign_measures
from engines.statistics import Interval, interval, plural
from lessons.shell.uploads import picture_bytes

WORD = "OPEN"
MAX_SEEDS = 12
GLIMPSE_EVERY = 4
READ_SIDE = 1024
NEW_WORDS = tuple(
    """
    BRAIN HELP CLIMATE SOFT MONEY WEATHER CITY FIGURE KEY PROGRESS NORTH TEAM SYMBOL FIRE VISIT EXAMPLE STEP WATCH
    NUMBER FUN SCIENCE BOOK SHARE STUDENT MOVE LOCAL BETTER PORT RESEARCH CLEAN CAP NETWORK LAST SOLAR ACTION WORD
    SLEEP PERFECT CAME EXPERT PLANT ONE VARIETY DOWN TOOLS CHOOSE SIZE CROSS SURFACE POWERFUL GLOBAL TOOL HOURS INDUSTRY
    """.split()
)
"""Plain English words that no painter was trained on, chosen by hand: the recorded list also holds pieces of words."""


@dataclass(frozen=True, eq=False)
class Painted:
    """Signs by one painter: rows are words times seeds, ``pictures`` uint8 [rows, 32, 208, 3]."""

    cause: sign_lab.Cause
    revision: str
    words: tuple[str, ...]
    seeds: tuple[int, ...]
    pictures: np.ndarray
    spellings: tuple[sign_measures.Spelling, ...]

    @property
    def exact(self) -> Interval:
        return sign_measures.exact_rate(self.spellings)

    @property
    def error_rate(self) -> float:
        return sign_measures.character_error_rate(self.spellings)

    @property
    def error_interval(self) -> tuple[float, float] | None:
        """The 95 % interval of ``error_rate`` over words; None where it is open."""
        return sign_measures.character_error_interval(self.spellings)

    @property
    def errors(self) -> str:
        """The character error rate with its interval, in words."""
        count = len(self.words)
        if self.error_interval:
            low, high = self.error_interval
            bounds = f"95 % interval {low:.2f}–{high:.2f}, over {count} words"
        else:
            bounds = f"95 % interval open: {'one word' if count == 1 else f'{count} words that all err alike'}"
        return f"character error rate {self.error_rate:.2f} ({bounds})"

    @cached_property
    def word_effect(self) -> float | None:
        """How much the word changes the lettering, as a share of what it changes in print; None for one word."""
        return sign_measures.word_effect(self.pictures, self.words)

    @property
    def tally(self) -> str:
        return f"{self.exact.successes} of {self.exact.trials}"

    def seed(self, row: int) -> int:
        return self.seeds[row % len(self.seeds)]


@dataclass(frozen=True, eq=False)
class Glimpse:
    """The signs of one painter as guessed in one pass, before they are finished."""

    cause: sign_lab.Cause
    index: int
    passes: int
    pictures: np.ndarray


@dataclass(frozen=True, eq=False)
class Signs:
    """One word by the painters that are done. ``pieces`` has what each painter's encoder gets of the word.

    ``unmet`` says of each piece whether the painter met it in no training caption; None where that is not known.
    """

    word: str
    seen: bool
    painted: tuple[Painted, ...]
    pieces: tuple[tuple[str, ...], ...]
    unmet: tuple[tuple[bool, ...] | None, ...]


def check_causes(causes: Sequence[str]) -> tuple[str, ...]:
    """Known painters in the lab's order, one at least; PlainError otherwise."""
    if not causes:
        raise PlainError("Choose at least one painter.")
    for cause in causes:
        sign_lab.check_cause(cause)
    return tuple(key for key in sign_lab.CAUSES if key in causes)


def paint(
    cause: str, words: Sequence[str], seeds: Sequence[int], *, glimpses: bool = False
) -> Iterator[Underway | Glimpse | Painted]:
    """Every word at every seed by one painter, then read; glimpses of every fourth pass on the way."""
    yield Underway(0.0, f"Waking the painter {sign_lab.CAUSES[cause].name}")
    painter = sign_lab.load(cause)
    for step in sign_lab.paint(painter, words, seeds, previews=glimpses):
        yield Underway((step.index + 1) / step.passes, f"{painter.cause.name}: pass {step.index + 1}")
        if step.pictures is not None:
            spellings = sign_lab.read(step.pictures, step.words)
            yield Painted(painter.cause, painter.revision, step.words, step.seeds, step.pictures, spellings)
        elif step.previews is not None and (step.index + 1) % GLIMPSE_EVERY == 0:
            yield Glimpse(painter.cause, step.index, step.passes, step.previews)


def paint_word(
    word: str, causes: Sequence[str] = tuple(sign_lab.CAUSES), seeds: int = 4, seed: int | None = 7
) -> Iterator[Underway | Glimpse | Evidence[Signs]]:
    """One word by each painter at ``seeds`` seeds from ``seed`` on; one Evidence a painter done."""
    word, chosen = sign_lab.check_word(word), check_causes(causes)
    chosen_seeds = seed_range(seed, seeds, most=MAX_SEEDS)
    began, seen, done, pieces, unmet = time.perf_counter(), sign_lab.is_seen(word), [], [], []
    for cause in chosen:
        for event in paint(cause, [word], chosen_seeds, glimpses=True):
            if not isinstance(event, Painted):
                yield event
                continue
            done.append(event)
            painter = sign_lab.load(cause)
            pieces.append(painter.pieces(word))
            unmet.append(painter.unmet(word))
            value = Signs(word, seen, tuple(done), tuple(pieces), tuple(unmet))
            yield _evidence(value, chosen_seeds[0], len(chosen_seeds), time.perf_counter() - began)


def next_new_word(word: str) -> str:
    """The next of :data:`NEW_WORDS`, round and round."""
    now = word.strip().upper() if isinstance(word, str) else ""
    return NEW_WORDS[(NEW_WORDS.index(now) + 1) % len(NEW_WORDS) if now in NEW_WORDS else 0]


def picture_to_read(text: Any) -> np.ndarray:
    """A picture uint8 [H, W, 3] from base64, a data URI or an upload; a word of the lab is printed as a sign."""
    if isinstance(text, str) and not text.strip():
        raise PlainError("Send the picture: base64, a data URI, handle_file(…), or a word to print as a sign.")
    if isinstance(text, str) and re.fullmatch(rf"[A-Za-z]{{1,{sign_lab.SLOTS}}}", text.strip()):
        return sign_lab.draw_sign(sign_lab.check_word(text))
    return open_picture(picture_bytes(text, ("OPEN", "STOP")), width=READ_SIDE, height=READ_SIDE, fit="pad")


def truth(value: Signs) -> tuple[float, str] | None:
    """The share of signs that the painter with sloppy captions spelled, in words too; None when it did not paint."""
    for one in value.painted:
        if one.cause.key == "sloppy":
            return one.exact.rate, f"{one.exact} read exactly as “{value.word}”"
    return None


def never_met(unmet: tuple[bool, ...] | None) -> str:
    """How many of a word's pieces stood in none of the painter's training captions, to follow the pieces."""
    if not unmet or not any(unmet):
        return ""
    if len(unmet) == 1:
        return ", which stood in no training caption"
    return f"; {'none' if all(unmet) else f'only {unmet.count(False)}'} of them stood in a training caption"


def seen_words(value: Signs) -> str:
    return "was on the training signs" if value.seen else "was on none of the training signs"


def provenance(painted: Sequence[Painted], seconds: float, seed: int | None, **settings: Any) -> Provenance:
    names = ", ".join(one.cause.key for one in painted)
    shared = {"passes": sign_lab.STEPS, "guidance": sign_lab.GUIDANCE, "reader": "rapidocr (PP-OCR)"}
    return Provenance(
        "live", f"sign painters: {names}", painted[0].revision if len(painted) == 1 else "", {**settings, **shared},
        seed, seconds,
    )  # fmt: skip


def rows(painted: Sequence[Painted]) -> tuple[tuple[str | int | float | None, ...], ...]:
    """One row a picture: painter, word, seed, what was read, and how far off it is."""
    return tuple(
        (one.cause.name, spelling.word, one.seed(row), spelling.text or "nothing", spelling.errors,
         "yes" if spelling.exact else "no")
        for one in painted
        for row, spelling in enumerate(one.spellings)
    )  # fmt: skip


COLUMNS = ("Painter", "Word", "Seed", "Read", "Letters to change", "Exact")


def _evidence(value: Signs, first: int, count: int, seconds: float) -> Evidence[Signs]:
    summary = "; ".join(f"{one.cause.name}, {one.exact} exact" for one in value.painted)
    newest = value.painted[0]
    findings = [
        Finding(
            f"{one.exact.successes} of {one.exact.trials}",
            f"exact: {one.cause.name.lower()} (95 % interval {interval(one.exact.low, one.exact.high)}); "
            f"{one.errors}. Its encoder gets {' + '.join(pieces)}{never_met(unmet)}.",
        )
        for one, pieces, unmet in zip(value.painted, value.pieces, value.unmet, strict=True)
    ]
    strange = any(any(unmet) for unmet in value.unmet if unmet)
    wrong = [spelling for one in value.painted for spelling in one.spellings if not spelling.exact and spelling.text]
    if wrong:
        nearest = min(wrong, key=lambda spelling: spelling.errors)
        as_near = sum(spelling.errors == nearest.errors for spelling in wrong) > 1
        findings.append(
            Finding(
                f"{nearest.word} → {nearest.text[:12]}",
                f"is {'one of the nearest misses' if as_near else 'the nearest miss'}: "
                f"{plural(nearest.errors, 'letter')} to change.",
            )
        )
    findings.append(
        Finding(
            "Seen" if value.seen else "Never seen",
            f"“{value.word}” {seen_words(value)}. "
            + ("It may be known by heart." if value.seen else "It cannot be known by heart.")
            + (" A painter that was never taught its pieces has more to fail at than spelling." if strange else ""),
        )
    )
    return Evidence(
        value,
        f"Signs that should read {value.word}, which {seen_words(value)}, at {count} seeds. {summary}.",
        Table(COLUMNS, rows(value.painted)),
        provenance(value.painted, seconds, first, word=value.word, seeds=count),
        tuple(findings),
        sign_lab.snippet(newest.cause.key, value.word, first),
        newest.pictures[0],
    )
