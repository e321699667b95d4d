"""One seed and many: the same seed twice, and a crowd of seeds that parts key by key."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from engines.evidence import Evidence, Finding, Table
from engines.statistics import interval, interval_percent, percent
from engines.text import snippets
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Progress, Run, Token, runs_of
from lessons.sampling.experiments import MAX_BITS, ShouldStop, provenance
from lessons.sampling.measures import pairs_together, parting, together


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


def twice(model: LanguageModel, text: str, dials: Dials, seed: int, length: int) -> Iterator[list[list[Token]]]:
    """The same seed twice, then the next seed: three rows of keys that grow one after the other."""
    prompt, rows = model.encode(text), list[list[Token]]()
    for one in (seed, seed, seed + 1):
        rows.append([])
        for token in model.write(prompt, dials, seed=one, max_tokens=length):
            rows[-1].append(token)
            yield rows


def twice_evidence(
    model: LanguageModel, text: str, dials: Dials, seed: int, length: int, rows: Sequence[Sequence[Token]]
) -> Evidence[bool]:
    ids = [[token.token_id for token in row] for row in rows]
    equal, apart = ids[0] == ids[1], parting(ids[0], ids[2])
    texts = ["".join(token.text for token in row) for row in rows]
    where = f"parts at key {apart + 1}" if apart is not None else "happens to write the same"
    return Evidence(
        equal,
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
    model: LanguageModel,
    text: str,
    dials: Dials,
    seeds: Sequence[int],
    length: int,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Crowd:
    """Write one text for each seed, all in one batch."""
    started = time.perf_counter()
    writing = model.write_many(model.encode(text), dials, seeds=seeds, max_tokens=length)
    runs = runs_of(writing, progress, should_stop)
    return Crowd(text, dials, length, runs, time.perf_counter() - started)


def crowd_evidence(model: LanguageModel, crowd: Crowd) -> Evidence[tuple[tuple[float, float, float], ...]]:
    """Which share of the pairs of runs agree on their first keys, with intervals."""
    count, left, pairs = len(crowd.runs), crowd.left, crowd.pairs
    apart = next((depth for depth, n in enumerate(left, start=1) if n == 1), None)
    rows = tuple(
        (run.seed, run.text, sum(min(b, MAX_BITS) for b in run.surprise_bits) / len(run.token_ids))
        for run in crowd.runs
    )
    third = pairs[min(2, len(pairs) - 1)]
    alone = f"by key {apart} every run has gone its own way" if apart else "some runs are still together at the end"
    return Evidence(
        pairs,
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
