"""Passes for 500 words: what the beginnings of chat answers cost, one pass a token."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from engines.evidence import Evidence, Finding, Table
from engines.statistics import mean_interval, plural
from engines.text import snippets
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Progress, Run, runs_of
from lessons.sampling.experiments import ShouldStop, provenance


@dataclass(frozen=True, eq=False)
class Answers:
    """The first ``length`` keys of chat answers, one pass a key. ``rates`` are each answer's keys for a word."""

    questions: tuple[str, ...]
    dials: Dials
    seed: int
    length: int
    runs: tuple[Run, ...]
    seconds: float

    @property
    def rates(self) -> tuple[float, ...]:
        return tuple(len(run.token_ids) / max(len(run.text.split()), 1) for run in self.runs)

    @property
    def passes(self) -> tuple[float, float, float]:
        """Passes that 500 words would take at the rates measured: mean and 95 % interval over the answers."""
        mean, low, high = mean_interval([500 * rate for rate in self.rates])
        return mean, low, high


def answers(
    model: LanguageModel,
    questions: Sequence[str],
    dials: Dials,
    seed: int,
    length: int,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> Answers:
    """Let the model answer each question as a chat, all in one batch."""
    started = time.perf_counter()
    prompts = [model.encode(question, chat=True) for question in questions]
    writing = model.write_many(prompts, dials, seeds=range(seed, seed + len(questions)), max_tokens=length)
    runs = runs_of(writing, progress, should_stop)
    return Answers(tuple(questions), dials, seed, length, runs, time.perf_counter() - started)


def answers_evidence(model: LanguageModel, found: Answers) -> Evidence[tuple[float, float, float]]:
    """Passes for 500 words, from the tokens a word that the model's own answers took."""
    mean, low, high = found.passes
    words = sum(len(run.text.split()) for run in found.runs)
    passes = sum(len(run.token_ids) for run in found.runs)
    rows = tuple(
        (question, run.seed, len(run.token_ids), len(run.text.split()), rate, run.text)
        for question, run, rate in zip(found.questions, found.runs, found.rates, strict=True)
    )
    return Evidence(
        (mean, low, high),
        f"The first {found.length} keys of {plural(len(found.runs), 'answer')}, {words:,} words, took {passes:,} "
        f"passes: {mean / 500:.2f} a word on average. At that rate 500 words would take about {mean:.0f} "
        f"(95 % interval {low:.0f} to {high:.0f}).",
        Table(("question", "seed", "passes", "words", "passes a word", "answer"), rows),
        provenance(
            model, found.dials, seed=found.seed, seconds=found.seconds, answers=len(found.runs), keys=found.length
        ),
        (
            Finding(
                f"{mean:.0f} passes",
                f"for 500 words, at the rate of the first {found.length} keys of each answer (95 % interval "
                f"{low:.0f}–{high:.0f}, {len(found.runs)} answers).",
            ),
            Finding(
                f"{mean / 500:.2f}", "passes for each word: a word that is not in the vocabulary takes several keys."
            ),
            Finding(f"{passes:,}", f"passes were run just now for {words:,} words, in {found.seconds:.0f} seconds."),
        ),
        snippets.continuation(
            model.reference, found.questions[0], found.dials, seed=found.seed, max_tokens=found.length, chat=True
        ),
        found.runs[0].text,
    )
