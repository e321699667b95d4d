"""Screen 3, one seed and many: the same seed twice, and a crowd of seeds that parts key by key.

The control of the crowd has the same dice after another text: what agrees there too is not due to the page.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from engines.checks import whole
from engines.evidence import Evidence, Finding, Table, Underway
from engines.statistics import Mean, interval, interval_percent, percent, plural, wilson
from engines.text import snippets
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Run, Token
from lessons.sampling import examples
from lessons.sampling.measures import MAX_BITS, pairs_together, parting, provenance, seed_of, together

LENGTH = 10
"""Keys of a run."""
CURVES = 4
Crowds = tuple["Crowd", ...]
"""The crowd just written after those that the page still shows beside it."""
Rows = list[list[Token]]


@dataclass(frozen=True, eq=False)
class Crowd:
    """The texts of many seeds under one setting. ``left[k]`` runs form the largest group that shares k + 1 keys.

    ``elsewhere`` are the runs of the same seeds after another text; none as long as they are not written.
    """

    text: str
    dials: Dials
    length: int
    runs: tuple[Run, ...]
    seconds: float
    elsewhere: tuple[Run, ...] = ()

    @property
    def left(self) -> tuple[int, ...]:
        rows = [run.token_ids for run in self.runs]
        return tuple(together(rows, depth) for depth in range(1, self.length + 1))

    @cached_property
    def pairs(self) -> tuple[tuple[float, float, float], ...]:
        """(share, low, high) for k = 1, 2, ...: pairs of runs with the same first k keys, and the 95 % interval."""
        rows, shares, most = [run.token_ids for run in self.runs], [], 1.0
        for depth in range(1, self.length + 1):
            share, low, high = pairs_together(rows, depth)
            if self.dials.greedy:  # no dice is thrown, so another batch of seeds would agree just as these do
                low = high = share
            most = min(most, high)  # who agrees on one key more agrees on these too
            shares.append((share, low, most))
        return tuple(shares)

    @cached_property
    def by_dice(self) -> tuple[Mean, ...]:
        """The control for k = 1, 2, ...: seeds that write the same first k keys after another text, and the interval.

        The dice are the same in both texts, so a likeness here is owed to them or to keys that are common everywhere.
        """
        found: list[Mean] = []
        for depth in range(1, self.length + 1 if self.elsewhere else 1):
            pairs = zip(self.runs, self.elsewhere, strict=True)
            same = wilson(sum(a.token_ids[:depth] == b.token_ids[:depth] for a, b in pairs), len(self.runs))
            found.append((same.rate,) * 3 if self.dials.greedy else (same.rate, same.low, same.high))
        return tuple(found)

    @property
    def holds(self) -> int:
        """Over how many first keys the runs agree more than the control."""
        both = zip(self.pairs, self.by_dice, strict=False)
        return next((depth for depth, (own, dice) in enumerate(both) if not above(own, dice)), len(self.by_dice))

    @property
    def distinct_texts(self) -> int:
        return len({run.token_ids for run in self.runs})


def above(one: Mean, other: Mean) -> bool:
    """Whether the 95 % interval of the difference of two shares lies above 0 (Newcombe 1998, method 10).

    It is made of the intervals of both. They are taken as independent; what is alike in both only makes it too wide.
    """
    return one[0] - other[0] > math.hypot(one[0] - one[1], other[2] - other[0])


def twice(
    model: LanguageModel, text: str, temperature: float, top_p: float, seed: int, length: int = LENGTH
) -> Iterator[Rows | Evidence[Rows]]:
    """The same seed twice, then the next seed: three rows of keys that grow one after the other."""
    dials, seed = Dials(temperature, top_p), seed_of(seed, "The first seed")
    prompt, rows = model.encode(text), Rows()
    for one in (seed, seed, seed + 1):
        rows.append([])
        for token in model.write(prompt, dials, seed=one, max_tokens=length):
            rows[-1].append(token)
            yield rows
    yield twice_evidence(model, text, dials, seed, length, rows)


def twice_evidence(model: LanguageModel, text: str, dials: Dials, seed: int, length: int, rows: Rows) -> Evidence[Rows]:
    ids = [[token.token_id for token in row] for row in rows]
    equal, apart = ids[0] == ids[1], parting(ids[0], ids[2])
    texts = ["".join(token.text for token in row) for row in rows]
    where = f"parts at key {apart + 1}" if apart is not None else "happens to write the same"
    return Evidence(
        rows,
        f"Seed {seed} written twice gives {'the same text' if equal else 'two texts'}: “{texts[0].strip()}”. "
        f"Seed {seed + 1} {where}: “{texts[2].strip()}”.",
        Table(("seed", "text"), ((seed, texts[0]), (seed, texts[1]), (seed + 1, texts[2]))),
        provenance(model, dials, seed=seed, keys=length, seconds=sum(t.seconds for row in rows for t in row)),
        (
            Finding(
                "identical" if equal else "different", f"Seed {seed} twice: {len(ids[0])} keys, compared one by one."
            ),
            Finding(
                f"key {apart + 1}" if apart is not None else "no key",
                f"is the first at which seed {seed + 1} differs."
                if apart is not None
                else "differs with the next seed.",
            ),
        ),
        snippets.continuation(model.reference, text, dials, seed=seed, max_tokens=length),
        texts[0],
    )


def elsewhere(text: str) -> str:
    """The text of the control: another one than the learner's."""
    return examples.SEEDS_TEXT if text.strip() == examples.BRANCH_TEXT else examples.BRANCH_TEXT


def crowd(
    model: LanguageModel, text: str, dials: Dials, seeds: Sequence[int], length: int
) -> Iterator[Underway | Crowd]:
    """Write one text for each seed, all in one batch, then as many after another text; the crowd after either."""
    began, written = time.perf_counter(), list[tuple[Run, ...]]()
    for part, (prompt, words) in enumerate(((text, ""), (elsewhere(text), "The same dice after another text. "))):
        for event in model.write_many(model.encode(prompt), dials, seeds=seeds, max_tokens=length):
            if isinstance(event, Underway):
                yield Underway((part + event.share) / 2, words + event.words)
            else:
                written.append(event)
                yield Crowd(text, dials, length, written[0], time.perf_counter() - began, *written[1:])


def crowded(
    model: LanguageModel, kept: Crowds | None, text: str, temperature: float, top_p: float, seed: int, runs: int
) -> Iterator[Underway | Evidence[Crowds]]:
    """A crowd of ``runs`` seeds, beside the last few of the same text under other settings."""
    dials, first = Dials(temperature, top_p), seed_of(seed, "The first seed")
    seeds = range(first, first + whole("The number of runs", runs, 2, 32))
    for event in crowd(model, text, dials, seeds, LENGTH):
        if isinstance(event, Underway):
            yield event
        else:
            others = [one for one in kept or () if one.text == text and (one.dials, len(one.runs)) != (dials, runs)]
            yield crowd_evidence(model, (*others, event)[-CURVES:])


def third_key(crowds: Crowds) -> tuple[float, str] | str:
    """The share of the pairs with the same first three keys beside the control, in words; or why no guess is scored."""
    now = crowds[-1]
    if now.distinct_texts == 1:
        return f"All {len(now.runs)} runs wrote the same text: with these dials nothing is left to chance. Turn one up."
    said = f"{interval_percent(*now.pairs[2])} of the pairs of these runs, at temperature {now.dials.temperature:g}"
    if now.by_dice:
        said += f"; the same dice after another text: {interval_percent(*now.by_dice[2])}"
    return now.pairs[2][0], said


def _held(crowd: Crowd) -> str:
    """What the control says of the runs, in words."""
    if crowd.holds == crowd.length:
        return f"these runs agree more than that on all {crowd.length} keys"
    if crowd.holds:
        keys = "key" if crowd.holds == 1 else f"{crowd.holds} keys"
        return f"these runs agree more than that on the first {keys}; after that nothing shows that they do"
    return "nothing shows that these runs agree more than that, not even on the first key"


def crowd_evidence(model: LanguageModel, crowds: Crowds) -> Evidence[Crowds]:
    """Which share of the pairs of the last crowd's runs agree on their first keys, with intervals."""
    crowd = crowds[-1]
    count, left, pairs = len(crowd.runs), crowd.left, crowd.pairs
    apart = next((depth for depth, n in enumerate(left, start=1) if n == 1), None)
    rows = tuple(
        (run.seed, run.text, sum(min(b, MAX_BITS) for b in run.surprise_bits) / len(run.token_ids))
        for run in crowd.runs
    )
    third = pairs[min(2, len(pairs) - 1)]
    dice = crowd.by_dice[min(2, len(pairs) - 1)] if crowd.by_dice else None
    control = (
        [
            Finding(
                f"{percent(dice[0])} by the dice",
                f"is the share of the seeds with the same three keys after another text (95 % interval "
                f"{interval(*dice[1:])}): {_held(crowd)}.",
            )
        ]
        if dice
        else []
    )
    alone = f"by key {apart} every run has gone its own way" if apart else "some runs are still together at the end"
    return Evidence(
        crowds,
        f"Of the pairs of {count} runs, {percent(pairs[0][0])} agree on the first key and "
        f"{interval_percent(*third)} on the first three; {alone}. They wrote "
        f"{plural(crowd.distinct_texts, 'different text')}."
        + (
            f" After another text the same dice bring the same first three keys in {interval_percent(*dice)}: "
            f"{_held(crowd)}."
            if dice
            else ""
        ),
        Table(("seed", "text", "bits a key"), rows),
        provenance(model, crowd.dials, seed=crowd.runs[0].seed, seconds=crowd.seconds, runs=count, keys=crowd.length),
        (
            Finding(
                percent(third[0]),
                f"of the pairs of runs share their first three keys (95 % interval {interval(*third[1:])}); "
                f"{percent(pairs[0][0])} share the first.",
            ),
            *control,
            Finding(plural(crowd.distinct_texts, "different text"), f"among {count} runs of {crowd.length} keys."),
            Finding(
                f"key {apart}" if apart else "never",
                "is where the last two of these runs part." if apart else "do all these runs part.",
            ),
        ),
        snippets.continuation(
            model.reference, crowd.text, crowd.dials, seed=crowd.runs[0].seed, max_tokens=crowd.length
        ),
        crowd.runs[0].text,
    )
