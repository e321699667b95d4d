"""Screen 6, the logit lens: what each layer would say if it were the last (nostalgebraist 2020).

Layers are counted as done: 0 is the embedding alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.statistics import interval, mean_interval, plural, wilson
from engines.text import snippets
from engines.text.language_model import LanguageModel
from engines.text.logit_lens import LayerGuess, first_leads_at, settles_at
from lessons.attention.measures import EXAMPLES, FACTS, short

SENTENCES = tuple(dict.fromkeys(text for text, _ in (*EXAMPLES, *FACTS)))


@dataclass(frozen=True)
class Lens:
    """Each layer's guess at the next token, and when the final answer takes the lead (for good)."""

    text: str
    guesses: tuple[LayerGuess, ...]
    first: int
    settled: int

    @property
    def answer(self) -> str:
        return self.guesses[-1].candidates[0].text

    @property
    def layers(self) -> int:
        return self.guesses[-1].layer


def read(model: LanguageModel, text: str) -> Iterator[Underway | Evidence[Lens]]:
    yield Underway(0.1, "Reading every layer")
    yield lens(model, text)


def settled(value: Lens) -> tuple[float, str]:
    """The share of the layers after which the answer leads for good."""
    return value.settled / value.layers, f"after {value.settled} of {value.layers} layers"


def settled_on_average(value: Sequence[Lens]) -> tuple[float, str] | None:
    """The same for the mean of all sentences, once all were read."""
    if len(value) < len(SENTENCES):
        return None
    mean, layers = mean_interval([float(one.settled) for one in value])[0], value[0].layers
    return mean / layers, f"after {mean:.1f} of {layers} layers, the mean of {len(value)} sentences"


def lens(model: LanguageModel, text: str) -> Evidence[Lens]:
    """Read every layer's state as if it were the last."""
    started = time.perf_counter()
    result = _lens(model, text)
    guesses, answer = result.guesses, result.answer.strip() or result.answer
    early = guesses[len(guesses) // 2]
    return Evidence(
        value=result,
        alt=f"The final answer “{answer}” first leads after {result.first} of {result.layers} layers and keeps the "
        f"lead from layer {result.settled} on. After {early.layer} layers the best guess is "
        f"“{early.candidates[0].text}” and the final answer is number {early.final_rank:,} of "
        f"{model.vocabulary_size:,}.",
        table=Table(
            ("layers done", "best guess", "its probability", "rank of the final answer", "its probability there"),
            tuple(
                (
                    g.layer,
                    g.candidates[0].text,
                    short(g.candidates[0].probability),
                    g.final_rank,
                    short(g.final_probability),
                )
                for g in guesses
            ),
        ),
        provenance=Provenance("live", model.name, model.revision, {"text": text}, None, time.perf_counter() - started),
        findings=(
            Finding(
                f"after {result.settled} of {result.layers}",
                f"layers “{answer}” takes the lead for good"
                + (f"; it had led before, at layer {result.first}." if result.first != result.settled else "."),
            ),
            Finding(
                f"number {early.final_rank:,}",
                f"of {model.vocabulary_size:,} is where “{answer}” stands halfway, after {early.layer} layers.",
            ),
            Finding(
                f"{guesses[-1].entropy_bits:.1f} bits",
                f"of doubt are left at the end, against {early.entropy_bits:.1f} halfway: a lens can look sure of a "
                "guess that the model never makes.",
            ),
        ),
        snippet=snippets.logit_lens(model.reference, text),
        expected=[(g.layer, g.candidates[0].text, g.candidates[0].probability, g.final_rank) for g in guesses],
    )


def _lens(model: LanguageModel, text: str) -> Lens:
    guesses = model.logit_lens(text)
    return Lens(text, guesses, first_leads_at(guesses), settles_at(guesses))


def survey(model: LanguageModel) -> Iterator[Underway | Evidence[tuple[Lens, ...]]]:
    """The layer at which the answer settles, over the bundled sentences; one Evidence after each."""
    started, results = time.perf_counter(), []
    for done, text in enumerate(SENTENCES):
        yield Underway(done / len(SENTENCES), f"Sentence {done + 1} of {len(SENTENCES)}")
        results.append(_lens(model, text))
        yield _survey_evidence(model, tuple(results), len(SENTENCES), time.perf_counter() - started)


def _survey_evidence(
    model: LanguageModel, results: tuple[Lens, ...], planned: int, seconds: float
) -> Evidence[tuple[Lens, ...]]:
    layers = results[0].layers
    mean, low, high = mean_interval([float(result.settled) for result in results])
    late = wilson(sum(result.settled > 0.85 * layers for result in results), len(results))
    span = f" (95 % interval {low:.1f}–{min(high, layers):.1f})" if len(results) > 1 else ""
    return Evidence(
        value=results,
        alt=f"Over {len(results)} of {planned} sentences the final answer settles after {mean:.1f} of {layers} layers "
        f"on average{span}; in {late} not before the last 15 % of the layers.",
        table=Table(
            ("sentence", "final answer", "first leads after layer", "settled after layer"),
            tuple((result.text, result.answer, result.first, result.settled) for result in results),
        ),
        provenance=Provenance("live", model.name, model.revision, {"sentences": len(results)}, None, seconds),
        findings=(
            Finding(
                f"{mean:.1f} of {layers}",
                f"layers: where the answer settles, mean of {plural(len(results), 'sentence')}{span}.",
            ),
            Finding(
                f"{late.successes} of {late.trials}",
                f"settle in the last 15 % of the layers (95 % interval {interval(late.low, late.high)}).",
            ),
        ),
        snippet=snippets.logit_lens(model.reference, results[-1].text),
    )
