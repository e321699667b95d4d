"""Screen 5, passes for 500 words: what the beginnings of chat answers cost, one pass a token."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engines.evidence import Evidence, Finding, Table, Underway
from engines.statistics import mean_interval, plural
from engines.text import snippets
from engines.text.dials import Dials
from engines.text.language_model import LanguageModel, Run
from lessons.sampling.measures import lines_of, provenance

DIALS, SEED, LENGTH = Dials(0.8, 0.92), 1, 80


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
    model: LanguageModel, questions: Sequence[str], dials: Dials, seed: int, length: int
) -> Iterator[Underway | Answers]:
    """Let the model answer each question as a chat, all in one batch."""
    began = time.perf_counter()
    prompts = [model.encode(question, chat=True) for question in questions]
    for event in model.write_many(prompts, dials, seeds=range(seed, seed + len(questions)), max_tokens=length):
        if isinstance(event, Underway):
            yield event
        else:
            yield Answers(tuple(questions), dials, seed, length, event, time.perf_counter() - began)


def answered(model: LanguageModel, questions: str) -> Iterator[Underway | Evidence[Answers]]:
    """Answer the ``questions``, one a line, and count."""
    for event in answers(model, lines_of(questions, "questions"), DIALS, SEED, LENGTH):
        yield event if isinstance(event, Underway) else answers_evidence(model, event)


def needed(found: Answers) -> tuple[float, str, list[float]]:
    """Passes for 500 words, and the measurement in words."""
    mean, low, high = found.passes
    return mean, f"{mean:.0f} passes (95 % interval {low:.0f}–{high:.0f})", [low, high]


def answers_evidence(model: LanguageModel, found: Answers) -> Evidence[Answers]:
    """Passes for 500 words, from the tokens a word that the model's own answers took."""
    mean, low, high = found.passes
    words = sum(len(run.text.split()) for run in found.runs)
    passes = sum(len(run.token_ids) for run in found.runs)
    rows = tuple(
        (question, run.seed, len(run.token_ids), len(run.text.split()), rate, run.text)
        for question, run, rate in zip(found.questions, found.runs, found.rates, strict=True)
    )
    return Evidence(
        found,
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
            Finding(f"{passes:,}", f"passes were run for {words:,} words, in {found.seconds:.0f} seconds."),
        ),
        snippets.continuation(
            model.reference, found.questions[0], found.dials, seed=found.seed, max_tokens=found.length, chat=True
        ),
        found.runs[0].text,
    )
