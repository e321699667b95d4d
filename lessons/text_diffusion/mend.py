"""Screen 3: a wrong word in a finished story, covered again and mended, by who may look where."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from engines.checks import MAX_SEED, one_of, seed_range, whole
from engines.evidence import Evidence, Finding, Table, Underway
from engines.statistics import Interval, percent, wilson
from engines.text import masked, stories
from engines.text.masked import Writers
from lessons.text_diffusion.measures import broken, covered_code, opened, provenance

FACTS = {"colour": "its colour", "thing": "the thing", "count": "how many"}
"""The facts of a story that a wrong word can spoil."""
WHERE = {"first": "where it is told first", "last": "where it is told last"}
LEAST, MOST = 4, 24
_LETTERS = {"colour": "c", "thing": "tT", "count": "aAn"}


@dataclass(frozen=True, eq=False)
class Case:
    """A story of the grammar that nobody was trained on, and the same with a ``wrong`` word at ``place``."""

    right: tuple[str, ...]
    place: int
    wrong: str
    where: str

    @property
    def spoiled(self) -> list[str]:
        return [*self.right[: self.place], self.wrong, *self.right[self.place + 1 :]]


@dataclass(frozen=True, eq=False)
class Mended:
    """What became of the cases. ``pointed``, ``left``: ids [N, 48] after the covered place was filled by the masked
    writer, who reads the whole story, and by the twin, who reads what stands before. ``found``: after the masked writer
    looked for the mistake by itself, for as many cases as are done. ``doubted``: whether the wrong word was among those
    that it covered first.
    """

    writers: Writers
    fact: str
    cases: tuple[Case, ...]
    pointed: np.ndarray
    left: np.ndarray
    found: tuple[np.ndarray, ...]
    doubted: tuple[bool, ...]
    shown: np.ndarray
    """How far each word of the first spoiled story is from the best one, float [48]: see ``masked.doubts``."""

    def at(self, where: str) -> list[int]:
        return [number for number, case in enumerate(self.cases) if case.where == where]

    def mended(self, rows: Sequence[np.ndarray] | np.ndarray, where: str) -> Interval:
        """Stories with the mistake ``where`` that break no rule any more."""
        return self._share(lambda number: not self.writers.broken(rows[number]), len(rows), where)

    def seen(self, where: str) -> Interval:
        """Stories whose wrong word was doubted at the first look."""
        return self._share(lambda number: self.doubted[number], len(self.doubted), where)

    def _share(self, holds: Callable[[int], bool], done: int, where: str) -> Interval:
        numbers = [number for number in self.at(where) if number < done]
        return wilson(sum(holds(number) for number in numbers), len(numbers))


@cache
def case(seed: int, fact: str, where: str) -> Case:
    """The first story from ``seed`` on that tells of a thing, with a word that breaks one rule or more."""
    dice, number = random.Random(f"{seed} {fact} {where}"), stories.LESSONS + seed * 40
    while True:
        text = tuple(stories.story(number))
        places = _places(text, fact)
        if len(places) > 1:
            place = places[0] if where == "first" else places[-1]
            choices = [word for word in _like(text[place]) if word != text[place]]
            wrong = dice.choice(choices)
            made = Case(text, place, wrong, where)
            if stories.broken(made.spoiled):
                return made
        number += 1


def _places(text: Sequence[str], fact: str) -> list[int]:
    """Where the fact stands in a story about a thing; none in a verse, and no “one” that answers how many."""
    if "now" not in text:
        return []
    letters = [stories.classes()[word] for word in text]
    if fact == "count":  # of the thing, not of the animals between
        return [at for at, letter in enumerate(letters) if letter in "aAn" and "c" in letters[at + 1 : at + 3]]
    return [at for at, letter in enumerate(letters) if letter in _LETTERS[fact]]


def _like(word: str) -> tuple[str, ...]:
    """All words that a careless hand might put for this one: of its class, in its number."""
    letter = stories.classes()[word]
    kind = {"c": "colours", "n": "numbers", "a": "numbers", "A": "numbers", "t": "things", "T": "things"}[letter]
    words = stories.words()[kind]
    return tuple(stories.plural(one) for one in words) if letter == "T" else words


def mend(fact: str, count: int, seed: int) -> Iterator[Underway | Evidence[Mended]]:
    """Spoil ``count`` stories where the fact is told first and as many where it is told last, and mend them."""
    began = time.perf_counter()
    one_of("The word to spoil", fact, FACTS)
    count = whole("The number of stories", count, LEAST, MOST)
    seeds = seed_range(seed, count, most=MOST)
    yield from opened()
    writers = masked.load()
    cases = tuple(case(one, fact, where) for one in seeds for where in WHERE)
    rows = np.array([writers.canvas(one.spoiled, True) for one in cases])
    places = [one.place for one in cases]
    both, left = masked.guesses_at(writers, rows, places)
    dice = np.random.default_rng(seed)
    filled = []
    for chances in (both, left):
        put = rows.copy()
        for number, (place, chance) in enumerate(zip(places, chances.astype(float), strict=True)):
            put[number, place] = dice.choice(len(chance), p=chance / chance.sum())
        filled.append(put)
    pointed, by_left = filled
    value = Mended(writers, fact, cases, pointed, by_left, (), (), masked.doubts(writers, rows[0]))
    for number, one in enumerate(cases):
        yield Underway(number / len(cases), f"Story {number + 1} of {len(cases)}: it looks for the mistake itself")
        doubted = masked.doubts(writers, rows[number]) < masked.DOUBT
        last = masked.last(masked.revise(writers, rows[number], (seeds[number // 2] + 1) % MAX_SEED))
        value = Mended(
            writers, fact, cases, pointed, by_left, (*value.found, rows[number] if last is None else last.canvas[0]),
            (*value.doubted, bool(doubted[one.place])), value.shown,
        )  # fmt: skip
        if number % 4 == 3 or number + 1 == len(cases):
            yield _evidence(value, began, seed)


def mend_truth(value: Mended) -> tuple[float, str] | None:
    """Of a hundred stories spoiled where the fact is told first, how many more both sides mend than the left alone."""
    if len(value.found) < len(value.cases):
        return None
    pointed, left = value.mended(value.pointed, "first"), value.mended(value.left, "first")
    return pointed.rate - left.rate, f"{pointed} mended from both sides, {left} from the left"


def _left_side(pointed: Mapping[str, Interval], left: Mapping[str, Interval]) -> str:
    """What the left side is worth where the fact is told last, by the intervals."""
    if min(pointed["last"].low, left["last"].low) > 0.5:
        return "Here the left side tells enough, for both."
    if left["last"].low > left["first"].high:
        return "Here the left side helps the twin."
    return "So few stories do not tell how much the left side helps here."


def _evidence(value: Mended, began: float, seed: int) -> Evidence[Mended]:
    pointed = {where: value.mended(value.pointed, where) for where in WHERE}
    left = {where: value.mended(value.left, where) for where in WHERE}
    found = {where: value.mended(value.found, where) for where in WHERE}
    seen = value.seen("first")
    findings = (
        Finding(
            f"{percent(pointed['first'].rate)} against {percent(left['first'].rate)}",
            f"Wrong {WHERE['first']}, and covered: {pointed['first']} mended by the masked writer, which reads what "
            f"comes after; {left['first']} by the twin, which cannot.",
        ),
        Finding(
            f"{percent(pointed['last'].rate)} against {percent(left['last'].rate)}",
            f"Wrong {WHERE['last']}: {pointed['last']} and {left['last']}. " + _left_side(pointed, left),
        ),
        Finding(
            f"{percent(found['first'].rate)} found and mended" if found["first"].trials else "Looking for mistakes",
            f"by the masked writer with nobody pointing: {found['first']} where it is told first, {found['last']} "
            f"where last. At the first look it doubted the wrong word in {seen}. Untouched, all of them stay broken.",
        ),
    )
    rows: list[tuple[str | int | float | None, ...]] = []
    for where in WHERE:
        for name, shares in (("both sides", pointed), ("left side only", left), ("nobody points", found)):
            one = shares[where]
            rows.append((WHERE[where], name, one.successes, one.trials, one.low, one.high))
        rows.append((WHERE[where], "untouched", 0, len(value.at(where)), 0.0, wilson(0, len(value.at(where))).high))
    first = value.cases[0]
    alt = (
        f"Of stories with a wrong word {WHERE['first']}, {pointed['first']} are mended from both sides, "
        f"{left['first']} from the left. The first story: “{' '.join(first.spoiled)}”, wrong at place "
        f"{first.place + 1}; it breaks: {broken(stories.broken(first.spoiled))}."
    )
    columns = ("wrong", "mended by", "valid", "of", "low", "high")
    done = len(value.found) == len(value.cases)
    return Evidence(
        value, alt, Table(columns, tuple(rows)),
        provenance(value.writers, seed, time.perf_counter() - began, fact=value.fact, stories=len(value.cases)),
        findings, covered_code(first.right, first.place) if done else "", _chance(value) if done else None,
    )  # fmt: skip


def _chance(value: Mended) -> float:
    """What the masked writer gives the right word of the first case with its place covered."""
    one = value.cases[0]
    row = value.writers.canvas(one.spoiled, True)
    both, _ = masked.guesses_at(value.writers, row[None], [one.place])
    return float(both[0, value.writers.ids[one.right[one.place]]])
