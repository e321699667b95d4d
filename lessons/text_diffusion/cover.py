"""Screen 3, by hand: one word of a finished story is covered or exchanged, and both writers do what they can."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import MAX_SEED, one_of, whole
from engines.evidence import Evidence, Finding, PlainError, Table, Underway
from engines.statistics import Interval, percent, plural, wilson
from engines.text import masked, stories
from engines.text.masked import CANVAS, DOUBT, END, MASK, Round, Writers
from lessons.text_diffusion.measures import broken, covered_code, opened, provenance

WHOSE = {"own": "a draft of its own", "grammar": "one of the grammar’s"}
"""Whose finished story: the masked writer's, or one that breaks no rule and that nobody was trained on."""
DEEDS = {"cover": "cover it", "wrong": "put a wrong word there"}
ROUNDS = 16
"""Of the draft that is spoiled."""
DRAWS = 32
SHOWN = 4
"""Words of each writer that are told with their chances."""


@dataclass(frozen=True)
class Chosen:
    """The story on the page and the place chosen in it, from 0."""

    whose: str
    seed: int
    place: int


@dataclass(frozen=True, eq=False)
class Covered:
    """A word of a story covered or exchanged, and what became of it.

    story: ids [48], finished. wrong: the word put at the place; empty where it was covered. shares: float [48], how far
    each word of the spoiled story is from the best one (``masked.doubts``). rounds: the masked writer's. both, left:
    float [V], the chance of every word at the place, covered, by who reads the whole story and by the twin. twin: ids
    [48] after it wrote on from the place. kept: of draws by each, those that leave the story no worse than it was.
    """

    writers: Writers
    chosen: Chosen
    story: np.ndarray
    wrong: str
    shares: np.ndarray
    rounds: tuple[Round, ...]
    both: np.ndarray
    left: np.ndarray
    twin: np.ndarray
    kept: tuple[Interval, Interval]

    @property
    def words(self) -> list[str]:
        return _words(self.writers, self.story)

    @property
    def word(self) -> str:
        """The one that stood at the place."""
        return self.words[self.chosen.place]

    @property
    def spoiled(self) -> np.ndarray:
        row = self.story.copy()
        row[self.chosen.place] = self.writers.ids[self.wrong or MASK]
        return row

    @property
    def last(self) -> np.ndarray:
        """What stands in the end."""
        return self.rounds[-1].canvas[0] if self.rounds else self.spoiled

    @property
    def doubted(self) -> np.ndarray:
        """Which words of the spoiled story are doubted, bool [48]; none where one was covered by hand."""
        return (self.shares < DOUBT) if self.wrong else np.zeros(CANVAS, bool)

    @property
    def liked(self) -> list[int]:
        """The words that either likes best at the place, and those that stood there; the surest first."""
        best = {int(one) for chances in (self.both, self.left) for one in np.argsort(-chances)[:SHOWN]}
        stood = {self.writers.ids[word] for word in (self.word, self.wrong) if word}
        return sorted(best | stood, key=lambda one: -float(self.both[one]))

    @property
    def lost(self) -> tuple[int, int]:
        """Words after the place that the twin wrote otherwise, and how many stood there."""
        after = self.words[self.chosen.place + 1 :]
        anew = _words(self.writers, self.twin)[self.chosen.place + 1 :]
        return len(after) - sum(a == b for a, b in zip(after, anew, strict=False)), len(after)


def cover(
    before: Chosen | None, whose: str, deed: str, word: str, seed: int, payload: Any = None
) -> Iterator[Underway | Evidence[Covered]]:
    """Cover a word of a finished story, or put a wrong one there, and let both writers do what they can.

    before: what was chosen last, which stays chosen in the same story. word: the wrong one; one of the same class where
    it is empty. payload: what the page tells of a press: whose story, its seed and the place.
    """
    began = time.perf_counter()
    one_of("What to do", deed, DEEDS)
    chosen = _chosen(before, whose, seed, payload)
    yield from opened()
    writers = masked.load()
    yield Underway(0.2, "The story is written")
    story = finished(writers, chosen.whose, chosen.seed)
    words = _words(writers, story)
    place = _usual(words) if chosen.place < 0 else whole("The place", chosen.place, 0, len(words) - 1)
    chosen = Chosen(chosen.whose, chosen.seed, place)
    wrong = _wrong(writers, words[place], word, chosen) if deed == "wrong" else ""
    both, left = (chances[0] for chances in masked.guesses_at(writers, story[None], [place]))
    yield Underway(0.4, "The twin writes on from the place")
    given = np.where(np.arange(CANVAS) < place, story, writers.ids[MASK])
    twin = masked.last(masked.write(writers, [chosen.seed], given=given[None])).canvas[0]
    kept = _kept(writers, story, place, both, chosen.seed), _kept(writers, story, place, left, chosen.seed)
    value = Covered(writers, chosen, story, wrong, np.ones(CANVAS), (), both, left, twin, kept)
    if wrong:
        value = replace(value, shares=masked.doubts(writers, value.spoiled))
        events = masked.revise(writers, value.spoiled, chosen.seed)
    else:
        events = masked.draft(writers, [chosen.seed], rounds=1, canvases=value.spoiled[None])
    for event in events:
        value = replace(value, rounds=(*value.rounds, event))
        yield Underway(0.8, f"It mends: {plural(len(value.rounds), 'round')}")
    yield _evidence(value, began)


def finished(writers: Writers, whose: str, seed: int) -> np.ndarray:
    """Ids [48] of the finished story: the masked writer's from this seed, or the grammar's."""
    if whose == "grammar":
        return writers.canvas(stories.story(stories.LESSONS + seed), True)
    return masked.last(masked.draft(writers, [seed], rounds=ROUNDS)).canvas[0]


def no_worse(writers: Writers, before: np.ndarray, after: np.ndarray) -> bool:
    """Whether a story breaks no rule that it did not break before, and has as many sound lines."""
    lines = [stories.sound_lines(writers.text(row))[0] for row in (before, after)]
    return set(writers.broken(after)) <= set(writers.broken(before)) and lines[0] <= lines[1]


def _chosen(before: Chosen | None, whose: Any, seed: Any, payload: Any) -> Chosen:
    """Which story and place; place -1 where none was chosen in this story."""
    place: Any = -1
    if payload is not None:
        parts = payload if isinstance(payload, dict) else {}
        whose, seed = parts.get("whose"), parts.get("seed")
        place = whole("The place", parts.get("place"), 0, CANVAS - 1)
    one_of("Whose story", whose, WHOSE)
    seed = whole("The seed", seed, 0, MAX_SEED)
    if payload is None and before is not None and (before.whose, before.seed) == (whose, seed):
        place = before.place
    return Chosen(whose, seed, place)


def _words(writers: Writers, row: np.ndarray) -> list[str]:
    text = writers.text(row)
    return text[: text.index(END)] if END in text else text


def _usual(words: list[str]) -> int:
    """The first colour, else the first thing or animal, else the first word."""
    letters = [stories.classes().get(word, "") for word in words]
    for wanted in ("c", "tTbB"):
        for place, letter in enumerate(letters):
            if letter and letter in wanted:
                return place
    return 0


def _wrong(writers: Writers, right: str, word: Any, chosen: Chosen) -> str:
    """The learner's wrong word; one of the class of the right one, drawn by the seed, where none is given."""
    if word != "":
        wrong = masked.check_word(writers, word)
        if wrong == right:
            raise PlainError(f"“{right}” is what stands there. Put another word, or leave the field empty.")
        return wrong
    letters = stories.classes()
    alike = [one for one, letter in letters.items() if letter == letters.get(right) and one != right]
    dice = random.Random(f"{chosen.seed} {chosen.place}")
    return dice.choice(alike or [one for one in letters if one != right])


def _kept(writers: Writers, story: np.ndarray, place: int, chances: np.ndarray, seed: int) -> Interval:
    """Of draws of the place from these chances, those that leave the story no worse."""
    chances = chances.astype(float)
    drawn = np.random.default_rng(seed).choice(len(chances), DRAWS, p=chances / chances.sum())
    good = {}
    for word in set(drawn.tolist()):
        row = story.copy()
        row[place] = word
        good[word] = no_worse(writers, story, row)
    return wilson(sum(good[word] for word in drawn.tolist()), DRAWS)


def _evidence(value: Covered, began: float) -> Evidence[Covered]:
    writers, word, place = value.writers, value.word, value.chosen.place
    last = writers.words[value.last[place]]
    own = writers.ids[word]
    lost, after = value.lost
    mended = no_worse(writers, value.story, value.last)
    rules = f"before: {broken(writers.broken(value.story))}; now: {broken(writers.broken(value.last))}"
    deed = f"covered “{word}”" if not value.wrong else f"“{value.wrong}” for “{word}”"
    findings = (
        Finding(
            f"“{word}”: {percent(float(value.both[own]))} against {percent(float(value.left[own]))}",
            f"is what the two give the word that stood there, with the place covered. Of {DRAWS} draws, "
            f"{value.kept[0].successes} by the masked writer left the story no worse than it was, and "
            f"{value.kept[1].successes} by the twin, which reads only what stands before.",
        ),
        Finding(_headline(value, last, mended), f"{_story_of(value)} Rules broken {rules}."),
        Finding(
            f"{lost} of {plural(after, 'later word')} lost",
            "if the twin writes on from the place: it has no pass for one word among others. Its story is: "
            f"{broken(writers.broken(value.twin))}.",
        ),
    )
    rows = tuple((writers.words[one], float(value.both[one]), float(value.left[one])) for one in value.liked)
    alt = (
        f"The story: “{writers.story(value.story)}” At place {place + 1} {deed}. The masked writer leaves: "
        f"“{writers.story(value.last)}” The twin, from the place on: “{writers.story(value.twin)}”"
    )
    settings = {"story": value.chosen.whose, "place": place + 1, "wrong word": value.wrong or "none"}
    return Evidence(
        value, alt, Table(("word", "from both sides", "from the left"), rows),
        provenance(writers, value.chosen.seed, time.perf_counter() - began, **settings), findings,
        covered_code(value.words, place), float(value.both[own]),
    )  # fmt: skip


def _headline(value: Covered, last: str, mended: bool) -> str:
    if value.wrong and last == value.wrong:
        return f"“{last}” stays" + ("" if value.doubted[value.chosen.place] else ": nothing looks wrong with it")
    if last == value.word:
        return f"“{last}” again"
    return f"“{last}” instead, " + ("and the story is no worse" if mended else "and the story is worse")


def _story_of(value: Covered) -> str:
    if not value.wrong:
        return "One place was open, so one round fills it."
    doubted, at = value.doubted, value.chosen.place
    others = int(doubted.sum()) - int(doubted[at])
    seen = "It doubted the wrong word" if doubted[at] else "It did not doubt the wrong word"
    return (
        f"{seen}, which has {percent(float(value.shares[at]))} of the best word’s chance there, and "
        f"{plural(others, 'other word')}. Passes of mending: {len(value.rounds)}, and a look at every word before each "
        "try."
    )
