"""Screen 2: how many rounds a story needs, against the twin, over many seeds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, PlainError, Table, Underway
from engines.statistics import Interval, Mean, cells, change, percent, plural, share, words
from engines.text import masked, stories
from engines.text.masked import ROUNDS, Writers
from lessons.text_diffusion.measures import (
    LEAST_STORIES,
    MOST_STORIES,
    PIPELINE,
    RULES,
    opened,
    provenance,
    temperature_of,
    valid,
)

TWIN = "twin"


@dataclass(frozen=True, eq=False)
class Row:
    """The stories of one writer: ``rounds`` None for the twin; passes and seconds for all of them together."""

    rounds: int | None
    canvases: np.ndarray
    passes: int
    seconds: float
    valid: Interval
    distinct: int
    rules: Counter
    sound: Mean
    """The share of a story's lines that break no rule by themselves, over the stories."""

    @property
    def name(self) -> str:
        return TWIN if self.rounds is None else plural(self.rounds, "round")


@dataclass(frozen=True, eq=False)
class Compared:
    """The twin's stories and those of 2, 4, 8 … rounds, as far as they are written; ``seeds`` of each."""

    writers: Writers
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]

    def of(self, rounds: int | None) -> Row:
        return next(row for row in self.rows if row.rounds == rounds)


def compare(count: int, temperature: float, seed: int) -> Iterator[Underway | Evidence[Compared]]:
    """Write ``count`` stories from as many seeds with every number of rounds and with the twin; an Evidence each."""
    began = time.perf_counter()
    temperature = temperature_of(temperature)
    if not temperature:
        raise PlainError("At temperature 0 the twin writes one story from every seed. Turn it up to count stories.")
    seeds = seed_range(seed, count, least=LEAST_STORIES, most=MOST_STORIES, what="The number of stories")
    yield from opened()
    writers = masked.load()
    value = Compared(writers, seeds, ())
    total, done = sum(ROUNDS) + 8, 0
    for rounds in (None, *ROUNDS):
        name = "The twin writes" if rounds is None else plural(rounds, "round")
        events = (
            masked.write(writers, seeds, temperature=temperature)
            if rounds is None
            else masked.draft(writers, seeds, rounds=rounds, temperature=temperature)
        )
        last: Any = None
        for passes, event in enumerate(events, 1):
            last = event
            part = 8 * passes / 48 if rounds is None else passes
            yield Underway(min(1.0, (done + part) / total), f"{name}: pass {passes}")
        done += 8 if rounds is None else rounds
        rules = Counter(rule for row in last.canvas for rule in writers.broken(row))
        row = Row(
            rounds, last.canvas, passes, last.seconds, valid(writers, last.canvas),
            len({writers.story(one) for one in last.canvas}), rules, _sound(writers, last.canvas),
        )  # fmt: skip
        value = Compared(writers, seeds, (*value.rows, row))
        yield _evidence(value, began, temperature)


def _sound(writers: Writers, canvases: np.ndarray) -> Mean:
    counts = [stories.sound_lines(writers.text(row)) for row in canvases]
    return share([good / max(1, every) for good, every in counts])


def gap_truth(value: Compared) -> tuple[float, str] | str | None:
    """How many of a hundred stories fewer are valid after 8 rounds than of the twin's; in words if too few tell."""
    if len(value.rows) <= len(ROUNDS):
        return None
    eight, twin = value.of(8).valid, value.of(None).valid
    said = f"{eight} valid in 8 rounds, {twin} by the twin"
    _, low, high = change(eight, twin)
    if low <= 0 <= high and twin.rate > eight.rate:
        return f"Measured: {said}. So few stories do not tell the two apart, so no guess is scored; write more."
    return twin.rate - eight.rate, said


def _evidence(value: Compared, began: float, temperature: float) -> Evidence[Compared]:
    twin, newest, count = value.of(None), value.rows[-1], len(value.seeds)
    findings = [
        Finding(
            f"{percent(twin.valid.rate)} by the twin",
            f"{twin.valid} of its stories break no rule, in {plural(twin.passes, 'pass', 'passes')} "
            f"({twin.seconds:.1f} s for all side by side).",
        )
    ]
    if newest.rounds is not None:
        first = value.of(ROUNDS[0])
        findings.append(
            Finding(
                f"{percent(first.valid.rate)} in {plural(ROUNDS[0], 'round')}",
                f"{first.valid}; in {plural(newest.rounds, 'round')} {newest.valid} ({newest.seconds:.1f} s). "
                + _gain(first, newest),
            )
        )
        findings.append(
            Finding(
                f"{percent(first.sound[0])} → {percent(newest.sound[0])} of the lines",
                f"are sound by themselves: {words(first.sound, 0, True)} in {plural(ROUNDS[0], 'round')}, "
                f"{words(newest.sound, 0, True)} in {newest.rounds}; by the twin {words(twin.sound, 0, True)}. A story "
                "is valid when all its lines are and they agree.",
            )
        )
        most = max(newest.rules.values(), default=0)
        worst = [f"“{RULES[rule]}”" for rule, times in newest.rules.most_common() if times == most]
        findings.append(
            Finding(
                f"{' and '.join(worst)} {'breaks' if len(worst) == 1 else 'break'} most"
                if worst
                else "No rule is broken",
                f"after {plural(newest.rounds, 'round')}: "
                + ("; ".join(f"{RULES[rule]} in {times}" for rule, times in newest.rules.most_common()) or "none")
                + f", of {count} stories. {plural(newest.distinct, 'different story', 'different stories')}.",
            )
        )
    rows = [
        (row.name, row.passes, round(row.seconds, 2), row.valid.successes, count, row.valid.low, row.valid.high,
         *cells(row.sound, 3), row.distinct,
         ", ".join(f"{RULES[rule]} {times}" for rule, times in row.rules.most_common()))
        for row in value.rows
    ]  # fmt: skip
    columns = (
        "writer",
        "passes",
        "seconds",
        "valid",
        "of",
        "low",
        "high",
        "sound lines",
        "lines low",
        "lines high",
        "different",
        "rules broken",
    )
    alt = "; ".join(f"{row.name}: {row.valid} valid" for row in value.rows)
    settings = {"stories": count, "temperature": temperature}
    snippet, expected = "", None
    if len(value.rows) > len(ROUNDS):
        snippet, expected = _code(value, temperature), value.of(ROUNDS[1]).valid.rate
    return Evidence(
        value, f"{alt}.", Table(columns, tuple(rows)),
        provenance(value.writers, value.seeds[0], time.perf_counter() - began, **settings), tuple(findings), snippet,
        expected,
    )  # fmt: skip


def _gain(first: Row, later: Row) -> str:
    if later is first:
        return ""
    _, low, high = change(first.valid, later.valid)
    if low > 0:
        return "More rounds help: words drawn in one pass do not know of each other."
    return "Here more rounds do harm." if high < 0 else "So few stories do not tell the two apart."


def _code(value: Compared, temperature: float) -> str:
    return f"""{PIPELINE}
from engines.text import stories  # the grammar and its parser, in the repository
from engines.text.masked import lengths

pipeline = LLaDA2Pipeline(model=model, scheduler=BlockRefinementScheduler(), tokenizer=tokenizer)
pipeline.set_progress_bar_config(disable=True)
seeds, valid = {list(value.seeds)!r}, 0
for seed, words in zip(seeds, lengths(seeds)):
    story = pipeline(
        input_ids=torch.zeros(1, 0, dtype=torch.long), gen_length=words, block_length=words,
        num_inference_steps={ROUNDS[1]}, temperature={temperature}, sampling_method="multinomial",
        threshold=1.0, editing_threshold=None, eos_early_stop=False,
        generator=torch.Generator().manual_seed(seed), output_type="seq",
    ).sequences[0]
    valid += not stories.broken([*tokenizer.convert_ids_to_tokens(story), stories.END])
result = valid / len(seeds)
print(valid, "of", len(seeds), "stories are valid in {ROUNDS[1]} rounds")
"""
