"""Screen 5: a map of easy to hard: sorts of prompt, each judged over prompts and seeds, beside what the diet held."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from engines.checks import seed_range, whole
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import diffusion, exercise_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.plan import MAX_ROWS, MAX_STEPS
from engines.statistics import Interval, clustered, percent, plural
from engines.stickers import diet, judge
from engines.stickers.fingers import count_fingers
from engines.stickers.world import COUNTABLE, counted, facts_of
from lessons.predict_and_test import blind, test
from lessons.predict_and_test.measures import short

How = Literal["judge", "fingers", "nobody"]
Verdict = bool | None
"""Whether a picture is right; None where it cannot be told."""

MOST_PROMPTS, MOST_SEEDS = 8, 8
WHITE = " on a white background"


@dataclass(frozen=True)
class Sort:
    """Eight prompts of a kind. ``how``: who judges them. ``wish``: the aspect of the diet's rows that is this sort's.

    "judge": the judge, everything that is asked; it counts to four, so it can refute five and six and never confirm
    them. "fingers": the finger counter. "nobody": no tool here was ever shown such a thing.
    """

    key: str
    name: str
    how: How
    wish: str
    prompts: tuple[str, ...]

    @property
    def fed(self) -> str:
        """What the diet's number for this sort counts."""
        return FED[self.wish]

    @property
    def only_refuted(self) -> bool:
        """Whether the judge can call no picture of it right, since it counts to four."""
        asked = (counted(facts_of(prompt)).values() for prompt in self.prompts)
        return all(any(number > COUNTABLE for number, _ in each) for each in asked)


FED = {
    "object": "scenes with the thing",
    "background": "scenes with the thing on that ground",
    "colour": "scenes with the thing in that colour",
    "pair": "scenes with the two things",
    "count": "scenes with so many of it",
    "lettering": "scenes with the word on a sign",
    "word": "captions that use the word",
    "touching": "captions that ask for it",
}


def _on_white(*things: str) -> tuple[str, ...]:
    return tuple(thing + WHITE for thing in things)


def _signs(*words: str) -> tuple[str, ...]:
    return tuple(f"a white sign that says {word} on a blue background" for word in words)


SORTS = (
    Sort("single", "one thing", "judge", "object", _on_white(
        "a strawberry", "an elephant", "a guitar", "a snowman", "a turtle", "a rocket", "a teacup", "a carrot",
    )),
    Sort("background", "a landscape", "judge", "background", (
        "an elephant in the snow", "a duck at sunset", "a key in the desert", "a pig on a sandy beach",
        "a cake in a meadow", "a bus under a night sky", "a horse in the ocean", "a clock on the grass",
    )),
    Sort("colour", "a colour", "judge", "colour", _on_white(
        "a blue balloon", "a green car", "a pink umbrella", "a yellow house", "a red fish", "a purple star",
        "an orange book", "a teal butterfly",
    )),
    Sort("new_colour", "a colour held out", "judge", "colour", _on_white(
        "a green balloon", "a purple car", "an orange umbrella", "a blue house", "a pink fish", "a red star",
        "a teal book", "a yellow butterfly",
    )),
    Sort("relation", "two and their sides", "judge", "pair", _on_white(
        "a dog to the left of a cat", "a key to the right of a rocket", "an owl above a cake", "a bus below a star",
        "a pig to the left of a tree", "a lemon to the right of a book", "a whale above a car",
        "a horse below a balloon",
    )),
    Sort("few", "two to four", "judge", "count", _on_white(
        "two tigers", "two rockets", "two books", "three lemons", "three ducks", "three pigs", "four apples",
        "four stars",
    )),
    Sort("many", "five or six", "judge", "count", _on_white(
        "five tigers", "five lemons", "five ducks", "five stars", "six rockets", "six books", "six apples", "six pigs",
    )),
    Sort("unknown", "a thing never shown", "nobody", "word", _on_white(
        "a dragon", "a zebra", "a robot", "a giraffe", "a piano", "a spoon", "a candle", "an airplane",
    )),
    Sort("seen_word", "a word from its signs", "judge", "lettering", _signs(
        "ZOO", "CAFE", "OPEN", "HOTEL", "MUSIC", "MARKET", "COFFEE", "STATION",
    )),
    Sort("new_word", "a word on no sign", "judge", "lettering", _signs(
        "GYM", "MILK", "FARM", "LEMON", "RADIO", "GARDEN", "BRIDGE", "VILLAGE",
    )),
    Sort("touching", "touching or riding", "nobody", "touching", _on_white(
        "a cat on a bicycle", "a dog riding a horse", "a penguin in a teacup", "a rabbit holding a carrot",
        "a frog on a mushroom", "a tiger riding a bicycle", "a duck wearing a crown", "a pig in a car",
    )),
    Sort("without", "“without”, “no”", "judge", "word", _on_white(
        "a duck without a cat", "a cake without a strawberry", "a tree without an apple", "a horse without a cow",
        "a teacup and no key", "an owl and no star", "a bus and no car", "a rose and no butterfly",
    )),
    Sort("fingers", "five fingers", "fingers", "object", tuple(f"an open hand {place}" for place in (
        "on a white background", "on a blue background", "on a green background", "on a purple background",
        "on a gray background", "in the snow", "on the grass", "at the beach",
    ))),
)  # fmt: skip
BY_KEY = {sort.key: sort for sort in SORTS}


@dataclass(frozen=True, eq=False)
class Tried:
    """A sort that was painted: pictures uint8 [prompts, seeds, H, W, 3], a verdict for each, [prompts][seeds].

    mixed: the same pictures judged against another prompt of the sort: what a painter would score that paints this
    sort and heeds no caption; () where that says nothing. named: for each picture the things of its caption that the
    judge sees, and how many it asks for. unwanted: pictures with the thing that was to be left out. held: for each
    prompt the training scenes that held such a thing.
    """

    sort: Sort
    prompts: tuple[str, ...]
    pictures: np.ndarray
    verdicts: tuple[tuple[Verdict, ...], ...]
    mixed: tuple[tuple[Verdict, ...], ...]
    named: tuple[tuple[int, int], ...]
    unwanted: int
    extra: int
    held: tuple[int, ...]

    @property
    def right(self) -> Interval | None:
        """The pictures that are right, of those that could be told; None when none could."""
        return _share(self.verdicts)

    @property
    def chance(self) -> Interval | None:
        """What heeding no caption would score; None where that says nothing."""
        return _share(self.mixed)

    @property
    def untold(self) -> int:
        return sum(one is None for row in self.verdicts for one in row)

    @property
    def painted(self) -> int:
        return sum(map(len, self.verdicts))


@dataclass(frozen=True, eq=False)
class Map:
    """The sorts painted so far, of ``planned``; ``scenes``: how many the whole diet holds."""

    tried: tuple[Tried, ...]
    planned: int
    scenes: int

    def of(self, key: str) -> Tried | None:
        return next((one for one in self.tried if one.sort.key == key), None)

    @property
    def decided(self) -> tuple[Tried, ...]:
        """The sorts that could be told right or wrong, the easiest first."""
        known = [one for one in self.tried if one.right and not one.sort.only_refuted]
        return tuple(sorted(known, key=_rate, reverse=True))

    @property
    def refuted(self) -> tuple[Tried, ...]:
        """The sorts that could be told wrong and never right: they have no place among easy and hard."""
        return tuple(one for one in self.tried if one.right and one.sort.only_refuted)

    @property
    def undecided(self) -> tuple[Tried, ...]:
        """The sorts of which nothing could be told."""
        return tuple(one for one in self.tried if not one.right)


def _rate(one: Tried) -> float:
    return one.right.rate if one.right else 0.0


def _share(verdicts: Sequence[Sequence[Verdict]]) -> Interval | None:
    """Right of told, as wide as if each prompt were one trial, since the seeds of a prompt are alike."""
    decided = [[one for one in row if one is not None] for row in verdicts]
    prompts = sum(map(bool, decided))
    return clustered(sum(map(sum, decided)), sum(map(len, decided)), prompts) if prompts else None


def check(sorts: Any, prompts: Any, seeds: Any, seed: Any) -> tuple[tuple[Sort, ...], int, tuple[int, ...]]:
    """(sorts in the map's order, prompts of each, seeds); PlainError for what the map does not have."""
    if not isinstance(sorts, list | tuple) or not sorts:
        raise PlainError("Choose at least one sort of prompt.")
    if unknown := [key for key in sorts if not isinstance(key, str) or key not in BY_KEY]:
        raise PlainError(f"There is no sort of prompt called {unknown[0]!r}. There are: {', '.join(BY_KEY)}.")
    count = whole("The number of prompts", prompts, 1, MOST_PROMPTS)
    whole("The number of seeds", seeds, 1, MOST_SEEDS)
    return tuple(sort for sort in SORTS if sort.key in sorts), count, seed_range(seed, seeds)


def measure(
    painter: Painter, sorts: Sequence[str] = tuple(BY_KEY), prompts: int = 8, seeds: int = 4, seed: int = 0, *,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Map]]:  # fmt: skip
    """Paint the first ``prompts`` of each sort at each seed; after every sort the Evidence so far.

    PlainError for another painter than the bundled one: nobody here knows its diet or can judge its pictures.
    """
    began, (chosen, count, rows) = time.perf_counter(), check(sorts, prompts, seeds, seed)
    steps = whole("The number of passes", painter.passes(steps), 1, MAX_STEPS)
    if not painter.is_bundled:
        raise PlainError(
            "The map is drawn for the bundled painter alone: its diet is counted, and the judge knows its world."
        )
    done: list[Tried] = []
    for number, sort in enumerate(chosen):
        captions, pictures = sort.prompts[:count], []
        each = max(1, MAX_ROWS // len(rows))
        parts = [captions[at : at + each] for at in range(0, count, each)]
        for part, some in enumerate(parts):
            plan = Plan(tuple(one for one in some for _ in rows), rows * len(some), steps=steps)
            for event in diffusion.denoise(painter, plan):
                share = (number + (part + (event.index + 1) / event.passes) / len(parts)) / len(chosen)
                yield Underway(share, f"{sort.name}, pass {event.index + 1} of {event.passes}")
            assert event.pictures is not None
            pictures.append(event.pictures)
        stacked = np.concatenate(pictures)
        done.append(judged(painter, sort, captions, stacked.reshape(count, len(rows), *stacked.shape[1:])))
        yield _evidence(painter, Map(tuple(done), len(chosen), diet.load().scenes), rows, steps, began)


def judged(painter: Painter, sort: Sort, prompts: tuple[str, ...], pictures: np.ndarray) -> Tried:
    """The verdicts on pictures uint8 [prompts, seeds, H, W, 3] of a sort, its control, and its share of the diet."""
    verdicts = tuple(_verdicts(painter, sort, *pair) for pair in zip(prompts, pictures, strict=True))
    others = (*prompts[1:], prompts[0])
    compared = sort.how == "judge" and len(prompts) > 1
    mixed = tuple(_verdicts(painter, sort, *pair) for pair in zip(others, pictures, strict=True)) if compared else ()
    named: list[tuple[int, int]] = []
    unwanted = extra = 0
    for prompt, some in zip(prompts, pictures, strict=True):
        facts = facts_of(prompt)
        asked = {thing.name for thing in facts.things}
        for reading in judge.load().look(some):
            seen = reading.counts()
            named.append((sum(name in seen for name in asked), len(asked)))
            unwanted += any(name in seen for name in facts.absent)
            extra += bool(seen.keys() - asked)
    held = tuple(_held(sort, prompt) for prompt in prompts)
    return Tried(sort, prompts, pictures, verdicts, mixed, tuple(named), unwanted, extra, held)


def _verdicts(painter: Painter, sort: Sort, prompt: str, pictures: np.ndarray) -> tuple[Verdict, ...]:
    """One verdict for each of the pictures [seeds, H, W, 3] of a prompt."""
    if sort.how == "nobody":
        return (None,) * len(pictures)
    if sort.how == "fingers":
        return tuple(None if hand.fingers is None else hand.fingers == 5 for hand in count_fingers(pictures))
    found = test.judged(painter, prompt, pictures)
    return tuple(
        None if wrong is None else False if wrong else None if found.unjudged else True for wrong in found.wrong
    )


def _held(sort: Sort, prompt: str) -> int:
    """How many training scenes held what makes the prompt one of its sort; 0 where no caption ever asks for such."""
    if sort.wish in ("word", "touching"):
        return 0
    rows = [row.scenes for row in diet.load().held(facts_of(prompt)) if row.aspect == sort.wish]
    return min(rows, default=0)


def fed(one: Tried) -> str:
    """What the diet held of a sort, in words: the middle one of its prompts."""
    return f"{int(np.median(one.held)):,} {one.sort.fed}"


def easiest_and_hardest(value: Map) -> tuple[Tried, ...]:
    """The sorts whose pictures are worth a look: the easiest, the hardest, and one of which nothing can be told."""
    decided = value.decided
    ends = (decided[0], decided[-1]) if len(decided) > 1 else decided
    return (*ends, *value.undecided[:1])


COMBINED, RECALLED = "new_colour", "new_word"


def never_truth(value: Map) -> tuple[int, str] | str:
    """Which of the two sorts that the diet held 0 times come out: neither (0), colours (1), words (2), both (3).

    A sort comes out when its interval lies above a half and above that of the control, and does not when it lies below
    a half. Where neither holds, why no guess can be scored, in words.
    """
    colour, word = value.of(COMBINED), value.of(RECALLED)
    if not (colour and word and colour.right and word.right and colour.chance and word.chance):
        return (
            "No guess can be scored here: that takes the sorts “a colour held out” and “a word on no sign”, with two "
            "prompts of each at least."
        )
    summary = (
        f"the held-out colour in {colour.right}, the word on no sign in {word.right}; judged against another prompt of "
        f"their sort, {colour.chance.successes} and {word.chance.successes}"
    )
    first, second = _comes_out(colour), _comes_out(word)
    if first is None or second is None:
        return f"No guess can be scored here: these are too few prompts to tell. Measured: {summary}."
    return first + 2 * second, summary


def _comes_out(one: Tried) -> bool | None:
    """Whether a sort comes out in most pictures; None where its interval leaves that open."""
    assert one.right and one.chance
    if one.right.low > max(0.5, one.chance.high):
        return True
    return False if one.right.high < 0.5 else None


def _evidence(painter: Painter, value: Map, seeds: tuple[int, ...], steps: int, began: float) -> Evidence[Map]:
    first = value.tried[0]
    prompts = len(first.prompts)
    source = Provenance.live(
        painter, began, seeds[0], sorts=len(value.tried), prompts_each=prompts, seeds=len(seeds), passes=steps,
        guidance_scale=painter.guidance_scale,
    )  # fmt: skip
    rows = tuple(
        (
            one.sort.name, *_cells(one.right), one.untold, one.painted, one.chance.successes if one.chance else None,
            int(np.median(one.held)), one.sort.fed,
        )
        for one in (*value.decided, *value.refuted, *value.undecided)
    )  # fmt: skip
    columns = (
        "sort", "right", "told", "share", "low", "high", "cannot tell", "pictures", "right against another prompt",
        "in the diet (median)", "of what",
    )  # fmt: skip
    summary = "; ".join(f"{one.sort.name} {short(one.right)}" for one in value.decided if one.right)
    wrong = "; ".join(f"{one.sort.name} {short(one.right)}" for one in value.refuted if one.right)
    left = ", ".join(one.sort.name for one in value.undecided)
    alt = (
        f"Sorts of prompt from easy to hard, {plural(prompts, 'prompt')} × {plural(len(seeds), 'seed')} each, right "
        f"with 95 % intervals: {summary or 'none'}."
        + (f" Can be told wrong and never right: {wrong}." if wrong else "")
        + (f" Cannot be told: {left}." if left else "")
    )
    code = exercise_snippets.galleries(
        painter.source, list(first.prompts), seeds=seeds, steps=steps, guidance_scale=painter.guidance_scale,
        count_fingers=first.sort.how == "fingers",
    )  # fmt: skip
    expected = dict(zip(first.prompts, first.pictures, strict=True))
    return Evidence(value, alt, Table(columns, rows), source, tuple(_findings(value)), code, expected)


def _cells(share: Interval | None) -> tuple[int | float | None, ...]:
    if share is None:
        return (None, 0, None, None, None)
    return share.successes, share.trials, *(round(one, 4) for one in (share.rate, share.low, share.high))


def _findings(value: Map) -> Iterator[Finding]:
    colour, word = value.of(COMBINED), value.of(RECALLED)
    if colour and word and colour.right and word.right:
        yield Finding(
            f"{colour.right.rate:.0%} and {word.right.rate:.0%}".replace("%", " %"),
            f"of the pictures are right for a colour held out, {short(colour.right)}, and for a word on no sign, "
            f"{short(word.right)}. The diet held both 0 times, so the count alone does not say what is hard.",
        )
    decided = value.decided
    best = [one for one in decided if _rate(one) == _rate(decided[0])]
    worst = [one for one in decided if _rate(one) == _rate(decided[-1])]
    if len(decided) > 1 and best == worst:
        yield Finding("No sort is harder", f"The same share is right of all that could be told: {_counts(best)}.")
    elif len(decided) > 1 and not _apart(worst[0], best[0]):
        yield Finding(
            "No sort is clearly harder",
            f"{_names(worst)}: right in {_counts(worst)}; {_names(best)}: in {_counts(best)}. The intervals overlap.",
        )
    elif len(decided) > 1:
        yield Finding(
            _names(worst),
            f"{'is' if len(worst) == 1 else 'are'} hardest, right in {_counts(worst)}; the diet held {_fed(worst)}. "
            f"Easiest, right in {_counts(best)}: {_names(best)}; the diet held {_fed(best)}.",
        )
    without, single = value.of("without"), value.of("single")
    if without:
        beside = f", {percent(without.unwanted / without.painted)} of them"
        yield Finding(
            f"{without.unwanted} of {without.painted}",
            f"pictures show the very thing that “without” or “no” was to keep out{beside}."
            + (_uninvited(single) if single else ""),
        )
    many = value.of("many")
    if many and many.right and (unjust := blind.unjust()):
        yield Finding(
            f"{many.right.trials - many.right.successes} of {many.painted}",
            "pictures of five or six are plainly wrong: the judge, which knows one to four, sees too few. Of true "
            f"scenes of five or six it would say so of {short(unjust)} (recorded). It could call none right, so this "
            "sort stands outside the order from easy to hard.",
        )
    if untold := [one for one in value.tried if one.untold]:
        count = sum(one.untold for one in untold)
        yield Finding(
            f"{plural(count, 'picture')}: cannot tell",
            f"Too unclear for the judge, or like nothing that it was ever shown: neither right nor wrong. "
            f"{', '.join(f'{one.sort.name} ({one.untold})' for one in untold)}. Look at them yourself."
            + (_both(riding) if (riding := value.of("touching")) else ""),
        )
    if compared := [one.chance for one in value.tried if one.chance]:
        right, of = sum(one.successes for one in compared), sum(one.trials for one in compared)
        yield Finding(
            f"control: {right} of {of}",
            "is what the same pictures score when each is judged against another prompt of its sort. Heeding no "
            "caption would earn a painter no more.",
        )


def _apart(worst: Tried, best: Tried) -> bool:
    """Whether the interval of the one lies below that of the other."""
    return worst.right is not None and best.right is not None and worst.right.high < best.right.low


def _counts(sorts: Sequence[Tried]) -> str:
    """The counts of sorts with the same share; each its own where they differ."""
    counts = list(dict.fromkeys(short(one.right) for one in sorts if one.right))
    return " and ".join(counts)


def _names(sorts: Sequence[Tried]) -> str:
    return ", ".join(one.sort.name for one in sorts)


def _fed(sorts: Sequence[Tried]) -> str:
    """From how few to how many scenes of the diet held what makes a prompt one of these sorts."""
    held = sorted({int(np.median(one.held)) for one in sorts})
    return f"{held[0]:,} scenes of it" if len(held) == 1 else f"from {held[0]:,} to {held[-1]:,} scenes of them"


def _uninvited(single: Tried) -> str:
    """The control for what was to be left out: how often a thing turns up that no caption names."""
    return f" Of the {single.painted} pictures that ask for one thing and name no other, {single.extra} show another."


def _both(riding: Tried) -> str:
    both = sum(seen == asked for seen, asked in riding.named)
    return f" Where things should touch, the judge sees both of them in {both} of {riding.painted}."
