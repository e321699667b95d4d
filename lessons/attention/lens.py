"""Screen 6, the logit lens: what each layer would say if it were the last (nostalgebraist 2020).

Layers are counted as done: 0 is the embedding alone. The control is where the same answer stands after other texts:
a layer that ranks “Paris” as high there reads nothing that is this text's own.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.statistics import interval, mean_interval, plural, wilson
from engines.text import snippets
from engines.text.language_model import MAX_TOP, LanguageModel
from engines.text.logit_lens import LayerGuess, first_leads_at, settles_at
from lessons.attention.measures import EXAMPLES, FACTS, short

SENTENCES = tuple(dict.fromkeys(text for text, _ in (*EXAMPLES, *FACTS)))


CONTROLS = SENTENCES[-8:]
"""Facts as well, so that what the lens shows after any text that asks for a name is not taken for this one's."""


@dataclass(frozen=True)
class Other:
    """Another text read through the same lens: by layer its best tokens, best first, at most :data:`MAX_TOP`."""

    text: str
    tokens: tuple[tuple[int, ...], ...]

    @property
    def answer(self) -> int:
        """The token that this text goes on with."""
        return self.tokens[-1][0]

    def rank(self, layer: int, token: int) -> int | None:
        """Where ``token`` stands there, from 1; None beyond the first :data:`MAX_TOP`."""
        return self.tokens[layer].index(token) + 1 if token in self.tokens[layer] else None


@dataclass(frozen=True)
class Lens:
    """Each layer's guess at the next token, and when the final answer takes the lead (for good).

    ``others`` are the texts of the control that end in another answer; none where it was not read.
    """

    text: str
    guesses: tuple[LayerGuess, ...]
    first: int
    settled: int
    others: tuple[Other, ...] = ()

    @property
    def answer(self) -> str:
        return self.guesses[-1].candidates[0].text

    @property
    def layers(self) -> int:
        return self.guesses[-1].layer

    def elsewhere(self, layer: int) -> int | None:
        """The best rank that the final answer has at ``layer`` after any other text; None beyond :data:`MAX_TOP`."""
        token = self.guesses[-1].candidates[0].token_id
        return min((rank for other in self.others if (rank := other.rank(layer, token))), default=None)

    def ahead(self, layer: int) -> bool:
        """Whether the final answer stands higher here than after every other text, and among the first that count."""
        own, best = self.guesses[layer].final_rank, self.elsewhere(layer)
        return own <= MAX_TOP and (best is None or own < best)

    @property
    def apart(self) -> int:
        """The layer from which on the answer is :meth:`ahead` to the end: from there it is this text's own."""
        behind = [guess.layer for guess in self.guesses if not self.ahead(guess.layer)]
        return behind[-1] + 1 if behind else 0

    def same_guess(self, layer: int) -> int:
        """How many other texts have the same best guess at ``layer``."""
        best = self.guesses[layer].candidates[0].token_id
        return sum(other.tokens[layer][0] == best for other in self.others)


def read(model: LanguageModel, text: str) -> Iterator[Underway | Evidence[Lens]]:
    """The lens on ``text``, and then beside the control's texts."""
    yield Underway(0.0, "Reading every layer")
    began = time.perf_counter()
    alone = lens(model, text)
    yield alone
    others = yield from _controls(model, text)
    yield _lens_evidence(model, _beside(alone.value, others), time.perf_counter() - began)


def _controls(model: LanguageModel, text: str = "") -> Generator[Underway, None, tuple[Other, ...]]:
    """Every text of the control but ``text`` itself, each read once."""
    texts, others = [one for one in CONTROLS if one.strip() != text.strip()], []
    for done, one in enumerate(texts):
        yield Underway((1 + done) / (1 + len(texts)), f"Control {done + 1} of {len(texts)}: another text")
        guesses = model.logit_lens(one, MAX_TOP)
        others.append(Other(one, tuple(tuple(c.token_id for c in guess.candidates) for guess in guesses)))
    return tuple(others)


def _beside(value: Lens, others: Sequence[Other]) -> Lens:
    """With those of the other texts as control that go on otherwise, and are not the same text."""
    token = value.guesses[-1].candidates[0].token_id
    return replace(value, others=tuple(one for one in others if one.answer != token and one.text != value.text))


def settled(value: Lens) -> tuple[float, str]:
    """The share of the layers after which the answer leads for good, and from where on it is this text's own."""
    said = f"after {value.settled} of {value.layers} layers"
    if value.others:
        said += f"; from {value.apart} on it stands higher than after any of {plural(len(value.others), 'other text')}"
    return value.settled / value.layers, said


def settled_on_average(value: Sequence[Lens]) -> tuple[float, str, list[float]] | None:
    """The same for the mean of all sentences, once all were read."""
    if len(value) < len(SENTENCES):
        return None
    layers = value[0].layers
    mean, *ends = (after / layers for after in mean_interval([float(one.settled) for one in value]))
    return mean, f"after {mean * layers:.1f} of {layers} layers, the mean of {len(value)} sentences", ends


def lens(model: LanguageModel, text: str) -> Evidence[Lens]:
    """Read every layer's state as if it were the last; without the control."""
    started = time.perf_counter()
    return _lens_evidence(model, _lens(model, text), time.perf_counter() - started)


def _lens_evidence(model: LanguageModel, result: Lens, seconds: float) -> Evidence[Lens]:
    guesses, answer = result.guesses, result.answer.strip() or result.answer
    early = guesses[len(guesses) // 2]
    return Evidence(
        value=result,
        alt=f"The final answer “{answer}” first leads after {result.first} of {result.layers} layers and keeps the "
        f"lead from layer {result.settled} on. After {early.layer} layers the best guess is "
        f"“{early.candidates[0].text}” and the final answer is number {early.final_rank:,} of "
        f"{model.vocabulary_size:,}." + (f" {_apart(result)}" if result.others else ""),
        table=Table(
            (
                "layers done",
                "best guess",
                "its probability",
                "rank of the final answer",
                "its probability there",
                *(("its best rank after other texts", "other texts with this best guess") if result.others else ()),
            ),
            tuple(
                (
                    g.layer,
                    g.candidates[0].text,
                    short(g.candidates[0].probability),
                    g.final_rank,
                    short(g.final_probability),
                    *(
                        (result.elsewhere(g.layer) or f"over {MAX_TOP:,}", result.same_guess(g.layer))
                        if result.others
                        else ()
                    ),
                )
                for g in guesses
            ),
        ),
        provenance=Provenance(
            "live",
            model.name,
            model.revision,
            {"text": result.text, **({"other texts": len(result.others)} if result.others else {})},
            None,
            seconds,
        ),
        findings=(
            Finding(
                f"after {result.settled} of {result.layers}",
                f"layers “{answer}” takes the lead for good"
                + (f"; it had led before, at layer {result.first}." if result.first != result.settled else "."),
            ),
            *(
                [
                    Finding(
                        f"from layer {result.apart}",
                        f"on “{answer}” stands higher than after any of {plural(len(result.others), 'other text')}"
                        + _before(result),
                    )
                ]
                if result.others
                else []
            ),
            Finding(
                f"number {early.final_rank:,}",
                f"of {model.vocabulary_size:,} is where “{answer}” stands halfway, after {early.layer} layers."
                + (
                    f" The best guess there, “{early.candidates[0].text}”, is the same after "
                    f"{result.same_guess(early.layer)} of {plural(len(result.others), 'other text')}."
                    if result.others
                    else ""
                ),
            ),
            Finding(
                f"{guesses[-1].entropy_bits:.1f} bits",
                f"of doubt are left at the end, against {early.entropy_bits:.1f} halfway"
                + (
                    ": a lens can look sure of a guess that the model never makes."
                    if early.entropy_bits < guesses[-1].entropy_bits
                    else "."
                ),
            ),
        ),
        snippet=snippets.logit_lens(model.reference, result.text),
        expected=[(g.layer, g.candidates[0].text, g.candidates[0].probability, g.final_rank) for g in guesses],
    )


def _before(value: Lens) -> str:
    if not value.apart:
        return "."
    if all(guess.final_rank > MAX_TOP for guess in value.guesses[: value.apart]):
        return f"; before it, it stands beyond the first {MAX_TOP:,}, which this control does not compare."
    return f"; before it this control, which compares the first {MAX_TOP:,}, does not tell them apart."


def _apart(value: Lens) -> str:
    rank = value.elsewhere(value.layers)
    best = f"number {rank:,} at best" if rank else f"never among the first {MAX_TOP:,}"
    return (
        f"From layer {value.apart} on it stands higher than after any of {plural(len(value.others), 'other text')}, "
        f"where it is {best} in the end."
    )


def _lens(model: LanguageModel, text: str) -> Lens:
    guesses = model.logit_lens(text)
    return Lens(text, guesses, first_leads_at(guesses), settles_at(guesses))


def survey(model: LanguageModel) -> Iterator[Underway | Evidence[tuple[Lens, ...]]]:
    """The layer at which the answer settles, over the bundled sentences; one Evidence after each."""
    started, results = time.perf_counter(), []
    others = yield from _controls(model)
    for done, text in enumerate(SENTENCES):
        yield Underway(done / len(SENTENCES), f"Sentence {done + 1} of {len(SENTENCES)}")
        results.append(_beside(_lens(model, text), others))
        yield _survey_evidence(model, tuple(results), len(SENTENCES), time.perf_counter() - started)


def _survey_evidence(
    model: LanguageModel, results: tuple[Lens, ...], planned: int, seconds: float
) -> Evidence[tuple[Lens, ...]]:
    layers = results[0].layers
    mean, low, high = mean_interval([float(result.settled) for result in results])
    own, own_low, own_high = mean_interval([float(result.apart) for result in results])
    late = wilson(sum(result.settled > 0.85 * layers for result in results), len(results))
    span = f" (95 % interval {low:.1f}–{min(high, layers):.1f})" if len(results) > 1 else ""
    own_span = f" (95 % interval {max(own_low, 0):.1f}–{min(own_high, layers):.1f})" if len(results) > 1 else ""
    return Evidence(
        value=results,
        alt=f"Over {len(results)} of {planned} sentences the final answer settles after {mean:.1f} of {layers} layers "
        f"on average{span}; in {late} not before the last 15 % of the layers. From layer {own:.1f} on{own_span} it "
        "stands higher than after any other text of the control.",
        table=Table(
            ("sentence", "final answer", "first leads after layer", "settled after layer", "set apart from layer"),
            tuple((result.text, result.answer, result.first, result.settled, result.apart) for result in results),
        ),
        provenance=Provenance("live", model.name, model.revision, {"sentences": len(results)}, None, seconds),
        findings=(
            Finding(
                f"{mean:.1f} of {layers}",
                f"layers: where the answer settles, mean of {plural(len(results), 'sentence')}{span}.",
            ),
            Finding(
                f"from layer {own:.1f}",
                f"on, on average{own_span}, the answer stands higher than after any of up to {len(CONTROLS)} other "
                f"texts; before it this control, which compares the first {MAX_TOP:,}, does not tell them apart.",
            ),
            Finding(
                f"{late.successes} of {late.trials}",
                f"settle in the last 15 % of the layers (95 % interval {interval(late.low, late.high)}).",
            ),
        ),
        snippet=snippets.logit_lens(model.reference, results[-1].text),
    )
