"""Screen 7, noise in the weights: do facts go one by one, or fade together?

Two controls: whether answers that are still right became surer as often as weaker, which is all that jostling would do;
and whether copies differ more in how many facts they keep than they would if every fact were lost by itself.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines import checks
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.statistics import interval, mean_interval, more, percent, plural
from engines.text import snippets
from engines.text.dials import Dials, reshape, softmax
from engines.text.language_model import LanguageModel, Prompt
from lessons.attention.measures import FACTS, short

COPIES, MAX_COPIES = 8, 12
LESS_SURE = 0.9  # an answer is less sure when less than this share of its probability is left
LEVELS = (0.05, 0.075, 0.1, 0.125, 0.15)
SHUFFLES = 1000


@dataclass(frozen=True)
class Fading:
    """What noisy copies still know. F facts, N noise levels, S seeds; nan where a copy was not measured.

    ``whole`` float [F]: probability of the right answer in the whole model; ``faded`` float [N, S, F]: in the copies;
    ``first`` float [N, S, F]: 1 where the right answer was still the copy's first choice, else 0.
    """

    facts: tuple[tuple[str, str], ...]
    levels: tuple[float, ...]
    seeds: tuple[int, ...]
    whole: np.ndarray
    faded: np.ndarray
    first: np.ndarray
    copies: int = 0

    @property
    def planned(self) -> int:
        return len(self.levels) * len(self.seeds)

    def kept(self, level: int) -> list[float]:
        """The share of facts kept by each copy made so far at a level."""
        rows = self.first[level]
        return [float(row.mean()) for row in rows if not np.isnan(row).any()]

    def survivors(self, level: int) -> tuple[int, int, int]:
        """(less sure, still right, asked) over the copies of a level: how many of the right answers lost certainty."""
        right = self.first[level] == 1  # [S, F]
        weaker = self.faded[level] < LESS_SURE * self.whole
        return int((right & weaker).sum()), int(right.sum()), int((~np.isnan(self.first[level])).sum())

    def weakened(self, level: int, among: np.ndarray | None = None) -> list[float]:
        """The share of weaker answers among those still right, for each copy of a level that has any right.

        One share a copy: the answers of one copy stand or fall with the same noise, so they are no separate trials.
        ``among`` bool [F]: only of these facts.
        """
        return self._shares(level, self.faded[level] < LESS_SURE * self.whole, among)

    def strengthened(self, level: int) -> list[float]:
        """The control of :meth:`weakened`, copy by copy: the share, of those that could, surer by as much."""
        return self._shares(level, self.faded[level] * LESS_SURE > self.whole, self.could_rise)

    @property
    def could_rise(self) -> np.ndarray:
        """bool [F]: what the whole model is not too sure of to become surer by as much as others become weaker."""
        return self.whole < LESS_SURE

    def _shares(self, level: int, changed: np.ndarray, among: np.ndarray | None) -> list[float]:
        right = self.first[level] == 1  # [S, F]
        if among is not None:
            right = right & among
        return [
            float((row & known).sum() / known.sum()) for row, known in zip(changed, right, strict=True) if known.any()
        ]

    @property
    def together(self) -> tuple[float, float, float] | None:
        """How far the copies differ in how many facts they keep, beside facts that are each lost by itself.

        (ratio, low, high): the variance over the copies of a level, summed over the levels, as a multiple of its mean
        over shuffles, and between what multiples 95 in 100 shuffles lie. A shuffle gives each fact's fate, over all
        levels, to another copy, for every fact anew; so how often a fact is lost stays, and whether facts go together
        does not. None for fewer than three copies, or where all have the same fate.
        """
        first = self.first[:, ~np.isnan(self.first).any(axis=(0, 2))]  # [N, S, F], of the seeds with all levels
        levels, copies, facts = first.shape
        if copies < 3:
            return None
        dice = np.random.default_rng(0)
        order = dice.permuted(np.tile(np.arange(copies), (SHUFFLES, facts, 1)), axis=-1)  # [D, F, S]
        shuffled = np.stack([first[:, order[:, f], f] for f in range(facts)]).sum(0)  # kept: [N, D, S]
        spread = shuffled.var(axis=-1, ddof=1).sum(0)  # [D]
        if not spread.mean():
            return None
        low, high = np.quantile(spread, [0.025, 0.975]) / spread.mean()
        return float(first.sum(-1).var(axis=-1, ddof=1).sum() / spread.mean()), float(low), float(high)

    @property
    def half_gone(self) -> int:
        """The level at which the share of facts kept is nearest to a half."""
        shares = [float(np.mean(self.kept(n))) if self.kept(n) else np.inf for n in range(len(self.levels))]
        return int(np.argmin([abs(share - 0.5) for share in shares]))


def weaker(value: Fading) -> tuple[float, str] | None:
    """The share of weaker answers among those still right when half are gone, the mean of the copies.

    None before all copies were made, and where no answer was right.
    """
    shares = value.weakened(value.half_gone)
    if not shares or value.copies < value.planned:
        return None
    weak, right, _ = value.survivors(value.half_gone)
    over = "in one copy" if len(shares) == 1 else f"the mean of {len(shares)} copies"
    mean = float(np.mean(shares))
    said = f"{percent(mean)} of the answers still right were weaker ({over}; {weak} of {right})"
    surer = value.strengthened(value.half_gone)
    return mean, said + (f", and {percent(float(np.mean(surer)))} of those that could be were surer" if surer else "")


def fade(
    model: LanguageModel,
    copies: int,
    seed: int = 0,
    *,
    levels: Sequence[float] = LEVELS,
    facts: Sequence[tuple[str, str]] = FACTS,
) -> Iterator[Underway | Evidence[Fading]]:
    """Make noisy copies of the model, ``copies`` for each level, and ask each for every fact; Evidence after each.

    Facts that the whole model does not put first are left out: what is not known cannot fade. Raises
    :class:`PlainError` when it knows none.
    """
    copies = checks.whole("The number of copies for each noise level", copies, 1, MAX_COPIES)
    seed = checks.whole("The first seed", seed, 0, checks.MAX_SEED - MAX_COPIES)
    started, seeds = time.perf_counter(), tuple(range(seed, seed + copies))
    yield Underway(0.0, "Asking the whole model first")
    prompts = [model.encode(prompt) for prompt, _ in facts]
    tokens = [model.tokens_of(answer).ids[0] for _, answer in facts]
    whole = _ask(model, prompts, tokens)
    known = [i for i, (_, first) in enumerate(whole) if first]
    if not known:
        raise PlainError(f"{model.name} puts none of the facts first, so there is nothing that could fade.")
    shape = (len(levels), len(seeds), len(known))
    result = Fading(
        facts=tuple(facts[i] for i in known),
        levels=tuple(levels),
        seeds=seeds,
        whole=np.array([whole[i][0] for i in known]),
        faded=np.full(shape, np.nan),
        first=np.full(shape, np.nan),
    )
    board: list[tuple[int, str, float, float]] = []
    for s, copy_seed in enumerate(seeds):
        for n, level in enumerate(levels):
            done = s * len(levels) + n
            yield Underway(done / result.planned, f"Copy {done + 1} of {result.planned}, noise {level:g}")
            copy = model.smeared(level, copy_seed)
            with contextlib.closing(copy):  # or several of them lie in the memory until Python looks for them
                answers = _ask(copy, [prompts[i] for i in known], [tokens[i] for i in known])
                if not board:
                    board = _board(copy, result.facts[0][0])
            result = _with(result, n, s, answers)
            yield _fade_evidence(model, result, board, time.perf_counter() - started)


def _ask(model: LanguageModel, prompts: Sequence[Prompt], tokens: Sequence[int]) -> list[tuple[float, bool]]:
    """For each prompt the probability of its token, and whether it is the first choice."""
    answers = []
    for logits, token in zip(model.next_token_logits(prompts), tokens, strict=True):
        broken = not np.isfinite(logits).all()
        answers.append((0.0, False) if broken else (float(softmax(logits)[token]), bool(logits[token] == logits.max())))
    return answers


def _board(model: LanguageModel, prompt: str) -> list[tuple[int, str, float, float]]:
    logits = model.next_token_scores(model.encode(prompt)).logits
    return [
        (c.token_id, c.text, c.probability, c.kept_probability)
        for c in reshape(logits, Dials(), model.piece).candidates
    ]


def _with(result: Fading, level: int, seed: int, answers: Sequence[tuple[float, bool]]) -> Fading:
    faded, first = result.faded.copy(), result.first.copy()
    faded[level, seed] = [probability for probability, _ in answers]
    first[level, seed] = [float(lead) for _, lead in answers]
    return replace(result, faded=faded, first=first, copies=result.copies + 1)


def _fade_evidence(
    model: LanguageModel, result: Fading, board: list[tuple[int, str, float, float]], seconds: float
) -> Evidence[Fading]:
    facts, half = len(result.facts), result.half_gone
    mean, low, high = mean_interval(result.kept(half))
    weak, right, _ = result.survivors(half)
    shares, surer = result.weakened(half), result.strengthened(half)
    beside = result.weakened(half, result.could_rise)
    mild_weaker, mild_right, mild_asked = result.survivors(0)
    span = _span(low, high) if len(result.kept(half)) > 1 else ""
    return Evidence(
        value=result,
        alt=f"{result.copies} of {result.planned} noisy copies asked {plural(facts, 'fact')}. At noise "
        f"{result.levels[half]:g} they keep {percent(mean)} of the facts{span}; of {right} answers still right there, "
        f"{weak} have lost at least a tenth of their probability. At noise {result.levels[0]:g}, {mild_right} of "
        f"{mild_asked} answers are still right and {mild_weaker} of those are weaker."
        + (f" {_together(result.together)}" if result.together else ""),
        table=Table(
            ("fact", "answer", "whole model", *(f"noise {level:g}" for level in result.levels)),
            tuple(
                (
                    prompt,
                    answer,
                    short(result.whole[f]),
                    *(_mean(result.faded[n, :, f]) for n in range(len(result.levels))),
                )
                for f, (prompt, answer) in enumerate(result.facts)
            ),
        ),
        provenance=Provenance(
            "live",
            model.name,
            model.revision,
            {"facts": facts, "copies": result.copies, "noise in": "standard deviations of each weight matrix"},
            result.seeds[0],
            seconds,
        ),
        findings=(
            Finding(
                f"{percent(mean)} kept",
                f"at noise {result.levels[half]:g}: mean of {plural(len(result.kept(half)), 'copy', 'copies')}{span}, "
                f"{plural(facts, 'fact')} each.",
            ),
            _weaker_finding(shares, beside, surer, weak, right),
            *([_together_finding(result.together)] if result.together else []),
            Finding(
                f"{mild_weaker} of {mild_right}",
                f"right answers are weaker already at noise {result.levels[0]:g}, where {mild_asked - mild_right} of "
                f"{mild_asked} are lost.",
            ),
        ),
        snippet=snippets.next_token(
            model.reference, result.facts[0][0], Dials(), smear=(result.levels[0], result.seeds[0])
        ),
        expected=board,
    )


def _weaker_finding(
    shares: list[float], beside: list[float], surer: list[float], weak: int, right: int
) -> Finding:  # fmt: skip
    """``shares`` weaker of all that are still right; ``beside`` and ``surer`` of those that could become surer."""
    if not shares:
        return Finding("None right", "No answer was still right there, so none can be weaker. Try more copies.")
    mean, low, high = mean_interval(shares)
    copies, verdict = "in 1 copy", ""
    if len(shares) > 1:
        copies = f"mean of {len(shares)} copies, {_span(low, high).strip(' ()')}"
        verdict = {
            1: ", so they fade and are not merely jostled",
            0: ", so nothing shows that they fade rather than being jostled",
            -1: ", so they are rather lifted",
        }[more(beside, surer, equal=6)]
    said = (
        f"of the answers still right there ({copies}; {weak} of {right} in all) lost at least a tenth of their "
        "probability."
    )
    if surer:
        said += (
            f" Of those that could also rise by as much (less than {percent(LESS_SURE)} sure at first), "
            f"{percent(float(np.mean(beside)))} fell and {percent(float(np.mean(surer)))} became surer{verdict}."
        )
    return Finding(f"{percent(mean)} weaker", said)


TOGETHER, BY_THEMSELVES, IN_TURN = "facts go together", "as far as this shows, each goes by itself", "facts go in turn"


def _together_finding(of: tuple[float, float, float]) -> Finding:
    ratio, low, high = of
    return Finding(
        f"{ratio:.1f} × the variance",
        "in how many facts the copies keep, compared with facts that are each lost by itself (each fact’s fate "
        f"shuffled among the copies; 95 % of shuffles {low:.1f}–{high:.1f}): {_verdict(of)}.",
    )


def _together(of: tuple[float, float, float]) -> str:
    ratio, low, high = of
    return (
        f"How many facts a copy keeps varies {ratio:.1f} times as much as when each fact is lost by itself (95 % of "
        f"shuffles {low:.1f}–{high:.1f}): {_verdict(of)}."
    )


def _verdict(of: tuple[float, float, float]) -> str:
    ratio, low, high = of
    return TOGETHER if ratio > high else IN_TURN if ratio < low else BY_THEMSELVES


def _span(low: float, high: float) -> str:
    """A 95 % interval of a share, kept within 0 and 1."""
    return f" (95 % interval {interval(low, high)})"


def _mean(values: np.ndarray) -> float | None:
    measured = values[~np.isnan(values)]
    return short(measured.mean()) if measured.size else None
