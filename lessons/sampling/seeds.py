"""Screen 3, one seed and many: the same seed twice, and a crowd of seeds that parts key by key."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from engines.checks import whole
from engines.evidence import Evidence, Finding, Table, Underway
from engines.statistics import interval, interval_percent, percent
from engines.text import snippets
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Run, Token
from lessons.sampling.measures import MAX_BITS, pairs_together, parting, provenance, seed_of, together

LENGTH = 10
"""Keys of a run."""
CURVES = 4
Crowds = tuple["Crowd", ...]
"""The crowd just written after those that the page still shows beside it."""
Rows = list[list[Token]]


@dataclass(frozen=True, eq=False)
class Crowd:
    """The texts of many seeds under one setting. ``left[k]`` runs form the largest group that shares k + 1 keys."""

    text: str
    dials: Dials
    length: int
    runs: tuple[Run, ...]
    seconds: float

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

    @property
    def distinct_texts(self) -> int:
        return len({run.token_ids for run in self.runs})


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


def crowd(
    model: LanguageModel, text: str, dials: Dials, seeds: Sequence[int], length: int
) -> Iterator[Underway | Crowd]:
    """Write one text for each seed, all in one batch; then the crowd."""
    began = time.perf_counter()
    for event in model.write_many(model.encode(text), dials, seeds=seeds, max_tokens=length):
        yield event if isinstance(event, Underway) else Crowd(text, dials, length, event, time.perf_counter() - began)


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


def third_key(crowds: Crowds) -> tuple[float, str]:
    """The share of the pairs with the same first three keys, and the measurement in words."""
    now = crowds[-1]
    said = f"{interval_percent(*now.pairs[2])} of the pairs at temperature {now.dials.temperature:g}"
    return now.pairs[2][0], said


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
    alone = f"by key {apart} every run has gone its own way" if apart else "some runs are still together at the end"
    return Evidence(
        crowds,
        f"Of the pairs of {count} runs, {percent(pairs[0][0])} agree on the first key and "
        f"{interval_percent(*third)} on the first three; {alone}. {crowd.distinct_texts} of {count} texts are "
        "different.",
        Table(("seed", "text", "bits a key"), rows),
        provenance(model, crowd.dials, seed=crowd.runs[0].seed, seconds=crowd.seconds, runs=count, keys=crowd.length),
        (
            Finding(
                percent(third[0]),
                f"of the pairs of runs share their first three keys (95 % interval {interval(*third[1:])}); "
                f"{percent(pairs[0][0])} share the first.",
            ),
            Finding(f"{crowd.distinct_texts} of {count}", f"texts of {crowd.length} keys are different."),
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
